//! Runs one concrete request through the program of a [`Proxy`], from the listener.

mod answers;
mod errands;
mod forward;
mod gates;
mod intake;
mod outcome;

pub use outcome::{Assume, Branch, Cached, Credentials, End, Errand, Far, Jump, Line, Sent};

use super::{
    asked::Asked,
    differs::Differs,
    example::texts_of,
    index::{Picked, TableIndex},
    value::Tri,
    value::Val,
    word::nothing,
};
use crate::model::{
    Act, BlockId, Cond, CondId, GateId, HopId, Lane, ListId, MapId, Origin, PatternId, PolicyId, Proxy, Request, RouteId, Slot, Stand,
    Subject, TableId, Text, Turn, UpstreamId, Why,
};
use crate::source::Span;
use errands::Copied;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// How many steps one request may take.
const STEPS: u32 = 4000;
/// How many forks are followed.
const FORKS: usize = 6;
/// How often one request may come in at a listener of the same proxy again.
const HOPS: u8 = 8;
/// How many branches are tried.
const BRANCHES: usize = 32;
/// Maps with fewer keys are searched from end to end.
const FEW: usize = 8;
/// What stands before the port of a listener that takes every address.
const ANY_ADDRESS: &[&str] = &["*:", "0.0.0.0:", "[::]:"];

/// A configuration made ready for many requests.
#[derive(Debug)]
pub struct Machine<'a> {
    proxy: &'a Proxy,
    tables: Vec<OnceLock<Option<TableIndex>>>,
    maps: Vec<OnceLock<HashMap<Text, usize>>>,
    examples: Vec<OnceLock<Vec<String>>>,
    groups: OnceLock<HashMap<Text, UpstreamId>>,
    listeners: OnceLock<Doors>,
    differs: Option<Differs>,
}

/// Listeners by their addresses, and by port those that take every address.
#[derive(Debug, Default)]
struct Doors {
    by_address: HashMap<Text, usize>,
    by_port: HashMap<Text, usize>,
}

impl<'a> Machine<'a> {
    /// Makes a configuration ready.
    pub fn new(proxy: &'a Proxy) -> Self {
        fn empty<T>(n: usize) -> Vec<OnceLock<T>> {
            std::iter::repeat_with(OnceLock::new).take(n).collect()
        }
        Self {
            tables: empty(proxy.tables.len()),
            maps: empty(proxy.maps.len()),
            examples: empty(proxy.patterns.len()),
            ..Self::once(proxy)
        }
    }

    /// For a single request no index is made.
    const fn once(proxy: &'a Proxy) -> Self {
        Self {
            proxy,
            tables: Vec::new(),
            maps: Vec::new(),
            examples: Vec::new(),
            groups: OnceLock::new(),
            listeners: OnceLock::new(),
            differs: None,
        }
    }

    /// A machine that also notes which requests fare otherwise after a turn.
    pub fn before(proxy: &'a Proxy, turn: &Turn) -> Self {
        Self { differs: Some(Differs::of(proxy, turn)), ..Self::new(proxy) }
    }

    /// Whether any request so far might have gone another way after the turn.
    pub fn steered(&self) -> bool {
        self.differs.as_ref().is_some_and(Differs::steered)
    }

    /// The index of a table, made when it is first asked.
    pub(super) fn index(&self, id: TableId) -> Option<&TableIndex> {
        self.tables.get(id.at())?.get_or_init(|| TableIndex::of(self.proxy, self.proxy.table(id))).as_ref()
    }

    /// The place of an exact key in a map.
    pub(super) fn entry(&self, id: MapId, key: &str) -> Option<usize> {
        let map = self.proxy.map(id);
        let same = |k: &Text| if map.fold { k.eq_ignore_ascii_case(key) } else { **k == *key };
        let Some(index) = self.maps.get(id.at()).filter(|_| map.exact.len() >= FEW) else {
            return map.exact.iter().position(|e| same(&e.0));
        };
        let index = index.get_or_init(|| {
            let mut index = HashMap::new();
            for (i, (k, _)) in map.exact.iter().enumerate() {
                index.entry(if map.fold { k.to_ascii_lowercase().into() } else { k.clone() }).or_insert(i);
            }
            index
        });
        if map.fold { index.get(&*key.to_ascii_lowercase()) } else { index.get(key) }.copied()
    }

    /// Texts that an expression matches somewhere in; many routes may share one.
    pub(super) fn examples(&self, id: PatternId) -> Cow<'_, [String]> {
        let made = || texts_of(&self.proxy.pattern(id).text);
        self.examples.get(id.at()).map_or_else(|| made().into(), |known| known.get_or_init(made).into())
    }

    /// The first listener that an address names, from this very machine.
    pub(super) fn listener_at(&self, address: &str) -> Option<usize> {
        let index = self.listeners.get_or_init(|| {
            let mut doors = Doors::default();
            for (i, l) in self.proxy.listeners.iter().enumerate() {
                doors.by_address.entry(l.at.clone()).or_insert(i);
                if let Some(port) = ANY_ADDRESS.iter().find_map(|any| l.at.strip_prefix(any)) {
                    doors.by_address.entry(format!("*:{port}").into()).or_insert(i);
                    doors.by_port.entry(port.into()).or_insert(i);
                }
            }
            doors
        });
        let local = address.starts_with("127.") || address.starts_with("localhost:");
        let port = address.rsplit(':').next().filter(|_| local);
        let by_port = port.and_then(|port| index.by_port.get(port)).copied();
        index.by_address.get(address).copied().into_iter().chain(by_port).min()
    }

    /// The first group of that name.
    fn group(&self, name: &str) -> Option<UpstreamId> {
        let index = self.groups.get_or_init(|| {
            let mut index = HashMap::new();
            for (i, u) in self.proxy.upstreams.iter().enumerate() {
                index.entry(u.name.clone()).or_insert(UpstreamId(i as u32));
            }
            index
        });
        index.get(name).copied()
    }

    /// The configuration.
    pub const fn proxy(&self) -> &'a Proxy {
        self.proxy
    }

    /// Runs a request; every branch that could not be excluded.
    pub fn run(&self, request: &Request, assume: &Assume) -> Vec<Branch> {
        // Nearly always there is one.
        let mut done = Vec::with_capacity(1);
        let mut scripts: Vec<Vec<bool>> = Vec::new();
        let mut next = Some(Vec::new());
        while let Some(script) = next.filter(|_| done.len() < BRANCHES) {
            let known = script.len();
            let mut run = Run::new(self, request, assume, script);
            run.go();
            run.conclude();
            if run.script.len() > FORKS && assume.credentials == Credentials::AsSent {
                // Not every way that it might have gone is followed.
                (run.sent, run.end, run.status) = (None, End::Unknown(Proxy::RUNTIME), None);
            }
            for i in (known..run.script.len().min(FORKS)).rev() {
                let mut other = run.script[..=i].to_vec();
                other[i] = !other[i];
                scripts.push(other);
            }
            done.push(run.finish());
            next = scripts.pop();
        }
        done
    }
}

/// Runs a single request, see [`Machine::run`].
pub fn run(proxy: &Proxy, request: &Request, assume: &Assume) -> Vec<Branch> {
    Machine::once(proxy).run(request, assume)
}

/// Where execution goes after a block.
#[derive(PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Leave,
    Done,
}

/// What is unwound when an answer exists.
#[derive(Clone, Copy)]
pub(super) enum Unwound {
    /// Operations on its lines.
    Lines(ListId),
    Steps(BlockId),
}

pub(super) struct Run<'a> {
    pub(super) machine: &'a Machine<'a>,
    pub(super) proxy: &'a Proxy,
    pub(super) request: &'a Request,
    pub(super) method: Text,
    /// The request target in origin form.
    pub(super) target: Text,
    /// Host of an absolute request target.
    pub(super) named: Option<Text>,
    /// Status of whatever answers, and whether it is fixed.
    stands: Option<u16>,
    pub(super) assume: &'a Assume,
    pub(super) script: Vec<bool>,
    pub(super) made: usize,
    pub(super) guesses: Vec<(Why, bool)>,
    decided: Vec<(CondId, bool)>,
    pub(super) steps: u32,
    jumps_left: u8,
    /// How often it may still come in at a listener of this proxy again.
    pub(super) hops_left: u8,
    /// Header lines of the answer of a listener of this proxy.
    pub(super) relayed: Option<Vec<Line>>,
    /// Lines of the client that something written took away or replaced.
    removed: Vec<(Text, Origin)>,
    /// Settings in force on further hops through this proxy.
    pub(super) through: Vec<PolicyId>,
    pub(super) path: Text,
    pub(super) query: Val,
    pub(super) untouched: bool,
    /// Whether a question mark stands behind the path, though no query does.
    pub(super) marked: bool,
    /// What of the request was gone by.
    pub(super) asked: Asked,
    /// Whether it met something that is otherwise in another era.
    pub(super) differs: bool,
    moved: bool,
    /// Path and query before anything was rewritten, if anything was.
    pub(super) arrived: Option<Val>,
    /// Path and query before they were last rewritten.
    before: Option<(Text, Val)>,
    pub(super) rewritten: bool,
    pub(super) internal: bool,
    /// The method that tests see, where another one is sent.
    pub(super) tested_method: Option<Text>,
    /// Whether this is a request of the proxy's own: it is neither copied nor asked for permission.
    own: bool,
    failing: bool,
    /// Whether the request's body was thrown away.
    pub(super) discarded: bool,
    /// Whether it was read to be passed on: it is not thrown away any more.
    pub(super) passed_on: bool,
    pub(super) headers: Vec<Line>,
    /// Why its headers may be others by now.
    headers_open: Option<Why>,
    pub(super) slots: Vec<Option<Val>>,
    /// Values of maps that are looked up once.
    pub(super) looked_up: HashMap<MapId, Val>,
    captures: Vec<Text>,
    /// Whether a regular expression matched and replaced them.
    pub(super) recaptured: bool,
    pub(super) authority: Val,
    pub(super) host_name: Text,
    pub(super) status: Option<u16>,
    policy: Option<PolicyId>,
    pushed: Vec<(Lane, Unwound)>,
    /// Header lines that operations are applied to.
    pub(super) at_hand: Vec<Line>,
    /// The value of the one that is made anew.
    pub(super) line: Val,
    /// Whether those are lines of the answer, which is there.
    pub(super) answering: bool,
    /// Why there may be others.
    pub(super) answer_open: Option<Why>,
    routes: Vec<RouteId>,
    jumps: Vec<Jump>,
    pub(super) gates: Vec<(GateId, bool)>,
    /// Copies that are not on their way yet.
    copies: Vec<Copied>,
    errands: Vec<Errand>,
    cached: Option<Cached>,
    conditions: u32,
    pub(super) sent: Option<Sent>,
    end: End,
    pub(super) body: Option<Val>,
    pub(super) location: Option<(Val, Span)>,
    ended_at: Span,
    /// Room for the arms of a choice that may fit, taken while one is made.
    pub(super) arms: Vec<u32>,
}

impl<'a> Run<'a> {
    pub(super) fn new(machine: &'a Machine<'a>, request: &'a Request, assume: &'a Assume, script: Vec<bool>) -> Self {
        let proxy = machine.proxy;
        Self {
            machine,
            proxy,
            request,
            method: request.method.clone(),
            target: request.target.clone(),
            named: None,
            stands: None,
            assume,
            script,
            made: 0,
            guesses: Vec::new(),
            decided: Vec::new(),
            steps: 0,
            jumps_left: proxy.jumps,
            hops_left: HOPS,
            relayed: None,
            removed: Vec::new(),
            through: Vec::new(),
            path: request.target.clone(),
            query: Val::nothing(),
            untouched: true,
            marked: false,
            asked: Asked::default(),
            differs: false,
            moved: false,
            arrived: None,
            before: None,
            rewritten: false,
            internal: false,
            tested_method: None,
            own: false,
            failing: false,
            discarded: false,
            passed_on: false,
            headers: request.headers.iter().map(|(n, v)| Line { name: n.clone(), value: Val::Is(v.clone()), origin: None }).collect(),
            headers_open: None,
            slots: Vec::new(),
            looked_up: HashMap::new(),
            captures: Vec::new(),
            recaptured: false,
            authority: Val::nothing(),
            host_name: nothing(),
            status: None,
            policy: None,
            pushed: Vec::new(),
            at_hand: Vec::new(),
            line: Val::nothing(),
            answering: false,
            answer_open: None,
            routes: Vec::new(),
            jumps: Vec::new(),
            gates: Vec::new(),
            copies: Vec::new(),
            errands: Vec::new(),
            cached: None,
            conditions: 0,
            sent: None,
            end: End::Unknown(Proxy::RUNTIME),
            body: None,
            location: None,
            ended_at: Span::default(),
            arms: Vec::new(),
        }
    }

    /// Notes that it goes by an edge.
    pub(super) fn meets(&mut self, hop: HopId) {
        self.differs |= self.machine.differs.as_ref().is_some_and(|d| d.hop(hop));
    }

    /// Where it goes on may hang on how it is sent.
    pub(super) fn steers(&self) {
        if let Some(differs) = self.machine.differs.as_ref().filter(|_| self.differs) {
            differs.steer();
        }
    }

    pub(super) fn host(&self) -> Text {
        let raw = self.authority_line();
        let bare =
            if raw.starts_with('[') { raw.find(']').map_or(&*raw, |i| &raw[..=i]) } else { raw.split(':').next().unwrap_or_default() };
        let bare = bare.trim_end_matches('.');
        if bare.len() == raw.len() && !raw.is_empty() && !raw.bytes().any(|b| b.is_ascii_uppercase()) {
            return raw;
        }
        let host: Text = bare.to_ascii_lowercase().into();
        // Whoever names no host means the one that takes the request.
        if host.is_empty() { self.host_name.clone() } else { host }
    }

    /// Host and port as the client names them.
    pub(super) fn authority_line(&self) -> Text {
        let line = || {
            let line = self.headers.iter().find(|l| l.name.eq_ignore_ascii_case("host"))?;
            if let Val::Is(text) = &line.value { Some(text.clone()) } else { None }
        };
        self.named.clone().or_else(line).unwrap_or_else(nothing)
    }

    pub(super) fn slot(&self, slot: Slot) -> Val {
        self.slots.get(slot.at()).cloned().flatten().unwrap_or_else(Val::nothing)
    }

    pub(super) fn assign(&mut self, slot: Slot, value: Val) {
        if self.slots.len() <= slot.at() {
            self.slots.resize(slot.at() + 1, None);
        }
        self.slots[slot.at()] = Some(value);
    }

    pub(super) fn capture(&self, n: u8) -> Val {
        Val::Is(self.captures.get(usize::from(n)).cloned().unwrap_or_else(nothing))
    }

    pub(super) fn set_captures(&mut self, groups: Vec<Text>) {
        (self.captures, self.recaptured) = (groups, true);
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

    pub(super) fn go(&mut self) {
        let listener = &self.proxy.listeners[self.request.listener];
        if !self.take_in(listener) {
            self.block(listener.body);
        }
        if !self.copies.is_empty() {
            // It is answered before they are on their way.
            self.send_copies_unseen();
        }
    }

    pub(super) fn stop(&mut self, end: End, at: Span) -> Flow {
        self.end = end;
        self.ended_at = at;
        Flow::Done
    }

    pub(super) fn block(&mut self, id: BlockId) -> Flow {
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
                let way = if yes { Some(*then) } else { *other };
                if let Some(way) = way {
                    let personal = self.personal(*test);
                    self.conditions += u32::from(personal);
                    let flow = self.block(way);
                    if flow != Flow::Done {
                        self.conditions -= u32::from(personal);
                    }
                    return flow;
                }
            }
            Act::Group(block) => {
                if self.block(*block) == Flow::Done {
                    return Flow::Done;
                }
            }
            Act::Leave => return Flow::Leave,
            Act::Admit(policy) => {
                self.policy = Some(*policy);
                return self.measure(at);
            }
            Act::Measure => return self.measure(at),
            Act::Forget => self.captures.clear(),
            Act::Dispatch(table) => return self.dispatch(*table, at),
            Act::Call(block) => return self.block(*block),
            Act::Go(route) => return self.enter(*route),
            Act::Jump(route) => {
                if !self.may_jump() {
                    return self.stop(End::Loops, at);
                }
                self.jumps.push(Jump { span: at, left: self.policy });
                (self.internal, self.moved) = (true, false);
                self.authority = Val::nothing();
                return self.enter(*route);
            }
            Act::Reselect { table, if_moved, through } => {
                if *if_moved && !self.moved {
                    return Flow::Next;
                }
                if !self.may_jump() {
                    // A redirect that is refused leaves the request as it was; a rewrite has changed it already.
                    if let Some((path, query)) = self.before.take().filter(|_| !if_moved) {
                        (self.path, self.query) = (path, query);
                    }
                    return self.stop(End::Loops, at);
                }
                self.internal = true;
                self.authority = Val::nothing();
                self.jumps.push(Jump { span: at, left: self.policy });
                return self.reselect(*table, *through, at);
            }
            Act::Method(method) => match self.eval(*method) {
                Val::Is(method) => {
                    let before = std::mem::replace(&mut self.method, method);
                    self.tested_method.get_or_insert(before);
                }
                Val::Unknown { why, .. } => return self.stop(End::Unknown(why), at),
            },
            Act::Named(name) => self.host_name = name.clone(),
            Act::Stands { status: Stand::Is(status), .. } if self.answering => self.status = Some(*status),
            Act::Stands { status, get, again } => {
                self.failing &= !again;
                self.stands = match status {
                    Stand::Keep => self.status,
                    Stand::Is(s) => Some(*s),
                    Stand::Free => None,
                };
                if *get && &*self.method != "HEAD" {
                    self.method = "GET".into();
                }
            }
            Act::Let(slot, expr) => {
                let value = self.eval(*expr);
                self.assign(*slot, value);
            }
            Act::Unset(slot) => {
                if let Some(set) = self.slots.get_mut(slot.at()) {
                    *set = None;
                }
            }
            Act::Rewrite { path, query, moved } => {
                if self.arrived.is_none() {
                    self.arrived = Some(self.read(&Subject::Onward));
                }
                // Both are made of what was there before.
                let query = query.map(|q| self.eval(q));
                self.before = Some((self.path.clone(), self.query.clone()));
                match self.eval(*path) {
                    Val::Is(path) => self.path = path,
                    Val::Unknown { why, .. } => return self.stop(End::Unknown(why), at),
                }
                if let Some(query) = query {
                    (self.query, self.marked) = (query, false);
                }
                self.untouched = false;
                // The proxy asks for that path now, not the client.
                self.internal = true;
                self.moved = *moved;
                self.rewritten |= !moved;
            }
            Act::Edit(list) if self.answering => self.answer_open = self.apply_here(*list).or(self.answer_open),
            Act::Edit(list) => {
                // Values are read from the headers as they are.
                let mut headers = self.headers.clone();
                self.headers_open = self.apply(*list, &mut headers).or(self.headers_open);
                self.note(*list, &headers);
                self.headers = headers;
            }
            Act::OnAnswer { lane, block } => self.pushed.push((*lane, Unwound::Steps(*block))),
            Act::Gate(_) if self.own => {}
            Act::Gate(gate) => return self.gate(*gate, at),
            Act::Cors(cors) => return self.cors(*cors, at),
            Act::Copy(block) => {
                if !self.own {
                    let copied = self.copied(*block, at);
                    self.copies.push(copied);
                }
            }
            Act::Cache { bypass, key } => {
                self.asked |= Asked::METHOD;
                if matches!(&*self.method, "GET" | "HEAD") && self.holds(*bypass) == Tri::No {
                    self.cached = Some(Cached { span: at, key: self.eval(*key) });
                }
            }
            Act::Content => {
                if let Some(block) = self.policy.and_then(|p| self.proxy.policy(p).content) {
                    return self.block(block);
                }
                return self.stop(End::Unknown(Proxy::RUNTIME), at);
            }
            Act::Respond { status, location, body } if self.answering => {
                return self.answer_instead(status.value.is(), *location, *body, at);
            }
            Act::Respond { status, location, body } => {
                // Whoever redirects reads no body.
                self.discarded |= location.is_some() && !self.passed_on;
                // One that was set before error handling led here stays.
                self.location = location.map(|l| (self.eval(l), at)).or_else(|| self.location.take());
                self.body = body.map(|b| self.eval(b));
                if let Some(status) = status.value.is() {
                    return self.answer(status, at);
                }
                self.status = None;
                return self.stop(End::Answered, at);
            }
            Act::Serve => {
                self.asked |= Asked::METHOD;
                return match &*self.method {
                    // Only the directory itself is there, and shows its list to nobody.
                    "GET" | "HEAD" | "POST" if self.assume.files == Some(false) => {
                        self.answer(if &*self.path == "/" { 403 } else { 404 }, at)
                    }
                    // A POST fares as the file does that it names: 404, 403 or 405.
                    "GET" | "HEAD" | "POST" => {
                        if self.assume.files == Some(true) {
                            self.status = Some(200);
                        }
                        self.stop(End::Served, at)
                    }
                    _ => self.answer(405, at),
                };
            }
            Act::Close => return self.stop(End::Closed, at),
            Act::Hang => return self.stop(End::Hangs, at),
            Act::Forward { to, hop, target } => return self.forward(to, *hop, *target, at),
            Act::Opaque(why) => return self.stop(End::Unknown(*why), at),
        }
        Flow::Next
    }

    /// Whether a test reads more than where the request goes.
    fn personal(&self, test: CondId) -> bool {
        let mut pending = vec![test];
        while let Some(id) = pending.pop() {
            match self.proxy.cond(id) {
                Cond::Always | Cond::Never(_) => {}
                Cond::Test(atom) => {
                    let place = matches!(
                        atom.of,
                        Subject::Method
                            | Subject::Host
                            | Subject::Authority
                            | Subject::Path
                            | Subject::Target
                            | Subject::Onward
                            | Subject::Status
                            | Subject::Protocol
                            | Subject::Rewritten
                    );
                    // Every handshake has these.
                    let shake = matches!(&atom.of, Subject::Header(name) if matches!(&**name, "upgrade" | "connection"));
                    if !place && !shake {
                        return true;
                    }
                }
                Cond::All(parts) | Cond::Any(parts) => pending.extend(parts),
                Cond::Not(part) => pending.push(*part),
                Cond::Opaque(_) => return true,
            }
        }
        false
    }

    /// Whether error handling has something for the status at hand.
    fn handles(&mut self, errors: BlockId) -> bool {
        let proxy = self.proxy;
        proxy.block(errors).iter().any(|s| matches!(s.act, Act::When { test, .. } if self.holds(test) == Tri::Yes))
    }

    /// Chooses again, behind what the redirect goes through first.
    fn reselect(&mut self, table: TableId, through: Option<BlockId>, at: Span) -> Flow {
        if let Some(through) = through {
            self.rewritten = false;
            if self.block(through) == Flow::Done {
                return Flow::Done;
            }
        }
        self.dispatch(table, at)
    }

    fn may_jump(&mut self) -> bool {
        self.jumps_left = self.jumps_left.saturating_sub(1);
        self.jumps_left > 0
    }

    fn dispatch(&mut self, table: TableId, at: Span) -> Flow {
        self.moved = false;
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

    /// Refuses a body that is larger than is taken here. It is thrown away, and not measured again, unless it was read
    /// before.
    fn measure(&mut self, at: Span) -> Flow {
        let most = self.policy.and_then(|p| self.proxy.policy(p).max_body);
        let length = || self.request.header("content-length").and_then(|n| n.parse::<u64>().ok());
        if self.discarded || most.is_none_or(|most| length().is_none_or(|n| n <= most)) {
            return Flow::Next;
        }
        self.discarded = !self.passed_on;
        self.answer(413, at)
    }

    /// The proxy's own answer; its error handling may take it elsewhere.
    pub(super) fn answer(&mut self, status: u16, at: Span) -> Flow {
        self.status = Some(status);
        if status >= 300 && self.body.is_none() {
            // An error or redirect of the proxy's own has its own status, whatever led there.
            self.stands = None;
        }
        if let Some(errors) = self.policy.and_then(|p| self.proxy.policy(p).errors)
            && !self.failing
            && self.body.is_none()
            && status >= 300
        {
            self.failing = true;
            let before = (self.routes.len(), self.jumps.len());
            if self.block(errors) == Flow::Done {
                // A page instead of the bare status: what made the answer is still what refused.
                if self.end == End::Answered && before == (self.routes.len(), self.jumps.len()) && self.status == Some(status) {
                    self.ended_at = at;
                }
                return Flow::Done;
            }
        }
        self.stop(End::Answered, at)
    }
}
