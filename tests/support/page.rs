//! The pages of the rules, read: fenced examples, the words behind their fences, and the marks on their lines.

use hoplint::{
    audit::{Report, audit},
    config::{Settings, parse_duration},
    fix::{Mended, Room, mend},
    model::Version,
    proxy::{Reading, dialect},
    source::Files,
};
use std::path::Path;

/// A fenced example.
#[derive(Clone)]
pub(crate) struct Example {
    /// The word behind the fence that names the proxy.
    pub dialect: String,
    /// The other words.
    pub words: Vec<String>,
    /// What stands between the fences.
    pub text: String,
    /// The line of the opening fence.
    pub line: usize,
}

impl Example {
    /// The value of a word `name=value`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether nothing may be reported in it.
    pub(crate) fn is_clean(&self) -> bool {
        self.words.iter().any(|w| w == "fixed" || w == "ok")
    }

    /// The release it is about (`target=1.22`).
    pub(crate) fn target(&self) -> Option<Version> {
        self.attribute("target").map(|t| t.parse().unwrap())
    }

    /// What hoplint says about it.
    pub(crate) fn audit(&self) -> (Files, Report) {
        let (mut files, room) = self.room();
        let sites = room.dialect.read(&mut files, &room.given, &room.reading);
        let report = audit(files.map(), room.dialect, &sites, &room.settings);
        (files, report)
    }

    /// The example as a room of its own.
    fn room(&self) -> (Files, Room) {
        let mut settings = Settings::default();
        settings.targets.extend(self.target().map(|t| (self.dialect.clone(), t)));
        settings.heartbeat = self.attribute("heartbeat").map(|beat| parse_duration(beat).unwrap());
        let reading = Reading { context: self.attribute("context").map(ToOwned::to_owned), explicit: false, together: false };
        let mut files = Files::new();
        let name = if self.dialect == "envoy" { "example.yaml" } else { "example.conf" };
        let file = files.add(name, self.text.clone().into_bytes()).unwrap();
        (files, Room { dialect: dialect(&self.dialect).unwrap(), given: vec![file], reading, settings, only: None })
    }

    /// What `--fix` makes of it, without the marks; with a rule, what `--select` of that rule leaves of it.
    pub(crate) fn mended(&self, unsafe_too: bool, only: Option<&str>) -> (Mended, String) {
        let (files, mut room) = self.room();
        room.settings.select.extend(only.map(ToOwned::to_owned));
        let mended = mend(&room, &files, &|_| Ok(()), unsafe_too).unwrap();
        let text = String::from_utf8(mended.files.map().file(room.given[0]).bytes().to_vec()).unwrap();
        let bare = |line: &str| {
            let marked = ["# error", "# warning", "# hint"].iter().find_map(|mark| line.strip_suffix(mark));
            // A line of which only the mark is left was made by whoever marked it.
            let left = marked.map_or(line, str::trim_end);
            (marked.is_none() || !left.is_empty()).then(|| left.to_owned() + "\n")
        };
        let text = text.lines().filter_map(bare).collect();
        (mended, text)
    }

    /// Lines that carry a mark, with their level.
    pub(crate) fn marks(&self) -> Vec<(usize, String)> {
        self.text
            .lines()
            .enumerate()
            .filter_map(|(i, line)| {
                let (_, mark) = line.rsplit_once('#')?;
                let level = mark.trim();
                matches!(level, "error" | "warning" | "hint").then(|| (i + 1, level.to_owned()))
            })
            .collect()
    }
}

/// The examples of a page in the language of a proxy that hoplint knows.
pub(crate) fn examples(page: &str) -> Vec<Example> {
    let mut out: Vec<Example> = Vec::new();
    let mut open = false;
    for (i, line) in page.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            if open {
                open = false;
            } else {
                open = true;
                let mut words: Vec<String> = info.split_whitespace().map(ToOwned::to_owned).collect();
                // The first word may name the language of the text: `yaml envoy`.
                let at = words.iter().take(2).position(|w| hoplint::proxy::dialect(w).is_some()).unwrap_or(0);
                let dialect = if words.is_empty() { String::new() } else { words.remove(at) };
                out.push(Example { dialect, words, text: String::new(), line: i + 1 });
            }
        } else if open {
            let last = out.last_mut().unwrap();
            last.text.push_str(line);
            last.text.push('\n');
        }
    }
    out.retain(|e| hoplint::proxy::dialect(&e.dialect).is_some());
    out
}

/// The rule that a page is about: `category/name`.
pub(crate) fn id(path: &Path) -> String {
    let name = path.to_str().unwrap().replace('\\', "/");
    let parts: Vec<&str> = name.trim_end_matches(".md").split('/').collect();
    let root = parts.iter().rposition(|p| *p == "rules").map_or(0, |i| i + 1);
    parts[root..].join("/")
}
