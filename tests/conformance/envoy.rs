//! Envoy 1.36 to 1.40.

use super::compare::{Arguments, Suite, predicted};

const ENVOY: Suite = Suite {
    dialect: "envoy",
    cells: 2790,
    unknown: 8,
    slack: 1.2,
    own_page: None,
    // Everything else is Envoy's own wording, which the trace does not speak of.
    made: |recorded| recorded["extra"]["access_log"]["details"] == "direct_response",
    longest_body: 300,
    no_cuts: &[],
    unreleased: "",
    addresses,
    arguments,
};

fn addresses(backend: &str) -> &'static [&'static str] {
    match backend {
        "a" => &["127.0.0.1:9001", "localhost:9001", "[::1]:9001"],
        "b" => &["127.0.0.1:9002", "localhost:9002"],
        "h2" => &["127.0.0.1:9003", "localhost:9003"],
        "auth" => &["127.0.0.1:9004", "localhost:9004"],
        "tls" => &["127.0.0.1:9443", "localhost:9443"],
        other => panic!("no backend {other}"),
    }
}

fn arguments(a: &mut Arguments<'_>) {
    a.command.args(["--upstream", "*=lenient"]);
    // Where nobody listens, and where connecting hangs.
    a.command.args(["--upstream", "127.0.0.1:9099=refused", "--upstream", "127.0.0.1:9010=refused"]);
    let reply = a.probe["backend_reply"].clone();
    for name in ["a", "b", "tls"] {
        if let Some(status) = reply["status"].as_u64() {
            a.upstream(name, &status.to_string());
        }
        for h in reply["headers"].as_array().into_iter().flatten() {
            a.upstream_header(name, h[0].as_str().unwrap(), h[1].as_str().unwrap());
        }
    }
    // What the authorization server is asked says what it answers.
    let text = std::fs::read_to_string(a.file(a.case["config"].as_str().unwrap())).unwrap();
    if let Some((_, rest)) = text.split_once("/auth?b=resp:") {
        let status: String = rest.chars().take_while(char::is_ascii_digit).collect();
        a.upstream("auth", &status);
    }
    if let Some(protocol) = a.probe["protocol"].as_str().filter(|p| *p != "websocket") {
        a.command.args(["-H", &format!(":protocol: {protocol}")]);
    }
    let config = a.file(a.case["config"].as_str().unwrap());
    a.command.arg(config);
}

#[test]
fn recorded_outcomes_of_envoy_are_predicted() {
    predicted(&ENVOY);
}
