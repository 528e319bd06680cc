//! At home in pull requests and hooks: formats, settings, baselines, hooks, through the command line.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

#[path = "support/scratch.rs"]
mod scratch;
use scratch::{BROKEN, MAIN, RULE, git, hoplint, json, rules, said, site, text};

fn schema(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    jsonschema::validator_for(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).unwrap()
}

#[test]
fn the_json_report_keeps_to_its_schema() {
    let schema = schema("report.schema.json");
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    let report = json(&hoplint(dir.path(), &["check", "--format", "json"]));
    assert_eq!(report["findings"].as_array().unwrap().len(), report["summary"]["findings"].as_u64().unwrap() as usize);
    assert!(schema.is_valid(&report), "{:?}", schema.iter_errors(&report).map(|e| e.to_string()).collect::<Vec<_>>());
    let mut wrong = report;
    wrong["findings"][0]["level"] = "fatal".into();
    assert!(!schema.is_valid(&wrong), "the schema refuses nothing");
}

#[test]
fn the_settings_schema_knows_the_same_keys_as_the_reader() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hoplint.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let keys = |at: &Value| {
        let mut keys: Vec<String> = at["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let sorted = |list: &[&str]| {
        let mut list: Vec<String> = list.iter().map(|k| (*k).to_owned()).collect();
        list.sort();
        list
    };
    assert_eq!(keys(&schema), sorted(hoplint::config::KEYS));
    assert_eq!(keys(&schema["properties"]["overrides"]["items"]), sorted(hoplint::config::OVERRIDE_KEYS));
    assert_eq!(keys(&schema["$defs"]["routes"]["items"]), sorted(hoplint::config::ROUTE_KEYS));
    let proxies: Vec<String> = hoplint::proxy::DIALECTS.iter().map(|d| d.name().to_owned()).collect();
    for proxy in &proxies {
        assert!(keys(&schema["$defs"]["targets"]).contains(proxy), "{proxy}");
    }
}

#[test]
fn every_format_names_the_finding() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a b.conf", BROKEN)]);
    for format in ["full", "concise", "json", "sarif", "github", "gitlab", "junit", "checkstyle", "rdjson"] {
        let out = hoplint(dir.path(), &["check", "--format", format]);
        assert_eq!(out.status.code(), Some(1), "{format}");
        let said = text(&out);
        let id = if format == "checkstyle" { RULE.replace('/', ".") } else { RULE.to_owned() };
        assert!(said.contains(&id), "{format}: {said}");
        assert!(said.contains(if format == "sarif" { "conf.d/a%20b.conf" } else { "conf.d/a b.conf" }), "{format}: {said}");
    }
}

#[test]
fn sarif_points_where_the_json_report_points() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", &BROKEN.replace("/ws/", "= /ws"))]);
    let plain = json(&hoplint(dir.path(), &["check", "--format", "json"]));
    let sarif = json(&hoplint(dir.path(), &["check", "--format", "sarif"]));
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), plain["findings"].as_array().unwrap().len());
    for (result, finding) in results.iter().zip(plain["findings"].as_array().unwrap()) {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!(region["startLine"], finding["span"]["start"]["line"]);
        assert_eq!(region["startColumn"], finding["span"]["start"]["column"]);
        assert_eq!(region["byteOffset"], finding["span"]["start"]["offset"]);
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], finding["rule"]);
        assert!(rule["help"]["markdown"].as_str().unwrap().starts_with("# "));
        assert_eq!(result["partialFingerprints"]["hoplint/v1"].as_str().unwrap().len(), 16);
        assert_eq!(result["fixes"].is_array(), finding["fix"].is_object());
    }
    let fixed = results.iter().find(|r| r["ruleId"] == RULE && r["fixes"].is_array()).expect("a correction of the lost line");
    let change = &fixed["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "conf.d/a.conf");
    assert!(change["replacements"][0]["insertedContent"]["text"].as_str().unwrap().contains("Connection"));
}

#[test]
fn hints_of_one_rule_are_drawn_a_few_times_only() {
    let route = |i: usize| {
        format!(
            "    location = /ws{i} {{\n        proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection \"upgrade\";\n        proxy_set_header Host $http_host;\n        proxy_pass http://127.0.0.1:3000;\n    }}\n"
        )
    };
    let text = format!("server {{\n    listen 8080;\n{}}}\n", (0..8).map(route).collect::<Vec<_>>().concat());
    let dir = site(&[("a.conf", &text)]);
    let drawn = text_of(&dir, "full");
    assert_eq!(drawn.matches("hint[timeout/idle-below-heartbeat]\n").count(), 2, "{drawn}");
    assert!(drawn.contains("hint[timeout/idle-below-heartbeat]: 6 more hints like these\n  a.conf:"), "{drawn}");
    assert_eq!(drawn.matches("is cut after 60 s").count(), 8, "each has a line: {drawn}");
    assert_eq!(text_of(&dir, "concise").matches("hint[timeout/idle-below-heartbeat]").count(), 8, "nothing is lost");
}

fn text_of(dir: &TempDir, format: &str) -> String {
    text(&hoplint(dir.path(), &["check", "--format", format]))
}

#[test]
fn xml_formats_are_well_formed_and_count_right() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a&b.conf", BROKEN)]);
    let report = hoplint(dir.path(), &["check", "--format", "json"]);
    let n = rules(&report).len();
    let failing = json(&report)["findings"].as_array().unwrap().iter().filter(|f| f["level"] == "error").count();
    let junit = text(&hoplint(dir.path(), &["check", "--format", "junit"]));
    assert!(junit.contains(&format!("failures=\"{failing}\"")), "{junit}");
    assert_eq!(junit.matches("<testcase ").count(), n);
    assert_eq!(junit.matches("</testcase>").count(), n);
    assert!(junit.contains("a&amp;b.conf") && !junit.contains("a&b"));
    let checkstyle = text(&hoplint(dir.path(), &["check", "--format", "checkstyle"]));
    assert_eq!(checkstyle.matches("<error ").count(), n);
}

#[test]
fn several_outputs_at_once_and_github_by_itself() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    let out = hoplint(dir.path(), &["check", "--output", "sarif=out.sarif", "--output", "concise"]);
    assert!(text(&out).starts_with("conf.d/a.conf:"), "{}", text(&out));
    let sarif: Value = serde_json::from_str(&fs::read_to_string(dir.path().join("out.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    let out = command.current_dir(dir.path()).arg("check").env("GITHUB_ACTIONS", "true").env_remove("HOPLINT_FORMAT").output().unwrap();
    assert!(text(&out).contains("::error file=conf.d/a.conf,line="), "{}", text(&out));
}

#[test]
fn thresholds_decide_what_is_said_and_what_fails() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN)]);
    let code = |arguments: &[&str]| hoplint(dir.path(), arguments).status.code();
    assert_eq!(code(&["check"]), Some(1));
    assert_eq!(code(&["check", "--exit-zero"]), Some(0));
    assert_eq!(code(&["check", "--fail-on", "never"]), Some(0));
    assert_eq!(code(&["check", "--ignore", "websocket", "--fail-on", "error"]), Some(0));
    assert_eq!(code(&["check", "--select", "webs"]), Some(2));
    let all = rules(&hoplint(dir.path(), &["check", "--format", "json"]));
    let errors = rules(&hoplint(dir.path(), &["check", "--format", "json", "--min-level", "error"]));
    assert!(errors.contains(&RULE.to_owned()) && errors.len() < all.len(), "{all:?} {errors:?}");
    assert_eq!(rules(&hoplint(dir.path(), &["check", "--format", "json", "--select", RULE])), [RULE]);
    let sure = json(&hoplint(dir.path(), &["check", "--format", "json", "--min-confidence", "certain"]));
    let sure = sure["findings"].as_array().unwrap();
    assert!(!sure.is_empty() && sure.len() < all.len() && sure.iter().all(|f| f["confidence"] == "certain"), "{sure:?}");
    // The same by the settings file; an option goes before it.
    fs::write(dir.path().join("hoplint.yaml"), "min-confidence: certain\nmin-level: error\nfail-on: never\n").unwrap();
    assert_eq!(rules(&hoplint(dir.path(), &["check", "--format", "json"])), errors);
    assert_eq!((code(&["check"]), code(&["check", "--fail-on", "error"])), (Some(0), Some(1)));
}

/// Settings of the nearest folder above hold, up to the root of the repository and not beyond; others by name, or none.
#[test]
fn settings_are_searched_upwards_to_the_root_of_the_repository() {
    let ignore = format!("ignore: [{RULE}]\n");
    let dir = site(&[("hoplint.yaml", &ignore), ("repo/a/b/site.conf", BROKEN), ("repo/mine.yaml", &ignore)]);
    let here = dir.path().join("repo/a/b");
    let code = |folder: &Path, more: &[&str]| hoplint(folder, &[&["check"], more].concat()).status.code();
    assert_eq!(code(&here, &[]), Some(0), "outside of repositories every folder above counts");
    git(&dir.path().join("repo"), &["init", "--quiet"]);
    assert_eq!(code(&here, &[]), Some(1), "what lies above the repository is none of its settings");
    fs::write(dir.path().join("repo/hoplint.yaml"), &ignore).unwrap();
    assert_eq!(code(&here, &[]), Some(0));
    assert_eq!(code(dir.path(), &["repo/a/b/site.conf"]), Some(0), "from the first path, not from the current folder");
    fs::write(dir.path().join("repo/a/hoplint.yaml"), "heartbeat: 5s\n").unwrap();
    assert_eq!(code(&here, &[]), Some(1), "the nearest one holds alone");
    assert_eq!(code(&here, &["--config", "../../mine.yaml"]), Some(0));
    assert_eq!(code(&here, &["--config", "../../mine.yaml", "--isolated"]), Some(2));
    let shown = text(&hoplint(&here, &["config"]));
    assert!(shown.contains("heartbeat: 5000ms") && shown.contains("a/hoplint.yaml"), "{shown}");
}

/// Editors judge settings by the schema, the program by its reader: they agree.
#[test]
fn the_settings_schema_takes_what_the_reader_takes() {
    let schema = schema("hoplint.schema.json");
    let page = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let yaml = |text: &str| text.split("```yaml\n").skip(1).map(|b| b.split("```").next().unwrap().to_owned()).collect::<Vec<_>>();
    let shown: Vec<String> = yaml(&page("README.md")).into_iter().chain(yaml(&page("docs/adopting.md")).pop()).collect();
    let dir = site(&[("a.conf", BROKEN), ("compose.yaml", "services: {web: {image: \"nginx:1.22\"}}\n")]);
    hoplint(dir.path(), &["init"]);
    let starter = fs::read_to_string(dir.path().join("hoplint.yaml")).unwrap();
    // What the starter only suggests is read as well, each by itself.
    let suggested = starter
        .lines()
        .filter_map(|l| l.strip_prefix("# "))
        .filter(|l| l.contains(": {") || l.contains(": [") || l.starts_with("heartbeat:"));
    let good: Vec<String> = shown.into_iter().chain(suggested.map(|l| l.replace("category/rule", "cors/missing-vary"))).collect();
    assert!(good.len() > 5, "{good:?}");
    let bad = [
        "heartbeet: 30s",
        "heartbeat: soon",
        "fail-on: fatal",
        "min-level: 3",
        "targets: {apache: \"2\"}",
        "routes: [{path: /ws/}]",
        "overrides: [{ignore: [cors]}]",
    ];
    let texts = good.iter().map(|t| (t.as_str(), true)).chain([(starter.as_str(), true)]).chain(bad.map(|t| (t, false)));
    for (text, fits) in texts {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(schema.is_valid(&value), fits, "the schema on {text}");
        fs::write(dir.path().join("hoplint.yaml"), text).unwrap();
        let read = hoplint(dir.path(), &["config"]);
        assert_eq!(read.status.code() == Some(0), fits, "the reader on {text}: {}", said(&read));
    }
}

#[test]
fn settings_hold_by_path_and_wrong_ones_are_shown() {
    let settings = "heartbeat: 30s\nselect: [websocket/connection-not-forwarded]\noverrides:\n  - paths: [\"conf.d/old/**\"]\n    levels: {websocket: hint}\n  - paths: [\"conf.d/gone.conf\"]\n    ignore: [websocket]\n";
    let main = "events {}\nhttp {\n    include conf.d/*.conf;\n    include conf.d/old/*.conf;\n}\n";
    let dir = site(&[
        ("hoplint.yaml", settings),
        ("nginx.conf", main),
        ("conf.d/a.conf", BROKEN),
        ("conf.d/gone.conf", &BROKEN.replace("8080", "8082")),
        ("conf.d/old/b.conf", &BROKEN.replace("8080", "8081")),
    ]);
    let report = json(&hoplint(dir.path(), &["check", "--format", "json"]));
    let said: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["span"]["file"].as_str().unwrap(), f["level"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [("conf.d/a.conf", "error"), ("conf.d/old/b.conf", "hint")]);
    fs::write(dir.path().join("hoplint.yaml"), "heartbeet: 30s\nignore: [websockets]\n").unwrap();
    let out = hoplint(dir.path(), &["check"]);
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("`heartbeet` is no key") && said.contains("did you mean `websocket`"), "{said}");
    assert!(said.contains("hoplint.yaml:1:1") && said.contains("hoplint.yaml:2:10"), "{said}");
    assert_eq!(hoplint(dir.path(), &["check", "--isolated"]).status.code(), Some(1));
}

#[test]
fn what_is_found_is_silenced_by_comments_with_a_reason() {
    let dir =
        site(&[("nginx.conf", MAIN), ("conf.d/a.conf", BROKEN), ("conf.d/b.conf", &BROKEN.replace("8080", "8081").replace('\n', "\r\n"))]);
    assert_eq!(hoplint(dir.path(), &["check", "--add-ignore", "  "]).status.code(), Some(2));
    assert_eq!(hoplint(dir.path(), &["check", "--add-ignore", "old clients only"]).status.code(), Some(0));
    assert_eq!(rules(&hoplint(dir.path(), &["check", "--format", "json"])), Vec::<String>::new());
    let written = fs::read_to_string(dir.path().join("conf.d/a.conf")).unwrap();
    assert!(written.contains(RULE) && written.contains("] -- old clients only\n        proxy_"), "{written}");
    let kept: String = written.split_inclusive('\n').filter(|l| !l.contains("# hoplint:")).collect();
    assert_eq!(kept, BROKEN, "nothing else is changed");
    let crlf = fs::read_to_string(dir.path().join("conf.d/b.conf")).unwrap();
    assert_eq!(crlf.matches('\n').count(), crlf.matches("\r\n").count());
}

#[test]
fn a_fragment_named_alone_is_judged_where_it_is_included() {
    let outer = "events {}\nhttp {\n    proxy_set_header Connection \"upgrade\";\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_http_version 1.1;\n    include conf.d/*.conf;\n}\n";
    let inner = "server {\n    listen 8080;\n    location /ws/ {\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let dir =
        site(&[("nginx/nginx.conf", outer), ("nginx/conf.d/a.conf", inner), ("nginx/conf.d/b.conf", &BROKEN.replace("8080", "8081"))]);
    git(dir.path(), &["init", "--quiet"]);
    let named = |here: &Path, name: &str| rules(&hoplint(here, &["check", "--format", "json", "--select", RULE, name]));
    assert_eq!(named(dir.path(), "nginx/conf.d/a.conf"), Vec::<String>::new(), "everything is inherited");
    assert!(!named(dir.path(), "nginx/conf.d/b.conf").is_empty());
    assert!(!named(&dir.path().join("nginx/conf.d"), "b.conf").is_empty(), "from the folder itself");
}

#[test]
fn hooks_hand_over_files_that_are_none_of_ours() {
    let dir = site(&[("supervisor.conf", "[program:app]\ncommand=/bin/true\n"), ("list", "supervisor.conf\n")]);
    assert_eq!(hoplint(dir.path(), &["check", "--skip-unknown", "supervisor.conf"]).status.code(), Some(0));
    assert_eq!(hoplint(dir.path(), &["check", "--skip-unknown", "--files-from", "list"]).status.code(), Some(0));
    assert_eq!(hoplint(dir.path(), &["check", "--skip-unknown", "missing.conf"]).status.code(), Some(2));
}

#[test]
fn blocks_of_markdown_are_checked_in_place() {
    let page = format!("# How to\n\nText.\n\n```nginx\n{BROKEN}```\n\n```text\nlocation /ws/ {{\n```\n");
    let dir = site(&[("guide.md", &page)]);
    let report = json(&hoplint(dir.path(), &["check", "guide.md", "--format", "json", "--select", RULE]));
    let finding = &report["findings"][0];
    assert_eq!(finding["span"]["file"], "guide.md");
    let at = finding["span"]["start"]["offset"].as_u64().unwrap() as usize;
    let line = page[..at].lines().count();
    assert_eq!(finding["span"]["start"]["line"], line as u64);
    assert!(page[at..].starts_with("proxy_pass") || page[at..].starts_with("proxy_set_header"), "{}", &page[at..]);
    assert_eq!(hoplint(dir.path(), &["check"]).status.code(), Some(2), "a search does not look into Markdown unasked");
    assert_eq!(hoplint(dir.path(), &["check", "--markdown"]).status.code(), Some(1));
}

#[test]
fn texts_of_config_maps_are_checked_in_place() {
    let inner = format!("    {}\n", BROKEN.trim_end().replace('\n', "\n    "));
    let haproxy = "    defaults\n        mode http\n        timeout client 30s\n        timeout server 30s\n        timeout connect 5s\n    listen web\n        bind :8080\n        timeout tunnel 0\n        server a 127.0.0.1:3000 maxconn 10\n";
    let page = format!(
        "{{{{- if .Values.on }}}}\nkind: Service\n---\nkind: ConfigMap\nmetadata: {{name: ä}}\ndata:\n  mode: |\n    plain text\n  site.conf: |\n{inner}  haproxy.cfg: |-\n{haproxy}---\nkind: Secret\nstringData:\n  b.conf: |\n{inner}{{{{- end }}}}\n"
    );
    let main = "kind: ConfigMap\ndata:\n  nginx.conf: |\n    events {}\n    http {\n      include conf.d/other.conf;\n    }\n";
    let dir = site(&[("k8s/site.yaml", &page), ("k8s/main.yaml", main), ("k8s/service.yaml", "kind: Service\n")]);
    for arguments in [&["check", "--format", "json"][..], &["check", "--format", "json", "k8s/site.yaml", "k8s/main.yaml"]] {
        let report = json(&hoplint(dir.path(), arguments));
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(findings.iter().filter(|f| f["rule"] == RULE).count(), 1, "that of a secret is not looked at: {report}");
        for (rule, word) in [(RULE, "proxy_pass"), ("haproxy/tunnel-timeout-zero", "timeout tunnel")] {
            let finding = findings.iter().find(|f| f["rule"] == rule).unwrap_or_else(|| panic!("{rule}: {report}"));
            let at = finding["span"]["start"]["offset"].as_u64().unwrap() as usize;
            assert!(page[at..].starts_with(word), "{rule} at {}", &page[at..at + 20]);
            assert_eq!(finding["span"]["start"]["line"], page[..at].matches('\n').count() as u64 + 1);
            assert_eq!(finding["span"]["file"], "k8s/site.yaml");
        }
        assert!(!findings.iter().any(|f| f["rule"] == "syntax/include-not-found"), "what a part lacks may stand elsewhere: {report}");
    }
}

#[test]
fn a_starter_is_written_from_what_is_seen_and_is_valid() {
    let compose = "services:\n  web:\n    image: nginx:1.22\n    volumes:\n      - ./nginx/conf.d:/etc/nginx/conf.d:ro\n";
    let dir = site(&[("compose.yaml", compose), ("nginx/conf.d/a.conf", BROKEN)]);
    assert_eq!(hoplint(dir.path(), &["init"]).status.code(), Some(0));
    let written = fs::read_to_string(dir.path().join("hoplint.yaml")).unwrap();
    assert!(written.contains("nginx: \"1.22.0\"  # compose.yaml:3") && written.contains("path: /ws/"), "{written}");
    assert!(written.contains("/etc/nginx/conf.d: nginx/conf.d"), "{written}");
    assert_eq!(hoplint(dir.path(), &["init"]).status.code(), Some(2), "it is not overwritten");
    let shown = text(&hoplint(dir.path(), &["config", "--heartbeat", "20s"]));
    assert!(shown.contains("targets: {nginx: \"1.22.0\"}  # hoplint.yaml"), "{shown}");
    assert!(shown.contains("heartbeat: 20000ms  # option or environment"), "{shown}");
}

#[test]
fn twenty_files_three_of_them_faulty_and_a_red_check() {
    let sound = "server {\n    listen 8080;\n    server_name NAME.example.com;\n    location = /ws {\n        proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection \"upgrade\";\n        proxy_set_header Host $http_host;\n        proxy_read_timeout 1h;\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let mut files = vec![("nginx/nginx.conf".to_owned(), MAIN.to_owned())];
    for i in 1..20 {
        let text = sound.replace("NAME", &format!("s{i}"));
        let text = match i {
            5 => text.replace("        proxy_set_header Connection \"upgrade\";\n", ""),
            9 => text.replace("Upgrade $http_upgrade", "Upgrade \"\""),
            14 => text.replace("1h", "0"),
            _ => text,
        };
        files.push((format!("nginx/conf.d/s{i}.conf"), text));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let origin = site(&files);
    git(origin.path(), &["init", "--quiet"]);
    git(origin.path(), &["add", "."]);
    git(origin.path(), &["commit", "--quiet", "-m", "site"]);
    // The commands that README shows, as they stand there; the program is installed already.
    let scratch = site(&[("bin/pip", "#!/bin/sh\n[ \"$*\" = 'install hoplint' ]\n")]);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let way = readme.split("### From a clone to a red check").nth(1).unwrap().split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(way.trim().lines().count(), 5, "{way}");
    assert!(way.trim_end().ends_with("\nhoplint check"), "{way}");
    let bin = scratch.path().join("bin");
    Command::new("chmod").args(["+x", bin.join("pip").to_str().unwrap()]).status().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_hoplint")).parent().unwrap();
    let path = format!("{}:{}:{}", bin.display(), program.display(), std::env::var("PATH").unwrap());
    let run = Command::new("sh")
        .args(["-ec", way])
        .current_dir(scratch.path())
        .envs([("REPOSITORY", origin.path().to_str().unwrap()), ("PATH", &path), ("GIT_CONFIG_GLOBAL", "/dev/null")])
        .envs([("GIT_AUTHOR_NAME", "t"), ("GIT_AUTHOR_EMAIL", "t@t"), ("GIT_COMMITTER_NAME", "t"), ("GIT_COMMITTER_EMAIL", "t@t")])
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1), "{}{}", text(&run), said(&run));
    assert!(text(&run).contains("conf.d/s5.conf:"), "{}", text(&run));
    let here = scratch.path().join("site");
    let out = hoplint(&here, &["check", "--format", "json"]);
    assert_eq!(out.status.code(), Some(1));
    let report = json(&out);
    let named: std::collections::BTreeSet<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["level"] != "hint")
        .map(|f| f["span"]["file"].as_str().unwrap())
        .collect();
    let faulty = ["nginx/conf.d/s14.conf", "nginx/conf.d/s5.conf", "nginx/conf.d/s9.conf"];
    assert_eq!(named.into_iter().collect::<Vec<_>>(), faulty, "{}", text(&hoplint(&here, &["check", "--format", "concise"])));
}

#[test]
fn releases_agree_wherever_they_are_written() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let version = env!("CARGO_PKG_VERSION");
    let holds = |file: &str, text: &str| assert!(fs::read_to_string(top.join(file)).unwrap().contains(text), "{file} lacks {text}");
    holds("setup.py", &format!("VERSION = \"{version}\""));
    holds("packaging/gitlab/hoplint.gitlab-ci.yml", &format!("HOPLINT_VERSION: \"{version}\""));
}
