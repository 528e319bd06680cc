//! What the samples print, to the letter. README shows one of these reports.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::{path::PathBuf, process::Command};

/// The folders with a site: `samples/<proxy>/<site>`.
fn sites() -> Vec<PathBuf> {
    let folders = |dir: &str| {
        let mut all: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
        all.sort();
        all
    };
    folders("samples").iter().flat_map(|proxy| folders(proxy.to_str().unwrap())).collect()
}

/// The program as a person would call it here, with nothing of this machine in its surroundings.
fn check(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    command.arg("check").args(args).env_clear();
    let out = command.output().unwrap();
    (out.status.code(), String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap())
}

#[test]
fn reports() {
    let sites = sites();
    assert!(sites.len() >= 3);
    for site in sites {
        let path = site.to_str().unwrap();
        let name = path.trim_start_matches("samples/").replace('/', "-");
        let (code, full) = check(&[path]);
        assert_eq!(code, Some(1), "{full}");
        insta::assert_snapshot!(format!("{name}-full"), full);
        let (code, json) = check(&["--format", "json", path]);
        assert_eq!(code, Some(1), "{json}");
        insta::assert_snapshot!(format!("{name}-json"), json);
    }
}

/// Where the samples lie and how they are called changes nothing but the names.
#[test]
fn an_absolute_path_finds_the_same() {
    for site in sites() {
        let here = site.to_str().unwrap();
        let absolute = std::path::absolute(&site).unwrap();
        let absolute = absolute.to_str().unwrap();
        let (_, from_here) = check(&["--format", "json", here]);
        let (_, from_root) = check(&["--format", "json", absolute]);
        // Names of files reached through the settings are relative to the current folder.
        assert_eq!(from_root.replace(absolute, here), from_here);
    }
}
