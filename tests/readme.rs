//! README is true: its report is what the program prints, its table is the list of rules, its options and links exist.
//!
//! `HOPLINT_UPDATE=1 cargo test --test readme` writes the report and the table anew.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::rules::RULES;
use std::{fs, path::Path, process::Command};

/// The rule whose finding is shown.
const SHOWN: &str = "websocket/headers-lost-by-inheritance";

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

fn hoplint(args: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_hoplint")).args(args).env_clear().output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

/// The text between `<!-- NAME -->` and `<!-- /NAME -->`, or new text there when that is asked for.
fn section(name: &str, now: &str) -> String {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let text = readme();
    let from = text.find(&open).unwrap() + open.len();
    let to = from + text[from..].find(&close).unwrap();
    if std::env::var_os("HOPLINT_UPDATE").is_some() {
        fs::write("README.md", format!("{}{now}{}", &text[..from], &text[to..])).unwrap();
        return now.to_owned();
    }
    text[from..to].to_owned()
}

#[test]
fn the_report_and_the_table_are_what_the_program_prints() {
    let first = readme().lines().find_map(|l| l.strip_prefix("cargo run --release -- ").map(ToOwned::to_owned)).unwrap();
    let report = hoplint(&first.split(' ').collect::<Vec<_>>());
    let findings: Vec<&str> = report.split("\n\n").collect();
    let at = findings.iter().position(|f| f.contains(&format!("[{SHOWN}]"))).unwrap();
    // A heading, the drawing, the help.
    let shown = format!("```text\n{}\n\n{}\n```\n", findings[at], findings[at + 1]);
    assert_eq!(section("report", &shown), shown, "run `HOPLINT_UPDATE=1 cargo test --test readme`");
    assert!(report.ends_with("in 9 files\n"), "README says so above the report");

    let mut table = String::from("| rule | at worst | what |\n|---|---|---|\n");
    for rule in RULES {
        table.push_str(&format!("| [{0}](rules/{0}.md) | {1} | {2} |\n", rule.id, rule.level.word(), rule.summary));
    }
    assert_eq!(section("rules", &table), table, "run `HOPLINT_UPDATE=1 cargo test --test readme`");
}

#[test]
fn options_and_links_exist() {
    let help = hoplint(&["check", "--help"]) + &hoplint(&["trace", "--help"]);
    let text = readme() + &fs::read_to_string("docs/adopting.md").unwrap();
    let mut options = 0;
    for (at, _) in text.match_indices("--") {
        let name: String = text[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        let ours = text[..at].ends_with(['`', ' '])
            && name.len() > 3
            && !matches!(&*name, "--release" | "--path" | "--test" | "--nocapture" | "--cached" | "--name-only" | "--diff-filter");
        if ours {
            options += 1;
            assert!(help.contains(&name), "README names `{name}`");
        }
    }
    assert!(options > 8, "{options}");
    let mut links = 0;
    for page in ["README.md", "CONTRIBUTING.md", "docs/adopting.md", "docs/architecture.md"] {
        let text = fs::read_to_string(page).unwrap();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split([')', '#']).next().unwrap();
            if link.is_empty() || link.contains("://") {
                continue;
            }
            links += 1;
            assert!(Path::new(page).parent().unwrap().join(link).exists(), "{page} links to `{link}`");
        }
    }
    assert!(links > 20, "{links}");
}

/// The settings that README shows are accepted.
#[test]
fn the_settings_are_read() {
    let text = readme();
    let yaml = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hoplint.yaml");
    fs::write(&path, yaml).unwrap();
    let settings = hoplint::config::load(&path, hoplint::config::Names::ANY).unwrap();
    assert_eq!((settings.heartbeat, settings.routes.len(), settings.include_maps.len()), (Some(30_000), 1, 1));
}
