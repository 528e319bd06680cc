//! Filters that may refuse: an authorization server, tokens, rules.

use super::{
    At, Lower,
    overrides::{Filter, Override},
};
use crate::model::{Act, Ask, Cond, CondId, Fact, Gate, GateOn, How, Known, Matcher, Origin, Seat, Step, Subject};

impl<'a> Lower<'a> {
    /// An authorization server; what it refuses, it answers itself `[cors-after-extauthz]`.
    pub(super) fn ext_authz(&mut self, f: &Filter<'a>, own: Option<&Override<'a>>, seat: Seat) -> Vec<Step> {
        if own.is_some_and(|o| o.config.bool("disabled") == Some(true)) {
            return Vec::new();
        }
        let at = f.at.span();
        let config = f.config;
        let lenient = config.bool("failure_mode_allow") == Some(true);
        let status = config.find(&["status_on_error", "code"]).and_then(At::text).and_then(status_code).unwrap_or(403);
        let cluster = config.find(&["http_service", "server_uri", "cluster"]).and_then(|c| Some((c.text()?, c.span())));
        let ask = cluster
            .and_then(|(name, span)| self.cluster_named(name, span))
            .map(|c| Ask::Upstream { of: c.upstream, broken: (!lenient).then_some(status) });
        let deny = Fact { value: Known::Is(status), origin: Origin { how: How::Written, span: at, seat } };
        let gate = self.p.add_gate(Gate { on: GateOn::Remote, deny, ask, reads: Vec::new(), spares: None, or: None });
        let step = Step { act: Act::Gate(gate), span: at };
        match config.get("filter_enabled").map(At::percent) {
            None => vec![step],
            Some(Some(share)) if share >= 100.0 => vec![step],
            Some(Some(share)) if share <= 0.0 => Vec::new(),
            Some(_) => {
                let chance = self.chance();
                vec![self.when(chance, vec![step], at)]
            }
        }
    }

    /// Tokens: the first rule that fits says which are asked for, none asks for none.
    pub(super) fn jwt(&mut self, f: &Filter<'a>, own: Option<&Override<'a>>, seat: Seat) -> Vec<Step> {
        if own.is_some_and(|o| o.config.bool("disabled") == Some(true)) {
            return Vec::new();
        }
        let mut asked: Vec<CondId> = Vec::new();
        let mut before: Vec<CondId> = Vec::new();
        let named = own.and_then(|o| o.config.get("requirement_name"));
        if named.is_some() {
            asked.push(self.always());
        } else {
            for rule in f.config.list("rules") {
                let fits = match rule.get("match") {
                    Some(m) => self.route_match(m),
                    None => self.always(),
                };
                let asks = rule.get("requirement_name").is_some() || rule.get("requires").is_some_and(asks);
                if asks {
                    let mut parts = before.clone();
                    parts.push(fits);
                    asked.push(self.both(parts));
                }
                before.push(self.not(fits));
            }
        }
        if asked.is_empty() {
            return Vec::new();
        }
        let any = self.p.add_cond(Cond::Any(asked));
        let mut spares = self.not(any);
        if f.config.bool("bypass_cors_preflight") == Some(true) {
            let preflight = self.preflight(f.config);
            spares = self.p.add_cond(Cond::Any(vec![spares, preflight]));
        }
        let reads = token_places(f.config);
        vec![self.credentials(f, 401, reads, Some(spares), seat)]
    }

    /// Rules over the request: `ALLOW` lets pass what a policy fits, `DENY` what none fits.
    pub(super) fn rbac(&mut self, f: &Filter<'a>, own: Option<&Override<'a>>, seat: Seat) -> Vec<Step> {
        let config = match own {
            Some(o) if o.kind == "RBACPerRoute" => match o.config.get("rbac") {
                Some(inner) => inner,
                None => return Vec::new(),
            },
            _ => f.config,
        };
        let at = f.at.span();
        let spares = if let Some(rules) = config.get("rules") {
            let mut fits = Vec::new();
            for (_, policy) in rules.get("policies").map(At::entries).unwrap_or_default() {
                let what = self.any_of(policy, "permissions", 0);
                let who = self.any_of(policy, "principals", 0);
                let mut parts = vec![what, who];
                if let Some(cel) = policy.get("condition") {
                    parts.push(self.unclear(cel));
                }
                fits.push(self.both(parts));
            }
            let fits = self.p.add_cond(Cond::Any(fits));
            match rules.choice("action").as_deref() {
                Some("DENY" | "1") => self.not(fits),
                Some("LOG" | "2") => return Vec::new(),
                _ => fits,
            }
        } else if let Some(matcher) = config.get("matcher") {
            self.unclear(matcher)
        } else {
            return Vec::new();
        };
        let deny = Fact { value: Known::Is(403), origin: Origin { how: How::Written, span: at, seat } };
        let gate = self.p.add_gate(Gate { on: GateOn::Closed, deny, ask: None, reads: Vec::new(), spares: Some(spares), or: None });
        vec![Step { act: Act::Gate(gate), span: at }]
    }

    fn any_of(&mut self, at: At<'a>, field: &str, depth: u32) -> CondId {
        let parts = at.list(field).into_iter().map(|r| self.rule(r, depth)).collect();
        self.p.add_cond(Cond::Any(parts))
    }

    /// A permission or a principal.
    fn rule(&mut self, at: At<'a>, depth: u32) -> CondId {
        if depth > 32 {
            return self.unclear(at);
        }
        if at.bool("any") == Some(true) {
            return self.always();
        }
        for (field, list, all) in
            [("and_rules", "rules", true), ("or_rules", "rules", false), ("and_ids", "ids", true), ("or_ids", "ids", false)]
        {
            if let Some(set) = at.get(field) {
                let parts: Vec<CondId> = set.list(list).into_iter().map(|r| self.rule(r, depth + 1)).collect();
                return self.p.add_cond(if all { Cond::All(parts) } else { Cond::Any(parts) });
            }
        }
        for field in ["not_rule", "not_id"] {
            if let Some(inner) = at.get(field) {
                let inner = self.rule(inner, depth + 1);
                return self.not(inner);
            }
        }
        if let Some(header) = at.get("header") {
            return self.header(header);
        }
        if let Some(path) = at.find(&["url_path", "path"]) {
            return self.string(Subject::Path, path);
        }
        for field in ["direct_remote_ip", "source_ip"] {
            if let Some(net) = at.get(field)
                && let Some(base) = net.str("address_prefix")
            {
                let length = net.get("prefix_len").and_then(At::number).unwrap_or(0);
                return self.atom(Subject::Client, Matcher::Within(vec![format!("{base}/{length}").into()]), false, net.span());
            }
        }
        self.unclear(at)
    }
}

/// Whether a requirement asks for anything at all.
fn asks(requires: At<'_>) -> bool {
    let lenient = |r: At<'_>| r.get("allow_missing_or_failed").is_some() || r.get("allow_missing").is_some();
    if lenient(requires) {
        return false;
    }
    if let Some(any) = requires.get("requires_any") {
        return !any.list("requirements").into_iter().any(lenient);
    }
    ["provider_name", "provider_and_audiences", "requires_all"].iter().any(|f| requires.get(f).is_some())
}

/// Where tokens are looked for: naming any place turns the defaults off `[f-jwt-default, f-jwt-cookie]`.
fn token_places(config: At<'_>) -> Vec<Subject> {
    let mut reads = Vec::new();
    for (_, provider) in config.get("providers").map(At::entries).unwrap_or_default() {
        let before = reads.len();
        for h in provider.list("from_headers") {
            reads.extend(h.str("name").map(|n| Subject::Header(n.to_ascii_lowercase().into())));
        }
        for p in provider.list("from_params") {
            reads.extend(p.text().map(|n| Subject::Query(n.into())));
        }
        for c in provider.list("from_cookies") {
            reads.extend(c.text().map(|n| Subject::Cookie(n.into())));
        }
        if reads.len() == before {
            reads.extend([Subject::Header("authorization".into()), Subject::Query("access_token".into())]);
        }
    }
    reads
}

/// `Forbidden` and `403` alike.
fn status_code(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| {
        Some(match text.to_ascii_lowercase().as_str() {
            "unauthorized" => 401,
            "forbidden" => 403,
            "notfound" => 404,
            "toomanyrequests" => 429,
            "internalservererror" => 500,
            "badgateway" => 502,
            "serviceunavailable" => 503,
            _ => return None,
        })
    })
}
