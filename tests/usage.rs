//! How the program answers people: help, mistakes on the command line, terminals, lists of files.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[path = "support/scratch.rs"]
mod scratch;
use scratch::{BROKEN, MAIN, RULE, hoplint, json, rules, said, site, text};

fn with(dir: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    command.current_dir(dir).args(arguments).env_remove("GITHUB_ACTIONS").env_remove("NO_COLOR").envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn help_fits_eighty_columns_and_is_in_sections() {
    let here = Path::new(".");
    for command in ["", "check", "trace", "snippet", "explain", "rules", "init", "config", "completions"] {
        for flag in ["-h", "--help"].iter().filter(|f| command != "trace" || **f == "--help") {
            let arguments: Vec<&str> = [command, flag].into_iter().filter(|a| !a.is_empty()).collect();
            let out = with(here, &arguments, &[("COLUMNS", "80")], b"");
            assert_eq!(out.status.code(), Some(0), "{command} {flag}");
            let help = text(&out);
            let long: Vec<&str> = help.lines().filter(|l| l.chars().count() > 80).collect();
            // Examples and usage lines are not broken.
            let long: Vec<&&str> = long.iter().filter(|l| !l.trim_start().starts_with("hoplint ") && !l.starts_with("Usage: ")).collect();
            assert!(long.is_empty(), "{command} {flag}: {long:?}");
            assert!(!help.contains("=]"), "{command} {flag} shows what is in the environment: {help}");
        }
    }
    let help = text(&with(here, &["check", "-h"], &[("COLUMNS", "80")], b""));
    for section in ["What is known:", "Files:", "Reports:", "Corrections:", "Findings:", "Settings:", "Exit codes:"] {
        assert!(help.contains(section), "{section}: {help}");
    }
}

#[test]
fn slips_on_the_command_line_are_answered_with_what_was_meant() {
    let dir = site(&[("a.conf", BROKEN)]);
    for (arguments, answer) in [
        (&["chek"][..], "'check'"),
        (&["check", "--fromat", "json"], "'--format'"),
        (&["check", "--format", "jsn"], "'json'"),
        (&["check", "--output", "srif"], "sarif"),
        (&["check", "--fail-on", "warn"], "'warning'"),
        (&["check", "--target", "ngnix=1.22"], "nginx"),
        (&["check", "--target", "nginx=old"], "`old` is not a version like 1.22.1"),
        (&["check", "--heartbeat", "30"], "such as `30s`"),
        (&["check", "--select", "websockt"], "did you mean `websocket`?"),
        (&["check", "--ignore", "timeout/idle-below-hartbeat"], "did you mean `timeout/idle-below-heartbeat`?"),
        (&["check", "--route", "ws=websocket"], "begins with `/`"),
        (&["check", "--include-map", "x"], "`FROM=TO`"),
        (&["check", "--context", "servers"], "'server'"),
        (&["check", "--config", "none.yaml"], "none.yaml"),
        (&["check", "--baseline", "none.json"], "none.json"),
        (&["check", "none.conf"], "none.conf: no such file"),
        (&["check", "--files-from", "none.txt"], "none.txt"),
        (&["explain", "websocket/upgrade-not-forwardet"], "did you mean `websocket/upgrade-not-forwarded`?"),
        (&["explain", "websocket"], "`hoplint rules websocket`"),
        (&["rules", "webscket"], "did you mean `websocket`?"),
    ] {
        let out = hoplint(dir.path(), arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        assert!(said(&out).contains(answer), "{arguments:?}: {}", said(&out));
    }
}

#[test]
fn rules_are_explained_by_their_names_and_listed_by_category() {
    let here = Path::new(".");
    let page = text(&hoplint(here, &["explain", "websocket/upgrade-not-forwarded"]));
    assert!(page.starts_with("# websocket/upgrade-not-forwarded\n"), "{page}");
    assert_eq!(text(&hoplint(here, &["explain", "upgrade-not-forwarded"])), page);
    let bold = text(&with(here, &["--color", "always", "explain", RULE], &[("NO_COLOR", "1")], b""));
    assert!(bold.starts_with("\u{1b}[1m"), "an option goes before the environment: {bold}");
    let listed = text(&hoplint(here, &["rules", "suppression"]));
    assert!(listed.lines().count() == 5 && listed.lines().take(4).all(|l| l.starts_with("suppression/")), "{listed}");
    let all: serde_json::Value = serde_json::from_str(&text(&hoplint(here, &["rules", "--format", "json"]))).unwrap();
    assert_eq!(all["rules"].as_array().unwrap().len(), hoplint::rules::RULES.len());
}

#[test]
fn colour_is_for_terminals_or_for_those_who_ask() {
    let dir = site(&[("a.conf", BROKEN)]);
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| text(&with(dir.path(), arguments, variables, b"")).contains('\u{1b}');
    assert!(!coloured(&["check"], &[]), "a pipe");
    assert!(coloured(&["check", "--color", "always"], &[]));
    assert!(coloured(&["check"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["check"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["check", "--color", "always", "--format", "json"], &[]), "programs read no colours");
    let narrow = text(&with(dir.path(), &["check"], &[("COLUMNS", "60")], b""));
    let drawn = |l: &&str| !l.contains('│') && !l.contains('·') && !l.starts_with("    ") && l.chars().count() > 60;
    assert_eq!(narrow.lines().filter(|l| l.starts_with("  ") && drawn(l)).collect::<Vec<_>>(), Vec::<&str>::new(), "{narrow}");
}

/// What stands in the environment of a whole project keeps nobody from asking for something else.
#[test]
fn options_go_before_the_environment_and_an_empty_variable_is_none() {
    let dir = site(&[("a.conf", BROKEN), ("known.json", "{\"version\": 1, \"findings\": []}")]);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let out = with(dir.path(), &[&["check"], arguments].concat(), variables, b"");
        (out.status.code(), text(&out), said(&out))
    };
    let json = [("HOPLINT_FORMAT", "json")];
    assert!(run(&[], &json).1.starts_with('{'));
    assert!(run(&["--format", "concise"], &json).1.starts_with("a.conf:"));
    assert!(run(&["--output=concise"], &json).1.starts_with("a.conf:"), "{:?}", run(&["--output=concise"], &json));
    assert!(run(&["--statistics"], &json).1.contains("error"), "{:?}", run(&["--statistics"], &json));
    assert_eq!(run(&["--isolated"], &[("HOPLINT_CONFIG", "none.yaml")]).0, Some(1));
    assert_eq!(run(&["--diff"], &[("HOPLINT_BASELINE", "known.json"), ("HOPLINT_FORMAT", "json")]).0, Some(1));
    assert_eq!(run(&["--write-baseline", "new.json"], &[("HOPLINT_BASELINE", "known.json")]).0, Some(0));
    let empty =
        ["TARGET", "HEARTBEAT", "FORMAT", "FAIL_ON", "MIN_LEVEL", "MIN_CONFIDENCE", "BASELINE", "CONFIG", "CONTEXT", "DIALECT", "COLOR"];
    let empty: Vec<String> = empty.iter().map(|n| format!("HOPLINT_{n}")).collect();
    let empty: Vec<(&str, &str)> = empty.iter().map(|n| (n.as_str(), "")).collect();
    let (code, _, said) = run(&[], &empty);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    // Said on the command line, what does not go together is refused.
    assert_eq!(run(&["--output", "json", "--format", "json"], &[]).0, Some(2));
}

#[test]
fn lists_of_files_come_by_lines_or_with_nul_bytes() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a b.conf", BROKEN), ("list", "conf.d/a b.conf\r\n\r\n")]);
    let found = |arguments: &[&str], input: &[u8]| rules(&with(dir.path(), arguments, &[], input)).contains(&RULE.to_owned());
    assert!(found(&["check", "--format", "json", "--files-from", "list"], b""));
    assert!(found(&["check", "--format", "json", "--files-from", "-"], b"conf.d/a b.conf\n"));
    assert!(found(&["check", "--format", "json", "--files-from", "-"], b"conf.d/a b.conf\0nginx.conf\0"));
    let nothing = with(dir.path(), &["check", "--files-from", "-"], &[], b"");
    assert!(nothing.status.code() == Some(2) && said(&nothing).contains("names no file"), "{}", said(&nothing));
    let hook = with(dir.path(), &["check", "--skip-unknown", "--files-from", "-"], &[], b"");
    assert_eq!(hook.status.code(), Some(0), "a hook with nothing to do: {}", said(&hook));
}

#[test]
fn a_report_that_cannot_be_written_is_told_and_takes_no_other_with_it() {
    let dir = site(&[("a.conf", BROKEN)]);
    let out = hoplint(dir.path(), &["check", "--output", "sarif=none/x.sarif", "--output", "concise", "--output", "json=x.json"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(said(&out).contains("none/x.sarif: "), "{}", said(&out));
    assert!(text(&out).contains(RULE) && dir.path().join("x.json").exists(), "{}", text(&out));
}

#[test]
fn paths_below_the_current_folder_are_named_from_there() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    let real = dir.path().canonicalize().unwrap();
    for named in [real.clone(), real.join("nginx.conf"), real.join("conf.d/a.conf")] {
        let sarif = json(&hoplint(&real, &["check", "--format", "sarif", named.to_str().unwrap()]));
        let uri = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(uri, "conf.d/a.conf", "{}", named.display());
    }
}

#[test]
fn scripts_that_are_templates_are_no_configuration() {
    let script = "function local(id) {\n    return id.startsWith('@') ? 1 : 0;\n}\nexport default { local };\n";
    let dir = site(&[("nginx/nginx.conf", BROKEN), ("nginx/njs/route.js.j2", script)]);
    let out = hoplint(dir.path(), &["check", "-v"]);
    assert!(said(&out).contains("skipped ./nginx/njs/route.js.j2: not a configuration"), "{}", said(&out));
    fs::write(dir.path().join("nginx/site.conf.j2"), BROKEN).unwrap();
    assert!(said(&hoplint(dir.path(), &["check", "-v"])).contains("read ./nginx/site.conf.j2"), "templates of configurations are");
}

#[test]
fn a_named_file_that_is_something_else_is_not_taken_for_a_configuration() {
    let dir = site(&[("a.conf", BROKEN), ("package.json", "{\"name\": \"x\"}\n")]);
    let out = hoplint(dir.path(), &["check", "--format", "json", "package.json", "a.conf"]);
    assert_eq!(out.status.code(), Some(2), "nothing passes as clean that was not read");
    assert!(said(&out).contains("package.json: not recognised") && said(&out).contains("--dialect"), "{}", said(&out));
    assert!(rules(&out).contains(&RULE.to_owned()), "the other one is read");
    let out = hoplint(dir.path(), &["check", "--skip-unknown", "package.json"]);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    let out = hoplint(dir.path(), &["check", "--dialect", "nginx", "package.json"]);
    assert_eq!(out.status.code(), Some(1), "somebody knows better");
}
