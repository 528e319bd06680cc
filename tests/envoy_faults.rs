//! Faults that were planted in Envoy configurations, and what only looks like one.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use serde_json::Value;
use std::{collections::BTreeSet, process::Command};

/// Rule, level and line of all findings of `hoplint check`, as a user gets them.
fn check(arguments: &[&str]) -> Vec<(String, String, u64)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    let out = command.args(["check", "--isolated", "--format", "json"]).args(arguments).output().unwrap();
    let said: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let place = |f: &Value| f["span"]["start"]["line"].as_u64().unwrap();
    said["findings"].as_array().unwrap().iter().map(|f| (text(&f["rule"]), text(&f["level"]), place(f))).collect()
}

/// The findings in a file of `tests/peers/env`, without hints.
fn peer(name: &str, more: &[&str]) -> Vec<(String, String, u64)> {
    let path = format!("tests/peers/env/{name}.yaml");
    let mut found = check(&[&[path.as_str()], more].concat());
    found.retain(|f| f.1 != "hint");
    found
}

fn one(rule: &str, level: &str, line: u64) -> Vec<(String, String, u64)> {
    vec![(rule.to_owned(), level.to_owned(), line)]
}

/// `tests/peers/README.md` says what is true of each.
#[test]
fn classic_faults_are_found_and_decoys_are_not() {
    assert_eq!(peer("good", &[]), []);
    // By its name alone the route is worth a hint, declared it breaks for certain.
    let named = check(&[concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/env/01_no_upgrade_configs.yaml")]);
    assert!(named.contains(&one("envoy/upgrade-not-enabled", "hint", 25)[0]), "{named:?}");
    assert_eq!(peer("01_no_upgrade_configs", &["--route", "/ws/=websocket"]), one("envoy/upgrade-not-enabled", "error", 25));
    // The route timeout never cuts an established WebSocket.
    assert_eq!(peer("02_default_route_timeout", &[]), []);
    // Five minutes are enough for heartbeats that come more often.
    assert_eq!(peer("03_default_stream_idle", &[]), []);
    assert_eq!(peer("03_default_stream_idle", &["--heartbeat", "2m"]), []);
    assert_eq!(peer("03_default_stream_idle", &["--heartbeat", "6m"]), one("timeout/idle-below-heartbeat", "error", 27));
    assert_eq!(peer("04_star_cred", &[]), one("cors/foreign-origin-allowed", "error", 22));
    assert_eq!(peer("05_no_cors_filter", &[]), one("cors/policy-not-applied", "error", 20));
    assert_eq!(peer("06_no_allow_methods", &[]), one("cors/preflight-incomplete", "warning", 20));
    assert_eq!(peer("07_shadowed_route", &[]), one("routing/shadowed-route", "warning", 29));
    assert_eq!(peer("08_unknown_cluster", &[]), one("syntax/undefined-name", "error", 30));
    assert_eq!(peer("09_typo_field", &[]), one("syntax/unknown-directive", "error", 11));
    assert_eq!(peer("10_dup_route_key", &[]), one("syntax/duplicate-directive", "warning", 10));
    assert_eq!(peer("11_upgrade_type_case_typo", &[])[0], one("envoy/upgrade-type", "error", 13)[0]);
}

/// The rules that speak of a kind of planted fault.
fn rules_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "ws-route-no-upgrade" => &["envoy/upgrade-not-enabled"],
        "ws-route-idle-timeout-short" => &["timeout/idle-below-heartbeat"],
        "cors-policy-without-filter" => &["cors/policy-not-applied"],
        "shadowed-route" => &["routing/shadowed-route"],
        "unknown-cluster" => &["syntax/undefined-name"],
        "circuit-breaker-low" => &["capacity/few-connections"],
        // Harmless: whatever speaks of the route timeout on a WebSocket is wrong.
        "ws-route-default-timeout" => &["timeout/stream-cut", "timeout/hard-limit"],
        other => panic!("no kind {other}"),
    }
}

/// Made by the generator of large configurations, 1,000 routes of it.
#[test]
fn planted_faults_are_found_and_nothing_beside_them() {
    let read = |name: &str| -> Vec<(String, u64)> {
        let text = std::fs::read_to_string(format!("tests/scale/envoy/{name}.json")).unwrap();
        let all: Vec<Value> = serde_json::from_str(&text).unwrap();
        all.iter().map(|f| (f["kind"].as_str().unwrap().to_owned(), f["line"].as_u64().unwrap())).collect()
    };
    let (faults, decoys) = (read("faults"), read("decoys"));
    let found: BTreeSet<(String, u64)> = check(&["tests/scale/envoy/envoy.yaml"]).into_iter().map(|f| (f.0, f.2)).collect();
    let hit = |kind: &str, line: u64| rules_of(kind).iter().any(|r| found.contains(&((*r).to_owned(), line)));
    let missed: Vec<_> = faults.iter().filter(|(kind, line)| !hit(kind, *line)).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
    let wrong: Vec<_> = decoys.iter().filter(|(kind, line)| hit(kind, *line)).collect();
    assert!(wrong.is_empty(), "decoys reported: {wrong:?}");
    // Nothing that was not planted, but for what is true of the generator's CORS policies: no allow_headers, no Vary.
    let planted: BTreeSet<(String, u64)> =
        faults.iter().flat_map(|(kind, line)| rules_of(kind).iter().map(|r| ((*r).to_owned(), *line))).collect();
    let true_of_all = ["cors/preflight-incomplete", "cors/missing-vary"];
    let beside: Vec<_> = found.iter().filter(|f| !planted.contains(f) && !true_of_all.contains(&&*f.0)).collect();
    assert!(beside.is_empty(), "not planted: {beside:?}");
}
