//! Settings as the model's policy, and nginx's gates.

use super::{DirId, Lower, settings::Settings, vars::var_name};
use crate::model::{
    Act, Answers, Ask, BlockId, Clock, Clocks, ClocksId, Combine, Cond, CondId, Ending, Expr, Fact, Follow, Gate, GateId, GateOn,
    HeaderList, HeaderOp, Hop, HopId, How, Idle, Known, ListId, Matcher, Origin, Policy, PolicyId, Reason, Restart, Step, Subject, Traffic,
    UpgradeMode, Verb, Wire,
};
use crate::proxy::nginx::releases::CGI_HOST;
use crate::source::Span;
use std::marker::PhantomData;

/// The family of a content handler, as far as the edge is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pass {
    /// `uwsgi_pass`: a 101 is tunnelled, all headers pass `[mod-uwsgi]`.
    Uwsgi,
    /// `scgi_pass`: the same.
    Scgi,
    /// `fastcgi_pass`: all headers pass, never carries an upgrade `[mod-fastcgi]`.
    Fastcgi,
    /// `grpc_pass`: never carries an upgrade.
    Grpc,
    /// `memcached_pass`: nothing of the request passes.
    Memcached,
    /// `proxy_pass`; it stands last, for all others have settings of their own by their numbers (`Beside::others`).
    Proxy,
}

impl Pass {
    /// By what the names of its directives begin with.
    pub(super) fn named(directive: &str) -> Option<Self> {
        Some(match directive.split_once('_')?.0 {
            "proxy" => Self::Proxy,
            "uwsgi" => Self::Uwsgi,
            "scgi" => Self::Scgi,
            "fastcgi" => Self::Fastcgi,
            "grpc" => Self::Grpc,
            "memcached" => Self::Memcached,
            _ => return None,
        })
    }

    const fn tunnels(self) -> bool {
        matches!(self, Self::Uwsgi | Self::Scgi)
    }
}

/// What answers in a block.
#[derive(Clone, Copy)]
pub(super) struct Content {
    pub(super) block: BlockId,
    pub(super) pass: Pass,
    /// The edge that it goes over, if it forwards.
    pub(super) hop: HopId,
}

impl Lower<'_> {
    pub(super) fn policy(&mut self, s: &Settings, pass: Pass, hop: HopId) -> PolicyId {
        let clocks = self.clocks(s, pass);
        let (outgoing, relayed) = match s.other(pass) {
            None => (s.outgoing, s.relayed),
            // Lines for `proxy_pass` mean nothing to others.
            Some(other) => {
                let hidden = other.hidden;
                (self.passed_on(pass), hidden)
            }
        };
        self.p.add_policy(Policy {
            seat: s.seat,
            outgoing,
            relayed,
            answer: s.answer,
            clocks,
            hop,
            content: s.content,
            errors: s.errors,
            absolute: s.absolute,
            max_body: s.max_body,
        })
    }

    /// The client's lines as others than `proxy_pass` get them.
    fn passed_on(&mut self, pass: Pass) -> ListId {
        if !(matches!(pass, Pass::Fastcgi | Pass::Uwsgi | Pass::Scgi) && self.era.since(CGI_HOST)) {
            return self.unchanged;
        }
        if let Some(known) = self.cgi {
            return known;
        }
        let (seat, span) = (self.p.list(self.unchanged).seat, Span::default());
        let named = |d: &DirId| self.name(*d).ends_with("_param") && self.arg(*d, 0) == Some("HTTP_HOST");
        let value = match self.conf.all().find(named) {
            // Where it is in force is not looked at.
            Some(by) => Known::Unknown(self.p.doubt(Reason::TooComplex, self.span(by), "a parameter names the host")),
            None => {
                // Releases that tell it have these variables.
                let (host, port) = (self.interpolate("$host", span), self.expr(Expr::Read(Subject::NamedPort)));
                let colon = self.is_request_port(span);
                Known::Is(self.expr(Expr::Join(vec![host, colon, port])))
            }
        };
        let op = HeaderOp {
            verb: Verb::Set,
            name: "Host".into(),
            value: Fact { value, origin: Origin { span, seat, how: How::Implied } },
            drop_empty: true,
            on: Answers::All,
            guard: None,
        };
        let list = self.p.add_list(HeaderList { seat, base: None, ops: vec![op], displaced: None, open: None });
        self.cgi = Some(list);
        list
    }

    /// The clocks in force; what sets the same limits shares them.
    fn clocks(&mut self, s: &Settings, pass: Pass) -> ClocksId {
        let limit = if pass.tunnels() { s.cgi_timeout } else { s.read_timeout };
        let key = (limit, s.connect_timeout, pass.tunnels());
        if let Some(known) = self.clocks.get(&key) {
            return *known;
        }
        let [proxy, cgi, connecting] = self.clock_names.clone();
        let name = if pass.tunnels() { cgi } else { proxy };
        let idle: Clock<Idle> = Clock {
            name: name.clone(),
            limit,
            on: Traffic::Both,
            // Traffic in either direction re-arms it `[time-read2-client-ping-unanswered]`.
            restart: Restart::EitherWay,
            rule: Combine::Shortest,
            ends: Ending::Close,
            kind: PhantomData,
        };
        let shake = Clock {
            name,
            limit,
            on: Traffic::Both,
            restart: Restart::Upstream,
            rule: Combine::Shortest,
            ends: Ending::Answer(504),
            kind: PhantomData,
        };
        let connect = Clock { name: connecting, limit: s.connect_timeout, ..shake.clone() };
        let clocks = self.p.add_clocks(Clocks { idle: vec![idle], lifetime: Vec::new(), handshake: vec![connect, shake] });
        self.clocks.insert(key, clocks);
        clocks
    }

    /// The edge to an upstream. `tls`: whether it is spoken there; none: depends on the request.
    pub(super) fn hop(&mut self, s: &Settings, pass: Pass, tls: Option<bool>) -> HopId {
        let fixed = |v: Wire| Fact::is(v, How::Implied, s.version.origin.span, s.seat);
        let wire = match pass {
            Pass::Proxy => s.version,
            _ => fixed(Wire::Cgi),
        };
        // No extended CONNECT is sent to upstreams `[hs-v2-h2c-backend]`.
        let mode = match (pass, s.version.value) {
            (Pass::Fastcgi | Pass::Grpc | Pass::Memcached, _) => UpgradeMode::Refuse(502),
            (Pass::Proxy, Known::Is(Wire::H2)) => UpgradeMode::Strip,
            _ => UpgradeMode::Tunnel,
        };
        let version = s.version.origin;
        let other = s.other(pass);
        let (intercepts, follows) = other.map_or((s.intercepts, s.follows), |o| (o.intercepts, o.follows));
        let all_pass = || Fact::is(true, How::Implied, version.span, version.seat);
        self.edge(Hop {
            wire,
            upgrade: Fact::is(mode, How::Implied, version.span, version.seat),
            buffered: s.buffering,
            mixing: None,
            packed: s.packed,
            tls,
            unreachable: Known::Is(502),
            client_headers: if other.is_some() { all_pass() } else { s.pass_headers },
            method: s.method.filter(|_| other.is_none()),
            intercepts,
            follows: follows.then_some(Follow {
                header: "X-Accel-Redirect",
                table: self.table,
                through: self.server_rewrites,
                malformed: 404,
            }),
        })
    }

    /// The access phase: what may refuse, in nginx's order.
    pub(super) fn gates(&mut self, s: &Settings) -> Vec<Step> {
        let asks = s.auth_basic.is_some() || s.auth_request.is_some();
        // With `satisfy any`, one that permits is enough `[inh2-satisfy]`.
        let any = s.satisfy_any && (asks && !s.access.is_empty() || s.auth_basic.is_some() && s.auth_request.is_some());
        let mut gates = Vec::new();
        if let Some(first) = s.access.first().copied() {
            let denies = s.access.iter().copied().find(|d| self.name(*d) == "deny");
            if any || denies.is_some() {
                let closed = self.name(first) == "deny" && self.arg(first, 0) == Some("all");
                let on = if closed { GateOn::Closed } else { GateOn::Address };
                // An address that no line names is let in; where others may permit, they are asked.
                let permitted = (!closed).then(|| self.permitted(&s.access, !any));
                gates.push((on, 403, denies.filter(|_| !closed).unwrap_or(first), permitted));
            }
        }
        gates.extend(s.auth_basic.map(|id| (GateOn::Credentials, 401, id, None)));
        gates.extend(s.auth_request.map(|id| (GateOn::Remote, 401, id, None)));
        let mut steps = Vec::with_capacity(gates.len());
        let mut next = None;
        for (on, status, by, spares) in gates.into_iter().rev() {
            let gate = self.gate(on, status, by, s, spares, next.filter(|_| any));
            next = Some(gate);
            steps.push(Step { act: Act::Gate(gate), span: self.span(by) });
        }
        steps.reverse();
        if any {
            steps.truncate(1);
        }
        steps
    }

    /// `allow` and `deny` in the order of the text; the first that fits decides. `unnamed`: whether none permits.
    fn permitted(&mut self, rules: &[DirId], unnamed: bool) -> CondId {
        let mut rest = self.p.add_cond(if unnamed { Cond::Always } else { Cond::Any(Vec::new()) });
        for id in rules.iter().rev() {
            let span = self.span(*id);
            let allows = self.name(*id) == "allow";
            let word = self.conf.args(*id).first().map(|w| (w.text, w.opaque));
            let fits = match word {
                Some(("all", false)) => self.p.add_cond(Cond::Always),
                Some((text, false)) if text != "unix:" => self.p.test(Subject::Client, Matcher::Within(vec![text.into()]), span),
                _ => {
                    let why = self.p.doubt(Reason::Template, span, "who is meant is known only later");
                    self.p.add_cond(Cond::Opaque(why))
                }
            };
            rest = if allows {
                self.p.add_cond(Cond::Any(vec![fits, rest]))
            } else {
                let not = self.p.add_cond(Cond::Not(fits));
                self.p.add_cond(Cond::All(vec![not, rest]))
            };
        }
        rest
    }

    /// What `auth_request_set` makes of the answer.
    fn auth_sets(&mut self, s: &Settings) -> Option<BlockId> {
        let mut steps = Vec::new();
        for id in &s.beside.auth_sets {
            let (span, name) = (self.span(*id), self.arg(*id, 0).map(var_name).unwrap_or_default());
            let slot = self.slot(&name.to_ascii_lowercase());
            let value = match self.conf.args(*id).get(1) {
                Some(word) if !word.opaque => self.interpolate(word.text, span),
                _ => self.opaque(Reason::Template, span, "the value is filled in later"),
            };
            steps.push(Step { act: Act::Let(slot, value), span });
        }
        (!steps.is_empty()).then(|| self.p.add_block(steps))
    }

    fn gate(&mut self, on: GateOn, status: u16, by: DirId, s: &Settings, spares: Option<CondId>, or: Option<GateId>) -> GateId {
        let span = self.span(by);
        let deny = Fact { value: Known::Is(status), origin: crate::model::Origin { how: How::Written, span, seat: s.seat } };
        let ask = (on == GateOn::Remote).then(|| {
            let path = self.arg(by, 0).unwrap_or_default();
            let path = self.interpolate(path, span);
            Ask::Route { path, table: self.table, through: self.server_rewrites, sets: self.auth_sets(s), broken: 500 }
        });
        let reads = vec![Subject::Header("authorization".into())];
        self.p.add_gate(Gate { on, deny, ask, reads, spares, or })
    }
}
