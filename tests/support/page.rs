//! The pages of the rules, read: fenced examples, the words behind their fences, and the marks on their lines.

use hoplint::{
    audit::{Report, audit},
    config::{Settings, parse_duration},
    model::Version,
    proxy::{Reading, dialect},
    source::Files,
};
use std::path::Path;

/// A fenced example.
pub(crate) struct Example {
    /// The first word behind the fence.
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
        let mut settings = Settings::default();
        settings.targets.extend(self.target().map(|t| (self.dialect.clone(), t)));
        settings.heartbeat = self.attribute("heartbeat").map(|beat| parse_duration(beat).unwrap());
        let reading = Reading { context: self.attribute("context").map(ToOwned::to_owned), explicit: false };
        let mut files = Files::new();
        let name = if self.dialect == "envoy" { "example.yaml" } else { "example.conf" };
        let file = files.add(name, self.text.clone().into_bytes()).unwrap();
        let room = dialect(&self.dialect).unwrap();
        let sites = room.read(&mut files, &[file], &reading);
        let report = audit(files.map(), room, &sites, &settings);
        (files, report)
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
                // `yaml envoy` is coloured as YAML by whoever shows the page.
                let mut words = info.split_whitespace().skip_while(|w| *w == "yaml").map(ToOwned::to_owned);
                out.push(Example { dialect: words.next().unwrap_or_default(), words: words.collect(), text: String::new(), line: i + 1 });
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
