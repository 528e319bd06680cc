//! Relics of the v2 API, which Envoy dropped in 1.18: what took their place.

/// What replaces a field of v2 in a message of v3.
pub(super) fn field(message: &str, key: &str) -> Option<&'static str> {
    Some(match (message, key) {
        (_, "config") if takes_typed_config(message) => "write `typed_config` with an `@type`",
        ("Cluster", "hosts") => "write `load_assignment` with `endpoints`",
        ("Cluster", "tls_context" | "tlsContext") => "write `transport_socket` with an `UpstreamTlsContext`",
        ("FilterChain", "tls_context" | "tlsContext") => "write `transport_socket` with a `DownstreamTlsContext`",
        ("Cluster", "extension_protocol_options") => "write `typed_extension_protocol_options`",
        ("RouteAction", "use_websocket" | "useWebsocket") => "write `upgrade_configs: [{upgrade_type: websocket}]`",
        ("RouteMatch", "regex") => "write `safe_regex: {regex: ...}`",
        ("HeaderMatcher", "regex_match" | "regexMatch") => "write `string_match: {safe_regex: {regex: ...}}`",
        ("StringMatcher", "regex") => "write `safe_regex: {regex: ...}`",
        ("CorsPolicy", "allow_origin" | "allowOrigin" | "allow_origin_regex" | "allowOriginRegex") => {
            "write `allow_origin_string_match: [{exact: ...}]`"
        }
        ("CorsPolicy", "enabled") => "write `filter_enabled`",
        ("HttpConnectionManager", "idle_timeout" | "idleTimeout") => "write `common_http_protocol_options: {idle_timeout: ...}`",
        ("Route" | "VirtualHost" | "ClusterWeight", "per_filter_config" | "perFilterConfig") => "write `typed_per_filter_config`",
        ("HttpHealthCheck", "use_http2" | "useHttp2") => "write `codec_client_type: HTTP2`",
        ("RouteAction", "request_mirror_policy" | "requestMirrorPolicy") => "write `request_mirror_policies: [...]`",
        ("Listener", "use_original_dst" | "useOriginalDst") => "write the listener filter `original_dst`",
        _ => return None,
    })
}

fn takes_typed_config(message: &str) -> bool {
    matches!(
        message,
        "Filter"
            | "HttpFilter"
            | "ListenerFilter"
            | "AccessLog"
            | "TransportSocket"
            | "StatsSink"
            | "CustomHealthCheck"
            | "RetryPriority"
            | "RetryHostPredicate"
            | "ResourceMonitor"
            | "CustomClusterType"
            | "GrpcService"
            | "UpgradeConfig"
    )
}

/// Whether a message's name is one of v2.
pub(super) fn message(name: &str) -> bool {
    name.starts_with("envoy.") && (name.contains(".v2.") || name.contains(".v2alpha") || name.starts_with("envoy.api.v2"))
}

/// The message of v3 that took the place of one of v2: it has its name, and most of the words before.
pub(super) fn successor<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let words: Vec<&str> = name.split('.').collect();
    let last = words.last()?;
    let shared = |n: &str| n.split('.').filter(|w| words.iter().any(|v| w.trim_end_matches('s') == v.trim_end_matches('s'))).count();
    let mut best: Vec<(usize, &str)> = names
        .filter(|n| n.starts_with("envoy.") && n.contains(".v3.") && n.rsplit('.').next() == Some(last))
        .map(|n| (shared(n), n))
        .collect();
    best.sort_unstable_by_key(|b| std::cmp::Reverse(b.0));
    match best.as_slice() {
        [one] => Some(one.1),
        [first, second, ..] if first.0 > second.0 => Some(first.1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::successor;

    #[test]
    fn types_of_v2_are_found_by_their_own_name() {
        let names = || crate::proxy::envoy::schema::schema().names();
        let v3 = |n| successor(n, names());
        assert_eq!(v3("envoy.config.filter.http.router.v2.Router"), Some("envoy.extensions.filters.http.router.v3.Router"));
        assert_eq!(v3("envoy.api.v2.auth.UpstreamTlsContext"), Some("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"));
        assert_eq!(v3("envoy.api.v2.Listener"), Some("envoy.config.listener.v3.Listener"));
        assert_eq!(v3("envoy.api.v2.filter.http.FilterTransformations"), None);
    }
}
