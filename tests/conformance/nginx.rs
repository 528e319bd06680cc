//! nginx 1.18 to 1.31.

use super::compare::{Arguments, Suite, predicted};

const NGINX: Suite = Suite {
    dialect: "nginx",
    cells: 2940,
    unknown: 5,
    slack: 0.3,
    own_page: Some("<page made by nginx>"),
    made: |_| true,
    longest_body: 300,
    no_cuts: &[],
    unreleased: "",
    addresses,
    arguments,
};

fn addresses(backend: &str) -> &'static [&'static str] {
    match backend {
        "b1" => &["127.0.0.1:9001", "localhost:9001", "[::1]:9001"],
        "b2" => &["127.0.0.1:9002", "localhost:9002", "[::1]:9002"],
        "u1" => &["unix:/run/hoplint-corpus/u1.sock"],
        other => panic!("no backend {other}"),
    }
}

fn arguments(a: &mut Arguments<'_>) {
    let running: Vec<&str> = match a.case["backends"].as_array() {
        Some(list) => list.iter().map(|b| b.as_str().unwrap_or_else(|| b["name"].as_str().unwrap_or("b1"))).collect(),
        None => vec!["b1", "b2"],
    };
    for name in ["b1", "b2"] {
        if !running.contains(&name) {
            a.upstream(name, "refused");
        }
    }
    a.command.args(["--upstream", "127.0.0.1:9009=refused"]);
    for name in running.into_iter().chain(["u1"]) {
        a.upstream_header(name, "X-Backend", name);
        let reply = &a.probe["backend_reply"][name];
        // With a status no handshake is accepted: the plain answer is what comes.
        let handshake = a.probe["kind"] == "websocket" && reply["status"].is_null();
        if let Some(status) = reply["status"].as_u64() {
            a.upstream(name, &status.to_string());
        }
        if reply["drop"] == true {
            a.upstream(name, "refused");
        }
        let headers = if handshake { &reply["handshake_headers"] } else { &reply["headers"] };
        for h in headers.as_array().into_iter().flatten() {
            a.upstream_header(name, h[0].as_str().unwrap(), h[1].as_str().unwrap());
        }
    }
    let config = a.file(a.case["config"].as_str().unwrap());
    a.command.arg(config);
}

#[test]
fn recorded_outcomes_of_nginx_are_predicted() {
    predicted(&NGINX);
}
