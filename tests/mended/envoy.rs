//! Envoy: routes and their levels, in block and flow style.

use super::{Layout, layout, promises, text};
use proptest::prelude::*;

const CORS: &str = "type.googleapis.com/envoy.extensions.filters.http.cors.v3";

/// Fields of a route's action, beside its cluster.
const ACTIONS: &[&[&str]] = &[
    &[],
    &["timeout: 0s"],
    &["idle_timeout: 20s # keep idle"],
    &["idle_timeout: 20s", "upgrade_configs: [{upgrade_type: websocket}]"],
    &["upgrade_configs:", "- upgrade_type: ws"],
    &["upgrade_configs: [{upgrade_type: websocket, enabled: false}]"],
    &["max_stream_duration: {max_stream_duration: 60s}", "upgrade_configs: [{upgrade_type: websocket}]"],
    &["upgrade_configs: [{upgrade_type: websocket}]"],
];

/// Fields of a route beside its action.
const ROUTES: &[&[&str]] = &[
    &[],
    &["request_headers_to_add:", "- header: {key: Upgrade, value: websocket}", "- header: {key: Connection, value: upgrade}"],
    &["request_headers_to_add:", "- header: {key: x-part, value: one} # stay part", "- header: {key: Upgrade, value: websocket}"],
    &[
        "typed_per_filter_config:",
        "  envoy.filters.http.cors:",
        "    \"@type\": {cors}.CorsPolicy",
        "    allow_origin_string_match: [{exact: \"https://app.example.com\"}]",
    ],
    &[
        "typed_per_filter_config:",
        "  cors:",
        "    \"@type\": {cors}.CorsPolicy",
        "    allow_origin_string_match: [{exact: \"https://app.example.com\"}]",
        "    allow_methods: GET, PUT",
        "    allow_headers: authorization",
    ],
    &["response_headers_to_add: [{header: {key: x-part, value: two}}] # keep answers"],
];

/// Fields of the connection manager.
const MANAGERS: &[&[&str]] = &[
    &[],
    &["stream_idle_timeout: 30s"],
    &["common_http_protocol_options: {max_stream_duration: 90s}"],
    &["upgrade_configs: [{upgrade_type: websocket}] # keep upgrades"],
];

#[derive(Clone, Debug)]
struct Route {
    action: usize,
    beside: usize,
    socket: bool,
    flow: bool,
}

fn route() -> impl Strategy<Value = Route> {
    (0..ACTIONS.len(), 0..ROUTES.len(), any::<bool>(), any::<bool>()).prop_map(|(action, beside, socket, flow)| Route {
        action,
        beside,
        socket,
        flow,
    })
}

fn whole(manager: usize, engine: bool, router: bool, routes: &[Route], layout: Layout) -> String {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut put = |depth, line: &str| lines.push((depth, line.replace("{cors}", CORS)));
    put(0, "static_resources:");
    for line in [
        "listeners: # stay listeners",
        "- name: edge",
        "  address: {socket_address: {address: 0.0.0.0, port_value: 8080}}",
        "  filter_chains:",
        "  - filters:",
    ] {
        put(1, line);
    }
    put(3, "- name: envoy.filters.network.http_connection_manager");
    put(3, "  typed_config:");
    put(5, "\"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager");
    put(5, "stat_prefix: edge");
    for line in MANAGERS[manager] {
        put(5, line);
    }
    put(5, "route_config:");
    for line in ["virtual_hosts:", "- name: app", "  domains: [\"*\"]", "  routes:"] {
        put(6, line);
    }
    for (n, r) in routes.iter().enumerate() {
        put(7, &format!("# keep {n}"));
        if r.socket {
            put(7, "# hoplint: websocket heartbeat=30s");
        }
        put(7, &format!("- match: {{prefix: /r{n}/}}"));
        // A list is written on one line only where it stands so.
        let flow = r.flow && ACTIONS[r.action].iter().all(|l| !l.ends_with(':') && !l.starts_with('-') && !l.contains('#'));
        if flow {
            let fields: Vec<&str> = std::iter::once("cluster: app").chain(ACTIONS[r.action].iter().copied()).collect();
            put(8, &format!("route: {{{}}}", fields.join(", ")));
        } else {
            put(8, "route:");
            put(9, "cluster: app");
            for line in ACTIONS[r.action] {
                put(9, line);
            }
        }
        for line in ROUTES[r.beside] {
            put(8, line);
        }
    }
    put(5, "http_filters:");
    if engine {
        put(5, "- name: envoy.filters.http.cors");
        put(5, "  typed_config: {\"@type\": {cors}.Cors}");
    }
    put(5, "- name: envoy.filters.http.health_check");
    put(
        5,
        "  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck, pass_through_mode: false, headers: [{name: \":path\", string_match: {exact: /healthz}}]}",
    );
    if router {
        put(5, "- name: envoy.filters.http.router");
        put(5, "  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}");
    }
    for line in ["clusters:", "- name: app", "  load_assignment: # stay endpoints", "    cluster_name: app"] {
        put(1, line);
    }
    put(1, "    endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.5, port_value: 9001}}}}]}]");
    text(&lines, layout)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn corrections_keep_their_promises(
        manager in 0..MANAGERS.len(),
        engine in any::<bool>(),
        router in prop::bool::weighted(0.9),
        routes in prop::collection::vec(route(), 1..4),
        layout in layout(&["  "], any::<bool>()),
    ) {
        promises("envoy", "envoy.yaml", &whole(manager, engine, router, &routes, layout));
    }
}

#[test]
fn the_pieces_are_corrected() {
    let layout = Layout { step: "  ", crlf: false, ended: true };
    let made = |manager, engine, router, action, beside, socket, flow| {
        promises("envoy", "envoy.yaml", &whole(manager, engine, router, &[Route { action, beside, socket, flow }], layout))
    };
    for flow in [false, true] {
        assert!(made(0, false, true, 0, 0, true, flow) > 0, "not enabled");
        assert!(made(0, false, true, 3, 0, true, flow) > 0, "idle");
        assert!(made(0, false, true, 6, 0, true, flow) > 0, "hard limit");
        assert!(made(1, false, true, 7, 0, true, flow) > 0, "idle of the manager");
    }
    assert!(made(0, false, true, 4, 0, true, false) > 0, "type");
    assert!(made(3, false, true, 0, 1, true, false) > 0, "hand-made");
    assert!(made(0, false, false, 0, 0, false, false) > 0, "no router");
    assert!(made(0, true, true, 0, 4, false, false) > 0, "key");
    assert!(made(0, true, true, 0, 0, false, false) > 0, "idle filter");
}
