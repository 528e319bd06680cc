//! Every rule page is a test: exactly the marked lines of its bad examples are reported, and its other examples are clean.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::rules::rule;
use std::path::Path;

#[path = "support/page.rs"]
mod page;
use page::examples;

fn check(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let id = &*page::id(path);
    if rule(id).is_none() {
        return Err(format!("`{id}` names no rule").into());
    }
    assert!(text.starts_with(&format!("# {id}\n")), "the page begins with its id");
    for e in &examples(&text) {
        let (files, report) = e.audit();
        let mut got: Vec<(usize, String)> = report
            .findings
            .iter()
            .filter(|f| f.rule == id)
            .map(|f| (files.map().locate(f.span.start).unwrap().1.line as usize, f.level.word().to_owned()))
            .collect();
        got.sort();
        got.dedup();
        let want = if e.is_clean() { Vec::new() } else { e.marks() };
        assert_eq!(got, want, "{id}, example at line {} of the page: reported (left) and marked (right)\n{}", e.line, e.text);
        let broken = report.findings.iter().find(|f| f.rule.starts_with("syntax/") && f.rule != id && f.level.word() == "error");
        assert!(broken.is_none(), "{id}, example at line {}: {}", e.line, broken.unwrap().message);
    }
    Ok(())
}

datatest_stable::harness! { { test = check, root = "rules", pattern = r"\.md$" } }
