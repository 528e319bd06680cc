//! HAProxy 2.0 to 3.5.

use super::compare::{Arguments, Suite, predicted};
use hoplint::proxy::haproxy::syntax::{Fault, Style, Tree, Variable, line};
use serde_json::Value;

/// Words, and kind and place of errors, of every recorded line equal those of HAProxy's own tokeniser.
#[test]
fn recorded_words_of_haproxy_are_split() {
    let text = include_str!("haproxy/tokens.jsonl");
    let head: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let variable = |name: &str| match head["env"][name].as_str() {
        Some(value) => Variable::Is(value.to_owned()),
        // Pseudo-variables, as the measurement set them.
        None => match name {
            ".LINE" => Variable::Is("1".to_owned()),
            ".FILE" => Variable::Is("f.cfg".to_owned()),
            ".SECTION" => Variable::Is("sec".to_owned()),
            _ => Variable::Unset,
        },
    };
    let mut compared = 0;
    for recorded in text.lines().skip(1) {
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let input = recorded["in"].as_str().unwrap().as_bytes();
        for version in ["2.6.0", "3.0.0", "3.2.0", "dev"] {
            let said = if recorded[version].is_object() { &recorded[version] } else { &recorded["dev"] };
            let style = Style { variable: &variable, swallows: matches!(version, "3.0.0" | "3.2.0"), drops_last_empty: version == "3.0.0" };
            let mut tree = Tree::default();
            line(input, 0, input.len(), &style, &mut tree);
            let id = &recorded["id"];
            if let Some(kinds) = said["error"].as_array() {
                let ours: Vec<(&str, u64)> = tree
                    .errors
                    .iter()
                    .map(|e| {
                        let kind = match e.fault {
                            Fault::Quote => "quote",
                            Fault::Brace => "brace",
                            Fault::Hex => "hex",
                            Fault::VariableName => "varname",
                            other => panic!("{id}: {other:?}"),
                        };
                        (kind, u64::from(e.at))
                    })
                    .collect();
                let theirs: Vec<(&str, u64)> = kinds.iter().map(|k| (k.as_str().unwrap(), said["pos"].as_u64().unwrap())).collect();
                assert_eq!(ours, theirs, "{id} at {version}: {}", recorded["in"]);
            } else {
                let ours: Vec<&str> = tree.words.iter().map(|w| &*w.text).collect();
                let theirs: Vec<&str> = said["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
                assert_eq!((ours, tree.errors.len()), (theirs, 0), "{id} at {version}: {}", recorded["in"]);
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 1379 * 4, "lines and versions compared");
}

const HAPROXY: Suite = Suite {
    dialect: "haproxy",
    cells: 2922,
    unknown: 8,
    slack: 0.5,
    own_page: None,
    made: |_| true,
    longest_body: 120,
    no_cuts: &["2.0.0", "2.9.0", "3.0.0"],
    unreleased: "3.5.0",
    addresses,
    arguments,
};

fn addresses(backend: &str) -> &'static [&'static str] {
    match backend {
        "b1" => &["127.0.0.1:19001"],
        "b2" => &["127.0.0.1:19002"],
        "h2ext" => &["127.0.0.1:19003"],
        "h2noext" => &["127.0.0.1:19004"],
        "tls" => &["127.0.0.1:19005"],
        "refusing" => &["127.0.0.1:19006"],
        "black hole" => &["127.0.0.1:19008"],
        other => panic!("no backend {other}"),
    }
}

fn arguments(a: &mut Arguments<'_>) {
    a.upstream("refusing", "refused");
    a.upstream("black hole", "silent");
    // What they do depends on the path that arrives: WebSocket below `ws` and `socket.io`.
    let sent = a.recorded["upstream_request"]["line"].as_str().and_then(|l| l.split(' ').nth(1));
    let target = sent.or(a.probe["target"].as_str()).unwrap();
    let path = target.split('?').next().unwrap();
    let speaks = path.split('/').any(|s| s == "ws") || path.contains("socket.io");
    let websocket = a.probe["kind"] == "websocket";
    let reply = &a.probe["backend_reply"];
    for name in ["b1", "b2", "tls"] {
        a.upstream_header(name, "X-Backend", name);
        for h in reply["headers"].as_array().into_iter().flatten() {
            a.upstream_header(name, h[0].as_str().unwrap(), h[1].as_str().unwrap());
        }
        if let Some(status) = reply["status"].as_u64() {
            a.upstream(name, &status.to_string());
        } else if !speaks {
            a.upstream(name, "200");
        } else if !websocket {
            // Refused in its own words.
            a.upstream(name, &a.recorded["status"].to_string());
        } else if a.probe["method"] == "POST" {
            // They do not look at the method.
            a.upstream(name, "101");
        }
    }
    let mut files = vec![a.file(a.case["config"].as_str().unwrap())];
    let config = std::fs::read_to_string(&files[0]).unwrap_or_default();
    if config.contains("send-proxy") && !config.contains("accept-proxy") {
        // It takes the PROXY line for a request.
        a.upstream("b1", "400");
    }
    if !config.contains("127.0.0.1:19005 ssl") {
        a.upstream("tls", "garbage");
    }
    if let Some(more) = a.case["run"]["args"].as_array() {
        for arg in more.iter().filter_map(|v| v.as_str()).filter(|v| !v.starts_with('-')) {
            let file = a.file(&format!("cases/{arg}"));
            files.push(file);
        }
    }
    a.command.args(files);
}

#[test]
fn recorded_outcomes_of_haproxy_are_predicted() {
    predicted(&HAPROXY);
}

/// What `haproxy -c` said of a configuration at a release.
#[test]
fn what_haproxy_takes_is_never_refused() {
    let text =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/haproxy/expected.jsonl")).unwrap();
    let room = hoplint::proxy::dialect("haproxy").unwrap();
    let (mut taken, mut refused, mut found) = (0, 0, 0);
    let mut wrong = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/haproxy");
        let mut paths = vec![folder.join(case["config"].as_str().unwrap())];
        for arg in case["run"]["check_args"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).filter(|v| !v.starts_with('-')) {
            paths.push(folder.join("cases").join(arg));
        }
        let mut files = hoplint::source::Files::new();
        let ids: Vec<_> = paths.iter().map(|p| files.add(p.to_str().unwrap(), std::fs::read(p).unwrap()).unwrap()).collect();
        let reading = hoplint::proxy::Reading { explicit: true, together: true, ..Default::default() };
        let site = room.read(&mut files, &ids, &reading).into_iter().next().unwrap();
        for check in case["check"].as_array().unwrap() {
            for version in check["versions"].as_array().unwrap() {
                let release = if version == "dev" { "3.5.0" } else { version.as_str().unwrap() };
                let problems = site.problems(files.map(), &hoplint::model::Era::new(release.parse().unwrap()));
                let first = problems.iter().find(|p| p.certain);
                match (check["accepted"] == true, first) {
                    (true, None) => taken += 1,
                    (true, Some(p)) => wrong.push(format!("{} at {release}: {}", case["id"], p.message)),
                    (false, Some(_)) => {
                        refused += 1;
                        found += 1;
                    }
                    (false, None) => {
                        refused += 1;
                        println!("not found: {} at {release}: {}", case["id"], check["messages"][0]);
                    }
                }
            }
        }
    }
    println!("taken by both {taken}; refused {refused}, of which found {found}");
    assert_eq!(wrong, Vec::<String>::new());
    assert!(found * 100 >= refused * 84, "only {found} of {refused} refusals are found");
}
