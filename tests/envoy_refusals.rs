//! What `hoplint check` says a configuration is refused for, against what five releases of Envoy did with it.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test that reports its numbers")]

use hoplint::model::{Era, Version};
use hoplint::proxy::{Reading, dialect};
use hoplint::source::Files;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/envoy")
}

/// Refusals that are not found, and why.
const MISSED: &[(&str, &str)] = &[
    ("fmt-configmap", "a ConfigMap is not given to Envoy as it is: what stands inside of it is checked"),
    ("fmt-go-template", "a template is rendered before Envoy reads it"),
    ("fmt-env-var-host", "so is `${HOST}`"),
    ("dyn-rds-missing-file", "files of the machine"),
    ("dyn-sds-missing-file", "files of the machine"),
    ("dyn-lds-cds-no-node", "the node may be named on the command line"),
];

/// A finding about the configuration itself, not about a discovery file that it names.
#[derive(Debug)]
struct Said {
    rule: String,
    certain: bool,
    text: String,
    message: String,
}

/// What is said of a configuration, at each of the versions.
fn read(config: &str, versions: &[Version]) -> Vec<Vec<Said>> {
    let mut files = Files::new();
    let path = base().join(config);
    let id = files.read(path.to_str().unwrap()).unwrap();
    let root = files.map().file(id).span();
    let sites = dialect("envoy").unwrap().read(&mut files, &[id], &Reading { explicit: true, ..Reading::default() });
    let at = |version: &Version| {
        let era = Era::new(*version);
        let all = sites.iter().flat_map(|s| s.problems(files.map(), &era)).filter(|p| root.holds(p.span));
        all.map(|p| Said { rule: format!("{:?}", p.kind), certain: p.certain, text: files.map().text(p.span), message: p.message })
            .collect()
    };
    versions.iter().map(at).collect()
}

#[test]
fn recorded_refusals_are_found_and_none_is_claimed_of_what_envoy_accepts() {
    let text = std::fs::read_to_string(base().join("expected.jsonl")).unwrap();
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut missed: BTreeMap<String, usize> = BTreeMap::new();
    let mut false_alarms = Vec::new();
    let mut accepted = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (id, config) = (case["id"].as_str().unwrap(), case["config"].as_str().unwrap());
        for check in case["check"].as_array().unwrap() {
            let versions: Vec<Version> =
                check["versions"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect();
            for (version, said) in versions.iter().zip(read(config, &versions)) {
                let errors: Vec<&Said> = said.iter().filter(|s| s.certain).collect();
                if check["accepted"] == true {
                    accepted += 1;
                    if !errors.is_empty() {
                        false_alarms.push(format!("{id} at {version}: {errors:?}"));
                    }
                    continue;
                }
                let class = check["extra"]["reject_class"].as_str().unwrap().to_owned();
                let entry = found.entry(class.clone()).or_default();
                entry.1 += 1;
                if errors.is_empty() {
                    *missed.entry(format!("{class} {id}")).or_default() += 1;
                } else {
                    entry.0 += 1;
                    for e in errors {
                        assert!(!e.text.contains('\n'), "{id}: {} ({}) points at a whole block: {:?}", e.message, e.rule, e.text);
                    }
                }
            }
        }
    }
    for (class, (n, of)) in &found {
        println!("{class}: {n} of {of} refusals found");
    }
    println!("{accepted} accepted, {} falsely refused", false_alarms.len());
    for line in missed.keys().chain(&false_alarms) {
        println!("  {}", line.chars().take(400).collect::<String>());
    }
    assert!(false_alarms.is_empty());
    let unexplained: Vec<&String> = missed.keys().filter(|m| !MISSED.iter().any(|(id, _)| m.ends_with(&format!(" {id}")))).collect();
    assert!(unexplained.is_empty(), "not found: {unexplained:?}");
    let needless: Vec<&str> = MISSED.iter().map(|m| m.0).filter(|id| !missed.keys().any(|m| m.ends_with(&format!(" {id}")))).collect();
    assert!(needless.is_empty(), "found after all: {needless:?}");
    assert!(accepted > 1700 && found["schema"].0 > 400, "the recordings were not read");
}
