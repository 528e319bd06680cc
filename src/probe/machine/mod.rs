//! Runs one concrete request through the program of a [`Proxy`], from the listener.

mod answers;
mod errands;
mod forward;
mod gates;
mod intake;
mod outcome;
mod steps;

pub use outcome::{Assume, Branch, Cached, Credentials, End, Errand, Far, Jump, Line, Sent};

use super::{asked::Asked, differs::Differs, example::texts_of, index::TableIndex, value::Val, word::nothing};
use crate::model::{
    BlockId, CondId, GateId, HopId, Lane, ListId, MapId, Origin, PatternId, PolicyId, Proxy, Request, RouteId, Slot, TableId, Text, Turn,
    UpstreamId, Why,
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
}
