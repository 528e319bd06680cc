//! A (frontend, backend) pair: the clocks that hold on it, the backend's rules, and how its servers are spoken to.

use super::{Lower, Phase, find, servers::Line};
use crate::model::{
    Act, Clock, Clocks, Combine, Cond, CondId, Ending, Expr, Fact, Hop, HopId, How, Known, Limit, Matcher, Mixing, Policy, PolicyId,
    Reason, Restart, Route, RouteId, Seat, Server, Step, Subject, Target, Traffic, UpgradeMode, Upstream, Wire,
};
use crate::proxy::haproxy::duration;
use crate::source::Span;
use std::marker::PhantomData;

fn clock<K>(name: &str, limit: Fact<Limit>, on: Traffic, restart: Restart, rule: Combine, ends: Ending) -> Clock<K> {
    Clock { name: name.into(), limit, on, restart, rule, ends, kind: PhantomData }
}

impl Lower<'_> {
    /// The settings of a frontend before a backend is chosen.
    pub(super) fn front_policy(&mut self, section: usize) -> PolicyId {
        let (seat, span) = (self.seats[section], self.sections[section].head.span);
        let client = self.timeout(section, "client");
        let request = self.timeout(section, "http-request");
        let clocks = Clocks {
            idle: vec![clock("timeout client", client, Traffic::Both, Restart::EitherWay, Combine::Shortest, Ending::Close)],
            lifetime: Vec::new(),
            handshake: vec![clock("timeout http-request", request, Traffic::Both, Restart::Never, Combine::Shortest, Ending::Answer(408))],
        };
        let clocks = self.p.add_clocks(clocks);
        let empty = self.empty_list(seat);
        let hop = self.hop(Wire::H11, seat, span);
        let errors = Some(self.error_pages(section));
        self.p.add_policy(Policy {
            seat,
            outgoing: empty,
            relayed: None,
            answer: empty,
            clocks,
            hop,
            content: None,
            errors,
            absolute: None,
            max_body: None,
        })
    }

    fn hop(&mut self, wire: Wire, seat: Seat, span: Span) -> HopId {
        let hop = Hop {
            wire: Self::implied(wire, span, seat),
            upgrade: Self::implied(UpgradeMode::Tunnel, span, seat),
            buffered: Self::implied(false, span, seat),
            mixing: None,
            packed: Self::implied(false, span, seat),
            tls: None,
            unreachable: Known::Is(503),
            client_headers: Self::implied(true, span, seat),
            method: None,
            intercepts: false,
            follows: None,
        };
        self.p.add_hop(hop)
    }

    pub(super) fn route(&mut self, seat: Seat, policy: PolicyId, steps: Vec<Step>) -> RouteId {
        let body = self.p.add_block(steps);
        self.p.add_route(Route { seat, body, policy, named: false, within: None })
    }

    /// The limits on silence of a pair: `timeout tunnel` of the backend alone, or the shorter of `timeout client` of the
    /// frontend and `timeout server` of the backend `[t01] [t03] [t06]`.
    fn clocks(&mut self, front: usize, back: usize) -> Clocks {
        let client = self.timeout(front, "client");
        let server = self.timeout(back, "server");
        let tunnel = self.timeout(back, "tunnel");
        let request = self.timeout(front, "http-request");
        let connect = self.timeout(back, "connect");
        // Each side then only counts what it sends itself [t29].
        let apart = self.option(front, "independent-streams").is_some() || self.option(back, "independent-streams").is_some();
        let same = client.value == server.value;
        let each = |one: Restart| match (apart, same) {
            (false, _) => Restart::EitherWay,
            (true, true) => Restart::BothWays,
            (true, false) => one,
        };
        let mut idle = Vec::new();
        if tunnel.value != Known::Is(Limit::Never) {
            let restart = if apart { Restart::BothWays } else { Restart::EitherWay };
            idle.push(clock("timeout tunnel", tunnel, Traffic::Tunnel, restart, Combine::Supersedes, Ending::Close));
        }
        idle.push(clock("timeout client", client, Traffic::Both, each(Restart::Client), Combine::Shortest, Ending::Close));
        idle.push(clock("timeout server", server, Traffic::Both, each(Restart::Upstream), Combine::Shortest, Ending::Close));
        let mut handshake = vec![
            clock("timeout http-request", request, Traffic::Both, Restart::Never, Combine::Shortest, Ending::Answer(408)),
            clock("timeout connect", connect, Traffic::Connecting, Restart::Never, Combine::Shortest, Ending::Answer(503)),
        ];
        if self.since(3, 3, 0) {
            // A WebSocket handshake that is answered later than this [t22b].
            handshake.push(clock("timeout client", client, Traffic::Tunnel, Restart::Never, Combine::Shortest, Ending::Answer(400)));
        }
        handshake.push(clock("timeout server", server, Traffic::Both, Restart::Never, Combine::Shortest, Ending::Answer(504)));
        Clocks { idle, lifetime: Vec::new(), handshake }
    }

    /// A route from a frontend to a backend.
    pub(super) fn edge(&mut self, front: usize, back: usize, at: Seat, span: Span, http: bool) -> RouteId {
        let seat = self.seats[back];
        let clocks = self.clocks(front, back);
        let outgoing = self.outgoing(front, back);
        let errors = Some(self.error_pages(back));
        let raw = !(http || self.is_http(back));
        let empty = self.empty_list(seat);
        let hop = self.hop(if raw { Wire::Raw } else { Wire::H11 }, seat, span);
        let clocks_id = self.p.add_clocks(clocks.clone());
        if clocks.idle.iter().all(|c| c.rule != Combine::Supersedes) {
            let head = self.sections[back].head.span;
            self.p.could_supersede.insert(clocks_id, ("timeout tunnel".into(), head));
        }
        let policy = self.p.add_policy(Policy {
            seat,
            outgoing: if raw { empty } else { outgoing },
            relayed: None,
            answer: empty,
            clocks: clocks_id,
            hop,
            content: None,
            errors,
            absolute: None,
            max_body: None,
        });
        let mut steps = vec![Step { act: Act::Enter(policy), span }];
        self.other_clocks(front, back, policy, &clocks, &mut steps);
        if !raw {
            if !http {
                self.taken_in(back, &mut steps);
            }
            if back != front {
                self.answer_rules(back, &mut steps);
                self.request_rules(back, &mut steps);
            }
        }
        self.forward(back, raw, hop, &mut steps);
        let route = self.route(at, policy, steps);
        // Nobody sets these but for tunnels.
        let own = self.sections[back].body.iter().find(|s| s.word(0) == "timeout" && s.word(1) == "tunnel").map(|s| s.span);
        let shows = own.or_else(|| self.servers(back).iter().find(|l| l.ws.is_some()).map(|l| l.span));
        if let Some(span) = shows {
            self.p.meant_for_upgrades.push((route, span));
        }
        route
    }

    /// `http-request set-timeout`: other limits for some requests `[t25*]`.
    fn other_clocks(&mut self, front: usize, back: usize, policy: PolicyId, clocks: &Clocks, steps: &mut Vec<Step>) {
        let mut clocks = clocks.clone();
        for section in if front == back { vec![back] } else { vec![front, back] } {
            let body = self.sections[section].body.clone();
            for stmt in body {
                if stmt.word(0) != "http-request" || stmt.word(1) != "set-timeout" {
                    continue;
                }
                let limit = match stmt.words.get(3).filter(|w| !w.unknown).and_then(|w| duration::read(&w.text)) {
                    Some(d) => Self::fact(find::limit(d.milliseconds), stmt.span, self.seats[section]),
                    None => {
                        let why = self.opaque(Reason::RuntimeState, stmt.span, "a limit made for each request");
                        Fact::unknown(why, stmt.span, self.seats[section])
                    }
                };
                let name = format!("timeout {}", stmt.word(2));
                let mut changed = clocks.clone();
                match changed.idle.iter_mut().find(|c| *c.name == *name) {
                    Some(c) => c.limit = limit,
                    None if stmt.word(2) == "tunnel" => {
                        let new = clock("timeout tunnel", limit, Traffic::Tunnel, Restart::EitherWay, Combine::Supersedes, Ending::Close);
                        changed.idle.insert(0, new);
                    }
                    None => continue,
                }
                let test = self.condition(&stmt.words, 4, stmt.maybe, Phase::Request, section);
                let variant = self.with_clocks(policy, changed.clone());
                if matches!(self.p.cond(test), Cond::Always) {
                    clocks = changed;
                }
                let step = self.when(test, Act::Enter(variant), stmt.span);
                steps.push(step);
            }
        }
    }

    /// The last step: to the servers of a backend.
    fn forward(&mut self, back: usize, raw: bool, hop: HopId, steps: &mut Vec<Step>) {
        let span = self.sections[back].head.span;
        let seat = self.seats[back];
        let lines: Vec<Line> = self.servers(back).into_iter().filter(|l| !l.out).collect();
        let upstream = self.upstream(back);
        let target = self.p.add_expr(Expr::Read(Subject::Onward));
        let body = self.sections[back].body.clone();
        for stmt in body.iter().filter(|s| s.word(0) == "use-server") {
            let Some(line) = lines.iter().find(|l| l.name == stmt.word(1)) else { continue };
            let test = self.condition(&stmt.words, 2, stmt.maybe, if raw { Phase::Bytes } else { Phase::Request }, back);
            let group = Upstream {
                servers: vec![Server { at: line.at.clone(), backup: false, doubt: None }],
                name: format!("{}/{}", self.sections[back].name, line.name).into(),
                ..self.p.upstream(upstream).clone()
            };
            let group = self.p.add_upstream(group);
            let step = self.when(test, Act::Forward { to: Target::Upstream(group), hop, target }, stmt.span);
            steps.push(step);
        }
        let first = lines.first().cloned();
        let at = first.as_ref().map_or(span, |l| l.span);
        let Some(first) = first else {
            let act = match self.elsewhere(back) {
                Some(why) => Act::Opaque(why),
                None => Act::Respond { status: Fact::is(503, How::Implied, span, seat), location: None, body: None },
            };
            steps.push(Step { act, span });
            return;
        };
        let to = || Target::Upstream(upstream);
        if raw {
            steps.push(Step { act: Act::Forward { to: to(), hop, target }, span: at });
            return;
        }
        let (plain, upgraded) = wires(&first);
        let plain = self.wire(plain, &first, seat);
        let upgraded = self.wire(upgraded, &first, seat);
        let mut modern = Vec::new();
        if wires(&first).0 != wires(&first).1 {
            let handshake: CondId = self.is_handshake(at);
            let step = self.when(handshake, Act::Forward { to: to(), hop: upgraded, target }, at);
            modern.push(step);
        }
        modern.push(Step { act: Act::Forward { to: to(), hop: plain, target }, span: at });
        // A client of HTTP/1.0 is one to the server too [h10].
        let old = self.p.test(Subject::Protocol, Matcher::Is(vec!["HTTP/1.0".into()]), at);
        let test = self.negated(old);
        let then = self.p.add_block(modern);
        let h10 = self.hop(Wire::H10, seat, at);
        let other = Some(self.p.one(Act::Forward { to: to(), hop: h10, target }, at));
        steps.push(Step { act: Act::When { test, then, other }, span: at });
    }

    fn wire(&mut self, wire: Option<Wire>, line: &Line, seat: Seat) -> HopId {
        let hop = self.hop(wire.unwrap_or(Wire::H11), seat, line.span);
        if line.mixes() {
            let mixing = if self.since(3, 3, 0) { Mixing::EachOther } else { Mixing::UpgradesRefused };
            let curable = line.ws.as_deref() == Some("h1") && mixing == Mixing::UpgradesRefused;
            self.p.hops[hop.at()].mixing = (!curable).then(|| Fact::is(mixing, How::Implied, line.span, seat));
        }
        if wire.is_none() {
            let why = self.opaque(Reason::RuntimeState, line.span, "the server chooses between HTTP/2 and HTTP/1.1");
            self.p.hops[hop.at()].wire = Fact::unknown(why, line.span, seat);
        }
        hop
    }

    /// Something else than a server line that answers in a backend.
    fn elsewhere(&mut self, back: usize) -> Option<crate::model::Why> {
        if let Some(at) = self.hole(back) {
            return Some(self.opaque(Reason::Template, at, "a template fills this in"));
        }
        let fits = |s: &crate::proxy::haproxy::conf::Stmt| {
            matches!(s.word(0), "dispatch" | "use-fcgi-app") || s.word(0) == "option" && matches!(s.word(1), "transparent" | "http_proxy")
        };
        let found = self.setting(back, fits)?;
        Some(self.opaque(Reason::TooComplex, found.stmt.span, "not a server"))
    }
}

/// What plain requests and handshakes are carried in; none: negotiated.
fn wires(line: &Line) -> (Option<Wire>, Option<Wire>) {
    let offered: Vec<&str> = line.alpn.as_deref().unwrap_or_default().split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
    let plain = match line.proto.as_deref() {
        Some("h2") => Some(Wire::H2),
        Some("fcgi") => Some(Wire::Cgi),
        Some(_) => Some(Wire::H11),
        None if !line.tls || !offered.contains(&"h2") => Some(Wire::H11),
        None if offered.len() == 1 => Some(Wire::H2),
        None => None,
    };
    let upgraded = match line.ws.as_deref() {
        Some("h1") => Some(Wire::H11),
        Some("h2") => Some(Wire::H2),
        // Left to itself, HAProxy asks for HTTP/1.1 where it may choose [x11].
        _ => plain.or(Some(Wire::H11)),
    };
    (plain, upgraded)
}
