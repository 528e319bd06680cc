//! Scratch folders with configurations, and the program run in them.
#![allow(dead_code, reason = "not every test needs all of it")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Loses the `Connection` line: an error for every release.
pub(crate) const BROKEN: &str = "server {\n    listen 8080;\n    location /ws/ {\n        proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
pub(crate) const RULE: &str = "websocket/connection-not-forwarded";
pub(crate) const MAIN: &str = "events {}\nhttp {\n    include conf.d/*.conf;\n}\n";

pub(crate) fn site(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

pub(crate) fn hoplint(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    for name in ["GITHUB_ACTIONS", "HOPLINT_TARGET", "HOPLINT_FORMAT", "HOPLINT_FAIL_ON"] {
        command.env_remove(name);
    }
    command.current_dir(dir).args(arguments).output().unwrap()
}

pub(crate) fn text(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).unwrap()
}

pub(crate) fn json(out: &Output) -> Value {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", text(out), String::from_utf8_lossy(&out.stderr)))
}

pub(crate) fn rules(out: &Output) -> Vec<String> {
    json(out)["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn git(dir: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What the program says on standard error.
pub(crate) fn said(out: &Output) -> String {
    String::from_utf8(out.stderr.clone()).unwrap()
}

/// A repository with everything in one commit.
pub(crate) fn repository(files: &[(&str, &str)]) -> TempDir {
    let dir = site(files);
    git(dir.path(), &["init", "--quiet"]);
    commit(dir.path(), "one");
    dir
}

/// Commits everything.
pub(crate) fn commit(dir: &Path, message: &str) {
    git(dir, &["add", "--all", "."]);
    git(dir, &["commit", "--quiet", "-m", message]);
}
