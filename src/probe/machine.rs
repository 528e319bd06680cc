//! Runs one concrete request through the program of a [`Proxy`], from the listener.

use super::{
    eval::{Tri, Val},
    select::Picked,
};
use crate::model::{
    Act, Answers, BlockId, CondId, GateId, GateOn, HopId, Lane, ListId, Origin, PolicyId, Proxy, Request, RouteId, Slot, TableId, Target,
    Text, UpgradeMode, UpstreamId, Verb, Why, Wire,
};
use crate::source::Span;

/// How many steps one request may take.
const STEPS: u32 = 4000;
/// How many forks are followed.
const FORKS: usize = 6;
/// How many branches are tried.
const BRANCHES: usize = 32;

/// What the upstream does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Far {
    /// 101 to a valid RFC 6455 handshake; otherwise 426 when a key came, otherwise 200.
    Strict,
    /// 101 to a valid handshake, otherwise 200.
    Lenient,
    /// That status to everything.
    Status(u16),
    /// Nobody listens.
    Refused,
}

/// What the configuration does not say.
#[derive(Clone, Debug)]
pub struct Assume {
    /// Whether the client brings valid credentials.
    pub credentials: bool,
    /// What upstreams do.
    pub far: Far,
}

impl Default for Assume {
    fn default() -> Self {
        Self { credentials: true, far: Far::Strict }
    }
}

/// One header line, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Name as it is sent.
    pub name: Text,
    /// Value.
    pub value: Val,
    /// Where it was made; none: the client's or the upstream's own.
    pub origin: Option<Origin>,
}

/// What an upstream receives.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The group, if it is one of the configuration.
    pub upstream: Option<UpstreamId>,
    /// All addresses that may be chosen.
    pub addresses: Vec<Text>,
    /// Method.
    pub method: Val,
    /// Path and query.
    pub target: Val,
    /// Headers.
    pub headers: Vec<Line>,
    /// More operations on headers may exist.
    pub open: Option<Why>,
    /// The edge.
    pub hop: HopId,
    /// The list that made the headers.
    pub list: ListId,
    /// Where forwarding is written.
    pub span: Span,
}

impl Sent {
    /// All values of a header.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.headers.iter().filter(move |l| l.name.eq_ignore_ascii_case(name))
    }
}

/// An internal jump, and the settings that were left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Where it is written.
    pub span: Span,
    /// Settings in force before.
    pub left: Option<PolicyId>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A tunnel is open.
    Tunnel,
    /// The upstream's answer was passed on.
    Relayed,
    /// The proxy answered.
    Answered,
    /// From files.
    Served,
    /// The connection is closed without an answer.
    Closed,
    /// Too many internal redirects.
    Loops,
    /// Not known.
    Unknown(Why),
}

/// One way a request may go.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What was guessed to get here.
    pub guesses: Vec<(Why, bool)>,
    /// How it ended.
    pub end: End,
    /// Status on the wire; none: not known, or no answer.
    pub status: Option<u16>,
    /// Headers of the answer that the proxy made.
    pub answer: Vec<Line>,
    /// Body that the proxy made from its configuration.
    pub body: Option<Val>,
    /// More operations on answer headers may exist.
    pub answer_open: Option<Why>,
    /// What went upstream.
    pub sent: Option<Sent>,
    /// Settings in force at the end.
    pub policy: Option<PolicyId>,
    /// Routes entered, in order.
    pub routes: Vec<RouteId>,
    /// Jumps taken.
    pub jumps: Vec<Jump>,
    /// The step that ended it.
    pub ended_at: Span,
    /// Gates met, and whether they let it pass.
    pub gates: Vec<(GateId, bool)>,
}

/// Runs a request; every branch that could not be excluded.
pub fn run(proxy: &Proxy, request: &Request, assume: &Assume) -> Vec<Branch> {
    let mut done = Vec::new();
    let mut scripts = vec![Vec::new()];
    while let Some(script) = scripts.pop() {
        if done.len() >= BRANCHES {
            break;
        }
        let known = script.len();
        let mut run = Run::new(proxy, request, assume, script);
        run.go();
        for i in (known..run.script.len().min(FORKS)).rev() {
            let mut other = run.script[..=i].to_vec();
            other[i] = !other[i];
            scripts.push(other);
        }
        done.push(run.finish());
    }
    done
}

/// Where execution goes after a block.
#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Leave,
    Done,
}

pub(super) struct Run<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) request: &'a Request,
    assume: &'a Assume,
    script: Vec<bool>,
    made: usize,
    guesses: Vec<(Why, bool)>,
    decided: Vec<(CondId, bool)>,
    steps: u32,
    jumps_left: u8,
    pub(super) path: String,
    pub(super) query: Val,
    pub(super) untouched: bool,
    moved: bool,
    pub(super) internal: bool,
    failing: bool,
    pub(super) headers: Vec<Line>,
    slots: Vec<Option<Val>>,
    captures: Vec<Text>,
    pub(super) authority: Val,
    pub(super) host_name: Text,
    pub(super) status: Option<u16>,
    policy: Option<PolicyId>,
    pushed: Vec<(Lane, ListId)>,
    routes: Vec<RouteId>,
    jumps: Vec<Jump>,
    gates: Vec<(GateId, bool)>,
    sent: Option<Sent>,
    end: End,
    body: Option<Val>,
    location: Option<(Val, Span)>,
    ended_at: Span,
}

impl<'a> Run<'a> {
    fn new(proxy: &'a Proxy, request: &'a Request, assume: &'a Assume, script: Vec<bool>) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        Self {
            proxy,
            request,
            assume,
            script,
            made: 0,
            guesses: Vec::new(),
            decided: Vec::new(),
            steps: 0,
            jumps_left: proxy.jumps,
            path: path.to_owned(),
            query: Val::Is(query.into()),
            untouched: true,
            moved: false,
            internal: false,
            failing: false,
            headers: request.headers.iter().map(|(n, v)| Line { name: n.clone(), value: Val::Is(v.clone()), origin: None }).collect(),
            slots: vec![None; proxy.slots as usize],
            captures: Vec::new(),
            authority: Val::Is("".into()),
            host_name: "".into(),
            status: None,
            policy: None,
            pushed: Vec::new(),
            routes: Vec::new(),
            jumps: Vec::new(),
            gates: Vec::new(),
            sent: None,
            end: End::Unknown(Proxy::RUNTIME),
            body: None,
            location: None,
            ended_at: Span::default(),
        }
    }

    pub(super) fn host(&self) -> Text {
        let raw = self.request.header("host").cloned().unwrap_or_else(|| "".into());
        let bare =
            if raw.starts_with('[') { raw.find(']').map_or(&*raw, |i| &raw[..=i]) } else { raw.split(':').next().unwrap_or_default() };
        bare.trim_end_matches('.').to_ascii_lowercase().into()
    }

    pub(super) fn slot(&self, slot: Slot) -> Val {
        self.slots.get(slot.at()).cloned().flatten().unwrap_or_else(|| Val::Is("".into()))
    }

    pub(super) fn assign(&mut self, slot: Slot, value: Val) {
        if let Some(place) = self.slots.get_mut(slot.at()) {
            *place = Some(value);
        }
    }

    pub(super) fn capture(&self, n: u8) -> Val {
        Val::Is(self.captures.get(usize::from(n)).cloned().unwrap_or_else(|| "".into()))
    }

    pub(super) fn set_captures(&mut self, groups: Vec<Text>) {
        self.captures = groups;
    }

    /// Decides what cannot be decided: as the script says, otherwise yes. The same condition goes the same way.
    pub(super) fn decide(&mut self, cond: Option<CondId>, why: Why) -> bool {
        if let Some(known) = cond.and_then(|c| self.decided.iter().find(|(d, _)| *d == c)) {
            return known.1;
        }
        if self.made == self.script.len() {
            self.script.push(true);
        }
        let way = self.script[self.made];
        self.made += 1;
        self.guesses.push((why, way));
        if let Some(c) = cond {
            self.decided.push((c, way));
        }
        way
    }

    fn go(&mut self) {
        let body = self.proxy.listeners[self.request.listener].body;
        self.block(body);
    }

    fn stop(&mut self, end: End, at: Span) -> Flow {
        self.end = end;
        self.ended_at = at;
        Flow::Done
    }

    fn block(&mut self, id: BlockId) -> Flow {
        let proxy = self.proxy;
        for step in proxy.block(id) {
            self.steps += 1;
            if self.steps > STEPS {
                return self.stop(End::Loops, step.span);
            }
            match self.step(&step.act, step.span) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn step(&mut self, act: &Act, at: Span) -> Flow {
        match act {
            Act::Enter(policy) => self.policy = Some(*policy),
            Act::When { test, then, other } => {
                let yes = match self.holds(*test) {
                    Tri::Yes => true,
                    Tri::No => false,
                    Tri::Maybe(why) => self.decide(Some(*test), why),
                };
                if yes {
                    return self.block(*then);
                }
                if let Some(other) = other {
                    return self.block(*other);
                }
            }
            Act::Group(block) => {
                if self.block(*block) == Flow::Done {
                    return Flow::Done;
                }
            }
            Act::Leave => return Flow::Leave,
            Act::Dispatch(table) => return self.dispatch(*table, at),
            Act::Call(block) => return self.block(*block),
            Act::Go(route) => return self.enter(*route),
            Act::Jump(route) => {
                if !self.may_jump() {
                    return self.stop(End::Loops, at);
                }
                self.jumps.push(Jump { span: at, left: self.policy });
                self.internal = true;
                return self.enter(*route);
            }
            Act::Reselect { table, if_moved } => {
                if *if_moved && !self.moved {
                    return Flow::Next;
                }
                if !self.may_jump() {
                    return self.stop(End::Loops, at);
                }
                self.moved = false;
                self.internal = true;
                self.jumps.push(Jump { span: at, left: self.policy });
                return self.dispatch(*table, at);
            }
            Act::Let(slot, expr) => {
                let value = self.eval(*expr);
                self.assign(*slot, value);
            }
            Act::Rewrite { path, query, moved } => {
                match self.eval(*path) {
                    Val::Is(path) => self.path = path.to_string(),
                    Val::Unknown { why, .. } => return self.stop(End::Unknown(why), at),
                }
                if let Some(query) = query {
                    self.query = self.eval(*query);
                }
                self.untouched = false;
                self.moved = *moved;
            }
            Act::Edit(list) => {
                let mut headers = std::mem::take(&mut self.headers);
                self.apply(*list, &mut headers);
                self.headers = headers;
            }
            Act::OnAnswer { lane, list } => self.pushed.push((*lane, *list)),
            Act::Gate(gate) => return self.gate(*gate, at),
            Act::Cors(cors) => return self.cors(*cors, at),
            Act::Copy(_) | Act::Cache { .. } => {}
            Act::Content => {
                if let Some(block) = self.policy.and_then(|p| self.proxy.policy(p).content) {
                    return self.block(block);
                }
                return self.stop(End::Unknown(Proxy::RUNTIME), at);
            }
            Act::Respond { status, location, body } => {
                self.location = location.map(|l| (self.eval(l), at));
                self.body = body.map(|b| self.eval(b));
                if let Some(status) = status.value.is() {
                    return self.answer(status, at);
                }
                self.status = None;
                return self.stop(End::Answered, at);
            }
            Act::Serve => {
                return match &*self.request.method {
                    "GET" | "HEAD" => self.stop(End::Served, at),
                    _ => self.answer(405, at),
                };
            }
            Act::Close => return self.stop(End::Closed, at),
            Act::Forward { to, hop, target } => return self.forward(to, *hop, *target, at),
            Act::Opaque(why) => return self.stop(End::Unknown(*why), at),
        }
        Flow::Next
    }

    fn may_jump(&mut self) -> bool {
        self.jumps_left = self.jumps_left.saturating_sub(1);
        self.jumps_left > 0
    }

    fn dispatch(&mut self, table: TableId, at: Span) -> Flow {
        match self.pick(table) {
            Picked::Arm(arm) => self.enter(arm.go),
            Picked::Miss => {
                let miss = self.proxy.table(table).miss;
                self.block(miss)
            }
            Picked::Unknown(why) => self.stop(End::Unknown(why), at),
        }
    }

    fn enter(&mut self, route: RouteId) -> Flow {
        self.routes.push(route);
        self.block(self.proxy.route(route).body)
    }

    /// The proxy's own answer; its error handling may take it elsewhere.
    fn answer(&mut self, status: u16, at: Span) -> Flow {
        self.status = Some(status);
        if let Some(errors) = self.policy.and_then(|p| self.proxy.policy(p).errors)
            && !self.failing
            && self.body.is_none()
            && status >= 300
        {
            self.failing = true;
            if self.block(errors) == Flow::Done {
                return Flow::Done;
            }
        }
        self.stop(End::Answered, at)
    }

    fn gate(&mut self, id: GateId, at: Span) -> Flow {
        let gate = self.proxy.gate(id);
        if let Some(spares) = gate.spares {
            let free = match self.holds(spares) {
                Tri::Yes => true,
                Tri::No => false,
                Tri::Maybe(why) => self.decide(Some(spares), why),
            };
            if free {
                return Flow::Next;
            }
        }
        let pass = match gate.on {
            GateOn::Credentials | GateOn::Remote => self.assume.credentials,
            GateOn::Address | GateOn::Rate => true,
            GateOn::Closed => false,
        };
        self.gates.push((id, pass));
        if pass {
            return Flow::Next;
        }
        match gate.deny.value.is() {
            Some(status) => self.answer(status, at),
            None => self.stop(End::Answered, at),
        }
    }

    fn cors(&mut self, id: crate::model::CorsId, at: Span) -> Flow {
        let cors = self.proxy.cors_of(id);
        let preflight = &*self.request.method == "OPTIONS" && self.request.header("access-control-request-method").is_some();
        if self.request.header("origin").is_none() {
            return Flow::Next;
        }
        let allowed = match cors.origins.value.is() {
            Some(c) => self.holds(c),
            None => Tri::Maybe(Proxy::RUNTIME),
        };
        let allowed = match allowed {
            Tri::Yes => true,
            Tri::No => false,
            Tri::Maybe(why) => self.decide(cors.origins.value.is(), why),
        };
        if !allowed {
            return match cors.unmatched {
                crate::model::Unmatched::AnswerBare if preflight => self.answer(cors.preflight, at),
                _ => Flow::Next,
            };
        }
        if preflight {
            return self.answer(cors.preflight, at);
        }
        Flow::Next
    }

    /// Applies header operations to a list of lines.
    fn apply(&mut self, list: ListId, lines: &mut Vec<Line>) -> Option<Why> {
        let proxy = self.proxy;
        for op in proxy.ops(list) {
            if let Answers::Statuses(which) = op.on
                && !self.status.is_some_and(|s| which.contains(&s))
            {
                continue;
            }
            let sure = match op.guard.map(|g| (g, self.holds(g))) {
                None | Some((_, Tri::Yes)) => true,
                Some((_, Tri::No)) => false,
                Some((g, Tri::Maybe(why))) => self.decide(Some(g), why),
            };
            if !sure {
                continue;
            }
            let same = |l: &Line| l.name.eq_ignore_ascii_case(&op.name);
            if op.verb == Verb::Remove {
                lines.retain(|l| !same(l));
                continue;
            }
            if op.verb == Verb::IfAbsent && lines.iter().any(same) {
                continue;
            }
            let value = match op.value.value {
                crate::model::Known::Is(e) => self.eval(e),
                crate::model::Known::Unknown(why) => Val::Unknown { why, full: false },
            };
            if op.verb == Verb::Set {
                lines.retain(|l| !same(l));
            }
            if op.drop_empty && value.known() == Some("") {
                continue;
            }
            lines.push(Line { name: op.name.clone(), value, origin: Some(op.value.origin) });
        }
        proxy.list(list).open
    }

    fn forward(&mut self, to: &Target, hop: HopId, target: crate::model::ExprId, at: Span) -> Flow {
        let proxy = self.proxy;
        let mut upstream = None;
        let mut addresses = Vec::new();
        let mut line = None;
        match to {
            Target::Upstream(id) => upstream = Some(*id),
            Target::Split(parts) => {
                // Chance: every part with weight is followed.
                let parts: Vec<_> = parts.iter().filter(|p| p.0 > 0).collect();
                for (i, part) in parts.iter().enumerate() {
                    if i + 1 == parts.len() || self.decide(None, Proxy::RUNTIME) {
                        return self.block(part.1);
                    }
                }
                return self.answer(503, at);
            }
            Target::Named { name, among, miss } => {
                return match self.eval(*name) {
                    Val::Is(name) => match among.iter().find(|(n, _)| **n == *name).map(|a| a.1).or(*miss) {
                        Some(block) => self.block(block),
                        None => self.answer(503, at),
                    },
                    Val::Unknown { why, .. } => self.stop(End::Unknown(why), at),
                };
            }
            Target::Url(expr) => match self.eval(*expr) {
                Val::Is(url) => {
                    let rest = url.split_once("://").map_or(&*url, |(_, r)| r);
                    let (authority, uri) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
                    self.authority = Val::Is(authority.into());
                    let found = proxy.upstreams.iter().position(|u| *u.name == *authority);
                    match found {
                        Some(i) => upstream = Some(UpstreamId(i as u32)),
                        None => addresses.push(Text::from(authority)),
                    }
                    if !uri.is_empty() {
                        line = Some(Val::Is(uri.into()));
                    }
                }
                Val::Unknown { why, .. } => {
                    // Where it goes is not known, what is sent still is.
                    self.authority = Val::Unknown { why, full: true };
                }
            },
        }
        if let Some(id) = upstream {
            let group = proxy.upstream(id);
            if !matches!(to, Target::Url(_)) {
                self.authority = Val::Is(group.name.clone());
            }
            addresses.extend(group.servers.iter().filter(|s| !s.backup || group.servers.iter().all(|s| s.backup)).map(|s| s.at.clone()));
        }
        let edge = proxy.hop(hop);
        let Some(policy) = self.policy else { return self.stop(End::Unknown(Proxy::RUNTIME), at) };
        let list = proxy.policy(policy).outgoing;
        let mut headers = if edge.client_headers { self.headers.clone() } else { Vec::new() };
        let open = self.apply(list, &mut headers);
        let method = edge.method.map_or_else(|| Val::Is(self.request.method.clone()), |m| self.eval(m));
        let target = line.unwrap_or_else(|| self.eval(target));
        self.sent = Some(Sent { upstream, addresses, method, target, headers, open, hop, list, span: at });
        self.far(hop, at)
    }

    /// What the assumed upstream answers.
    fn far(&mut self, hop: HopId, at: Span) -> Flow {
        let edge = self.proxy.hop(hop);
        let Some(sent) = &self.sent else { return Flow::Next };
        let (key, verdict) = (sent.values("sec-websocket-key").next().is_some(), super::handshake::judge(self.proxy, sent));
        let status = match (&self.assume.far, verdict) {
            (Far::Refused, _) => return self.answer(502, at),
            (Far::Status(s), _) => Some(*s),
            (_, super::handshake::Judged::Unknown(_)) => None,
            (_, super::handshake::Judged::Valid) => Some(101),
            (Far::Strict, super::handshake::Judged::Faulty(_)) if key => Some(426),
            (_, super::handshake::Judged::Faulty(_)) => Some(200),
        };
        self.status = status;
        if status == Some(101) {
            let asked = self.request.header("upgrade").is_some();
            match edge.upgrade.value.is() {
                Some(UpgradeMode::Tunnel) if asked => return self.stop(End::Tunnel, at),
                Some(UpgradeMode::Refuse(s)) => return self.answer(s, at),
                _ if edge.wire.value.is() == Some(Wire::Raw) => return self.stop(End::Tunnel, at),
                _ => {}
            }
        }
        self.stop(End::Relayed, at)
    }

    fn finish(mut self) -> Branch {
        let mut answer = Vec::new();
        let mut answer_open = None;
        let local = matches!(self.end, End::Answered | End::Served);
        if let Some((value, at)) = self.location.take() {
            let seat = self.policy.map_or(crate::model::Seat(0), |p| self.proxy.policy(p).seat);
            let origin = Origin { how: crate::model::How::Written, span: at, seat };
            answer.push(Line { name: "Location".into(), value, origin: Some(origin) });
        }
        if matches!(self.end, End::Answered | End::Served | End::Relayed | End::Tunnel) {
            if let Some(policy) = self.policy.map(|p| *self.proxy.policy(p)) {
                if let Some(relayed) = policy.relayed.filter(|_| !local) {
                    self.apply(relayed, &mut answer);
                }
                answer_open = self.apply(policy.answer, &mut answer);
            }
            for lane in [Lane::Relayed, Lane::Every] {
                if lane == Lane::Relayed && local {
                    continue;
                }
                for (_, list) in self.pushed.clone().into_iter().rev().filter(|p| p.0 == lane) {
                    answer_open = self.apply(list, &mut answer).or(answer_open);
                }
            }
        }
        Branch {
            guesses: self.guesses,
            end: self.end,
            status: self.status,
            answer,
            body: self.body,
            answer_open,
            sent: self.sent,
            policy: self.policy,
            routes: self.routes,
            jumps: self.jumps,
            ended_at: self.ended_at,
            gates: self.gates,
        }
    }
}
