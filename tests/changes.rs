//! What a change brought, and what is known already: `--diff-base` and baselines, through the command line.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

#[path = "support/scratch.rs"]
mod scratch;
use scratch::{BROKEN, MAIN, RULE, commit, git, hoplint, json, repository, rules, said, site, text};

/// The rules of what came since a commit.
fn since(dir: &Path, base: &str, more: &[&str]) -> Vec<String> {
    rules(&hoplint(dir, &[&["check", "--diff-base", base, "--format", "json"], more].concat()))
}

/// Another site with the same fault.
fn other() -> String {
    BROKEN.replace("8080", "8081").replace("/ws/", "/live/")
}

#[test]
fn a_baseline_silences_what_is_known_and_tells_what_is_gone() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    assert_eq!(hoplint(dir.path(), &["check", "--write-baseline", "known.json"]).status.code(), Some(0));
    fs::write(dir.path().join("conf.d/a.conf"), format!("# a line more\n\n{BROKEN}")).unwrap();
    let out = hoplint(dir.path(), &["check", "--baseline", "known.json"]);
    assert_eq!((out.status.code(), String::from_utf8(out.stderr.clone()).unwrap().as_str()), (Some(0), ""), "{}", text(&out));
    fs::write(dir.path().join("conf.d/b.conf"), BROKEN.replace("8080", "8081").replace("/ws/", "/live/")).unwrap();
    let new = rules(&hoplint(dir.path(), &["check", "--baseline", "known.json", "--format", "json"]));
    assert!(new.contains(&RULE.to_owned()), "{new:?}");
    fs::remove_file(dir.path().join("conf.d/a.conf")).unwrap();
    let gone = String::from_utf8(hoplint(dir.path(), &["check", "--baseline", "known.json"]).stderr).unwrap();
    assert!(gone.contains("found no more"), "{gone}");
}

#[test]
fn only_what_a_change_brought_is_reported() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "--quiet", "-m", "one"]);
    let introduced = |here: &Path| rules(&hoplint(here, &["check", "--diff-base", "HEAD", "--format", "json"]));
    fs::write(dir.path().join("conf.d/a.conf"), format!("# moved\n{BROKEN}")).unwrap();
    assert_eq!(introduced(dir.path()), Vec::<String>::new());
    // The changed line is not where the finding stands: an own list in the including file cuts nothing, a new server does.
    fs::write(dir.path().join("conf.d/b.conf"), BROKEN.replace("8080", "8081").replace("/ws/", "/live/")).unwrap();
    assert!(introduced(dir.path()).contains(&RULE.to_owned()));
    assert!(introduced(&dir.path().join("conf.d")).contains(&RULE.to_owned()), "from a folder below");
    assert_eq!(hoplint(dir.path(), &["check", "--diff-base", "nowhere"]).status.code(), Some(2));
    let status = Command::new("git").current_dir(dir.path()).args(["status", "--porcelain"]).output().unwrap();
    assert_eq!(text(&status), " M conf.d/a.conf\n?? conf.d/b.conf\n", "the repository is left as it was");
}

#[test]
fn what_a_file_is_called_and_where_its_lines_stand_is_no_change() {
    let dir = repository(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    git(dir.path(), &["mv", "conf.d/a.conf", "conf.d/ü new name.conf"]);
    assert_eq!(since(dir.path(), "HEAD", &[]), Vec::<String>::new(), "renamed, with blanks and letters of two bytes");
    let text = fs::read_to_string(dir.path().join("conf.d/ü new name.conf")).unwrap();
    fs::write(dir.path().join("conf.d/ü new name.conf"), format!("# above\n\n{}", text.replace("    ", "\t").replace('\n', "\r\n")))
        .unwrap();
    assert_eq!(since(dir.path(), "HEAD", &[]), Vec::<String>::new(), "moved, indented and ended otherwise");
    fs::write(dir.path().join("conf.d/b.conf"), other()).unwrap();
    assert!(since(dir.path(), "HEAD", &[]).contains(&RULE.to_owned()));
}

/// Of two findings that are alike, the one in the new file is the new one, whichever comes first by name.
#[test]
fn the_new_one_of_two_that_are_alike_is_reported() {
    let dir = repository(&[("nginx.conf", MAIN), ("conf.d/m.conf", BROKEN)]);
    for new in ["conf.d/a.conf", "conf.d/z.conf"] {
        fs::write(dir.path().join(new), BROKEN.replace("8080", "8081")).unwrap();
        let report = json(&hoplint(dir.path(), &["check", "--diff-base", "HEAD", "--format", "json"]));
        let files: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|f| f["span"]["file"].as_str().unwrap()).collect();
        assert!(!files.is_empty() && files.iter().all(|f| *f == new), "{new}: {files:?}");
        fs::remove_file(dir.path().join(new)).unwrap();
    }
}

/// The line of a snippet goes; the route that it breaks stands in a file that nobody touched.
#[test]
fn a_changed_include_is_answered_for_where_it_breaks_something() {
    let snippet = "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection \"upgrade\";\n";
    let route = "server {\n    listen 8080;\n    location = /ws {\n        include snippets/ws.conf;\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let dir = repository(&[("nginx.conf", MAIN), ("snippets/ws.conf", snippet), ("conf.d/a.conf", route)]);
    assert_eq!(since(dir.path(), "HEAD", &[]), Vec::<String>::new());
    fs::write(dir.path().join("snippets/ws.conf"), snippet.replace("proxy_set_header Connection \"upgrade\";\n", "")).unwrap();
    let report = json(&hoplint(dir.path(), &["check", "--diff-base", "HEAD", "--format", "json"]));
    let broken: Vec<&str> =
        report["findings"].as_array().unwrap().iter().filter(|f| f["rule"] == RULE).map(|f| f["span"]["file"].as_str().unwrap()).collect();
    assert_eq!(broken, ["conf.d/a.conf"], "{report}");
}

#[test]
fn what_others_did_to_the_base_since_is_no_change_of_ours() {
    let dir = repository(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    git(dir.path(), &["checkout", "--quiet", "-b", "topic"]);
    fs::write(dir.path().join("README"), "ours\n").unwrap();
    commit(dir.path(), "ours");
    git(dir.path(), &["checkout", "--quiet", "main"]);
    fs::write(dir.path().join("conf.d/a.conf"), "server {\n    listen 8080;\n}\n").unwrap();
    commit(dir.path(), "mended by others");
    git(dir.path(), &["checkout", "--quiet", "topic"]);
    assert_eq!(since(dir.path(), "main", &[]), Vec::<String>::new());
    git(dir.path(), &["checkout", "--quiet", "--detach"]);
    assert_eq!(since(dir.path(), "main", &[]), Vec::<String>::new(), "the same with a detached head");
}

#[test]
fn paths_and_settings_are_those_of_the_older_state() {
    let settings = "overrides:\n  - paths: [\"conf.d/**\"]\n    heartbeat: 90s\n    routes: [{path: /ws/, purpose: websocket}]\n";
    let sound = BROKEN.replace("$http_upgrade;", "$http_upgrade;\n        proxy_set_header Connection \"upgrade\";");
    let dir = repository(&[("hoplint.yaml", settings), ("nginx.conf", MAIN), ("conf.d/a.conf", &sound), ("lists/all", "../nginx.conf\n")]);
    let found = rules(&hoplint(dir.path(), &["check", "--format", "json"]));
    assert!(found.contains(&"timeout/idle-below-heartbeat".to_owned()), "{found:?}");
    let absolute = dir.path().join("nginx.conf").to_str().unwrap().to_owned();
    let fragment = dir.path().join("conf.d/a.conf").to_str().unwrap().to_owned();
    let below = dir.path().join("conf.d");
    assert_eq!(since(&below, "HEAD", &[]), Vec::<String>::new(), "settings of the folder above");
    for named in [&absolute, &fragment] {
        assert_eq!(since(dir.path(), "HEAD", &[named]), Vec::<String>::new(), "{named}");
    }
    assert_eq!(since(&dir.path().join("lists"), "HEAD", &["--files-from", "all"]), Vec::<String>::new());
    fs::write(dir.path().join("conf.d/a.conf"), sound.replace("        proxy_set_header Connection \"upgrade\";\n", "")).unwrap();
    for named in [&absolute, &fragment] {
        assert!(since(dir.path(), "HEAD", &[named]).contains(&RULE.to_owned()), "{named}: the work tree is not its own past");
    }
    let elsewhere = site(&[("x.conf", BROKEN)]);
    let out = hoplint(dir.path(), &["check", "--diff-base", "HEAD", elsewhere.path().to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(said(&out).contains("outside of the repository"), "{}", said(&out));
}

#[test]
fn what_git_cannot_answer_is_said_clearly() {
    let dir = repository(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    commit_again(dir.path());
    let out = hoplint(dir.path(), &["check", "--diff-base", "nowhere"]);
    assert_eq!((out.status.code(), &*said(&out)), (Some(2), "error: --diff-base: `nowhere` is no commit of this repository\n"));
    let out = hoplint(dir.path(), &["check", "--diff-base", "--help-me"]);
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", dir.path().display());
    git(clone.path(), &["clone", "--quiet", "--depth", "1", &from, "shallow"]);
    let shallow = clone.path().join("shallow");
    let out = hoplint(&shallow, &["check", "--diff-base", "HEAD~1"]);
    assert!(out.status.code() == Some(2) && said(&out).contains("fetch-depth: 0"), "{}", said(&out));
    // What is there is enough, when it is what was asked for.
    assert_eq!(since(&shallow, "HEAD", &[]), Vec::<String>::new());
    let bare = site(&[("a.conf", BROKEN)]);
    let out = hoplint(bare.path(), &["check", "--diff-base", "HEAD"]);
    assert_eq!((out.status.code(), &*said(&out)), (Some(2), "error: --diff-base: the current folder lies in no git repository\n"));
    let out = Command::new(env!("CARGO_BIN_EXE_hoplint"))
        .current_dir(dir.path())
        .args(["check", "--diff-base", "HEAD"])
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!((out.status.code(), &*said(&out)), (Some(2), "error: --diff-base: the program `git` was not found\n"));
}

fn commit_again(dir: &Path) {
    fs::write(dir.join("README"), "two\n").unwrap();
    commit(dir, "two");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_disturb_nobody() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = repository(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    let odd = |name: &[u8]| dir.path().join(OsStr::from_bytes(name));
    fs::write(odd(b"notes-\xE4.txt"), "no configuration\n").unwrap();
    commit(dir.path(), "odd");
    let out = hoplint(dir.path(), &["check", "--diff-base", "HEAD"]);
    assert_eq!((out.status.code(), &*said(&out)), (Some(0), ""), "{}", text(&out));
    fs::write(odd(b"site-\xE4.conf"), BROKEN).unwrap();
    let out = hoplint(dir.path(), &["check"]);
    assert!(out.status.code() == Some(2) && said(&out).contains("its name is not UTF-8"), "{}", said(&out));
}

#[test]
fn a_baseline_counts_equal_findings_and_names_what_is_stale() {
    let on = |port: &str| BROKEN.replace("8080", port);
    let twice = format!("{}{}", on("8080"), on("8081"));
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", &twice)]);
    let known = |more: &[&str]| hoplint(dir.path(), &[&["check", "--select", RULE, "--baseline", "known.json"], more].concat());
    assert_eq!(hoplint(dir.path(), &["check", "--select", RULE, "--write-baseline", "known.json"]).status.code(), Some(0));
    assert_eq!(rules(&known(&["--format", "json"])), Vec::<String>::new());
    // A third one like the two that are known is new.
    fs::write(dir.path().join("conf.d/a.conf"), format!("{twice}{}", on("8082"))).unwrap();
    assert_eq!(rules(&known(&["--format", "json"])), [RULE]);
    // One of the two is gone: it is told, and told which with -v; what is left is known.
    fs::write(dir.path().join("conf.d/a.conf"), BROKEN).unwrap();
    let out = known(&["-v"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(said(&out).contains("known.json: 1 finding in it found no more"), "{}", said(&out));
    assert!(said(&out).contains(&format!("gone: {RULE} in conf.d/a.conf")), "{}", said(&out));
    for (wrong, why) in [("{", "EOF"), ("{\"version\": 9, \"findings\": []}", "version is 9")] {
        fs::write(dir.path().join("known.json"), wrong).unwrap();
        let out = known(&[]);
        assert!(out.status.code() == Some(2) && said(&out).contains("known.json") && said(&out).contains(why), "{}", said(&out));
    }
    fs::remove_file(dir.path().join("known.json")).unwrap();
    assert_eq!(known(&[]).status.code(), Some(2));
}
