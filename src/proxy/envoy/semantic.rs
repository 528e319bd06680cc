//! What Envoy refuses once every message is read: names without a definition, settings that contradict each other. Only what
//! was measured, and only where the text alone shows it.

use super::schema::{Finding, nearest};
use super::view::View;
use super::yaml::Entry;
use crate::model::ProblemKind;
use crate::source::Span;
use std::collections::{BTreeMap, HashMap};

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
const SERVER_TLS: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/// Filters that pass a request on, and so cannot stand last.
const PASSING: &[&str] = &[
    "buffer",
    "compressor",
    "cors",
    "csrf",
    "decompressor",
    "ext_authz",
    "fault",
    "grpc_json_transcoder",
    "grpc_web",
    "gzip",
    "header_to_metadata",
    "health_check",
    "jwt_authn",
    "local_ratelimit",
    "lua",
    "oauth2",
    "ratelimit",
    "rbac",
];

/// Checks a bootstrap.
pub(super) fn bootstrap(root: View<'_>) -> Vec<Finding> {
    let mut out = Check::default();
    let Some(resources) = root.field("static_resources") else { return out.found };
    let clusters = resources.list("clusters");
    let mut names: Option<Vec<String>> = Some(Vec::new());
    for c in &clusters {
        match (c.field("name").and_then(View::str), &mut names) {
            (Some(name), Some(all)) => all.push(name.into_owned()),
            // A template may bring any name.
            _ => names = None,
        }
    }
    let whole = !resources.field("clusters").is_some_and(View::has_hole);
    let names = names.filter(|_| whole);
    out.unique("cluster", clusters.iter().filter_map(|c| c.field("name")));
    for cluster in &clusters {
        out.cluster(*cluster);
    }
    let listeners = resources.list("listeners");
    out.addresses(&listeners);
    for listener in listeners {
        out.listener(listener, names.as_deref());
    }
    out.found
}

/// Checks a listener of a discovery file: which clusters there are is not known.
pub(super) fn listener(listener: View<'_>) -> Vec<Finding> {
    let mut out = Check::default();
    out.listener(listener, None);
    out.found
}

/// Checks a cluster of a discovery file.
pub(super) fn cluster(cluster: View<'_>) -> Vec<Finding> {
    let mut out = Check::default();
    out.cluster(cluster);
    out.found
}

/// Checks a table of routes; clusters that do not exist are no fault there.
pub(super) fn routes(config: View<'_>) -> Vec<Finding> {
    let mut out = Check::default();
    out.routes(config, None);
    out.found
}

#[derive(Default)]
struct Check {
    found: Vec<Finding>,
}

impl Check {
    fn add(&mut self, kind: ProblemKind, span: Span, message: String, help: String) -> &mut Finding {
        self.found.push(Finding {
            kind,
            certain: true,
            span,
            message: message + ": Envoy refuses it",
            help,
            related: Vec::new(),
            remedy: None,
            until: None,
        });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Names of which each may stand once.
    fn unique<'a>(&mut self, noun: &str, names: impl Iterator<Item = View<'a>>) {
        let mut first: HashMap<String, Span> = HashMap::new();
        for view in names {
            let Some(name) = view.str() else { continue };
            match first.get(&*name) {
                Some(at) => {
                    let f = self.add(
                        ProblemKind::DuplicateDirective,
                        view.span(),
                        format!("a second {noun} `{name}`"),
                        "give it a name of its own".to_owned(),
                    );
                    f.related.push((*at, "the first".to_owned()));
                }
                None => {
                    first.insert(name.into_owned(), view.span());
                }
            }
        }
    }

    fn cluster(&mut self, cluster: View<'_>) {
        let fixed = match cluster.field("type") {
            Some(kind) => kind.name().is_some_and(|n| n == "STATIC" || n == "0"),
            None => {
                cluster.field("cluster_type").is_none() && cluster.entry("type").is_none_or(|e| View::new(cluster.tree, e.value).is_null())
            }
        };
        let groups = cluster.field("load_assignment").map(|l| l.list("endpoints")).unwrap_or_default();
        for endpoint in groups.iter().flat_map(|g| g.list("lb_endpoints")) {
            let Some(socket) = endpoint.find(&["endpoint", "address", "socket_address"]) else { continue };
            let Some(address) = socket.field("address") else { continue };
            if let Some(text) = address.str()
                && fixed
                && text.parse::<std::net::IpAddr>().is_err()
                && socket.field("resolver_name").is_none()
                && !text.is_empty()
            {
                let message = format!("`{text}` is no IP address, and a STATIC cluster looks up no names");
                self.add(
                    ProblemKind::BadValue,
                    address.span(),
                    message,
                    "set the cluster's `type: STRICT_DNS`, or write an IP address".to_owned(),
                );
            }
        }
        let options = cluster.field("typed_extension_protocol_options").map(View::pairs).unwrap_or_default();
        for (_, options) in options {
            if let Some(auto) = options.entry("auto_config").filter(|e| !View::new(options.tree, e.value).is_null())
                && cluster.entry("transport_socket").is_none()
                && cluster.entry("transport_socket_matches").is_none()
                && !cluster.has_hole()
            {
                let message = "`auto_config` asks for ALPN, and this cluster has no TLS".to_owned();
                let help = "write `explicit_http_config`, or give the cluster a TLS `transport_socket`".to_owned();
                self.add(ProblemKind::ConflictingSettings, cluster.tree.span(auto.key), message, help);
            }
        }
        if let Some(socket) = cluster.field("transport_socket") {
            self.typed(socket, "transport socket");
        }
    }

    /// An extension is found by the type of its `typed_config` alone.
    fn typed(&mut self, extension: View<'_>, noun: &str) {
        let written = |field: &str| extension.entry(field).is_some();
        let empty = |c: View<'_>| c.is_map() && c.tree.entries(c.id).is_empty();
        let config = extension.field("typed_config");
        if !extension.is_map()
            || config.is_some_and(|c| !empty(c))
            || written("config_discovery")
            || written("config")
            || extension.field("is_optional").is_some_and(|o| o.bool() != Some(false))
            || extension.has_hole()
        {
            return;
        }
        let at = match (extension.entry("typed_config"), extension.field("name")) {
            (Some(e), _) => extension.tree.span(e.key),
            (None, Some(name)) => name.span(),
            _ => return,
        };
        let message = format!("a {noun} without the type of its configuration");
        self.add(ProblemKind::MissingSetting, at, message, "add `typed_config` with an `@type`: the name finds nothing".to_owned());
    }

    fn addresses(&mut self, listeners: &[View<'_>]) {
        let mut first: BTreeMap<(String, u64, bool), Span> = BTreeMap::new();
        for l in listeners {
            let Some(socket) = l.find(&["address", "socket_address"]) else { continue };
            let (Some(address), Some(port)) = (socket.field("address").and_then(View::str), socket.field("port_value")) else { continue };
            let Some(number) = port.u64().filter(|n| *n != 0) else { continue };
            let bound = l.field("bind_to_port").is_none_or(|b| b.bool() == Some(true)) && l.entry("deprecated_v1").is_none();
            let udp = socket.field("protocol").and_then(View::name).is_some_and(|p| p == "UDP" || p == "1");
            if !bound {
                continue;
            }
            match first.get(&(address.to_string(), number, udp)) {
                Some(at) => {
                    let message = format!("a second listener on {address}:{number}");
                    let f = self.add(ProblemKind::DuplicateDirective, port.span(), message, "give it an address of its own".to_owned());
                    f.related.push((*at, "the first".to_owned()));
                }
                None => {
                    first.insert((address.into_owned(), number, udp), port.span());
                }
            }
        }
    }

    fn listener(&mut self, listener: View<'_>, clusters: Option<&[String]>) {
        for filter in listener.list("listener_filters") {
            self.typed(filter, "listener filter");
        }
        let chains = listener.list("filter_chains").into_iter().chain(listener.field("default_filter_chain"));
        for chain in chains {
            if let Some(socket) = chain.field("transport_socket") {
                self.typed(socket, "transport socket");
                self.server_tls(socket);
            }
            for filter in chain.list("filters") {
                self.typed(filter, "filter");
                if let Some((name, manager)) = filter.field("typed_config").and_then(View::any)
                    && name == MANAGER
                {
                    self.manager(manager, clusters);
                }
            }
        }
    }

    fn server_tls(&mut self, socket: View<'_>) {
        let Some((name, context)) = socket.field("typed_config").and_then(View::any) else { return };
        let sources = [
            "tls_certificates",
            "tls_certificate_sds_secret_configs",
            "tls_certificate_provider_instance",
            "tls_certificate_certificate_provider",
            "tls_certificate_certificate_provider_instance",
            "custom_tls_certificate_selector",
        ];
        let common = context.field("common_tls_context");
        let any = common.is_some_and(|c| c.is_opaque() || sources.iter().any(|s| c.field(s).is_some()));
        if name == SERVER_TLS && !any && !context.has_hole() {
            let entry: Option<Entry> = context.entry("common_tls_context").or_else(|| socket.entry("typed_config"));
            if let Some(e) = entry {
                let help = "add `tls_certificates` or `tls_certificate_sds_secret_configs`".to_owned();
                self.add(ProblemKind::MissingSetting, socket.tree.span(e.key), "a TLS server without a certificate".to_owned(), help);
            }
        }
    }

    fn manager(&mut self, manager: View<'_>, clusters: Option<&[String]>) {
        let upgrades = manager.list("upgrade_configs");
        self.upgrades(&upgrades);
        for upgrade in upgrades {
            self.chain(&upgrade.list("filters"), upgrade.has_hole());
        }
        let holes = manager.field("http_filters").is_some_and(View::has_hole);
        self.chain(&manager.list("http_filters"), holes);
        if let Some(config) = manager.field("route_config") {
            self.routes(config, clusters);
        }
    }

    fn upgrades(&mut self, upgrades: &[View<'_>]) {
        let mut first: HashMap<String, Span> = HashMap::new();
        for kind in upgrades.iter().filter_map(|u| u.field("upgrade_type")) {
            let Some(name) = kind.str() else { continue };
            match first.get(&name.to_ascii_lowercase()) {
                Some(at) => {
                    let help = "keep one of them; small and capital letters are the same".to_owned();
                    let f = self.add(ProblemKind::DuplicateDirective, kind.span(), format!("the upgrade type `{name}` twice"), help);
                    f.related.push((*at, "the first".to_owned()));
                }
                None => {
                    first.insert(name.to_ascii_lowercase(), kind.span());
                }
            }
        }
    }

    /// A chain ends with a filter that answers, and has no such filter before.
    fn chain(&mut self, filters: &[View<'_>], holes: bool) {
        let types: Vec<Option<String>> =
            filters.iter().map(|f| f.field("typed_config").and_then(View::any).map(|(n, _)| n.into_owned())).collect();
        for f in filters {
            self.typed(*f, "filter");
        }
        if holes {
            return;
        }
        let place = |f: View<'_>| f.field("name").map_or_else(|| f.span(), View::span);
        for (i, f) in filters.iter().enumerate() {
            let last = i + 1 == filters.len();
            let name = types[i].as_deref().unwrap_or_default();
            if name == ROUTER && !last {
                let message = "the router is not the last filter".to_owned();
                self.add(ProblemKind::MisplacedDirective, place(*f), message, "move it behind all other filters".to_owned());
            }
            let passing =
                name.strip_prefix("envoy.extensions.filters.http.").and_then(|n| n.split('.').next()).is_some_and(|n| PASSING.contains(&n));
            if last && passing {
                let message = "the last filter of this chain answers no request".to_owned();
                self.add(ProblemKind::MissingSetting, place(*f), message, "add the router behind it".to_owned());
            }
        }
    }

    fn routes(&mut self, config: View<'_>, clusters: Option<&[String]>) {
        let checked = config.field("validate_clusters").is_none_or(|v| v.bool() == Some(true));
        let hosts = config.list("virtual_hosts");
        self.domains(&hosts);
        for host in &hosts {
            self.per_filter(*host);
            for route in host.list("routes") {
                self.per_filter(route);
                let Some(action) = route.field("route") else { continue };
                self.upgrades(&action.list("upgrade_configs"));
                let rewrites: Vec<Entry> = ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy"]
                    .iter()
                    .filter_map(|r| action.entry(r).filter(|e| View::new(action.tree, e.value).str().as_deref() != Some("")))
                    .filter(|e| !View::new(action.tree, e.value).is_null())
                    .collect();
                if let [first, second, ..] = rewrites.as_slice() {
                    let message = "two ways to rewrite the path".to_owned();
                    let f =
                        self.add(ProblemKind::ConflictingSettings, action.tree.span(second.key), message, "keep one of them".to_owned());
                    f.related.push((action.tree.span(first.key), "the other".to_owned()));
                }
                let Some(clusters) = clusters else { continue };
                let weighted = action.field("weighted_clusters").map(|w| w.list("clusters")).unwrap_or_default();
                let named = action.field("cluster").into_iter().chain(weighted.iter().filter_map(|c| c.field("name")));
                for name in named {
                    let Some(text) = name.str().filter(|t| !t.is_empty()) else { continue };
                    if !clusters.iter().any(|c| **c == *text) {
                        let near = nearest(&text, clusters.iter().map(String::as_str));
                        let help =
                            near.map_or_else(|| "define the cluster in `static_resources`".to_owned(), |n| format!("did you mean `{n}`?"));
                        let f = self.add(ProblemKind::UndefinedName, name.span(), format!("there is no cluster `{text}`"), help);
                        if !checked {
                            // It starts, and has nowhere to send these requests `[ws-unknown-cluster-novalidate]`.
                            (f.certain, f.message) = (false, format!("there is no cluster `{text}`: Envoy answers 503"));
                        }
                    }
                }
            }
        }
    }

    fn domains(&mut self, hosts: &[View<'_>]) {
        let mut first: HashMap<String, Span> = HashMap::new();
        for domain in hosts.iter().flat_map(|h| h.list("domains")) {
            let Some(name) = domain.str() else { continue };
            match first.get(&name.to_ascii_lowercase()) {
                Some(at) => {
                    let help = "keep it in one virtual host".to_owned();
                    let f = self.add(ProblemKind::DuplicateDirective, domain.span(), format!("the domain `{name}` a second time"), help);
                    f.related.push((*at, "the first".to_owned()));
                }
                None => {
                    first.insert(name.to_ascii_lowercase(), domain.span());
                }
            }
        }
    }

    /// Configuration for one filter, of a type that no filter takes.
    fn per_filter(&mut self, of: View<'_>) {
        for (_, config) in of.field("typed_per_filter_config").map(View::pairs).unwrap_or_default() {
            let Some((name, _)) = config.any() else { continue };
            if name == "envoy.config.route.v3.CorsPolicy"
                && let Some(url) = config.tree.get(config.id, "@type")
            {
                let message = format!("`{name}` is no configuration of a filter");
                let help = "write `type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy`".to_owned();
                self.add(ProblemKind::BadValue, config.tree.span(url), message, help);
            }
        }
    }
}
