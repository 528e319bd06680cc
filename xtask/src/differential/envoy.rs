//! Random Envoy configurations: virtual hosts, matches, rewrites, redirects, answers of its own, header lists on four levels, CORS,
//! upgrades.

use super::Places;
use super::random::Random;
use serde_json::{Map, Value, json};

const HEADERS: [&str; 4] = ["x-one", "x-two", "x-three", "x-one"];
const ANSWERED: [&str; 5] = ["x-one", "x-two", "vary", "access-control-allow-origin", "x-backend"];
const VALUES: [&str; 8] = ["one", "two", "%REQ(x-one)%", "%REQ(:path)%", "%REQ(host)%", "%PROTOCOL%", "a-%REQ(origin)%", "%REQ(:method)%"];
const TOLD: [&str; 5] = ["one", "two", "%RESPONSE_CODE%", "%REQ(origin)%", "%RESP(x-backend)%"];
const PREFIXES: [&str; 9] = ["/", "/a", "/a/", "/ws", "/ws/", "/api/", "/api", "/static/", "/%61"];
const ACTIONS: [&str; 4] = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"];

struct Writer<'a> {
    r: &'a mut Random,
}

/// One whole configuration.
pub(super) fn configuration(r: &mut Random, places: &Places) -> String {
    let mut w = Writer { r };
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "s",
        "route_config": w.routes(),
        "http_filters": w.filters(),
    });
    if w.r.percent(60) {
        manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "enabled": w.r.percent(80) }]);
    }
    w.sometimes(25, &mut manager, "merge_slashes", json!(true));
    w.sometimes(25, &mut manager, "normalize_path", json!(true));
    w.sometimes(15, &mut manager, "strip_any_host_port", json!(true));
    let cluster = |name: &str, at: &str| {
        let (address, port) = at.split_once(':').unwrap_or((at, "0"));
        let socket = json!({ "socket_address": { "address": address, "port_value": port.parse::<u16>().unwrap_or_default() } });
        let endpoints = json!([{ "lb_endpoints": [{ "endpoint": { "address": socket } }] }]);
        json!({ "name": name, "connect_timeout": "2s", "load_assignment": { "cluster_name": name, "endpoints": endpoints } })
    };
    let chains = json!([{ "filters": [{ "name": "m", "typed_config": manager }] }]);
    let listener = json!({
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": places.front } },
        "filter_chains": chains,
    });
    let clusters = [
        cluster("one", &format!("127.0.0.1:{}", places.backends[0])),
        cluster("two", &format!("127.0.0.1:{}", places.backends[1])),
        cluster("dead", super::DEAD),
    ];
    let all = json!({ "static_resources": { "listeners": [listener], "clusters": clusters } });
    serde_json::to_string_pretty(&all).unwrap_or_default()
}

impl Writer<'_> {
    fn of<'b>(&mut self, list: &[&'b str]) -> &'b str {
        list[self.r.below(list.len())]
    }

    fn sometimes(&mut self, percent: usize, at: &mut Value, key: &str, value: Value) {
        if self.r.percent(percent) {
            at[key] = value;
        }
    }

    fn filters(&mut self) -> Value {
        let mut all = Vec::new();
        if self.r.percent(50) {
            all.push(json!({ "name": "envoy.filters.http.cors", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors" } }));
        }
        if self.r.percent(20) {
            let mutation =
                json!({ "append": { "header": { "key": self.of(&HEADERS), "value": "mutated" }, "append_action": self.of(&ACTIONS) } });
            let side = self.of(&["request_mutations", "response_mutations"]);
            let mut mutations = Map::new();
            mutations.insert(side.to_owned(), json!([mutation, { "remove": self.of(&["x-two", "x-three"]) }]));
            all.push(json!({ "name": "envoy.filters.http.header_mutation", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
                "mutations": mutations } }));
        }
        all.push(json!({ "name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }));
        json!(all)
    }

    /// Header lists of one level.
    fn lists(&mut self, at: &mut Value) {
        for (side, names, values) in [("request", &HEADERS[..], &VALUES[..]), ("response", &ANSWERED[..], &TOLD[..])] {
            if self.r.percent(35) {
                let mut lines = Vec::new();
                for _ in 0..=self.r.below(2) {
                    let mut line = json!({ "header": { "key": self.of(names), "value": self.of(values) } });
                    let action = self.of(&ACTIONS);
                    self.sometimes(70, &mut line, "append_action", json!(action));
                    self.sometimes(15, &mut line, "keep_empty_value", json!(true));
                    lines.push(line);
                }
                at[format!("{side}_headers_to_add")] = json!(lines);
            }
            if self.r.percent(15) {
                at[format!("{side}_headers_to_remove")] = json!([self.of(names)]);
            }
        }
    }

    fn cors(&mut self) -> Value {
        let origins = [
            json!({ "exact": "https://app.example.com" }),
            json!({ "prefix": "https://app" }),
            json!({ "suffix": ".example.com" }),
            json!({ "safe_regex": { "regex": "https://([a-z]+\\.)?example\\.com" } }),
            json!({ "exact": "*" }),
        ];
        let mut policy = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
            "allow_origin_string_match": [(origins[self.r.below(origins.len())])],
        });
        self.sometimes(50, &mut policy, "allow_methods", json!("GET, PUT"));
        self.sometimes(40, &mut policy, "allow_headers", json!("content-type"));
        self.sometimes(30, &mut policy, "allow_credentials", json!(true));
        self.sometimes(30, &mut policy, "max_age", json!("60"));
        json!({ "envoy.filters.http.cors": policy })
    }

    fn routes(&mut self) -> Value {
        let mut hosts = Vec::new();
        let domains = [json!(["a.test"]), json!(["b.test", "www.b.test"]), json!(["*.c.test"]), json!(["c.*"]), json!(["*"])];
        let last = 1 + self.r.below(domains.len() - 1);
        for (i, domains) in domains.iter().enumerate().filter(|(i, _)| *i < last || *i == 4) {
            let routes: Vec<Value> = (0..=self.r.below(4)).map(|_| self.route()).collect();
            let mut host = json!({ "name": format!("h{i}"), "domains": domains, "routes": routes });
            self.lists(&mut host);
            if self.r.percent(25) {
                host["typed_per_filter_config"] = self.cors();
            }
            hosts.push(host);
        }
        let mut all = json!({ "virtual_hosts": hosts });
        self.lists(&mut all);
        self.sometimes(20, &mut all, "most_specific_header_mutations_wins", json!(true));
        all
    }

    fn matching(&mut self) -> Value {
        let mut at = match self.r.below(8) {
            0 => json!({ "path": self.of(&["/a", "/ws/", "/a/b"]) }),
            1 => json!({ "safe_regex": { "regex": self.of(&["/a/.*", "/(ws|api)/[a-z0-9]+", ".*\\.js"]) } }),
            2 => json!({ "path_separated_prefix": self.of(&["/a", "/api", "/ws"]) }),
            _ => json!({ "prefix": self.of(&PREFIXES) }),
        };
        self.sometimes(10, &mut at, "case_sensitive", json!(false));
        if self.r.percent(25) {
            let mut header = match self.r.below(6) {
                0 => json!({ "name": "origin", "present_match": true }),
                1 => json!({ "name": "upgrade", "string_match": { "exact": "websocket", "ignore_case": true } }),
                2 => json!({ "name": ":method", "string_match": { "exact": self.of(&["GET", "POST", "OPTIONS"]) } }),
                3 => json!({ "name": "origin", "string_match": { "suffix": ".example.com" } }),
                4 => json!({ "name": "host", "string_match": { "prefix": "a." } }),
                _ => json!({ "name": ":path", "string_match": { "contains": "b" } }),
            };
            self.sometimes(25, &mut header, "invert_match", json!(true));
            at["headers"] = json!([header]);
        }
        if self.r.percent(12) {
            let query = [json!({ "name": "x", "present_match": true }), json!({ "name": "x", "string_match": { "exact": "1" } })];
            at["query_parameters"] = json!([(query[self.r.below(2)])]);
        }
        at
    }

    fn route(&mut self) -> Value {
        let mut route = json!({ "match": self.matching() });
        let (key, action) = match self.r.below(9) {
            0 => ("direct_response", json!({ "status": ([200, 404, 503][self.r.below(3)]), "body": { "inline_string": "told" } })),
            1 => ("redirect", self.redirect()),
            _ => ("route", self.forwards()),
        };
        route[key] = action;
        self.lists(&mut route);
        if self.r.percent(20) {
            route["typed_per_filter_config"] = self.cors();
        }
        route
    }

    fn redirect(&mut self) -> Value {
        let mut at = match self.r.below(4) {
            0 => json!({ "path_redirect": self.of(&["/moved", "/moved?y=1"]) }),
            1 => json!({ "prefix_rewrite": "/pre/" }),
            2 => json!({ "https_redirect": true }),
            _ => json!({ "host_redirect": "www.test" }),
        };
        let code = self.of(&["FOUND", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"]);
        self.sometimes(40, &mut at, "response_code", json!(code));
        self.sometimes(25, &mut at, "strip_query", json!(true));
        at
    }

    fn forwards(&mut self) -> Value {
        let mut at = json!({ "cluster": self.of(&["one", "two", "one", "two", "dead"]) });
        match self.r.below(6) {
            0 => at["prefix_rewrite"] = json!(self.of(&["/", "/new", "/new/"])),
            1 => {
                let (regex, with) = [("^/a/(.*)$", "/\\1"), ("/v(\\d)", "/w\\1"), ("^/([a-z]+)", "/x-\\1")][self.r.below(3)];
                at["regex_rewrite"] = json!({ "pattern": { "regex": regex }, "substitution": with });
            }
            _ => {}
        }
        match self.r.below(8) {
            0 => at["host_rewrite_literal"] = json!("rewritten.test"),
            1 => at["host_rewrite_header"] = json!("x-one"),
            _ => {}
        }
        if self.r.percent(25) {
            at["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "enabled": self.r.percent(70) }]);
        }
        at
    }
}
