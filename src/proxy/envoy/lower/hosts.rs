//! Route configurations: the virtual host is chosen by its domain, the most specific one, whatever their order; its routes are
//! tried in order `[v-domains-order, r-order-shadow]`.

use super::{At, Lower, chains::Way, manager::Manager, overrides::Levels, title};
use crate::model::{
    Act, Arm, Atom, BlockId, Cond, Expr, HeaderList, HeaderOp, ListId, Matcher, Pick, Rank, Reason, Route, RouteId, Seat, Step, Subject,
    Table,
};
use crate::source::Span;

/// What holds around the routes of a virtual host.
#[derive(Clone)]
pub(super) struct Around<'a> {
    pub(super) levels: Levels<'a>,
    pub(super) request: Vec<HeaderOp>,
    pub(super) response: Vec<HeaderOp>,
    /// Lists of routes that add nothing of their own.
    pub(super) outgoing: ListId,
    pub(super) answer: ListId,
    /// Whether the outermost level comes first.
    pub(super) reversed: bool,
    pub(super) seat: Seat,
}

impl<'a> Lower<'a> {
    /// The steps of requests that a route configuration serves.
    pub(super) fn route_config(&mut self, m: &Manager<'a>, config: At<'a>) -> BlockId {
        let (name, head) = title(config);
        let seat = self.scope(config, head, "route configuration", &name, m.seat);
        let miss = self.no_route(m, head, seat);
        let hosts = self.p.add_table(Table { pick: Pick::SpecificHost, arms: Vec::new(), miss, open: None, seat });
        let around = self.around(m, None, config, seat);
        let by_host = if config.bool("ignore_port_in_host_matching") == Some(true) { Subject::Host } else { Subject::Authority };
        let mut arms = Vec::new();
        for host in config.list("virtual_hosts") {
            let route = self.host(m, &around, host, seat);
            for domain in host.list("domains") {
                let Some(text) = domain.text() else { continue };
                if domain.is_opaque() {
                    let test = self.unclear(domain);
                    arms.push(Arm { test, rank: Rank::Plain, go: route, nested: None });
                    continue;
                }
                let lower = text.to_ascii_lowercase();
                let is = match (lower.as_str(), lower.strip_prefix('*'), lower.strip_suffix('*')) {
                    ("*", ..) => {
                        let go = self.p.one(Act::Go(route), domain.span());
                        self.p.tables[hosts.at()].miss = go;
                        continue;
                    }
                    (_, Some(tail), _) => Matcher::Ends(vec![tail.into()]),
                    (_, _, Some(start)) => Matcher::Starts(vec![start.into()]),
                    _ => Matcher::Is(vec![lower.as_str().into()]),
                };
                let test = self.p.add_cond(Cond::Test(Atom { of: by_host.clone(), is, fold: false, not: false, span: domain.span() }));
                arms.push(Arm { test, rank: Rank::Plain, go: route, nested: None });
            }
        }
        let elsewhere = config.get("vhds").map(|at| (at, Reason::MissingFile, "virtual hosts come from elsewhere"));
        let hole = config.has_hole().then_some((config, Reason::Template, "filled in later"));
        if let Some((at, reason, note)) = elsewhere.or(hole) {
            self.p.tables[hosts.at()].open = Some(self.p.doubt(reason, at.span(), note));
        }
        self.p.tables[hosts.at()].arms = arms;
        self.p.one(Act::Dispatch(hosts), head)
    }

    /// What a level and those around it say.
    fn around(&mut self, m: &Manager<'a>, outer: Option<&Around<'a>>, level: At<'a>, seat: Seat) -> Around<'a> {
        let mut levels = Levels::default();
        levels.maps.extend(level.get("typed_per_filter_config"));
        levels.cors.extend(level.get("cors"));
        self.note_levels(m, level, "cors");
        let own = (self.mutations(level, "request", seat), self.mutations(level, "response", seat));
        let (mut request, mut response, mut reversed) = (own.0, own.1, level.bool("most_specific_header_mutations_wins") == Some(true));
        if let Some(outer) = outer {
            levels.maps.extend(&outer.levels.maps);
            levels.cors.extend(&outer.levels.cors);
            reversed = outer.reversed;
            request = join(request, outer.request.clone(), reversed);
            response = join(response, outer.response.clone(), reversed);
        }
        let outgoing = self.outgoing(request.clone(), seat);
        let answer = self.list(seat, response.clone());
        Around { levels, request, response, outgoing, answer, reversed, seat }
    }

    pub(super) fn outgoing(&mut self, ops: Vec<HeaderOp>, seat: Seat) -> ListId {
        self.p.add_list(HeaderList { seat, base: Some(self.base), ops, displaced: None, open: None })
    }

    fn host(&mut self, m: &Manager<'a>, outer: &Around<'a>, host: At<'a>, parent: Seat) -> RouteId {
        let (name, head) = title(host);
        let seat = self.scope(host, head, "virtual host", &name, parent);
        let around = self.around(m, Some(outer), host, seat);
        let miss = self.no_route(m, head, seat);
        let table = self.p.add_table(Table { pick: Pick::FirstMatch, arms: Vec::new(), miss, open: None, seat });
        let mut arms = Vec::new();
        if let Some(matcher) = host.get("matcher") {
            arms = self.matcher(matcher, None, 0, &mut |lower, action| lower.matched(m, &around, action));
        } else {
            for route in host.list("routes") {
                arms.push(self.arm(m, &around, route));
            }
        }
        self.p.tables[table.at()].arms = arms;
        if host.has_hole() {
            self.p.tables[table.at()].open = Some(self.vague(host));
        }
        let timers = self.timers(m, None, seat, head);
        let policy = self.policy(m, &timers, None, crate::model::Wire::H11, around.outgoing, seat);
        let mut steps = vec![Step { act: Act::Enter(policy), span: head }];
        steps.extend(self.tls_only(m, &around, host));
        steps.push(Step { act: Act::Dispatch(table), span: head });
        let body = self.block(steps);
        self.p.add_route(Route { seat, body, policy, named: false, within: None })
    }

    /// `require_tls`: plain requests are redirected, handshakes too.
    fn tls_only(&mut self, m: &Manager<'a>, around: &Around<'a>, host: At<'a>) -> Option<Step> {
        let at = host.get("require_tls")?;
        let mut test = match host.choice("require_tls").as_deref() {
            Some("ALL" | "2") => self.https(m.trusts, at),
            Some("EXTERNAL_ONLY" | "1") => {
                let inside = self.unclear(at);
                let secure = self.https(m.trusts, at);
                self.p.add_cond(Cond::Any(vec![inside, secure]))
            }
            _ => return None,
        };
        test = self.not(test);
        let scheme = self.p.text("https://");
        let name = self.p.add_expr(Expr::Read(Subject::Header("host".into())));
        let location = self.p.add_expr(Expr::Join(vec![scheme, name, self.onward]));
        let status = Self::fact(301, at, around.seat);
        let tail = vec![Step { act: Act::Respond { status, location: Some(location), body: None }, span: at.span() }];
        let steps = self.through(
            m,
            &Way { own: &[], levels: &around.levels, forwards: false, nowhere: false, answer: None },
            tail,
            at.span(),
            around.seat,
        );
        Some(self.when(test, steps, at.span()))
    }

    /// Nothing fits: 404, after the filters `[r-no-routes]`.
    pub(super) fn no_route(&mut self, m: &Manager<'a>, head: Span, seat: Seat) -> BlockId {
        let timers = self.timers(m, None, seat, head);
        let policy = self.policy(m, &timers, None, crate::model::Wire::H11, self.nothing, seat);
        let mut steps = vec![Step { act: Act::Enter(policy), span: head }];
        if !m.upgrades.iter().any(|u| u.kind == "connect" && u.enabled) {
            let connect = self.atom(Subject::Method, Matcher::Is(vec!["CONNECT".into()]), false, head);
            let refusal = vec![Self::respond(403, head, seat)];
            steps.push(self.when(connect, refusal, head));
        }
        let tail = vec![Self::respond(404, head, seat)];
        steps.extend(self.through(
            m,
            &Way { own: &[], levels: &Levels::default(), forwards: false, nowhere: true, answer: None },
            tail,
            head,
            seat,
        ));
        self.block(steps)
    }
}

/// Operations of an inner and an outer level.
pub(super) fn join(inner: Vec<HeaderOp>, outer: Vec<HeaderOp>, reversed: bool) -> Vec<HeaderOp> {
    let (mut first, second) = if reversed { (outer, inner) } else { (inner, outer) };
    first.extend(second);
    first
}
