//! Every rule page is a test: exactly the marked lines of its bad examples are reported, and its other examples are clean.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::{
    audit::audit,
    config::Settings,
    proxy::{Reading, dialect},
    rules::rule,
    source::Files,
};
use std::path::Path;

/// A fenced example.
struct Example {
    dialect: String,
    words: Vec<String>,
    text: String,
    line: usize,
}

impl Example {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='))
    }

    fn is_clean(&self) -> bool {
        self.words.iter().any(|w| w == "fixed" || w == "ok")
    }
}

fn examples(page: &str) -> Vec<Example> {
    let mut out: Vec<Example> = Vec::new();
    let mut open = false;
    for (i, line) in page.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            if open {
                open = false;
            } else {
                open = true;
                let mut words = info.split_whitespace().map(ToOwned::to_owned);
                out.push(Example { dialect: words.next().unwrap_or_default(), words: words.collect(), text: String::new(), line: i + 1 });
            }
        } else if open {
            let last = out.last_mut().unwrap();
            last.text.push_str(line);
            last.text.push('\n');
        }
    }
    out.retain(|e| dialect(&e.dialect).is_some());
    out
}

/// Lines that carry a mark, with their level.
fn marks(text: &str) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .filter_map(|(i, line)| {
            let (_, mark) = line.rsplit_once('#')?;
            let level = mark.trim();
            matches!(level, "error" | "warning" | "hint").then(|| (i + 1, level.to_owned()))
        })
        .collect()
}

fn page(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let name = path.to_str().unwrap().replace('\\', "/");
    let id = name.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
    let id = id.trim_end_matches(".md");
    if rule(id).is_none() {
        return Err(format!("`{id}` names no rule").into());
    }
    assert!(text.starts_with(&format!("# {id}\n")), "the page begins with its id");
    let examples = examples(&text);
    for e in &examples {
        let mut settings = Settings::default();
        if let Some(target) = e.attribute("target") {
            settings.targets.push((e.dialect.clone(), target.parse()?));
        }
        if let Some(beat) = e.attribute("heartbeat") {
            settings.heartbeat = Some(hoplint::config::parse_duration(beat)?);
        }
        let reading = Reading { context: e.attribute("context").map(ToOwned::to_owned), explicit: false, together: false };
        let mut files = Files::new();
        let file = files.add("example.conf", e.text.clone().into_bytes())?;
        let room = dialect(&e.dialect).unwrap();
        let sites = room.read(&mut files, &[file], &reading);
        let report = audit(files.map(), room, &sites, &settings);
        let mut got: Vec<(usize, String)> = report
            .findings
            .iter()
            .filter(|f| f.rule == id)
            .map(|f| (files.map().locate(f.span.start).unwrap().1.line as usize, f.level.word().to_owned()))
            .collect();
        got.sort();
        got.dedup();
        let want = if e.is_clean() { Vec::new() } else { marks(&e.text) };
        assert_eq!(got, want, "{id}, example at line {} of the page: reported (left) and marked (right)\n{}", e.line, e.text);
        let broken = report.findings.iter().find(|f| f.rule.starts_with("syntax/") && f.rule != id && f.level.word() == "error");
        assert!(broken.is_none(), "{id}, example at line {}: {}", e.line, broken.unwrap().message);
    }
    Ok(())
}

datatest_stable::harness! { { test = page, root = "rules", pattern = r"\.md$" } }
