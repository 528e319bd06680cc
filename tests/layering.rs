//! Imports run downwards only, and what belongs to one room stays there.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::{fs, path::Path};

/// What each room may import, besides itself.
const ROOMS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("yaml", &["source"]),
    ("model", &["source"]),
    ("config", &["source", "yaml", "model"]),
    ("proxy", &["source", "yaml", "model", "config"]),
    ("probe", &["source", "model"]),
    ("rules", &["source", "model", "config", "probe"]),
    ("audit", &["source", "model", "config", "probe", "proxy", "rules"]),
    ("fix", &["source", "model", "config", "probe", "proxy", "rules", "audit"]),
    ("output", &["source", "model", "probe", "rules", "audit", "fix"]),
    ("cli", &["source", "model", "config", "proxy", "probe", "rules", "audit", "fix", "output"]),
];

fn files(dir: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push((path.to_str().unwrap().replace('\\', "/"), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn room_files(room: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut out);
    assert!(!out.is_empty(), "the room {room} is empty");
    out
}

#[test]
fn imports_run_downwards() {
    let mut seen = 0;
    for (room, may) in ROOMS {
        for (path, text) in room_files(room) {
            let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            for piece in code.split("crate::").skip(1) {
                let target: String = piece.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if target == *room || !ROOMS.iter().any(|(r, _)| *r == target) {
                    continue;
                }
                seen += 1;
                assert!(may.contains(&target.as_str()), "{path} imports {target}");
            }
        }
    }
    assert!(seen > 30, "only {seen} imports were seen: the test reads the wrong thing");
}

#[test]
fn shared_rooms_name_no_dialect_in_code() {
    // Rules about one dialect alone have a folder of its name, and a line in the list.
    let of_one = |path: &str| ["/haproxy/", "/envoy/"].iter().any(|d| path.contains(d)) || path.ends_with("rules/mod.rs");
    for room in ["model", "probe", "rules", "fix", "output"] {
        for (path, text) in room_files(room).into_iter().filter(|(path, _)| !of_one(path)) {
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (i, line) in shipped.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default().to_ascii_lowercase();
                for name in ["nginx", "haproxy", "envoy"] {
                    assert!(!code.contains(name), "{path}:{} names {name}: its words belong into its room", i + 1);
                }
            }
        }
    }
}

#[test]
fn only_source_reads_files_and_only_cli_reads_the_environment() {
    for (room, _) in ROOMS {
        for (path, text) in room_files(room) {
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            if *room != "source" {
                assert!(!shipped.contains("std::fs") && !shipped.contains("fs::read"), "{path} reads files");
            }
            if *room != "cli" {
                assert!(!shipped.contains("std::env") && !shipped.contains("env::var"), "{path} reads the environment");
            }
            if *room != "output" {
                assert!(!shipped.contains("println!") && !shipped.contains("stdout().lock"), "{path} prints");
            }
        }
    }
}
