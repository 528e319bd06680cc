//! What differential runs found (`cargo run -p xtask -- differential`), one small configuration each, with what nginx 1.22.1 and
//! HAProxy 2.6.12 and Envoy 1.40.0 did.

use hoplint::model::{Dial, Era, Proxy, Request, Text};
use hoplint::probe::{Assume, Credentials, Far, trace};
use hoplint::proxy::{Reading, dialect};
use hoplint::source::Files;
use serde_json::Value;
use std::path::Path;

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

/// An nginx configuration, lowered for a release.
pub(crate) fn lowered(text: &str, version: &str) -> Option<(Files, Proxy)> {
    lowered_as("nginx", text, version)
}

fn lowered_as(language: &str, text: &str, version: &str) -> Option<(Files, Proxy)> {
    let mut files = Files::new();
    let id = files.add("proxy.conf", text.as_bytes().to_vec()).ok()?;
    let sites = dialect(language)?.read(&mut files, &[id], &Reading::default());
    let proxy = sites.first()?.lower(&Era::new(version.parse().ok()?));
    Some((files, proxy))
}

/// A request to the first listener.
pub(crate) fn request(method: &str, target: &str, headers: &[(String, String)]) -> Request {
    Request {
        headers: headers.iter().map(|(n, v)| (Text::from(n.as_str()), Text::from(v.as_str()))).collect(),
        dial: Dial::Plain,
        client: Some("127.0.0.1".into()),
        ..hoplint::probe::request(0, method, "", target, &[])
    }
}

/// Pairs of a JSON list of lists.
pub(crate) fn pairs(list: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    list.as_array().into_iter().flatten().map(|h| (text(&h[0]), text(&h[1]))).collect()
}

#[test]
fn what_differential_runs_found_stays_right() {
    assert_eq!(found("nginx"), 68, "cases");
    assert_eq!(found("haproxy"), 19, "cases");
    assert_eq!(found("envoy"), 9, "cases");
}

fn found(language: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conformance/{language}/found.jsonl"));
    let mut seen = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = &case["id"];
        let (_, proxy) = lowered_as(language, case["config"].as_str().unwrap(), case["version"].as_str().unwrap()).unwrap();
        let headers = pairs(&case["headers"]);
        let asked = request(case["method"].as_str().unwrap(), case["target"].as_str().unwrap(), &headers);
        let handshake = headers.iter().any(|h| h.0 == "Upgrade");
        let replies = vec![(Text::from(NOBODY), Far::Refused)];
        let lines = pairs(&case["lines"]).into_iter().map(|(n, v)| ("*".into(), (n.into(), v.into()))).collect();
        let assume = Assume { credentials: Credentials::AsSent, replies, lines, told: true, ..Assume::default() };
        let said = trace::trace(&proxy, &asked, &assume, handshake);
        let unknown = |pointer: &str| said.unknown.iter().any(|u| pointer.starts_with(&u.0));
        let by_files = said.unknown.iter().any(|u| u.1.contains("such a file"));
        assert_eq!(by_files, *id == "files-error-page", "{id}: {:?}", said.unknown);
        if by_files {
            // What happens depends on a file; the tool says so, and nothing else.
            assert!(unknown("/response/status") && unknown("/upstream"), "{id}");
            seen += 1;
            continue;
        }
        assert!(!unknown("/response/status"), "{id}: {:?}", said.unknown);
        assert_eq!(said.status.map(u64::from), case["status"].as_u64(), "{id}: status");
        let up = said.upstream.as_ref().filter(|u| u.addresses != [NOBODY]);
        assert_eq!(up.and_then(|u| u.line.as_deref()), case["upstream"].as_str(), "{id}: upstream");
        let one = up
            .iter()
            .flat_map(|u| &u.headers)
            .filter(|h| h.0.eq_ignore_ascii_case("X-One"))
            .filter_map(|h| h.1.clone())
            .collect::<Vec<_>>();
        assert_eq!(serde_json::to_value(one).unwrap(), case["upstream_x_one"], "{id}: X-One upstream");
        let response = pairs(&case["response"]);
        for (name, _) in &response {
            let ours: Vec<_> = said.headers.iter().filter(|h| h.0.eq_ignore_ascii_case(name)).map(|h| h.1.as_deref()).collect();
            let theirs: Vec<_> = response.iter().filter(|h| h.0 == *name).map(|h| Some(h.1.as_str())).collect();
            assert_eq!(ours, theirs, "{id}: {name}");
        }
        // Nothing else of these is there.
        for name in ["X-One", "X-Two", "X-Three"].iter().filter(|_| language != "nginx") {
            let ours = said.headers.iter().filter(|h| h.0.eq_ignore_ascii_case(name)).count();
            let theirs = response.iter().filter(|h| h.0 == *name).count();
            assert_eq!(ours, theirs, "{id}: {name}");
        }
        if let Some(h) = &said.handshake {
            assert_eq!(h.verdict == "upgraded", case["status"] == 101, "{id}: handshake");
        }
        seen += 1;
    }
    seen
}
