//! Small HAProxy files that other linters were tried on: `tests/peers/README.md` says what is true of each.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use serde_json::Value;
use std::{path::Path, process::Command};

/// Rule and line of what is found, hints aside unless they are asked for.
fn found(name: &str, hints: bool) -> Vec<(String, u64)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/hap").join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    let out = command.args(["check", "--isolated", "--format", "json"]).arg(path).output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|f| hints || f["level"] != "hint")
        .map(|f| (f["rule"].as_str().unwrap().to_owned(), f["span"]["start"]["line"].as_u64().unwrap()))
        .collect()
}

#[test]
fn faults_are_found_and_decoys_are_not() {
    for (name, want) in [
        ("00_good.cfg", &[][..]),
        ("01_no_tunnel_timeout.cfg", &[("timeout/idle-below-heartbeat", 13)]),
        // No option breaks an upgrade.
        ("02_httpclose_ws.cfg", &[]),
        ("03_no_client_timeout.cfg", &[("haproxy/limit-missing", 8)]),
        ("04_cors_star_cred.cfg", &[("cors/wildcard-with-credentials", 12)]),
        ("05_maxconn_over_global.cfg", &[("haproxy/maxconn-out-of-reach", 10), ("cors/wildcard-with-credentials", 13)]),
        ("06_mode_tcp_http_acl.cfg", &[("haproxy/http-condition-in-tcp", 12)]),
        ("07_del_upgrade.cfg", &[("cors/wildcard-with-credentials", 13)]),
        ("08_unknown_acl.cfg", &[("syntax/undefined-name", 12)]),
        ("09_missing_backend.cfg", &[("syntax/undefined-name", 13)]),
    ] {
        let want: Vec<(String, u64)> = want.iter().map(|(rule, line)| ((*rule).to_owned(), *line)).collect();
        assert_eq!(found(name, false), want, "{name}");
    }
    // Whether WebSocket passes there is not said, so it is no more than a hint.
    assert!(found("07_del_upgrade.cfg", true).contains(&("websocket/upgrade-not-forwarded".to_owned(), 12)));
}
