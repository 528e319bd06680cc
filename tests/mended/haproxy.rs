//! HAProxy: rules on requests and answers, limits, and several backends.

use super::{Layout, layout, promises, text};
use proptest::prelude::*;

/// Lines of the frontend.
const FRONTS: &[&[&str]] = &[
    &[],
    &["http-request del-header Upgrade"],
    &["http-request set-header Connection upgrade", "http-request set-header Upgrade websocket"],
    &["http-response set-header Access-Control-Allow-Origin https://app.example.com # keep origin"],
    &[
        "http-request set-var(txn.origin) req.hdr(origin) if { req.hdr(origin) -m str https://a.example.com https://b.example.com }",
        "http-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m found }",
    ],
    &["http-request return status 204 if METH_OPTIONS", "http-after-response set-header X-Edge one # stay edge"],
    &["timeout tunnel 1h"],
    &["default_backend b0"],
    &["acl ws hdr(Upgrade) websocket"],
];

/// Lines of a backend. `{n}` is its number.
const BACKS: &[&[&str]] = &[
    &[],
    &["timeout tunnel 20s"],
    &["timeout tunnel 0"],
    &["timeout tunnel 1h", "timeout server 15sec"],
    &["http-request del-header Connection # keep away"],
    &["http-response add-header Access-Control-Allow-Origin https://app.example.com"],
    &["cookie SRV insert indirect nocache"],
    &["timeout client 30s", "option forwardfor # stay"],
];

fn whole(front: &[usize], backs: &[(usize, bool)], layout: Layout) -> String {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut put = |depth, line: &str| lines.push((depth, line.to_owned()));
    put(0, "global # stay global");
    put(1, "maxconn 1000");
    put(1, "hard-stop-after 10m");
    put(0, "defaults");
    for line in ["mode http", "timeout connect 5s", "timeout client 30s # stay client", "timeout server 30s"] {
        put(1, line);
    }
    put(0, "");
    put(0, "frontend web");
    put(1, "bind :8080");
    let mut acl = false;
    for piece in front {
        for line in FRONTS[*piece] {
            acl |= line.starts_with("acl ws");
            put(1, line);
        }
    }
    for n in 0..backs.len().saturating_sub(1) {
        if acl && n == 0 {
            put(1, "use_backend b0 if ws");
        } else {
            put(1, &format!("use_backend b{n} if {{ path_beg /r{n}/ }}"));
        }
    }
    put(1, &format!("default_backend b{}", backs.len() - 1));
    for (n, (back, socket)) in backs.iter().enumerate() {
        put(0, "");
        put(0, &format!("# keep {n}"));
        if *socket {
            put(0, "# hoplint: websocket heartbeat=45s");
        }
        put(0, &format!("backend b{n}"));
        for line in BACKS[*back] {
            put(1, line);
        }
        put(1, &format!("server s{n} 127.0.0.1:900{n}"));
        put(1, &format!("server t{n} 127.0.0.1:901{n}"));
    }
    text(&lines, layout)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    // HAProxy takes a last line without its end for a truncated file.
    #[test]
    fn corrections_keep_their_promises(
        front in prop::collection::btree_set(0..FRONTS.len(), 0..3),
        backs in prop::collection::vec((0..BACKS.len(), any::<bool>()), 1..4),
        layout in layout(&["    ", "\t", "  "], Just(true)),
    ) {
        let front: Vec<usize> = front.into_iter().collect();
        promises("haproxy", "haproxy.cfg", &whole(&front, &backs, layout));
    }
}

#[test]
fn the_pieces_are_corrected() {
    let layout = Layout { step: "    ", crlf: false, ended: true };
    let made = |front: &[usize], back, socket| promises("haproxy", "haproxy.cfg", &whole(front, &[(back, socket)], layout));
    assert!(made(&[], 0, true) > 0 && made(&[], 1, true) > 0 && made(&[], 3, false) > 0 && made(&[], 4, true) > 0);
    for (front, back, socket) in [(1, 0, true), (2, 1, true), (4, 0, false)] {
        assert!(made(&[front], back, socket) > 0, "{:?}", FRONTS[front]);
    }
}
