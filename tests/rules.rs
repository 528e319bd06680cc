//! Every rule page is a test: exactly the marked lines of its bad examples are reported, and its other examples are clean.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::rules::rule;
use std::path::Path;

#[path = "support/page.rs"]
mod page;
use page::{Example, examples};

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
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let section = words.split_once("## Correction ").map(|s| s.1);
    let reason = rule(id).unwrap().unmended;
    assert!(
        section.is_some_and(|s| reason.is_none_or(|r| s.contains(r))),
        "{id}: its page says which corrections there are, or why none: {reason:?}"
    );
    let mut made = 0;
    let all = examples(&text);
    let mut wrong = Vec::new();
    for (i, e) in all.iter().enumerate().filter(|(_, e)| !e.is_clean()) {
        made += usize::from(corrected(id, e, all.get(i + 1), &mut wrong));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = all.iter().filter(|e| e.words.iter().any(|w| w == "made")).count();
    assert_eq!(made, told, "{id}: a block that is `made` stands right behind the example that it is made from");
    Ok(())
}

/// Corrections of a bad example: `fix=safe`, `fix=unsafe` or `fix=none` behind its fence says which there are, and a block
/// behind it with the words `fixed made` is what they make of it.
fn corrected(id: &str, example: &Example, next: Option<&Example>, wrong: &mut Vec<String>) -> bool {
    let place = format!("{id}, example at line {}", example.line);
    let (_, report) = example.audit();
    let asks = report.findings.iter().any(|f| f.rule == id && f.intent.is_some());
    let left = |mended: &hoplint::fix::Mended| mended.findings.iter().any(|f| f.rule == id);
    let (safe, both) = (example.mended(false, None).0, example.mended(true, None).0);
    let got = if !left(&safe) {
        "safe"
    } else if !left(&both) {
        "unsafe"
    } else {
        "none"
    };
    let text = example.mended(got == "unsafe", Some(id)).1;
    match example.attribute("fix") {
        Some(said) if got != said => wrong.push(format!("{place}: it is fix={got}, the page says {said}\n{text}{:?}", both.refused)),
        None if asks => wrong.push(format!("{place}: it is fix={got}, the page says nothing\n{text}{:?}", both.refused)),
        _ => {}
    }
    let made = next.filter(|n| n.words.iter().any(|w| w == "made"));
    if let Some(next) = made {
        assert_eq!(text, next.text, "{place}: what is made of it (left) and what the page shows (right)");
    }
    made.is_some()
}

datatest_stable::harness! { { test = check, root = "rules", pattern = r"\.md$" } }
