//! Comments that silence findings, in the three languages: where they hold, and what becomes of those that are wrong.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;

#[path = "support/scratch.rs"]
mod scratch;
use scratch::{BROKEN, RULE, hoplint, json, rules, said, site, text};

/// A faulty configuration with a place for comments above a line, above a block, and beside a line.
struct Language {
    file: &'static str,
    text: String,
    rule: &'static str,
    /// The line that the finding stands in, and the line that opens what is around it.
    line: &'static str,
    block: &'static str,
}

fn languages() -> [Language; 3] {
    let haproxy = "defaults\n    mode http\n    timeout client 30s\n    timeout server 30s\n    timeout connect 5s\n\nfrontend web\n    bind :8080\n    default_backend app\n\nbackend app\n    timeout tunnel 0\n    server a 127.0.0.1:3000 maxconn 10\n";
    let envoy = "static_resources:\n  clusters:\n    - name: app\n      connect_timeout: 1s\n      load_assignment: {cluster_name: app}\n  listeners:\n    - name: web\n      address: {socket_address: {address: 127.0.0.1, port_value: 8080}}\n      filter_chains:\n        - filters:\n            - name: hcm\n              typed_config:\n                \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n                stat_prefix: web\n                route_config:\n                  virtual_hosts:\n                    - name: all\n                      domains: [\"*\"]\n                      routes:\n                        - match: {prefix: /ws/}\n                          route: {cluster: app, timeout: 0s}\n                http_filters: []\n";
    [
        Language { file: "a.conf", text: BROKEN.to_owned(), rule: RULE, line: "proxy_pass", block: "location /ws/" },
        Language {
            file: "haproxy.cfg",
            text: haproxy.to_owned(),
            rule: "haproxy/tunnel-timeout-zero",
            line: "timeout tunnel",
            block: "backend app\n    timeout tunnel",
        },
        Language { file: "envoy.yaml", text: envoy.to_owned(), rule: "envoy/no-router", line: "http_filters", block: "- name: hcm" },
    ]
}

fn found(dir: &Path) -> Vec<String> {
    rules(&hoplint(dir, &["check", "--isolated", "--format", "json"]))
}

/// The text with a comment on a line of its own above a line, or at its end.
fn commented(text: &str, line: &str, comment: &str, beside: bool) -> String {
    let at = text.find(line).unwrap();
    if beside {
        let end = at + text[at..].find('\n').unwrap();
        return format!("{} {comment}{}", &text[..end], &text[end..]);
    }
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    format!("{}{}{comment}\n{}", &text[..start], &text[start..at], &text[start..])
}

#[test]
fn a_comment_holds_for_its_line_its_block_or_its_file() {
    for l in languages() {
        let dir = site(&[(l.file, &l.text)]);
        assert!(found(dir.path()).contains(&l.rule.to_owned()), "{}: {:?}", l.file, found(dir.path()));
        let ignore = format!("# hoplint: ignore[{}] -- known", l.rule);
        let whole = format!("# hoplint: ignore-file[{}] -- known\n{}", l.rule, l.text);
        let placed = [
            commented(&l.text, l.line, &ignore, false),
            commented(&l.text, l.line, &ignore, true),
            commented(&l.text, l.block, &ignore, false),
            whole,
        ];
        for text in &placed {
            fs::write(dir.path().join(l.file), text).unwrap();
            let left = found(dir.path());
            assert!(!left.contains(&l.rule.to_owned()) && !left.iter().any(|r| r.starts_with("suppression/")), "{left:?}\n{text}");
            // Another rule asked for alone makes it no useless one.
            let other = hoplint(dir.path(), &["check", "--isolated", "--select", "suppression", "--format", "json"]);
            assert_eq!(rules(&other), Vec::<String>::new(), "{text}");
            hoplint(dir.path(), &["check", "--isolated", "--fix", "--select", "suppression"]);
            assert_eq!(&fs::read_to_string(dir.path().join(l.file)).unwrap(), text, "what is used stays");
        }
    }
}

#[test]
fn what_is_useless_goes_and_the_text_is_as_it_was() {
    for l in languages() {
        for line_end in ["\n", "\r\n"] {
            let own = l.text.replace('\n', line_end);
            let useless = "# hoplint: ignore[cors, sse/buffered] -- Ü, once known";
            for text in [
                commented(&l.text, l.line, useless, false),
                commented(&l.text, l.line, useless, true),
                commented(&l.text, l.block, useless, false),
                format!("{useless}\n{}", l.text),
                format!("{}{useless}", l.text),
            ] {
                let text = text.replace('\n', line_end);
                let dir = site(&[(l.file, &text)]);
                assert_eq!(found(dir.path()).iter().filter(|r| *r == "suppression/unused").count(), 2, "{text}");
                let fix = || hoplint(dir.path(), &["check", "--isolated", "--fix", "--select", "suppression"]);
                assert!(said(&fix()).starts_with("corrected 2 findings"), "{}", said(&fix()));
                assert_eq!(fs::read_to_string(dir.path().join(l.file)).unwrap(), own, "{text}");
                assert!(said(&fix()).starts_with("corrected 0 findings"), "once more changes nothing");
            }
        }
        // Of several rules only the useless one goes, whichever it is.
        for (many, left) in [("[cors, RULE, sse]", "[RULE]"), ("[RULE, cors]", "[RULE]"), ("[cors , sse,RULE ]", "[RULE ]")] {
            let with =
                |list: &str| commented(&l.text, l.line, &format!("# hoplint: ignore{} -- known", list.replace("RULE", l.rule)), false);
            let dir = site(&[(l.file, &with(many))]);
            hoplint(dir.path(), &["check", "--isolated", "--fix", "--select", "suppression"]);
            assert_eq!(fs::read_to_string(dir.path().join(l.file)).unwrap(), with(left));
        }
    }
}

#[test]
fn only_a_person_writes_a_reason_and_a_guessed_name_is_not_safe() {
    for l in languages() {
        let slip = format!("{}t", l.rule);
        let text = commented(&l.text, l.line, &format!("# hoplint: ignore[{slip}]"), true);
        let dir = site(&[(l.file, &text)]);
        let run = |more: &[&str]| hoplint(dir.path(), &[&["check", "--isolated", "--select", "suppression"], more].concat());
        let report = json(&run(&["--format", "json"]));
        let fixes: Vec<(&str, &str)> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (f["rule"].as_str().unwrap(), f["fix"]["applicability"].as_str().unwrap()))
            .collect();
        assert_eq!(fixes, [("suppression/missing-reason", "by hand"), ("suppression/unknown-rule", "unsafe")], "{}", l.file);
        let span = &report["findings"][1]["span"];
        let (from, to) = (span["start"]["offset"].as_u64().unwrap() as usize, span["end"]["offset"].as_u64().unwrap() as usize);
        assert_eq!(&text[from..to], slip, "it points at the name");
        assert!(self::text(&run(&[])).contains("say why, in place of the dots"), "{}", self::text(&run(&[])));
        let sarif = json(&run(&["--format", "sarif"]));
        assert!(sarif["runs"][0]["results"][0]["fixes"].is_null(), "nothing to apply: {sarif}");
        run(&["--fix"]);
        assert_eq!(fs::read_to_string(dir.path().join(l.file)).unwrap(), text, "nothing of that is safe");
        run(&["--fix", "--unsafe-fixes"]);
        assert_eq!(fs::read_to_string(dir.path().join(l.file)).unwrap(), text.replace(&slip, l.rule));
    }
}
