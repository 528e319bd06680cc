//! Faults that were planted in generated nginx configurations, and places that only look like one. `tests/scale/gen.py` writes
//! them, with the line that a finding should point at.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, reason = "tests")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

/// Rule, file and line.
type Place = (String, String, usize);

/// Writes the configurations; false where there is no Python, which only a person's own machine may lack.
fn generated(into: &Path) -> bool {
    let sizes = "--nginx-servers 200 --tree-files 200 --rate 0.05 --only mono,tree";
    match Command::new("python3").arg("tests/scale/gen.py").arg(into).args(sizes.split(' ')).output() {
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            true
        }
        Err(e) => {
            assert!(std::env::var_os("CI").is_none(), "python3 is needed: {e}");
            eprintln!("skipped: python3 cannot be run: {e}");
            false
        }
    }
}

fn found(root: &Path, more: &[&str]) -> BTreeSet<Place> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    let out = command.current_dir(root).args(["check", "--isolated", "--format", "json", "nginx.conf"]).args(more).output().unwrap();
    let said: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let line = |f: &Value| usize::try_from(f["span"]["start"]["line"].as_u64().unwrap()).unwrap();
    said["findings"].as_array().unwrap().iter().map(|f| (text(&f["rule"]), text(&f["span"]["file"]), line(f))).collect()
}

/// The rule that speaks of a kind of fault; none: there is no such rule.
fn rule_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ws-http-version-missing" => "websocket/http-1.0-upstream",
        "ws-upgrade-missing" => "websocket/upgrade-not-forwarded",
        "ws-connection-missing" | "ws-connection-close" => "websocket/connection-not-forwarded",
        "ws-read-timeout-default" | "ws-read-timeout-short" => "timeout/idle-below-heartbeat",
        "ws-headers-lost-by-own-proxy_set_header" => "websocket/headers-lost-by-inheritance",
        "cors-not-always" => "cors/error-without-headers",
        "cors-star-with-credentials" => "cors/wildcard-with-credentials",
        // Other routes keep the connections of that group. In public configurations the one that does not answers health checks.
        "keepalive-upstream-http10" => return None,
        // The application may answer the preflight.
        "cors-no-preflight" => return None,
        "headers-lost-by-own-add_header" => "response/headers-lost-by-inheritance",
        other => panic!("an unknown kind: {other}"),
    })
}

/// The lines of the location around a line.
fn location(lines: &[&str], line: usize) -> RangeInclusive<usize> {
    let indent = |n: usize| lines[n - 1].len() - lines[n - 1].trim_start().len();
    let first = (1..=line).rev().find(|n| lines[n - 1].trim_start().starts_with("location ")).unwrap();
    let last = (first + 1..=lines.len()).find(|n| lines[n - 1].trim() == "}" && indent(*n) == indent(first)).unwrap();
    first..=last
}

/// Of each kind: how many were found, and how many there are.
fn judged(root: &Path, list: &str, found: &BTreeSet<Place>) -> BTreeMap<String, (usize, usize)> {
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(root.join(list)).unwrap()).unwrap();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut out: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for e in &entries {
        let (kind, file) = (e["kind"].as_str().unwrap(), e["file"].as_str().unwrap());
        let Some(rule) = (!file.starts_with("broken/")).then(|| rule_of(kind)).flatten() else { continue };
        let text = texts.entry(file.to_owned()).or_insert_with(|| std::fs::read_to_string(root.join(file)).unwrap());
        let lines: Vec<&str> = text.lines().collect();
        let around = location(&lines, usize::try_from(e["line"].as_u64().unwrap()).unwrap());
        // A list of its own on a path that names no WebSocket endpoint, beside routes that use the inherited one: who writes
        // `location /hub/` may mean plain requests, and those go without `Host`.
        let vague = rule == "websocket/headers-lost-by-inheritance" && lines[around.start() - 1].contains("/hub/");
        let rule = if vague { "upstream/headers-lost-by-inheritance" } else { rule };
        let hit = around.clone().any(|line| found.contains(&(rule.to_owned(), file.to_owned(), line)));
        let kind = if vague { format!("{kind}, on a path that says nothing") } else { kind.to_owned() };
        let (hits, all) = out.entry(kind).or_default();
        *hits += usize::from(hit);
        *all += 1;
    }
    out
}

#[test]
fn planted_faults_are_found_and_decoys_are_not() {
    let dir = tempfile::tempdir().unwrap();
    if !generated(dir.path()) {
        return;
    }
    let counts = |list: &[(&str, usize, usize)]| list.iter().map(|(k, hits, all)| ((*k).to_owned(), (*hits, *all))).collect();
    let mono: BTreeMap<String, (usize, usize)> = counts(&[
        ("cors-not-always", 8, 8),
        ("cors-star-with-credentials", 10, 10),
        ("ws-connection-close", 6, 6),
        ("ws-connection-missing", 4, 4),
        ("ws-headers-lost-by-own-proxy_set_header", 8, 8),
        ("ws-headers-lost-by-own-proxy_set_header, on a path that says nothing", 3, 3),
        ("ws-http-version-missing", 5, 5),
        ("ws-read-timeout-default", 13, 13),
        ("ws-read-timeout-short", 5, 5),
        ("ws-upgrade-missing", 7, 7),
    ]);
    let tree =
        counts(&[("headers-lost-by-own-add_header", 31, 31), ("ws-connection-missing", 26, 26), ("ws-read-timeout-default", 24, 24)]);
    for (name, faults) in [("nginx-mono", mono), ("nginx-tree", tree)] {
        let root = dir.path().join(name);
        for target in [&[][..], &["--target", "nginx=1.22.1"]] {
            let found = found(&root, target);
            assert_eq!(judged(&root, "faults.json", &found), faults, "{name} {target:?}");
            let decoys = judged(&root, "decoys.json", &found);
            assert!(!decoys.is_empty() && decoys.values().all(|(hits, _)| *hits == 0), "{name} {target:?}: {decoys:?}");
        }
        assert_eq!(found(&root, &[]), found(&root, &[]), "the same every time");
    }
}

/// What is wrong with the tree itself.
#[test]
fn includes_that_cannot_be_read_are_found() {
    let dir = tempfile::tempdir().unwrap();
    if !generated(dir.path()) {
        return;
    }
    let found = found(&dir.path().join("nginx-tree/broken"), &[]);
    for (rule, file, line) in [("syntax/include-not-found", "nginx.conf", 3), ("syntax/include-cycle", "cycle-b.conf", 2)] {
        assert!(found.contains(&(rule.to_owned(), file.to_owned(), line)), "{rule}: {found:?}");
    }
}
