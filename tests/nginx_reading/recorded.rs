//! What real nginx said of a configuration (`nginx -t`), release by release, against what hoplint says of it.

use super::problems;
use hoplint::model::Version;
use std::path::{Path, PathBuf};

fn tests(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)
}

/// Cases in which hoplint and `nginx -t` differ for a reason.
const DIFFERENT: &[(&str, &str)] = &[
    ("cors-more_set", "the directive of a module that this build of nginx lacks; others have it"),
    ("lex-lua-nomodule", "the same, with Lua"),
    ("file-load_module-missing", "whether a module is installed is not in the configuration"),
    ("file-include-missing", "whether a file exists on the server is only likely from here: a warning"),
    ("file-include-var", "the same: `$host.conf` could be a file's name"),
];

#[test]
fn every_recorded_verdict_of_nginx_is_predicted() {
    let base = tests("conformance/nginx");
    let base = if base.join("expected.jsonl").exists() { base } else { tests("conformance").join("nginx") };
    let text = std::fs::read_to_string(base.join("expected.jsonl")).unwrap();
    let (mut compared, mut unlike) = (0, Vec::new());
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let path = base.join(case["config"].as_str().unwrap());
        for check in case["check"].as_array().unwrap() {
            for version in check["versions"].as_array().unwrap() {
                let version: Version = version.as_str().unwrap().parse().unwrap();
                let found = problems(path.to_str().unwrap(), Some("main"), version);
                let errors: Vec<_> = found.iter().filter(|p| p.certain).collect();
                compared += 1;
                if errors.is_empty() == check["accepted"].as_bool().unwrap() {
                    continue;
                }
                let ours: Vec<String> = found.iter().map(|p| format!("{} {} {}", p.place, p.rule, p.message)).collect();
                unlike.push((id.to_owned(), format!("{id} {version}: nginx {}, hoplint {ours:?}", check["messages"])));
            }
        }
    }
    println!("{compared} verdicts compared, {} differ", unlike.len());
    assert!(compared > 1_700, "only {compared} verdicts were compared");
    let unexpected: Vec<&String> = unlike.iter().filter(|(id, _)| !DIFFERENT.iter().any(|d| d.0 == id)).map(|u| &u.1).collect();
    assert!(unexpected.is_empty(), "{} differ:\n{unexpected:#?}", unexpected.len());
    for (id, reason) in DIFFERENT {
        assert!(unlike.iter().any(|u| u.0 == *id), "{id} does not differ any more ({reason})");
    }
}
