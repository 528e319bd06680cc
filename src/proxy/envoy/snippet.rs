//! Whole bootstrap configurations for one route.

use crate::config::{Order, Serves};
use std::fmt::Write as _;

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters";

/// Writes a route; the same text suits all supported releases.
pub(super) fn write(order: &Order) -> String {
    let (host, port) = order.upstream.rsplit_once(':').unwrap_or((&order.upstream, "80"));
    let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // For all routes of this listener: there is but the one.
    let upgrades = if order.upgrades() {
        "# Without it a handshake is answered with 403.\n          upgrade_configs:\n          - upgrade_type: websocket\n          "
    } else {
        ""
    };
    let mut out = format!(
        "# {} at {}, to {}.\n\
         static_resources:\n  listeners:\n  - name: web\n    address: {{ socket_address: {{ address: 0.0.0.0, port_value: 10000 }} }}\n    \
         filter_chains:\n    - filters:\n      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          \
         \"@type\": {FILTERS}.network.http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: web\n          \
         {upgrades}route_config:\n            virtual_hosts:\n            - name: web\n              domains: [\"*\"]\n              routes:\n",
        order.serves.title(),
        order.path,
        order.upstream
    );
    if order.upgrades() && !order.origins.is_empty() {
        refused_origins(&mut out, order);
    }
    let _ = write!(out, "              - match: {}\n                route:\n                  cluster: app\n", matched(order));
    if order.serves == Serves::Cors {
        policy(&mut out, order);
    } else {
        out.push_str(
            "                  # Limits the wait for a whole answer; it would end a stream after 15 s.\n                  timeout: 0s\n",
        );
        let _ = write!(
            out,
            "                  # Silence in both directions for so long ends it: {}.\n                  idle_timeout: {}s\n",
            order.idle_reason(),
            order.idle_seconds()
        );
    }
    if order.serves == Serves::Events && !order.origins.is_empty() {
        policy(&mut out, order);
    }
    out.push_str("          http_filters:\n");
    if order.serves == Serves::Cors || order.serves == Serves::Events && !order.origins.is_empty() {
        let _ = write!(
            out,
            "          # Before anything that asks for credentials: a preflight carries none.\n          - name: envoy.filters.http.cors\n            \
             typed_config: {{ \"@type\": {FILTERS}.http.cors.v3.Cors }}\n"
        );
    }
    let kind = if numeric { "STATIC" } else { "STRICT_DNS" };
    let _ = write!(
        out,
        "          - name: envoy.filters.http.router\n            typed_config: {{ \"@type\": {FILTERS}.http.router.v3.Router }}\n  \
         clusters:\n  - name: app\n    type: {kind}\n    connect_timeout: 2s\n"
    );
    if order.serves == Serves::SocketIo {
        out.push_str("    # With several servers a client must stay with one (add a hash_policy to the route then).\n");
    }
    if order.serves != Serves::Cors {
        out.push_str(
            "    # An open stream counts as a connection and as a request; 1024 of them are the default, and what comes after hangs.\n    \
             circuit_breakers:\n      thresholds:\n      - { max_connections: 20000, max_pending_requests: 20000, max_requests: 20000 }\n",
        );
    }
    let _ = write!(
        out,
        "    load_assignment:\n      cluster_name: app\n      endpoints:\n      - lb_endpoints:\n        - endpoint:\n            address: \
         {{ socket_address: {{ address: {host}, port_value: {port} }} }}\n"
    );
    out
}

/// The path itself and what lies below it.
fn matched(order: &Order) -> String {
    match order.bare_path() {
        None if order.path == "/" => "{ prefix: / }".to_owned(),
        None => format!("{{ path_separated_prefix: {} }}", order.path),
        Some(bare) => format!("{{ path_separated_prefix: {bare} }}"),
    }
}

/// Browsers do not apply CORS to WebSocket: a page of another origin is refused here.
fn refused_origins(out: &mut String, order: &Order) {
    out.push_str(
        "              # Browsers do not apply CORS to WebSocket: pages of other origins are refused here. Other clients send no Origin.\n",
    );
    let origins: Vec<String> = order.origins.iter().map(|o| o.replace('.', "\\\\.")).collect();
    let path = order.bare_path().unwrap_or(&order.path);
    let _ = write!(
        out,
        "              - match:\n                  path_separated_prefix: {path}\n                  headers:\n                  \
         - {{ name: upgrade, string_match: {{ exact: websocket, ignore_case: true }} }}\n                  \
         - {{ name: origin, present_match: true }}\n                  \
         - {{ name: origin, string_match: {{ safe_regex: {{ regex: \"{}\" }} }}, invert_match: true }}\n                \
         direct_response: {{ status: 403 }}\n",
        origins.join("|")
    );
}

/// The CORS policy of the route.
fn policy(out: &mut String, order: &Order) {
    let _ = write!(
        out,
        "                typed_per_filter_config:\n                  envoy.filters.http.cors:\n                    \
         \"@type\": {FILTERS}.http.cors.v3.CorsPolicy\n                    allow_origin_string_match:\n"
    );
    for origin in &order.origins {
        let _ = writeln!(out, "                    - exact: \"{origin}\"");
    }
    out.push_str(
        "                    allow_methods: GET, POST, PUT, PATCH, DELETE, OPTIONS\n                    \
         allow_headers: authorization, content-type\n                    max_age: \"7200\"\n",
    );
    // The filter never says that the answer depends on who asks.
    out.push_str(
        "                response_headers_to_add:\n                - header: { key: vary, value: Origin }\n                  \
         append_action: APPEND_IF_EXISTS_OR_ADD\n",
    );
}
