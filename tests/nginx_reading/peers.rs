//! Small files that other linters were tried on, with nginx's verdict: `tests/peers/README.md` says what is true of each.

use super::{problems, round_trip};
use hoplint::model::Version;
use std::path::{Path, PathBuf};
use std::process::Command;

const V: Version = Version(1, 22, 1);

fn peers(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(folder)
}

fn conf_files(folder: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(peers(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "conf"));
    all.sort();
    all
}

/// Rule and level of all findings of `hoplint check`, as a user gets them.
fn check(arguments: &[&str]) -> Vec<(String, String, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    let out = command.args(["check", "--isolated", "--format", "json"]).args(arguments).output().unwrap();
    let said: serde_json::Value =
        serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    said["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (text(&f["rule"]), text(&f["level"]), format!("{} {}", f["span"], text(&f["message"]))))
        .collect()
}

#[test]
fn all_lexical_cases_are_accepted() {
    let files = conf_files("lex");
    assert_eq!(files.len(), 27);
    for file in files {
        round_trip(&std::fs::read(&file).unwrap());
        let found = problems(file.to_str().unwrap(), Some("main"), V);
        assert!(found.is_empty(), "{}: {}", file.display(), found[0].message);
    }
}

#[test]
fn the_grammar_is_nginx_s() {
    let verdicts = std::fs::read_to_string(peers("grammar").join("verdicts.tsv")).unwrap();
    let mut seen = 0;
    for line in verdicts.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let path = peers("grammar").join(cells[0]);
        round_trip(&std::fs::read(&path).unwrap());
        let found = problems(path.to_str().unwrap(), Some("main"), V);
        let refused = found.iter().any(|p| p.certain);
        seen += 1;
        if cells[0] == "49_template_jinja.conf" {
            assert!(found.is_empty(), "a template is filled in before nginx sees it");
            continue;
        }
        assert_eq!(!refused, cells[1] == "yes", "{}: {:?}", cells[0], found.iter().map(|p| &p.message).collect::<Vec<_>>());
        // nginx names the end of what it stumbles over; hoplint begins there or before.
        if let Ok(line) = cells[2].parse::<u32>() {
            assert!(found.iter().any(|p| p.certain && p.line <= line), "{}: {}", cells[0], found[0].place);
        }
    }
    assert_eq!(seen, 53);
}

#[test]
fn the_line_of_a_missing_semicolon_is_named() {
    let path = peers("inh").join("broken.conf");
    let found = problems(path.to_str().unwrap(), Some("main"), V);
    // nginx says line 4: unexpected "}".
    let first = &found[0];
    assert_eq!((&*first.rule, first.line, first.certain), ("Unterminated", 3, true), "{}: {}", first.place, first.message);
    assert!(found.iter().any(|p| p.message == "this block is never closed"));
}

/// The faults of `snippets/bad`, and the rule that names each.
const FAULTS: &[(&str, &str)] = &[
    ("01_missing_http_version", "websocket/http-1.0-upstream"),
    ("02_missing_upgrade", "websocket/upgrade-not-forwarded"),
    ("03_missing_connection", "websocket/connection-not-forwarded"),
    ("04_location_drops_server_headers", "websocket/headers-lost-by-inheritance"),
    ("05_default_read_timeout", "timeout/idle-below-heartbeat"),
    ("06_preflight_incomplete", "cors/preflight-incomplete"),
    ("07_star_with_credentials", "cors/wildcard-with-credentials"),
    ("08_location_drops_server_cors", "cors/headers-lost-by-inheritance"),
];

#[test]
fn classic_faults_are_named_and_their_twins_are_not() {
    for (name, rule) in FAULTS {
        for (folder, faulty) in [("bad", true), ("good", false)] {
            let path = peers("snippets").join(folder).join(format!("{name}.conf"));
            let mut arguments = vec!["--target", "nginx=1.22.1"];
            if name.starts_with("05") {
                arguments.extend(["--heartbeat", "120s"]);
            }
            arguments.push(path.to_str().unwrap());
            let found = check(&arguments);
            let named = found.iter().any(|f| f.0 == *rule && f.1 != "hint");
            assert_eq!(named, faulty, "{folder}/{name}: {rule}: {found:#?}");
            if !faulty {
                assert!(!found.iter().any(|f| f.0 == *rule), "{folder}/{name}: not even as a hint: {found:#?}");
            }
            assert!(!found.iter().any(|f| f.0.starts_with("syntax/")), "{folder}/{name}: nginx accepts it: {found:#?}");
        }
    }
}

#[test]
fn faults_are_seen_through_includes() {
    let at = |name: &str| check(&["--target", "nginx=1.22.1", peers("snippets/inc").join(name).to_str().unwrap()]);
    let found = at("09_include_hides_drop.conf");
    assert!(found.iter().any(|f| f.0 == "websocket/headers-lost-by-inheritance" && f.1 != "hint"), "{found:#?}");
    for name in ["10_include_ok.conf", "11_inherited_ok.conf"] {
        let found: Vec<_> = at(name).into_iter().filter(|f| f.1 != "hint").collect();
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

#[test]
fn inheritance_corners() {
    let at = |name: &str, target: &str| check(&["--target", target, peers("inh").join(name).to_str().unwrap()]);
    let about = |found: &[(String, String, String)], part: &str| found.iter().filter(|f| f.0.contains(part)).count();
    let merge = at("merge.conf", "nginx=1.29.3");
    assert_eq!(about(&merge, ""), 0, "{merge:#?}");
    let before = at("merge.conf", "nginx=1.22.1");
    assert_eq!(about(&before, "syntax/unknown-directive"), 1, "{before:#?}");
    // The server loses a line, and the location repeats the server's list: one place, seen at the server.
    for (name, level, line) in [("mid_level.conf", "hint", 22), ("nested_pass.conf", "warning", 23)] {
        let found = at(name, "nginx=1.22.1");
        let [one] = &found[..] else { panic!("{name}: {found:#?}") };
        assert_eq!((&*one.0, &*one.1), ("upstream/headers-lost-by-inheritance", level), "{name}: {found:#?}");
        assert!(one.2.contains(&format!("\"line\":{line}")), "{name}: {found:#?}");
    }
    for silent in ["no_proxy.conf", "quoted_header_name.conf"] {
        let found = at(silent, "nginx=1.22.1");
        assert_eq!(about(&found, ""), 0, "{silent}: {found:#?}");
    }
}
