//! HTTP filters: what each does to a request on its way. Only their type counts, not their name `[f-filter-name-free]`; the name
//! is the key of their overrides.

use super::{
    At, Lower,
    manager::Manager,
    overrides::{Filter, Levels, Override},
};
use crate::model::{
    Act, Answers, Cond, Conv, Expr, Fact, Gate, GateOn, HeaderList, HeaderOp, How, Known, Lane, Matcher, Origin, Reason, RemarkKind, Seat,
    Step, Subject, Verb,
};

/// Filters that change neither the way nor the headers that are looked at here.
const HARMLESS: &[&str] = &[
    "BandwidthLimit",
    "CacheConfig",
    "CdnLoopConfig",
    "Decompressor",
    "FilterConfig",
    "GeoIp",
    "Geoip",
    "GrpcWeb",
    "HeaderToMetadata",
    "IPTagging",
    "JsonToMetadata",
    "OnDemand",
    "OriginalSrc",
    "PayloadToMetadata",
    "ProtoMessageExtractionConfig",
    "SetMetadata",
    "Config",
    "StatefulSession",
    "Tap",
    "UpstreamCodec",
];

impl<'a> Lower<'a> {
    /// The steps of one filter on one kind of route.
    pub(super) fn filter(
        &mut self,
        m: &Manager<'a>,
        f: &Filter<'a>,
        over: &[Override<'a>],
        levels: &Levels<'a>,
        forwards: bool,
    ) -> Vec<Step> {
        let seat = m.seat;
        let Some(kind) = f.kind else {
            return vec![self.anything(Reason::MissingFile, f.at, "this filter's configuration comes from elsewhere")];
        };
        let own = over.first();
        match kind {
            "Cors" if forwards => {
                let mut policies: Vec<At<'a>> = over.iter().filter(|o| o.kind == "CorsPolicy").map(|o| o.config).collect();
                // One typed policy anywhere silences the deprecated fields `[cors-legacy-route-typed-vhost]`.
                if policies.is_empty() {
                    policies.clone_from(&levels.cors);
                }
                self.cors(&policies, seat)
            }
            "Buffer" => {
                let off = own.is_some_and(|o| o.kind == "BufferPerRoute" && o.config.bool("disabled") == Some(true));
                if off { Vec::new() } else { vec![self.waits_for_body(f)] }
            }
            "Lua" | "LuaPerRoute" => self.lua(f, own),
            "ExtAuthz" => self.ext_authz(f, own, seat),
            "JwtAuthentication" => self.jwt(f, own, seat),
            "RBAC" => self.rbac(f, own, seat),
            "BasicAuth" => vec![self.credentials(f, 401, vec![Subject::Header("authorization".into())], None, seat)],
            "ApiKeyAuth" => vec![self.credentials(f, 401, Vec::new(), None, seat)],
            "OAuth2" => vec![self.credentials(f, 302, Vec::new(), None, seat)],
            "LocalRateLimit" => self.local_rate(f, own, seat),
            "RateLimit" | "RateLimitQuotaFilterConfig" => vec![self.rate(f, 429, seat)],
            "AdaptiveConcurrency" | "AdmissionControl" => vec![self.rate(f, 503, seat)],
            "HTTPFault" => self.fault(own.map_or(f.config, |o| o.config), f),
            "CsrfPolicy" => self.csrf(f, seat),
            "HeaderMutation" => {
                let mut steps = self.header_mutation(f.config, f, seat);
                for o in over.iter().filter(|o| o.kind == "HeaderMutationPerRoute") {
                    steps.extend(self.header_mutation(o.config, f, seat));
                }
                steps
            }
            "HealthCheck" => self.health_check(f, seat),
            "Compressor" => self.compressor(f, seat),
            "Cors" => Vec::new(),
            _ if HARMLESS.contains(&kind) => Vec::new(),
            _ => vec![self.anything(Reason::ForeignModule, f.at, "what this filter does is not modelled")],
        }
    }

    /// The body of a request that asks for an upgrade never ends `[f-buffer]`.
    fn waits_for_body(&mut self, f: &Filter<'a>) -> Step {
        let at = f.at.span();
        self.when(self.upgrades, vec![Step { act: Act::Hang, span: at }], at)
    }

    /// A script: reading a whole body hangs an upgrade `[f-lua-body, f-lua-response-body]`; answering, or anything under a
    /// condition, is not known.
    fn lua(&mut self, f: &Filter<'a>, own: Option<&Override<'a>>) -> Vec<Step> {
        let config = own.map_or(f.config, |o| o.config);
        if own.is_some_and(|o| o.config.bool("disabled") == Some(true)) {
            return Vec::new();
        }
        let script = config.find(&["default_source_code", "inline_string"]).or_else(|| config.get("inline_code"));
        let script = script.or_else(|| config.find(&["source_code", "inline_string"])).filter(|s| !s.is_opaque());
        let Some(code) = script.and_then(At::text) else {
            return vec![self.anything(Reason::Script, f.at, "a script may do anything")];
        };
        let code: String = code.lines().map(|l| l.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let branches = ["if ", "while ", "for ", "pcall"].iter().any(|w| code.contains(w));
        let answers = code.contains(":respond(");
        let mut steps = Vec::new();
        if code.contains(":body(") && !branches && !answers {
            steps.push(self.waits_for_body(f));
        } else if answers || code.contains(":body(") || code.contains("clearRouteCache") {
            return vec![self.anything(Reason::Script, f.at, "a script may answer, or wait for the body")];
        }
        // Headers by literal names are known to change, the others are not touched.
        let why = self.p.doubt(Reason::Script, f.at.span(), "a script may change headers");
        let mut ops = Vec::new();
        let mut open = None;
        for call in [":add(", ":replace(", ":remove("] {
            for (i, _) in code.match_indices(call) {
                let argument = code[i + call.len()..].trim_start();
                let name = argument.strip_prefix(['"', '\'']).and_then(|a| a.split(['"', '\'']).next());
                let Some(name) = name.filter(|n| !n.is_empty()) else {
                    open = Some(why);
                    continue;
                };
                let value = Fact { value: Known::Unknown(why), origin: Origin { how: How::Written, span: f.at.span(), seat: self.root } };
                ops.push(HeaderOp { verb: Verb::Set, name: name.into(), value, drop_empty: false, on: Answers::All, guard: None });
            }
        }
        if !ops.is_empty() || open.is_some() {
            let list = self.p.add_list(HeaderList { seat: self.root, base: None, ops, displaced: None, open });
            steps.push(Step { act: Act::Edit(list), span: f.at.span() });
            steps.push(self.p.on_answer(Lane::Every, list, f.at.span()));
        }
        steps
    }

    /// Counts requests; what it lets pass depends on earlier ones.
    fn rate(&mut self, f: &Filter<'a>, status: u16, seat: Seat) -> Step {
        let deny = Fact { value: Known::Is(status), origin: Self::implied(f.at.span(), seat) };
        let gate = self.p.add_gate(Gate { on: GateOn::Rate, deny, ask: None, reads: Vec::new(), spares: None, or: None });
        Step { act: Act::Gate(gate), span: f.at.span() }
    }

    /// Without both shares it does nothing `[f-local-ratelimit-not-enabled]`.
    fn local_rate(&mut self, f: &Filter<'a>, own: Option<&Override<'a>>, seat: Seat) -> Vec<Step> {
        let config = own.map_or(f.config, |o| o.config);
        let on = |name: &str| config.get(name).is_some_and(|s| s.percent().is_none_or(|p| p > 0.0));
        if on("filter_enabled") && on("filter_enforced") && config.get("token_bucket").is_some() {
            return vec![self.rate(f, 429, seat)];
        }
        if config.get("token_bucket").is_some() && (config.get("filter_enabled").is_none() || config.get("filter_enforced").is_none()) {
            self.remark(RemarkKind::NothingToDo, f.at.span(), f.name, None);
        }
        Vec::new()
    }

    fn fault(&mut self, config: At<'a>, f: &Filter<'a>) -> Vec<Step> {
        let Some(abort) = config.get("abort") else { return Vec::new() };
        let span = abort.span();
        let mut tests = Vec::new();
        for h in config.list("headers") {
            tests.push(self.header(h));
        }
        let share = abort.get("percentage").map_or(Some(0.0), At::percent);
        if share.is_some_and(|p| p <= 0.0) {
            return Vec::new();
        }
        if share.is_none_or(|p| p < 100.0) {
            tests.push(self.chance());
        }
        let Some(status) = abort.get("http_status").and_then(At::number).and_then(|n| u16::try_from(n).ok()) else {
            return vec![self.anything(Reason::RuntimeState, f.at, "a fault that the request asks for")];
        };
        let step = Step { act: Act::Respond { status: Fact::is(status, How::Written, span, self.root), location: None, body: None }, span };
        if tests.is_empty() {
            return vec![step];
        }
        let test = self.both(tests);
        vec![self.when(test, vec![step], span)]
    }

    /// Refuses what changes something and comes from another origin; a handshake is a GET `[f-csrf]`.
    fn csrf(&mut self, f: &Filter<'a>, seat: Seat) -> Vec<Step> {
        let at = f.at.span();
        if f.config.get("filter_enabled").and_then(At::percent).is_some_and(|p| p <= 0.0) {
            return Vec::new();
        }
        let methods = ["POST", "PUT", "DELETE", "PATCH"].iter().map(|m| (*m).into()).collect();
        let changes = self.atom(Subject::Method, Matcher::Is(methods), false, at);
        // `https://host:port` by its slashes.
        let origin = self.p.add_expr(Expr::Read(Subject::Header("origin".into())));
        let from = self.p.add_expr(Expr::Via(Conv::Field(b'/', 3), origin));
        let host = self.p.add_expr(Expr::Read(Subject::Header("host".into())));
        let mut fine = vec![self.atom(Subject::Value(from), Matcher::Same(host), false, at)];
        for more in f.config.list("additional_origins") {
            fine.push(self.string(Subject::Value(from), more));
        }
        let fine = self.p.add_cond(Cond::Any(fine));
        let foreign = self.not(fine);
        let test = self.both(vec![changes, foreign]);
        let refusal = vec![Self::respond(403, at, seat)];
        vec![self.when(test, refusal, at)]
    }

    fn header_mutation(&mut self, config: At<'a>, f: &Filter<'a>, seat: Seat) -> Vec<Step> {
        let Some(mutations) = config.get("mutations") else { return Vec::new() };
        let mut steps = Vec::new();
        for (field, request) in [("request_mutations", true), ("response_mutations", false)] {
            let mut ops = Vec::new();
            for m in mutations.list(field) {
                if let Some(add) = m.get("append") {
                    ops.extend(self.addition(add, request, seat));
                } else if let Some(name) = m.get("remove")
                    && let Some(text) = name.text()
                {
                    let empty = self.p.text("");
                    let value = Self::fact(empty, name, seat);
                    ops.push(HeaderOp { verb: Verb::Remove, name: text.into(), value, drop_empty: false, on: Answers::All, guard: None });
                }
            }
            if ops.is_empty() {
                continue;
            }
            let list = self.list(seat, ops);
            let at = f.at.span();
            steps.push(if request { Step { act: Act::Edit(list), span: at } } else { self.p.on_answer(Lane::Every, list, at) });
        }
        steps
    }

    fn health_check(&mut self, f: &Filter<'a>, seat: Seat) -> Vec<Step> {
        let at = f.at.span();
        if f.config.bool("pass_through_mode") != Some(false) {
            return Vec::new();
        }
        let mut tests = Vec::new();
        for h in f.config.list("headers") {
            tests.push(self.header(h));
        }
        let test = self.both(tests);
        let ok = vec![Self::respond(200, at, seat)];
        vec![self.when(test, ok, at)]
    }

    /// It adds `Vary` to what it may compress; whether it does depends on the answer `[f-compressor]`.
    fn compressor(&mut self, f: &Filter<'a>, seat: Seat) -> Vec<Step> {
        let at = f.at.span();
        if f.config.get("response_direction_config").is_none() && f.config.get("request_direction_config").is_some() {
            return Vec::new();
        }
        let why = self.p.doubt(Reason::RuntimeState, at, "whether an answer is compressed depends on it");
        let value = Fact { value: Known::Unknown(why), origin: Origin { how: How::Implied, span: at, seat } };
        let wants = self.atom(Subject::Header("accept-encoding".into()), Matcher::Present, false, at);
        let guard = self.both(vec![wants, self.plain]);
        let op = HeaderOp { verb: Verb::Join, name: "vary".into(), value, drop_empty: true, on: Answers::All, guard: Some(guard) };
        let list = self.list(seat, vec![op]);
        vec![self.p.on_answer(Lane::Relayed, list, at)]
    }

    /// Asks for something that the client has to show.
    pub(super) fn credentials(
        &mut self,
        f: &Filter<'a>,
        status: u16,
        reads: Vec<Subject>,
        spares: Option<crate::model::CondId>,
        seat: Seat,
    ) -> Step {
        let deny = Fact { value: Known::Is(status), origin: Origin { how: How::Written, span: f.at.span(), seat } };
        let gate = self.p.add_gate(Gate { on: GateOn::Credentials, deny, ask: None, reads, spares, or: None });
        Step { act: Act::Gate(gate), span: f.at.span() }
    }
}
