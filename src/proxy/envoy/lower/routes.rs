//! Routes: what is asked for, and what is done then.

use super::{
    At, Lower,
    chains::Way,
    clocks::Timers,
    clusters::{Cluster, Speaks},
    hosts::{Around, join},
    manager::{Manager, Upgrade},
    overrides::Levels,
};
use crate::model::{
    Act, Arm, BlockId, Conv, Expr, ExprId, Fact, How, Lane, ListId, Matcher, PolicyId, Rank, Reason, Releases, Route, RouteId, Seat, Step,
    Subject, Target, Wire,
};
use crate::source::Span;

/// A route at hand.
struct Place<'a, 'b> {
    m: &'b Manager<'a>,
    around: &'b Around<'a>,
    at: At<'a>,
    seat: Seat,
    /// Its path.
    head: Span,
}

/// Fields of a route's `match` that name its path.
const PATHS: &[&str] = &["prefix", "path", "path_separated_prefix", "safe_regex", "connect_matcher", "path_match_policy"];

impl<'a> Lower<'a> {
    pub(super) fn arm(&mut self, m: &Manager<'a>, around: &Around<'a>, at: At<'a>) -> Arm {
        let test = match at.get("match") {
            Some(wanted) => self.route_match(wanted),
            None => self.unclear(at),
        };
        let go = self.route(m, around, at);
        Arm { test, rank: Rank::Plain, go, nested: None }
    }

    /// The route of a matcher's action.
    pub(super) fn matched(&mut self, m: &Manager<'a>, around: &Around<'a>, action: At<'a>) -> Option<RouteId> {
        let (kind, at) = action.any()?;
        (kind == "envoy.config.route.v3.Route").then(|| self.route(m, around, at))
    }

    fn route(&mut self, m: &Manager<'a>, around: &Around<'a>, at: At<'a>) -> RouteId {
        let path = at.get("match").and_then(|w| PATHS.iter().find_map(|p| w.get(p)));
        let head = path.map_or_else(|| at.span(), At::span);
        let name = path.map(|p| p.text().or_else(|| p.str("regex")).unwrap_or_default()).or_else(|| at.str("name"));
        let seat = self.scope(at, head, "route", name.unwrap_or_default(), around.seat);
        let place = Place { m, around, at, seat, head };
        self.note_levels(m, at, "");
        if let Some(action) = at.get("route") {
            self.note_levels(m, action, "cors");
            for part in action.get("weighted_clusters").map(|w| w.list("clusters")).unwrap_or_default() {
                self.note_levels(m, part, "");
            }
        }
        let (body, policy) = if let Some(action) = at.get("route") { self.action(&place, action) } else { self.answered(&place) };
        self.p.add_route(Route { seat, body, policy, named: false, within: None })
    }

    fn levels(place: &Place<'a, '_>, weighted: Option<At<'a>>) -> Levels<'a> {
        let mut levels = Levels::default();
        levels.maps.extend(weighted.and_then(|w| w.get("typed_per_filter_config")));
        levels.maps.extend(place.at.get("typed_per_filter_config"));
        levels.maps.extend(&place.around.levels.maps);
        levels.cors.extend(place.at.find(&["route", "cors"]));
        levels.cors.extend(&place.around.levels.cors);
        levels
    }

    /// What is done to answers; the router's first step.
    fn answers(&mut self, place: &Place<'a, '_>, weighted: Option<At<'a>>) -> Option<ListId> {
        Some(self.own_list(place, weighted, "response")).filter(|list| *list != self.nothing)
    }

    fn own_list(&mut self, place: &Place<'a, '_>, weighted: Option<At<'a>>, side: &str) -> ListId {
        let mut own = weighted.map(|w| self.mutations(w, side, place.seat)).unwrap_or_default();
        let route = self.mutations(place.at, side, place.seat);
        own = join(own, route, place.around.reversed);
        let (outer, shared) =
            if side == "request" { (&place.around.request, place.around.outgoing) } else { (&place.around.response, place.around.answer) };
        if own.is_empty() {
            return shared;
        }
        let ops = join(own, outer.clone(), place.around.reversed);
        if side == "request" { self.outgoing(ops, place.seat) } else { self.list(place.seat, ops) }
    }

    /// A route that answers by itself: redirect, direct response. Filters that need a route action pass it by
    /// `[cors-direct-response]`.
    fn answered(&mut self, place: &Place<'a, '_>) -> (BlockId, PolicyId) {
        let timers = self.timers(place.m, None, place.seat, place.head);
        let policy = self.policy(place.m, &timers, None, Wire::H11, place.around.outgoing, place.seat);
        let mut tail: Vec<Step> =
            self.answers(place, None).map(|list| self.p.on_answer(Lane::Every, list, place.head)).into_iter().collect();
        if let Some(redirect) = place.at.get("redirect") {
            tail.extend(self.redirect(place, redirect));
        } else if let Some(direct) = place.at.get("direct_response") {
            tail.push(self.direct(place, direct));
        } else {
            tail.push(self.anything(Reason::ForeignModule, place.at, "what this route does is not modelled"));
        }
        let levels = Self::levels(place, None);
        let mut steps = vec![Step { act: Act::Enter(policy), span: place.head }];
        steps.extend(self.through(
            place.m,
            &Way { own: &[], levels: &levels, forwards: false, nowhere: false, answer: None },
            tail,
            place.head,
            place.seat,
        ));
        (self.block(steps), policy)
    }

    fn direct(&mut self, place: &Place<'a, '_>, at: At<'a>) -> Step {
        let status = match at.get("status") {
            Some(s) => self.written(s.number().and_then(|n| u16::try_from(n).ok()), s, place.seat),
            None => Fact::is(200, How::Implied, at.span(), place.seat),
        };
        let body = at.get("body").map(|b| match b.get("inline_string").filter(|t| !t.is_opaque()).and_then(At::text) {
            Some(text) => self.p.text(text),
            None => {
                let why = self.p.doubt(Reason::MissingFile, b.span(), "the body stands elsewhere");
                self.p.add_expr(Expr::Opaque { why, full: true })
            }
        });
        Step { act: Act::Respond { status, location: None, body }, span: at.span() }
    }

    fn redirect(&mut self, place: &Place<'a, '_>, at: At<'a>) -> Vec<Step> {
        let code = at.choice("response_code");
        let status = match code.as_deref() {
            Some("FOUND" | "1") => 302,
            Some("SEE_OTHER" | "2") => 303,
            Some("TEMPORARY_REDIRECT" | "3") => 307,
            Some("PERMANENT_REDIRECT" | "4") => 308,
            _ => 301,
        };
        let status = at
            .get("response_code")
            .map_or_else(|| Fact::is(status, How::Default(Releases::All), at.span(), place.seat), |c| Self::fact(status, c, place.seat));
        let rest = self.redirect_rest(place, at);
        let scheme = if at.bool("https_redirect") == Some(true) { Some("https") } else { at.str("scheme_redirect") };
        let answer = |lower: &mut Self, scheme: &str| {
            let scheme = lower.p.text(&format!("{scheme}://"));
            let mut parts = vec![scheme];
            parts.extend(&rest);
            let location = lower.p.add_expr(Expr::Join(parts));
            Step { act: Act::Respond { status, location: Some(location), body: None }, span: at.span() }
        };
        match scheme {
            Some(scheme) => vec![answer(self, scheme)],
            None => {
                let https = self.https(place.m.trusts, at);
                let (secure, plain) = (answer(self, "https"), answer(self, "http"));
                vec![self.when(https, vec![secure], at.span()), plain]
            }
        }
    }

    /// Host, port, path and query of a redirect.
    fn redirect_rest(&mut self, place: &Place<'a, '_>, at: At<'a>) -> Vec<ExprId> {
        let mut parts = Vec::new();
        let named = self.p.add_expr(Expr::Read(Subject::Header("host".into())));
        let port = at.get("port_redirect").and_then(At::number);
        parts.push(match at.get("host_redirect").filter(|h| h.text() != Some("")) {
            Some(host) => self.format(host, true),
            None if port.is_some() => self.p.add_expr(Expr::Via(Conv::Field(b':', 1), named)),
            None => named,
        });
        if let Some(port) = port {
            parts.push(self.p.text(&format!(":{port}")));
        }
        let strips = at.bool("strip_query") == Some(true);
        let path = if let Some(path) = at.get("path_redirect") {
            let expr = self.format(path, true);
            if path.text().is_some_and(|p| p.contains('?')) {
                parts.push(expr);
                return parts;
            }
            expr
        } else if let Some(steps) = self.new_path(place, at) {
            steps
        } else if strips {
            self.path()
        } else {
            parts.push(self.onward);
            return parts;
        };
        parts.push(path);
        if !strips {
            parts.push(self.query_part());
        }
        parts
    }

    /// `?` and the query, or nothing.
    fn query_part(&mut self) -> ExprId {
        self.p.add_expr(Expr::Read(Subject::QueryPart))
    }

    /// The path that a rewrite makes; none: no rewrite.
    fn new_path(&mut self, place: &Place<'a, '_>, action: At<'a>) -> Option<ExprId> {
        if let Some(prefix) = action.get("prefix_rewrite").filter(|p| p.text() != Some("")) {
            if prefix.is_opaque() {
                let why = self.vague(prefix);
                return Some(self.p.add_expr(Expr::Opaque { why, full: true }));
            }
            let put = prefix.text().unwrap_or_default();
            let wanted = place.at.get("match");
            let matched = ["prefix", "path", "path_separated_prefix"].iter().find_map(|f| wanted.and_then(|w| w.str(f)));
            let Some(matched) = matched else { return Some(self.p.text(put)) };
            let path = self.path();
            let drop = u32::try_from(matched.len()).unwrap_or(u32::MAX);
            return Some(self.p.add_expr(Expr::Via(Conv::SwapPrefix { drop, put: put.into() }, path)));
        }
        if let Some(rewrite) = action.get("regex_rewrite") {
            let regex = rewrite.find(&["pattern", "regex"])?;
            let pattern = self.p.add_pattern(crate::model::Pattern::new(regex.text()?.into(), false, Vec::new()));
            let with = rewrite.str("substitution").unwrap_or_default();
            let path = self.path();
            return Some(self.p.add_expr(Expr::Via(Conv::Replace { pattern, with: with.into(), all: true }, path)));
        }
        let at = action.get("path_rewrite_policy").or_else(|| action.get("path_rewrite"))?;
        let why = self.vague(at);
        Some(self.p.add_expr(Expr::Opaque { why, full: true }))
    }

    /// A route that forwards.
    fn action(&mut self, place: &Place<'a, '_>, action: At<'a>) -> (BlockId, PolicyId) {
        let timers = self.timers(place.m, Some(action), place.seat, place.head);
        let own = self.route_upgrades(action);
        let shape = Shape { action, timers: &timers, own: &own };
        if let Some(weighted) = action.get("weighted_clusters") {
            return self.weighted(place, &shape, weighted);
        }
        if let Some(header) = action.get("cluster_header") {
            return self.by_header(place, &shape, header);
        }
        let Some(name) = action.get("cluster") else {
            let policy = self.policy(place.m, &timers, None, Wire::H11, place.around.outgoing, place.seat);
            let tail = vec![self.anything(Reason::ForeignModule, action, "how the cluster is chosen is not modelled")];
            return (self.body(place, &shape, policy, None, tail), policy);
        };
        if name.is_opaque() {
            let policy = self.policy(place.m, &timers, None, Wire::H11, place.around.outgoing, place.seat);
            let tail = vec![self.anything(Reason::Template, name, "the cluster is filled in later")];
            return (self.body(place, &shape, policy, None, tail), policy);
        }
        let cluster = self.cluster_named(name.text().unwrap_or_default(), name.span());
        self.way_to(place, &shape, None, cluster.as_ref(), name.span())
    }

    /// Everything on the way to one cluster; none: it does not exist.
    fn way_to(
        &mut self,
        place: &Place<'a, '_>,
        shape: &Shape<'a, '_>,
        weighted: Option<At<'a>>,
        cluster: Option<&Cluster>,
        at: Span,
    ) -> (BlockId, PolicyId) {
        let mut outgoing = self.own_list(place, weighted, "request");
        let literal = weighted.and_then(|w| w.get("host_rewrite_literal").map(|_| w)).unwrap_or(shape.action);
        if let Some(op) = self.host_rewrite(literal, cluster.and_then(|c| c.host.as_deref()), place.seat) {
            let mut ops: Vec<_> = self.p.list(outgoing).ops.clone();
            let named = literal.get("host_rewrite_header").and_then(At::text);
            let hosts = self.host_by_header(op, named, &ops);
            ops.extend(hosts);
            outgoing = self.outgoing(ops, place.seat);
        }
        let mut tail = Vec::new();
        let Some(cluster) = cluster else {
            // Nobody defines it `[ws-unknown-cluster-novalidate]`.
            let policy = self.policy(place.m, shape.timers, None, Wire::H11, outgoing, place.seat);
            tail.push(Self::respond(503, at, place.seat));
            return (self.body(place, shape, policy, weighted, tail), policy);
        };
        if let Some(path) = self.new_path(place, shape.action) {
            let span = ["prefix_rewrite", "regex_rewrite"].iter().find_map(|f| shape.action.get(f)).map_or(place.head, At::span);
            tail.push(Step { act: Act::Rewrite { path, query: None, moved: false }, span });
        }
        let wire = match cluster.speaks {
            Speaks::This(fact) => fact.value.is().unwrap_or(Wire::H11),
            Speaks::AsClient(_) => Wire::H11,
        };
        let policy = self.policy(place.m, shape.timers, Some(cluster), wire, outgoing, place.seat);
        let to = |hop| Act::Forward { to: Target::Upstream(cluster.upstream), hop, target: self.onward };
        if matches!(cluster.speaks, Speaks::AsClient(_)) {
            let second = self.policy(place.m, shape.timers, Some(cluster), Wire::H2, outgoing, place.seat);
            let hop = self.p.policy(second).hop;
            let http2 = self.atom(Subject::Protocol, Matcher::Is(vec!["HTTP/2.0".into()]), false, at);
            let act = Act::Forward { to: Target::Upstream(cluster.upstream), hop, target: self.onward };
            let then = vec![Step { act: Act::Enter(second), span: at }, Step { act, span: at }];
            tail.push(self.when(http2, then, at));
            let hop = self.p.policy(policy).hop;
            let act = Act::Forward { to: Target::Upstream(cluster.upstream), hop, target: self.onward };
            tail.push(Step { act, span: at });
        } else {
            let act = to(self.p.policy(policy).hop);
            tail.push(Step { act, span: at });
        }
        (self.body(place, shape, policy, weighted, tail), policy)
    }

    fn body(
        &mut self,
        place: &Place<'a, '_>,
        shape: &Shape<'a, '_>,
        policy: PolicyId,
        weighted: Option<At<'a>>,
        tail: Vec<Step>,
    ) -> BlockId {
        let mut steps = vec![Step { act: Act::Enter(policy), span: place.head }];
        if place.at.find(&["match", "connect_matcher"]).is_some() {
            let on = shape.own.iter().chain(&place.m.upgrades).find(|u| u.kind == "connect").is_some_and(|u| u.enabled);
            let connect = self.atom(Subject::Method, Matcher::Is(vec!["CONNECT".into()]), false, place.head);
            let answer = vec![Self::respond(if on { 200 } else { 403 }, place.head, place.seat)];
            steps.push(self.when(connect, answer, place.head));
        }
        let levels = Self::levels(place, weighted);
        let answer = self.answers(place, weighted);
        let first = answer.map(|list| self.p.on_answer(Lane::Every, list, place.head));
        let tail = first.into_iter().chain(tail).collect();
        steps.extend(self.through(
            place.m,
            &Way { own: shape.own, levels: &levels, forwards: true, nowhere: false, answer },
            tail,
            place.head,
            place.seat,
        ));
        self.block(steps)
    }

    /// By chance, each cluster with its weight.
    fn weighted(&mut self, place: &Place<'a, '_>, shape: &Shape<'a, '_>, at: At<'a>) -> (BlockId, PolicyId) {
        let mut parts = Vec::new();
        let mut first = None;
        for part in at.list("clusters") {
            let weight = part.get("weight").and_then(At::number).unwrap_or(0);
            let (block, policy) = match part.get("name") {
                Some(name) => {
                    let cluster = self.cluster_named(name.text().unwrap_or_default(), name.span());
                    self.way_to(place, shape, Some(part), cluster.as_ref(), name.span())
                }
                None => {
                    let policy = self.policy(place.m, shape.timers, None, Wire::H11, place.around.outgoing, place.seat);
                    let tail = vec![self.anything(Reason::RuntimeState, part, "the cluster is named by a header")];
                    (self.body(place, shape, policy, Some(part), tail), policy)
                }
            };
            first = first.or(Some(policy).filter(|_| weight > 0));
            parts.push((u32::try_from(weight).unwrap_or(u32::MAX), block));
        }
        let policy = first.unwrap_or_else(|| self.policy(place.m, shape.timers, None, Wire::H11, place.around.outgoing, place.seat));
        let hop = self.p.policy(policy).hop;
        let act = Act::Forward { to: Target::Split(parts), hop, target: self.onward };
        let steps = vec![Step { act: Act::Enter(policy), span: place.head }, Step { act, span: at.span() }];
        (self.block(steps), policy)
    }

    /// The client names the cluster; an unknown one is 503 `[r-cluster-header]`.
    fn by_header(&mut self, place: &Place<'a, '_>, shape: &Shape<'a, '_>, at: At<'a>) -> (BlockId, PolicyId) {
        let mut names: Vec<String> = self.clusters.keys().cloned().collect();
        names.sort_unstable();
        let mut among = Vec::new();
        for name in names {
            let cluster = self.cluster_named(&name, at.span());
            let block = self.way_to(place, shape, None, cluster.as_ref(), at.span()).0;
            among.push((name.as_str().into(), block));
        }
        let (miss, policy) = match self.more_clusters {
            Some(why) => {
                let policy = self.policy(place.m, shape.timers, None, Wire::H11, place.around.outgoing, place.seat);
                let tail = vec![Step { act: Act::Opaque(why), span: at.span() }];
                (self.body(place, shape, policy, None, tail), policy)
            }
            None => self.way_to(place, shape, None, None, at.span()),
        };
        let name = self.p.add_expr(Expr::Read(Subject::Header(at.text().unwrap_or_default().to_ascii_lowercase().into())));
        let hop = self.p.policy(policy).hop;
        let act = Act::Forward { to: Target::Named { name, among, miss: Some(miss) }, hop, target: self.onward };
        let steps = vec![Step { act: Act::Enter(policy), span: place.head }, Step { act, span: at.span() }];
        (self.block(steps), policy)
    }
}

/// What the ways of one route to its clusters share.
struct Shape<'a, 'b> {
    action: At<'a>,
    timers: &'b Timers,
    own: &'b [Upgrade<'a>],
}
