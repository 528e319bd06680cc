//! Random requests, and what servers answer to them.

use super::random::Random;

/// A request: method, target and header lines, `Host` among them.
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) handshake: bool,
    pub(super) body: String,
    pub(super) plan: Plan,
}

/// What the servers answer, where it is not the usual.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Status of the first, the second and the one that only the proxy asks.
    pub(super) status: [Option<u16>; 3],
    /// Further header lines of the first two: which, name, value.
    pub(super) lines: Vec<(usize, &'static str, &'static str)>,
}

const STATUSES: [u16; 8] = [404, 500, 401, 403, 302, 204, 503, 413];
const LINES: [(&str, &str); 12] = [
    ("X-Accel-Redirect", "/static/none"),
    ("X-Accel-Redirect", "/a/b/"),
    ("X-Accel-Redirect", "/api/v1?x=1"),
    ("X-Accel-Redirect", "/ws/v1"),
    ("X-Accel-Redirect", "/a%20b/x.js"),
    ("X-Accel-Redirect", "/b/../x"),
    ("X-Accel-Buffering", "no"),
    ("X-Accel-Expires", "0"),
    ("Access-Control-Allow-Origin", "https://theirs.test"),
    ("Vary", "Accept"),
    ("X-One", "theirs"),
    ("Access-Control-Allow-Methods", "PATCH"),
];

fn plan(r: &mut Random) -> Plan {
    let mut plan = Plan::default();
    for status in &mut plan.status {
        if r.percent(6) {
            *status = Some(STATUSES[r.below(STATUSES.len())]);
        }
    }
    while r.percent(15) {
        let (name, value) = LINES[r.below(LINES.len())];
        let which = r.below(3);
        for server in (0..2).filter(|s| which == 2 || *s == which) {
            if !plan.lines.iter().any(|l| l.0 == server && l.1 == name) {
                plan.lines.push((server, name, value));
            }
        }
    }
    plan
}

/// A random request.
pub(super) fn request(r: &mut Random) -> Asked {
    let host = r.pick(&["a.test", "b.test", "WWW.b.test:81", "x.c.test", "c.org", "sub.d.test", "e.test", "y.e.test", "other.test"]);
    let mut target = r
        .pick(&[
            "/",
            "/a",
            "/a/",
            "/a/b",
            "/a/b/",
            "/a/bc",
            "/ws",
            "/ws/",
            "/ws/chat",
            "/api/",
            "/api/v1",
            "/api/v12/x",
            "/static/x.js",
            "/x.php",
            "//a//b",
            "/a/../ws/",
            "/%61/b",
            "/a%20b",
            "/none",
            "/api/x%2Fy",
        ])
        .to_owned();
    if r.percent(30) {
        target.push_str(r.pick(&["?x=1", "?x=0", "?x=b.test&y=2", "?"]));
    }
    let mut headers = vec![("Host", host.to_owned())];
    if r.percent(50) {
        headers.push(("Origin", r.pick(&["https://app.example.com", "https://evil.test", "https://x.example.com", "null"]).to_owned()));
    }
    if r.percent(35) {
        for (name, value) in hoplint::probe::handshake::LINES {
            headers.push((name, (*value).to_owned()));
        }
        return Asked { method: "GET", target, headers, handshake: true, body: String::new(), plan: plan(r) };
    }
    let method = r.pick(&["GET", "GET", "GET", "POST", "OPTIONS", "HEAD", "DELETE"]);
    headers.push(("Connection", "close".to_owned()));
    let mut body = String::new();
    if method == "POST" {
        body = "x".repeat([0, 5, 20, 2000][r.below(4)]);
        headers.push(("Content-Length", body.len().to_string()));
    }
    if method == "OPTIONS" {
        headers.push(("Access-Control-Request-Method", "PUT".to_owned()));
    }
    Asked { method, target, headers, handshake: false, body, plan: plan(r) }
}
