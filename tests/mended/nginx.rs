//! nginx: lists in servers and locations, maps, limits, CORS, own requests.

use super::{Layout, layout, promises, text};
use proptest::prelude::*;

/// Lines of a location, by name of the piece. `{n}` is its number.
const ROUTES: &[(&str, &[&str])] = &[
    ("plain", &["proxy_pass http://127.0.0.1:3000;"]),
    ("no connection line", &["proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", "proxy_pass http://127.0.0.1:3000;"]),
    (
        "old protocol",
        &["proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection \"upgrade\";", "proxy_pass http://127.0.0.1:3000;"],
    ),
    (
        "constant",
        &[
            "proxy_http_version 1.1;",
            "proxy_set_header Upgrade websocket;",
            "proxy_set_header Connection upgrade;",
            "proxy_pass http://127.0.0.1:3000;",
        ],
    ),
    ("own list", &["proxy_http_version 1.1;", "proxy_set_header X-Part part{n}; # stay own", "proxy_pass http://127.0.0.1:3000;"]),
    (
        "idle",
        &[
            "proxy_http_version 1.1;",
            "proxy_set_header Upgrade $http_upgrade;",
            "proxy_set_header Connection \"upgrade\";",
            "proxy_read_timeout 20s;",
            "proxy_pass http://127.0.0.1:3000;",
        ],
    ),
    ("cors", &["add_header Access-Control-Allow-Origin https://app{n}.example.com;", "proxy_pass http://127.0.0.1:3000;"]),
    ("reflecting", &["add_header Access-Control-Allow-Origin $cors always;", "proxy_pass http://127.0.0.1:3000;"]),
    ("cors below", &["add_header X-Part part{n} always;", "proxy_pass http://127.0.0.1:3000;"]),
    ("slash origin", &["add_header Access-Control-Allow-Origin https://app{n}.example.com/ always;", "proxy_pass http://127.0.0.1:3000;"]),
    (
        "twice",
        &[
            "add_header Access-Control-Allow-Origin * always;",
            "add_header Access-Control-Allow-Origin * always;",
            "proxy_pass http://127.0.0.1:3000;",
        ],
    ),
    ("kept", &["proxy_http_version 1.1;", "proxy_set_header Connection close;", "proxy_pass http://kept;"]),
    (
        "mapped",
        &[
            "proxy_http_version 1.1;",
            "proxy_set_header Upgrade $http_upgrade;",
            "proxy_set_header Connection $connection_upgrade;",
            "proxy_pass http://kept;",
        ],
    ),
    ("asking", &["auth_request /auth;", "proxy_http_version 1.1;", "proxy_pass http://127.0.0.1:3000;"]),
    (
        "preflight",
        &[
            "if ($request_method = OPTIONS) {",
            "    add_header Access-Control-Allow-Origin https://app.example.com;",
            "    return 204;",
            "}",
            "add_header Access-Control-Allow-Origin https://app.example.com always;",
            "proxy_pass http://127.0.0.1:3000;",
        ],
    ),
    ("never", &["proxy_read_timeout 0;", "proxy_pass http://127.0.0.1:3000;"]),
    ("files", &["root /srv/www; # stay files"]),
];

/// Lines of the server.
const SERVERS: &[&[&str]] = &[
    &[],
    &["proxy_set_header Host $host;"],
    &["proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection \"upgrade\";", "proxy_set_header Host $host; # keep list"],
    &["proxy_http_version 1.1;", "proxy_set_header   Host               $host;", "proxy_set_header   X-Forwarded-Proto  $scheme;"],
    &["add_header Access-Control-Allow-Origin https://app.example.com always;", "add_header X-Frame-Options DENY; # stay frames"],
];

fn whole(server: usize, routes: &[(usize, bool)], layout: Layout) -> String {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut put = |depth, line: &str| lines.push((depth, line.to_owned()));
    for line in ["events {}", "http {"] {
        put(0, line);
    }
    for line in ["# keep the maps", "map $http_upgrade $connection_upgrade {", "    default upgrade;", "    '' close;", "}"] {
        put(1, line);
    }
    for line in [
        "map $http_origin $cors {",
        "    default '';",
        "    https://a.example.com $http_origin;",
        "    https://b.example.com $http_origin;",
        "}",
    ] {
        put(1, line);
    }
    for line in ["upstream kept {", "    server 127.0.0.1:3001;", "    keepalive 8; # stay alive", "}", "server {"] {
        put(1, line);
    }
    put(2, "listen 8080;");
    for line in SERVERS[server] {
        put(2, line);
    }
    for (n, (route, socket)) in routes.iter().enumerate() {
        let (name, body) = ROUTES[*route];
        put(2, &format!("# keep {n}: {name}"));
        if *socket {
            put(2, "# hoplint: websocket heartbeat=30s");
        }
        put(2, &format!("location /r{n}/ {{"));
        for line in body {
            put(3, &line.replace("{n}", &n.to_string()));
        }
        put(2, "}");
    }
    for line in ["location = /auth {", "    internal;", "    proxy_pass http://127.0.0.1:3002; # stay auth", "}"] {
        put(2, line);
    }
    put(1, "}");
    put(0, "}");
    text(&lines, layout)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn corrections_keep_their_promises(
        server in 0..SERVERS.len(),
        routes in prop::collection::vec((0..ROUTES.len(), prop::bool::weighted(0.2)), 1..5),
        layout in layout(&["    ", "\t", "  "], any::<bool>()),
    ) {
        promises("nginx", "nginx.conf", &whole(server, &routes, layout));
    }
}

/// Each piece by itself asks for something, so that the combinations are about something.
#[test]
fn the_pieces_are_corrected() {
    let layout = Layout { step: "    ", crlf: false, ended: true };
    let made = |server, route, socket| promises("nginx", "nginx.conf", &whole(server, &[(route, socket)], layout));
    for (i, (name, _)) in ROUTES.iter().enumerate() {
        let asks = !matches!(*name, "plain" | "files" | "own list" | "cors below" | "reflecting" | "asking");
        assert!(made(0, i, false) > 0 || !asks, "{name}");
    }
    let at = |name| ROUTES.iter().position(|r| r.0 == name).unwrap();
    assert!(made(2, at("own list"), false) > 0 && made(4, at("cors below"), false) > 0 && made(2, at("asking"), false) > 0);
    assert!(made(0, at("mapped"), false) > 0 && made(0, at("plain"), true) > 0 && made(0, at("idle"), true) > 0);
}
