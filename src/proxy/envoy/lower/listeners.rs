//! Listeners, their filter chains, and what stands at the end of one: a connection manager or a TCP proxy.

use super::{At, Lower, clocks::raw_clocks, manager::Manager, title};
use crate::model::{
    Act, Answers, BlockId, CondId, Conv, Expr, ExtendedConnect, Fact, HeaderOp, How, Intake, Listener, Matcher, PathForm, Policy, Reason,
    Seat, Step, Subject, Target, Verb, Wire,
};
use crate::proxy::envoy::input::{LISTENER, ROUTES};
use crate::source::Span;

/// Largest header block in kilobytes, unless the connection manager says otherwise `[cap-headers-431]`.
const HEAD: u64 = 60;

impl<'a> Lower<'a> {
    pub(super) fn listeners(&mut self) {
        let mut all: Vec<At<'a>> = Vec::new();
        if let Some(bootstrap) = self.bootstrap {
            all.extend(bootstrap.get("static_resources").map(|s| s.list("listeners")).unwrap_or_default());
        }
        for at in all {
            self.listener(at);
        }
        for at in self.resources(LISTENER) {
            if self.is_rejected(at) {
                self.no_listener(at);
            } else {
                self.listener(at);
            }
        }
        self.loose_routes();
    }

    /// Its update is rejected: nobody listens there `[dyn-lds-bad-duration]`.
    fn no_listener(&mut self, at: At<'a>) {
        let (name, head) = title(at);
        let seat = self.scope(at, head, "listener", &name, self.root);
        let body = self.p.one(Act::Close, head);
        if let Some(address) = at.get("address").and_then(Self::address) {
            self.p.listeners.push(Listener { seat, at: address.into(), tls: false, intake: Intake::default(), body });
        }
    }

    fn listener(&mut self, at: At<'a>) {
        if at.get("udp_listener_config").is_some() || at.get("api_listener").is_some() {
            return;
        }
        let (name, head) = title(at);
        let seat = self.scope(at, head, "listener", &name, self.root);
        let mut chains = at.list("filter_chains");
        // The most specific first: a server name, its end, any.
        chains.sort_by_key(|c| c.get("filter_chain_match").map_or(2, |m| u8::from(m.list("server_names").is_empty())));
        let mut steps = Vec::new();
        let mut intake = None;
        let mut tls = false;
        for chain in chains.iter().copied().chain(at.get("default_filter_chain")) {
            let (block, taken) = self.filter_chain(chain, seat);
            tls |= is_tls(chain);
            intake = intake.or(Some(taken));
            let test = chain.get("filter_chain_match").map(|m| self.chain_match(m)).filter(|c| !c.is_empty());
            match test {
                Some(parts) => {
                    let test = self.both(parts);
                    steps.push(self.when(test, vec![Step { act: Act::Call(block), span: head }], head));
                }
                None => steps.push(Step { act: Act::Call(block), span: head }),
            }
        }
        steps.push(Step { act: Act::Close, span: head });
        let body = self.block(steps);
        let intake = intake.unwrap_or_default();
        let mut addresses: Vec<String> = at.get("address").and_then(Self::address).into_iter().collect();
        if at.get("internal_listener").is_some() {
            addresses.push(format!("internal:{name}"));
        }
        for more in at.list("additional_addresses") {
            addresses.extend(more.get("address").and_then(Self::address));
        }
        for address in addresses {
            self.p.listeners.push(Listener { seat, at: address.into(), tls, intake: intake.clone(), body });
        }
    }

    /// What a filter chain asks of a connection.
    fn chain_match(&mut self, at: At<'a>) -> Vec<CondId> {
        let mut parts = Vec::new();
        let names = at.list("server_names");
        if !names.is_empty() {
            let mut tests = Vec::new();
            for n in names {
                let text = n.text().unwrap_or_default().to_ascii_lowercase();
                let is = match text.strip_prefix('*') {
                    Some(tail) => Matcher::Ends(vec![tail.into()]),
                    None => Matcher::Is(vec![text.into()]),
                };
                tests.push(self.atom(Subject::Sni, is, true, n.span()));
            }
            parts.push(self.p.add_cond(crate::model::Cond::Any(tests)));
        }
        match at.str("transport_protocol") {
            Some("tls") => parts.push(self.atom(Subject::Scheme, Matcher::Is(vec!["https".into()]), false, at.span())),
            Some("raw_buffer") => parts.push(self.atom(Subject::Scheme, Matcher::Is(vec!["http".into()]), false, at.span())),
            _ => {}
        }
        let protocols = at.list("application_protocols");
        if !protocols.is_empty() {
            let names = protocols.iter().filter_map(|p| p.text()).map(|p| if p == "h2" { "HTTP/2.0" } else { "HTTP/1.1" }.into()).collect();
            parts.push(self.atom(Subject::Protocol, Matcher::Is(names), false, at.span()));
        }
        for field in
            ["prefix_ranges", "source_prefix_ranges", "source_ports", "source_type", "destination_port", "direct_source_prefix_ranges"]
        {
            if let Some(other) = at.get(field) {
                parts.push(self.unclear(other));
            }
        }
        parts
    }

    fn filter_chain(&mut self, chain: At<'a>, parent: Seat) -> (BlockId, Intake) {
        let span = chain.span();
        for filter in chain.list("filters") {
            let Some((kind, config)) = filter.get("typed_config").and_then(At::any) else { continue };
            match kind.rsplit('.').next() {
                Some("HttpConnectionManager") => return self.http(config, parent),
                Some("TcpProxy") => return (self.tcp(config, parent), Intake::default()),
                // These only look at connections, or let them through.
                Some("RBAC" | "ConnectionLimit" | "LocalRateLimit" | "ExtAuthz" | "RateLimit" | "SniCluster" | "Wasm" | "Config") => {}
                _ => {
                    let step = self.anything(Reason::ForeignModule, filter, "what this filter does is not modelled");
                    return (self.block(vec![step]), Intake::default());
                }
            }
        }
        let step =
            if chain.has_hole() { self.anything(Reason::Template, chain, "filled in later") } else { Step { act: Act::Close, span } };
        (self.block(vec![step]), Intake::default())
    }

    fn http(&mut self, at: At<'a>, parent: Seat) -> (BlockId, Intake) {
        let head = at.get("stat_prefix").map_or_else(|| at.span(), At::span);
        let seat = self.scope(at, head, "connection manager", at.str("stat_prefix").unwrap_or_default(), parent);
        let m = self.manager(at, seat);
        let mut steps = self.codec(at, head, seat);
        let routes = self.routes_of(&m, at, head);
        steps.push(Step { act: Act::Call(routes), span: head });
        let body = self.block(steps);
        if at.get("route_config").is_some_and(|c| c.get("vhds").is_none()) {
            self.note_idle_engine(&m);
        }
        let codec = at.choice("codec_type");
        let intake = Intake {
            only_http2: matches!(codec.as_deref(), Some("HTTP2" | "2")),
            extended_connect: Some(if at.find(&["http2_protocol_options"]).and_then(|h| h.bool("allow_connect")) == Some(true) {
                ExtendedConnect::Taken
            } else {
                ExtendedConnect::Closes
            }),
            malformed: Some(400),
            empty_host: true,
            path: if at.bool("normalize_path") == Some(true) { PathForm::Normal } else { PathForm::AsSent },
            merge_slashes: at.bool("merge_slashes") == Some(true),
            largest_head: u32::try_from(at.get("max_request_headers_kb").and_then(At::number).unwrap_or(HEAD) * 1024)
                .ok()
                .map(|n| (n, 431)),
            ..Intake::default()
        };
        (body, intake)
    }

    /// What the codec and the connection manager do before a route is looked for.
    fn codec(&mut self, at: At<'a>, head: Span, seat: Seat) -> Vec<Step> {
        let mut steps = Vec::new();
        let old = at.get("http_protocol_options").and_then(|o| o.bool("accept_http_10")) == Some(true);
        let mut refuse = |lower: &mut Self, of: Subject, is: Matcher, act: Option<u16>, span: Span| {
            let test = lower.atom(of, is, true, span);
            let step = match act {
                Some(status) => Self::respond(status, span, seat),
                None => Step { act: Act::Close, span },
            };
            let step = lower.when(test, vec![step], span);
            steps.push(step);
        };
        if !old {
            refuse(self, Subject::Protocol, Matcher::Is(vec!["HTTP/1.0".into()]), Some(426), head);
        }
        if let Some(codec) = at.get("codec_type")
            && matches!(at.choice("codec_type").as_deref(), Some("HTTP1" | "1"))
        {
            refuse(self, Subject::Protocol, Matcher::Is(vec!["HTTP/2.0".into()]), None, codec.span());
        }
        refuse(self, Subject::Target, Matcher::Has(vec!["#".into()]), Some(400), head);
        if let Some(action) = at.find(&["common_http_protocol_options", "headers_with_underscores_action"])
            && matches!(action.text().map(str::to_ascii_uppercase).as_deref(), Some("REJECT_REQUEST" | "1"))
        {
            refuse(self, Subject::HeaderNames, Matcher::Has(vec!["_".into()]), Some(400), action.span());
        }
        if let Some(action) = at.get("path_with_escaped_slashes_action") {
            let slashes = || Matcher::Has(vec!["%2f".into(), "%5c".into()]);
            match at.choice("path_with_escaped_slashes_action").as_deref() {
                Some("REJECT_REQUEST" | "2") => refuse(self, Subject::Path, slashes(), Some(400), action.span()),
                Some("UNESCAPE_AND_REDIRECT" | "3") => refuse(self, Subject::Path, slashes(), Some(307), action.span()),
                _ => {}
            }
        }
        if let Some(strip) =
            ["strip_any_host_port", "strip_matching_host_port"].iter().find(|f| at.bool(f) == Some(true)).and_then(|f| at.get(f))
        {
            let host = self.p.add_expr(Expr::Read(Subject::Header("host".into())));
            let bare = self.p.add_expr(Expr::Via(Conv::Field(b':', 1), host));
            let value = Self::fact(bare, strip, seat);
            // Only the listener's own port, or any.
            let guard = at.bool("strip_any_host_port").is_none_or(|on| !on).then(|| {
                let port = self.p.add_expr(Expr::Read(Subject::Port));
                let colon = self.p.text(":");
                let tail = self.p.add_expr(Expr::Join(vec![bare, colon, port]));
                self.atom(Subject::Value(host), Matcher::Same(tail), false, strip.span())
            });
            let op = HeaderOp { verb: Verb::Set, name: "host".into(), value, drop_empty: false, on: Answers::All, guard };
            let list = self.list(seat, vec![op]);
            steps.push(Step { act: Act::Edit(list), span: strip.span() });
        }
        steps
    }

    /// Where a connection manager gets its routes from.
    fn routes_of(&mut self, m: &Manager<'a>, at: At<'a>, head: Span) -> BlockId {
        if let Some(config) = at.get("route_config") {
            return self.route_config(m, config);
        }
        if let Some(rds) = at.get("rds") {
            return self.discovered(m, rds);
        }
        if let Some(scoped) = at.get("scoped_routes") {
            return self.scoped(m, scoped);
        }
        let why = self.vague(at);
        self.p.one(Act::Opaque(why), head)
    }

    /// Routes of a discovery file: exactly one sound resource of the right name, or none are known to Envoy
    /// `[dyn-rds-two-resources, dyn-rds-yaml-error]`.
    fn discovered(&mut self, m: &Manager<'a>, rds: At<'a>) -> BlockId {
        let name = rds.str("route_config_name").unwrap_or_default().to_owned();
        let source = rds.find(&["config_source", "path_config_source", "path"]).or_else(|| rds.find(&["config_source", "path"]));
        let file = source.and_then(At::text).and_then(|path| self.conf.named(path));
        let found = self.resources(ROUTES).into_iter().find(|c| c.str("name") == Some(&name));
        let sound = match file {
            Some(text) => {
                let inside = self.resources(ROUTES).iter().filter(|c| text.tree.span.holds(c.body())).count();
                inside == 1 && text.tree.errors.is_empty() && found.is_some_and(|c| !self.is_rejected(c) && self.knows_clusters(c))
            }
            None => found.is_some(),
        };
        match (found, file) {
            (Some(config), _) if sound => {
                self.used.insert(config.id());
                self.route_config(m, config)
            }
            (_, Some(_)) => self.no_route(m, rds.span(), m.seat),
            (_, None) => {
                let why = self.p.doubt(Reason::MissingFile, rds.span(), "its routes come from elsewhere");
                self.p.one(Act::Opaque(why), rds.span())
            }
        }
    }

    /// With `validate_clusters` an unknown cluster makes the whole configuration be rejected `[dyn-rds-unknown-cluster-validate]`.
    fn knows_clusters(&self, config: At<'a>) -> bool {
        config.bool("validate_clusters") != Some(true)
            || self.more_clusters.is_some()
            || config.list("virtual_hosts").iter().flat_map(|h| h.list("routes")).all(|r| {
                let name = r.find(&["route", "cluster"]).and_then(At::text);
                name.is_none_or(|n| self.clusters.contains_key(n))
            })
    }

    /// Route configurations by what a header says `[dyn-scoped-routes]`.
    fn scoped(&mut self, m: &Manager<'a>, at: At<'a>) -> BlockId {
        let span = at.span();
        let keys = at.get("scope_key_builder").map(|k| k.list("fragments")).unwrap_or_default();
        let lists = at.get("scoped_route_configurations_list").map(|l| l.list("scoped_route_configurations")).unwrap_or_default();
        if lists.is_empty() {
            let why = self.p.doubt(Reason::MissingFile, span, "its scopes come from elsewhere");
            return self.p.one(Act::Opaque(why), span);
        }
        let mut steps = Vec::new();
        for scope in lists {
            let values = scope.get("key").map(|k| k.list("fragments")).unwrap_or_default();
            let mut parts = Vec::new();
            for (key, value) in keys.iter().zip(&values) {
                let header = key.get("header_value_extractor");
                let whole = header.filter(|h| h.get("element_separator").is_none() && h.get("element").is_none());
                parts.push(match (whole.and_then(|h| h.str("name")), value.str("string_key")) {
                    (Some(name), Some(text)) => self.atom(Self::subject(name), Matcher::Is(vec![text.into()]), false, value.span()),
                    _ => self.unclear(*value),
                });
            }
            let name = scope.str("route_configuration_name").unwrap_or_default().to_owned();
            let config =
                scope.get("route_configuration").or_else(|| self.resources(ROUTES).into_iter().find(|c| c.str("name") == Some(&name)));
            let block = match config {
                Some(config) => {
                    self.used.insert(config.id());
                    self.route_config(m, config)
                }
                None => {
                    let why = self.p.doubt(Reason::MissingFile, scope.span(), "its routes come from elsewhere");
                    self.p.one(Act::Opaque(why), scope.span())
                }
            };
            let test = self.both(parts);
            steps.push(self.when(test, vec![Step { act: Act::Call(block), span }], span));
        }
        steps.push(Self::respond(404, span, m.seat));
        self.block(steps)
    }

    /// Route configurations and virtual hosts that stand alone: what they are behind is not known.
    fn loose_routes(&mut self) {
        let Some(why) = self.outside else { return };
        let all: Vec<At<'a>> = self.resources(ROUTES).into_iter().filter(|c| !self.used.contains(&c.id())).collect();
        for config in all {
            let m = self.unknown_manager(why);
            let body = self.route_config(&m, config);
            let seat = self.root;
            let intake = Intake { malformed: Some(400), empty_host: true, ..Intake::default() };
            self.p.listeners.push(Listener { seat, at: "*:80".into(), tls: false, intake, body });
        }
    }

    /// A TCP proxy: bytes are passed on, whatever they say.
    fn tcp(&mut self, at: At<'a>, parent: Seat) -> BlockId {
        let head = at.get("stat_prefix").map_or_else(|| at.span(), At::span);
        let seat = self.scope(at, head, "TCP proxy", at.str("stat_prefix").unwrap_or_default(), parent);
        let idle = at.get("idle_timeout").map(|t| self.written(t.limit(), t, seat));
        let life = at.get("max_downstream_connection_duration").map(|t| self.written(t.limit(), t, seat));
        let clocks = self.p.add_clocks(raw_clocks(idle, life, head, seat));
        let mut names: Vec<(u32, At<'a>)> = at.get("cluster").map(|c| (1, c)).into_iter().collect();
        for part in at.find(&["weighted_clusters"]).map(|w| w.list("clusters")).unwrap_or_default() {
            let weight = part.get("weight").and_then(At::number).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
            names.extend(part.get("name").map(|n| (weight, n)));
        }
        let mut parts = Vec::new();
        for (weight, name) in names {
            let block = match self.cluster_named(name.text().unwrap_or_default(), name.span()) {
                Some(cluster) => {
                    let wire = Fact::is(Wire::Raw, How::Implied, name.span(), seat);
                    let hop = self.edge(wire, crate::model::Known::Is(503), None, name.span(), seat);
                    let policy = self.p.add_policy(Policy {
                        seat,
                        outgoing: self.nothing,
                        relayed: None,
                        answer: self.nothing,
                        clocks,
                        hop,
                        content: None,
                        errors: None,
                        absolute: None,
                        max_body: None,
                    });
                    let act = Act::Forward { to: Target::Upstream(cluster.upstream), hop, target: self.onward };
                    self.block(vec![Step { act: Act::Enter(policy), span: head }, Step { act, span: name.span() }])
                }
                None => self.p.one(Act::Close, name.span()),
            };
            parts.push((weight, block));
        }
        match parts.as_slice() {
            [] => self.p.one(Act::Close, head),
            [one] => one.1,
            _ => {
                let wire = Fact::is(Wire::Raw, How::Implied, head, seat);
                let hop = self.edge(wire, crate::model::Known::Is(503), None, head, seat);
                let act = Act::Forward { to: Target::Split(parts), hop, target: self.onward };
                self.p.one(act, head)
            }
        }
    }
}

fn is_tls(chain: At<'_>) -> bool {
    let kind = chain.find(&["transport_socket", "typed_config"]).and_then(At::any);
    kind.is_some_and(|k| k.0.ends_with("TlsContext") || k.0.ends_with("QuicDownstreamTransport"))
}
