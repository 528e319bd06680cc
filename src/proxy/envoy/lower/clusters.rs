//! Clusters: servers, the protocol spoken to them, and the limits that hold for everything sent there.

use super::{At, Lower, title};
use crate::model::{Cap, Fact, How, Known, Limit, Over, Reason, Releases, Seat, Server, Text, Upstream, UpstreamId, Why, Wire};
use crate::proxy::envoy::conf::Text as File;
use crate::proxy::envoy::input::{CLUSTER, ENDPOINTS, Role};
use crate::source::Span;

/// The protocol towards a cluster.
#[derive(Clone, Copy)]
pub(super) enum Speaks {
    /// Always this one.
    This(Fact<Wire>),
    /// The client's.
    AsClient(Span),
}

/// A cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) upstream: UpstreamId,
    pub(super) seat: Seat,
    pub(super) speaks: Speaks,
    /// Limit on the life of a stream; a route cannot lift it `[t-cluster-max-stream-duration-2s-route-0s]`.
    pub(super) life: Option<Fact<Limit>>,
    /// Limit on connecting.
    pub(super) connect: Fact<Limit>,
    pub(super) tls: bool,
    /// Host name of its first server, for `auto_host_rewrite`.
    pub(super) host: Option<Text>,
}

/// The key under which the protocol options are looked for; any other is ignored `[h2-up-wrong-key]`.
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// Five seconds `[tl-connect-timeout-default-5s]`.
const CONNECT: Limit = Limit::After(5000);
/// What a cluster carries at once unless it says otherwise `[cap-default-1024-hang-then-504]`.
const ROOM: u64 = 1024;

impl<'a> Lower<'a> {
    pub(super) fn clusters(&mut self) {
        let mut all: Vec<At<'a>> = Vec::new();
        if let Some(bootstrap) = self.bootstrap {
            all.extend(bootstrap.get("static_resources").map(|s| s.list("clusters")).unwrap_or_default());
            let further = ["cds_config", "ads_config"].iter().find_map(|f| bootstrap.find(&["dynamic_resources", f]));
            if let Some(at) = further.filter(|at| !self.given(*at)) {
                self.more_clusters = Some(self.p.doubt(Reason::MissingFile, at.span(), "further clusters come from elsewhere"));
            }
            if let Some(span) = self.templated {
                self.more_clusters = Some(self.p.doubt(Reason::Template, span, "a template may fill in more clusters"));
            }
            // Of a broken text the rest was not read, and a dump may be a part.
            let dumped = |t: &File| t.units.iter().any(|u| u.role == Role::Dump);
            if let Some(part) = self.conf.texts.iter().find(|t| !t.tree.errors.is_empty() || dumped(t)) {
                self.more_clusters = Some(self.p.doubt(Reason::TooComplex, part.tree.span, "not all clusters are in view"));
            }
        } else {
            self.more_clusters = self.outside;
        }
        // The good ones of a file with a bad one are taken `[dyn-cds-bad-one-of-two]`.
        all.extend(self.resources(CLUSTER).into_iter().filter(|c| !self.is_rejected(*c)));
        for at in all {
            let name = at.str("name").unwrap_or_default().to_owned();
            if !self.clusters.contains_key(&name) {
                let cluster = self.cluster(at);
                self.clusters.insert(name, cluster);
            }
        }
    }

    fn cluster(&mut self, at: At<'a>) -> Cluster {
        let (name, head) = title(at);
        let seat = self.scope(at, head, "cluster", &name, self.root);
        let (servers, open) = self.servers(at, &name);
        let host = servers.first().and_then(|s| s.at.rsplit_once(':')).map(|s| Text::from(s.0));
        let reuse = Fact::is(true, How::Default(Releases::All), head, seat);
        let caps = self.caps(at, seat, head);
        let upstream = self.p.add_upstream(Upstream { seat, name, servers, open, reuse, caps });
        let options =
            at.get("typed_extension_protocol_options").and_then(|o| o.entries().into_iter().find(|e| e.0 == OPTIONS).map(|e| e.1));
        let further = options.map(|o| o.list("http_filters")).unwrap_or_default();
        self.further_filters.extend(further.iter().filter_map(|f| f.str("name")).map(ToOwned::to_owned));
        let speaks = self.speaks(at, options, seat, head);
        let common = "common_http_protocol_options";
        let life = [options.and_then(|o| o.find(&[common, "max_stream_duration"])), at.find(&[common, "max_stream_duration"])];
        let life = life.into_iter().flatten().next().map(|l| self.written(l.limit(), l, seat));
        let connect = match at.get("connect_timeout") {
            Some(c) => self.written(c.limit(), c, seat),
            None => Self::default(CONNECT, head, seat),
        };
        let tls = at.find(&["transport_socket", "typed_config"]).and_then(At::any).is_some_and(|t| t.0.ends_with(".UpstreamTlsContext"));
        Cluster { upstream, seat, speaks, life, connect, tls, host }
    }

    /// A cluster that is not given, by the name that somebody uses.
    pub(super) fn absent(&mut self, name: &str, span: Span, why: Why) -> Cluster {
        let seat = self.root;
        let reuse = Fact::is(true, How::Default(Releases::All), span, seat);
        let upstream =
            self.p.add_upstream(Upstream { seat, name: name.into(), servers: Vec::new(), open: Some(why), reuse, caps: Vec::new() });
        let cluster = Cluster {
            upstream,
            seat,
            speaks: Speaks::This(Fact::unknown(why, span, seat)),
            life: None,
            connect: Fact::unknown(why, span, seat),
            tls: false,
            host: None,
        };
        self.clusters.insert(name.to_owned(), cluster.clone());
        cluster
    }

    fn speaks(&mut self, at: At<'a>, options: Option<At<'a>>, seat: Seat, head: Span) -> Speaks {
        let this = |wire, at: At<'a>| Speaks::This(Self::fact(wire, at, seat));
        if let Some(options) = options {
            if let Some(explicit) = options.get("explicit_http_config") {
                if let Some(h2) = explicit.get("http2_protocol_options").or_else(|| explicit.get("http3_protocol_options")) {
                    return this(Wire::H2, h2);
                }
                return this(Wire::H11, explicit);
            }
            if let Some(client) = options.get("use_downstream_protocol_config") {
                return Speaks::AsClient(client.span());
            }
            if let Some(auto) = options.get("auto_config") {
                let why = self.p.doubt(Reason::RuntimeState, auto.span(), "the protocol is agreed on with the server");
                return Speaks::This(Fact::unknown(why, auto.span(), seat));
            }
        }
        if let Some(h2) = at.get("http2_protocol_options") {
            return this(Wire::H2, h2);
        }
        if at.choice("protocol_selection").as_deref() == Some("USE_DOWNSTREAM_PROTOCOL") {
            return Speaks::AsClient(at.get("protocol_selection").map_or(head, At::span));
        }
        Speaks::This(Self::default(Wire::H11, head, seat))
    }

    fn servers(&mut self, at: At<'a>, name: &str) -> (Vec<Server>, Option<Why>) {
        let kind = at.choice("type").unwrap_or_else(|| "STATIC".to_owned());
        let mut assignment = at.get("load_assignment");
        let mut open = None;
        if kind == "EDS" || kind == "3" {
            let wanted = at.find(&["eds_cluster_config", "service_name"]).and_then(At::text).unwrap_or(name);
            assignment = self.resources(ENDPOINTS).into_iter().find(|a| a.str("cluster_name") == Some(wanted));
            if assignment.is_none() {
                open = Some(self.p.doubt(Reason::MissingFile, at.span(), "its servers come from elsewhere"));
            }
        } else if at.get("cluster_type").is_some() || kind == "ORIGINAL_DST" || kind == "4" {
            open = Some(self.p.doubt(Reason::RuntimeState, at.span(), "its servers are chosen while the proxy runs"));
        }
        // Which address of `localhost` comes first depends on the machine `[f-localhost-dns-auto]`.
        let family = at.choice("dns_lookup_family");
        let either =
            matches!(kind.as_str(), "STRICT_DNS" | "LOGICAL_DNS" | "1" | "2") && !matches!(family.as_deref(), Some("V4_ONLY" | "V6_ONLY"));
        let mut servers = Vec::new();
        let mut away = None;
        for locality in assignment.map(|a| a.list("endpoints")).unwrap_or_default() {
            let backup = locality.get("priority").and_then(At::number).unwrap_or(0) > 0;
            for e in locality.list("lb_endpoints") {
                let Some(address) = e.find(&["endpoint", "address"]) else {
                    open = open.or_else(|| Some(self.vague(e)));
                    continue;
                };
                let Some(place) = Self::address(address) else {
                    open = Some(self.vague(address));
                    continue;
                };
                let doubt = (either && place.starts_with("localhost:")).then(|| {
                    *away.get_or_insert_with(|| {
                        self.p.doubt(
                            Reason::Environment,
                            address.span(),
                            "`localhost` may be an IPv6 address, where the server may not listen",
                        )
                    })
                });
                servers.push(Server { at: place.into(), backup, doubt });
            }
        }
        if let Some(hole) = assignment.filter(|a| a.has_hole()) {
            open = Some(self.vague(hole));
        }
        (servers, open)
    }

    /// `127.0.0.1:9001`, `unix:/path`, `internal:name`.
    pub(super) fn address(at: At<'a>) -> Option<String> {
        if let Some(socket) = at.get("socket_address") {
            let (address, port) = (socket.get("address")?, socket.get("port_value").or_else(|| socket.get("named_port"))?);
            if address.is_opaque() || port.is_opaque() {
                return None;
            }
            let host = address.text()?;
            let port = port.number().map_or_else(|| port.text().unwrap_or_default().to_owned(), |n| n.to_string());
            return Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") });
        }
        if let Some(path) = at.find(&["pipe", "path"]) {
            return path.text().filter(|_| !path.is_opaque()).map(|p| format!("unix:{p}"));
        }
        let inner = at.find(&["envoy_internal_address", "server_listener_name"])?;
        inner.text().map(|n| format!("internal:{n}"))
    }

    /// How much a cluster carries at once: its connections wait for room, its requests are refused `[cap-max-requests-2]`. Only
    /// the default priority counts here; of two entries for it the first holds `[cap-dup-thresholds]`.
    fn caps(&mut self, at: At<'a>, seat: Seat, head: Span) -> Vec<Cap> {
        let thresholds = at.get("circuit_breakers").map(|c| c.list("thresholds")).unwrap_or_default();
        let ours = thresholds.into_iter().find(|t| matches!(t.choice("priority").as_deref(), None | Some("DEFAULT" | "0")));
        [("max_connections", Over::Waits), ("max_requests", Over::Refused)]
            .into_iter()
            .map(|(name, over)| {
                let most = match ours.and_then(|t| t.get(name)) {
                    Some(n) => self.written(n.number(), n, seat),
                    None => Self::default(ROOM, head, seat),
                };
                Cap { name: name.into(), most, over }
            })
            .collect()
    }

    /// Whether what a source of resources names was given beside it.
    pub(super) fn given(&self, source: At<'a>) -> bool {
        let path = source.find(&["path_config_source", "path"]).or_else(|| source.get("path"));
        path.and_then(At::text).is_some_and(|p| self.conf.named(p).is_some())
    }

    /// The cluster of a name; none: Envoy knows that there is none.
    pub(super) fn cluster_named(&mut self, name: &str, span: Span) -> Option<Cluster> {
        if let Some(found) = self.clusters.get(name) {
            return Some(found.clone());
        }
        let why = self.more_clusters?;
        Some(self.absent(name, span, why))
    }

    /// What is answered when a server cannot be reached: 503; where connecting may take longer than the answer may, 504 if it
    /// says nothing at all `[tl-connect-timeout-60s]`.
    pub(super) fn unreachable(&mut self, cluster: &Cluster, answer: Fact<Limit>) -> Known<u16> {
        match (cluster.connect.value.is(), answer.value.is()) {
            (Some(Limit::After(connect)), Some(Limit::After(answer))) if connect >= answer => {
                let span = cluster.connect.origin.span;
                Known::Unknown(self.p.doubt(Reason::Environment, span, "503 if connecting is refused, 504 if it is not answered in time"))
            }
            _ => Known::Is(503),
        }
    }
}
