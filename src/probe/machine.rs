//! Runs one concrete request through the program of a [`Proxy`], from the listener.

use super::{
    again::in_http2,
    eval::{Tri, Val},
    index::TableIndex,
    path::{Path, path_form},
    select::Picked,
};
use crate::model::{
    Act, Answers, Ask, BlockId, Cond, CondId, Dial, ExtendedConnect, GateId, GateOn, HopId, How, Known, Lane, Limit, ListId, Listener,
    MapId, Origin, PathForm, PolicyId, Proxy, Request, RouteId, Slot, Stand, Subject, TableId, Target, Text, Traffic, Unmatched,
    UpgradeMode, UpstreamId, Verb, Why, Wire,
};
use crate::source::Span;
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
    /// Connecting never comes to an end.
    Silent,
    /// Something else than HTTP.
    Garbage,
}

/// What the configuration does not say.
#[derive(Clone, Debug)]
pub struct Assume {
    /// What the client brings.
    pub credentials: Credentials,
    /// What upstreams do.
    pub far: Far,
    /// What upstreams at certain addresses do.
    pub replies: Vec<(Text, Far)>,
    /// Header lines of the upstreams' answers, by address (`*`: all).
    pub lines: Vec<(Text, (Text, Text))>,
}

/// What a client has to show for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Whatever is asked for, and it is right.
    Valid,
    /// Nothing.
    None,
    /// What stands in the request; whether it is right is not known.
    AsSent,
}

impl Assume {
    fn far_at(&self, at: &str) -> &Far {
        self.replies.iter().rev().find(|r| &*r.0 == at).map_or(&self.far, |r| &r.1)
    }
}

impl Default for Assume {
    fn default() -> Self {
        Self { credentials: Credentials::Valid, far: Far::Strict, replies: Vec::new(), lines: Vec::new() }
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
    /// Lines of the client that something written took away or replaced on the way, by name in lower case.
    pub removed: Vec<(Text, Origin)>,
    /// Where forwarding is written.
    pub span: Span,
}

impl Sent {
    /// Where a line that the client sent was taken away or replaced.
    pub fn remover(&self, name: &str) -> Option<Origin> {
        self.removed.iter().rev().find(|r| r.0.eq_ignore_ascii_case(name)).map(|r| r.1)
    }

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
    /// Nothing ever comes.
    Hangs,
    /// No upstream could be reached.
    Failed,
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
    /// Requests that the proxy made of its own on the way.
    pub errands: Vec<Errand>,
    /// A cached answer may have been given instead.
    pub cached: Option<Cached>,
    /// Settings in force where it came in at a listener of the same proxy again, hop by hop.
    pub through: Vec<PolicyId>,
    /// Whether it ended under a test on more than where the request goes (method, host, path): another client may fare
    /// differently.
    pub conditional: bool,
}

/// A request of the proxy's own: it asks for permission, or sends a copy.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Where it is written.
    pub span: Span,
    /// What went upstream.
    pub sent: Option<Sent>,
    /// How it ended.
    pub end: End,
}

/// A look into a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Where the cache is written.
    pub span: Span,
    /// What distinguishes cached answers.
    pub key: Val,
}

/// A configuration made ready for many requests.
#[derive(Debug)]
pub struct Machine<'a> {
    proxy: &'a Proxy,
    tables: Vec<OnceLock<Option<TableIndex>>>,
    maps: Vec<OnceLock<HashMap<Text, usize>>>,
    groups: OnceLock<HashMap<Text, UpstreamId>>,
    listeners: OnceLock<HashMap<Text, usize>>,
}

impl<'a> Machine<'a> {
    /// Makes a configuration ready.
    pub fn new(proxy: &'a Proxy) -> Self {
        fn empty<T>(n: usize) -> Vec<OnceLock<T>> {
            std::iter::repeat_with(OnceLock::new).take(n).collect()
        }
        Self { tables: empty(proxy.tables.len()), maps: empty(proxy.maps.len()), ..Self::once(proxy) }
    }

    /// For a single request no index is made.
    const fn once(proxy: &'a Proxy) -> Self {
        Self { proxy, tables: Vec::new(), maps: Vec::new(), groups: OnceLock::new(), listeners: OnceLock::new() }
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
        let cased = |k: &str| if map.fold { k.to_ascii_lowercase().into() } else { Text::from(k) };
        let index = index.get_or_init(|| {
            let mut index = HashMap::new();
            for (i, (k, _)) in map.exact.iter().enumerate() {
                index.entry(cased(k)).or_insert(i);
            }
            index
        });
        index.get(&cased(key)).copied()
    }

    /// The first listener that an address names, from this very machine.
    pub(super) fn listener_at(&self, address: &str) -> Option<usize> {
        let index = self.listeners.get_or_init(|| {
            let mut index = HashMap::new();
            for (i, l) in self.proxy.listeners.iter().enumerate() {
                index.entry(l.at.clone()).or_insert(i);
                if let Some(port) = ANY_ADDRESS.iter().find_map(|any| l.at.strip_prefix(any)) {
                    index.entry(format!("*:{port}").into()).or_insert(i);
                }
            }
            index
        });
        let local = address.starts_with("127.") || address.starts_with("localhost:");
        let port = address.rsplit(':').next().filter(|_| local);
        let by_port = port.and_then(|port| index.get(&*format!("*:{port}")).copied());
        index.get(address).copied().into_iter().chain(by_port).min()
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
        let mut done = Vec::new();
        let mut scripts = vec![Vec::new()];
        while let Some(script) = scripts.pop() {
            if done.len() >= BRANCHES {
                break;
            }
            let known = script.len();
            let mut run = Run::new(self, request, assume, script);
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
    pub(super) path: String,
    pub(super) query: Val,
    pub(super) untouched: bool,
    moved: bool,
    pub(super) rewritten: bool,
    pub(super) internal: bool,
    /// Whether this is a request of the proxy's own: it is neither copied nor asked for permission.
    own: bool,
    failing: bool,
    pub(super) headers: Vec<Line>,
    /// Why its headers may be others by now.
    headers_open: Option<Why>,
    slots: Vec<Option<Val>>,
    captures: Vec<Text>,
    pub(super) authority: Val,
    pub(super) host_name: Text,
    pub(super) status: Option<u16>,
    policy: Option<PolicyId>,
    pushed: Vec<(Lane, ListId)>,
    routes: Vec<RouteId>,
    jumps: Vec<Jump>,
    pub(super) gates: Vec<(GateId, bool)>,
    errands: Vec<Errand>,
    cached: Option<Cached>,
    conditions: u32,
    pub(super) sent: Option<Sent>,
    end: End,
    pub(super) body: Option<Val>,
    location: Option<(Val, Span)>,
    ended_at: Span,
}

impl<'a> Run<'a> {
    pub(super) fn new(machine: &'a Machine<'a>, request: &'a Request, assume: &'a Assume, script: Vec<bool>) -> Self {
        let proxy = machine.proxy;
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
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
            path: path.to_owned(),
            query: Val::Is(query.into()),
            untouched: true,
            moved: false,
            rewritten: false,
            internal: false,
            own: false,
            failing: false,
            headers: request.headers.iter().map(|(n, v)| Line { name: n.clone(), value: Val::Is(v.clone()), origin: None }).collect(),
            headers_open: None,
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
            errands: Vec::new(),
            cached: None,
            conditions: 0,
            sent: None,
            end: End::Unknown(Proxy::RUNTIME),
            body: None,
            location: None,
            ended_at: Span::default(),
        }
    }

    pub(super) fn host(&self) -> Text {
        let raw = self.authority_line();
        let bare =
            if raw.starts_with('[') { raw.find(']').map_or(&*raw, |i| &raw[..=i]) } else { raw.split(':').next().unwrap_or_default() };
        let host: Text = bare.trim_end_matches('.').to_ascii_lowercase().into();
        // Whoever names no host means the one that takes the request.
        if host.is_empty() { self.host_name.clone() } else { host }
    }

    /// Host and port as the client names them.
    pub(super) fn authority_line(&self) -> Text {
        let line = || self.headers.iter().find(|l| l.name.eq_ignore_ascii_case("host")).and_then(|l| l.value.known().map(Text::from));
        self.named.clone().or_else(line).unwrap_or_else(|| "".into())
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

    pub(super) fn go(&mut self) {
        let listener = &self.proxy.listeners[self.request.listener];
        if !self.take_in(listener) {
            self.block(listener.body);
        }
    }

    /// What the listener does with the request before anything is asked; whether that ended it.
    fn take_in(&mut self, listener: &Listener) -> bool {
        let intake = &listener.intake;
        let at = self.proxy.scope(listener.seat).span;
        let dial = self.request.dial;
        let refuse = |run: &mut Self, status: Option<u16>| {
            run.status = status;
            if let Some(errors) = intake.errors.filter(|_| status.is_some()) {
                run.failing = true;
                if run.block(errors) == Flow::Done {
                    return true;
                }
            }
            run.stop(if status.is_some() { End::Answered } else { End::Closed }, at) == Flow::Done
        };
        if dial != Dial::Fitting && intake.proxy_protocol
            || dial == Dial::Plain && intake.only_http2 && !listener.tls && &*self.request.http != "2"
            || dial != Dial::Fitting && intake.without_http1 && &*self.request.http != "2"
            || dial == Dial::Tls && intake.offers_http2 && &*self.request.http != "2" && self.request.offers.iter().any(|p| &**p == "h2")
            || dial == Dial::Tls && intake.without_http2 && &*self.request.http == "2"
            || dial == Dial::Tls && !listener.tls
        {
            return refuse(self, None);
        }
        if dial == Dial::Plain && listener.tls {
            return refuse(self, intake.plain_on_tls);
        }
        if let Some(rest) = self.target.split_once("://").map(|(_, rest)| rest.to_owned())
            && !self.target.starts_with('/')
            && (intake.malformed.is_some() || intake.absolute_form)
        {
            let (authority, target) = rest.find(['/', '?']).map_or((&*rest, ""), |i| rest.split_at(i));
            self.named = Some(authority.into());
            self.target = if target.starts_with('/') { target.into() } else { format!("/{target}").into() };
        }
        if let Some(status) = intake.malformed {
            let hosts = self.request.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("host"));
            let named = hosts.clone().any(|(_, v)| !v.is_empty() || intake.empty_host);
            let doubled = hosts.count() > 1;
            if doubled || &*self.request.http == "1.1" && !named {
                return refuse(self, Some(status));
            }
        }
        if let Some(longest) = intake.longest_line
            && self.request.headers.iter().any(|(n, v)| n.len() + v.len() + 4 > longest as usize)
        {
            return refuse(self, intake.malformed);
        }
        if let Some(status) = intake.odd_names
            && self.request.headers.iter().any(|(n, _)| n.bytes().any(|b| b <= b' ' || b >= 0x7f))
        {
            return refuse(self, Some(status));
        }
        if let Some((most, status)) = intake.most_lines
            && self.request.headers.len() > most as usize
        {
            return refuse(self, Some(status));
        }
        if let Some((largest, status)) = intake.largest_head
            && self.request.headers.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() > largest as usize
        {
            return refuse(self, Some(status));
        }
        let target = self.target.clone();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        self.query = Val::Is(query.into());
        self.path = path.to_owned();
        if path != "*" && intake.path != PathForm::AsSent || intake.merge_slashes {
            match path_form(path, intake.path, intake.merge_slashes) {
                Path::Is(path) => self.path = path,
                Path::Malformed => return refuse(self, intake.malformed),
                Path::Binary => {
                    self.stop(End::Unknown(Proxy::RUNTIME), at);
                    return true;
                }
            }
            self.untouched = intake.path == PathForm::Decoded || self.path == path;
        }
        match self.headers.iter().position(|l| &*l.name == ":protocol").map(|i| (i, intake.extended_connect)) {
            None if intake.extended_connect.is_some() && &*self.request.http == "2" && &*self.method == "CONNECT" => {
                return refuse(self, None);
            }
            Some((_, Some(ExtendedConnect::Closes))) => return refuse(self, None),
            Some((i, Some(ExtendedConnect::Taken))) => {
                let value = self.headers.remove(i).value;
                self.method = "GET".into();
                self.headers.push(Line { name: "upgrade".into(), value, origin: None });
                self.headers.push(Line { name: "connection".into(), value: Val::Is("upgrade".into()), origin: None });
            }
            _ => {}
        }
        false
    }

    pub(super) fn stop(&mut self, end: End, at: Span) -> Flow {
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
            Act::Reselect { table, if_moved, through } => {
                if *if_moved && !self.moved {
                    return Flow::Next;
                }
                if !self.may_jump() {
                    return self.stop(End::Loops, at);
                }
                self.internal = true;
                self.jumps.push(Jump { span: at, left: self.policy });
                return self.reselect(*table, *through, at);
            }
            Act::Named(name) => self.host_name = name.clone(),
            Act::Stands { status, get } => {
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
            Act::Rewrite { path, query, moved } => {
                // Both are made of what was there before.
                let query = query.map(|q| self.eval(q));
                match self.eval(*path) {
                    Val::Is(path) => self.path = path.to_string(),
                    Val::Unknown { why, .. } => return self.stop(End::Unknown(why), at),
                }
                if let Some(query) = query {
                    self.query = query;
                }
                self.untouched = false;
                self.moved = *moved;
                self.rewritten |= !moved;
            }
            Act::Edit(list) => {
                // Values are read from the headers as they are.
                let mut headers = self.headers.clone();
                self.headers_open = self.apply(*list, &mut headers).or(self.headers_open);
                self.note(*list, &headers);
                self.headers = headers;
            }
            Act::OnAnswer { lane, list } => self.pushed.push((*lane, *list)),
            Act::Gate(_) if self.own => {}
            Act::Gate(gate) => return self.gate(*gate, at),
            Act::Cors(cors) => return self.cors(*cors, at),
            Act::Copy(block) => {
                if !self.own {
                    self.errand(at, |run| run.block(*block));
                }
            }
            Act::Cache { bypass, key } => {
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
                return match &*self.method {
                    // A POST fares as the file does that it names: 404, 403 or 405.
                    "GET" | "HEAD" | "POST" => self.stop(End::Served, at),
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

    /// Remembers which lines a written list takes away or replaces.
    fn note(&mut self, list: ListId, after: &[Line]) {
        let proxy = self.proxy;
        for op in proxy.ops(list).filter(|op| op.value.origin.how == How::Written && matches!(op.verb, Verb::Remove | Verb::Set)) {
            let same = |l: &&Line| l.name.eq_ignore_ascii_case(&op.name);
            let before = self.headers.iter().find(same);
            let now = after.iter().find(same);
            if before.is_some_and(|b| now.is_none_or(|n| n.value != b.value)) {
                self.removed.push((op.name.to_ascii_lowercase().into(), op.value.origin));
            }
        }
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
        self.moved = false;
        self.dispatch(table, at)
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
        let policy = self.proxy.route(route).policy;
        if let Some(most) = self.proxy.policy(policy).max_body
            && self.request.header("content-length").and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n > most)
            && !self.failing
        {
            self.policy = Some(policy);
            let at = self.proxy.scope(self.proxy.policy(policy).seat).span;
            return self.answer(413, at);
        }
        self.block(self.proxy.route(route).body)
    }

    /// The proxy's own answer; its error handling may take it elsewhere.
    fn answer(&mut self, status: u16, at: Span) -> Flow {
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

    fn gate(&mut self, id: GateId, at: Span) -> Flow {
        let gate = self.proxy.gate(id);
        if let Some(spares) = gate.spares {
            let free = match self.holds(spares) {
                Tri::Yes => true,
                Tri::No => false,
                Tri::Maybe(why) => self.decide(Some(spares), why),
            };
            if free {
                if gate.on == GateOn::Upgrade && self.headers.iter().any(|l| l.name.eq_ignore_ascii_case("upgrade")) {
                    self.gates.push((id, true));
                }
                return Flow::Next;
            }
        }
        if gate.on == GateOn::Remote && self.assume.credentials == Credentials::AsSent {
            return self.ask(id, at);
        }
        let pass = match gate.on {
            GateOn::Credentials | GateOn::Remote => match self.assume.credentials {
                Credentials::Valid => true,
                Credentials::None => false,
                Credentials::AsSent => {
                    let nothing = Val::Is("".into());
                    let shows = gate.reads.is_empty() || gate.reads.iter().any(|s| self.read(s) != nothing);
                    shows && self.decide(None, Proxy::RUNTIME)
                }
            },
            GateOn::Address => true,
            // What it lets pass depends on earlier requests.
            GateOn::Rate => self.assume.credentials != Credentials::AsSent || self.decide(None, Proxy::RUNTIME),
            GateOn::Closed | GateOn::Upgrade => false,
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

    /// Asks a server for permission.
    fn ask_upstream(&mut self, id: GateId, of: UpstreamId, broken: Option<u16>, at: Span) -> Flow {
        let addresses = self.addresses(of);
        let unknown = || Val::Unknown { why: Proxy::RUNTIME, full: true };
        let verdict = if addresses.is_empty() {
            if self.decide(None, Proxy::RUNTIME) { None } else { self.proxy.gate(id).deny.value.is() }
        } else {
            match self.reply(&addresses) {
                None => broken,
                Some(Far::Status(200) | Far::Strict | Far::Lenient) => None,
                Some(Far::Status(s)) => {
                    // Its own answer is what the client gets.
                    if let Some(policy) = self.policy.map(|p| *self.proxy.policy(p)) {
                        self.sent = Some(Sent {
                            upstream: Some(of),
                            addresses,
                            method: unknown(),
                            target: unknown(),
                            headers: Vec::new(),
                            open: Some(Proxy::RUNTIME),
                            hop: policy.hop,
                            list: policy.outgoing,
                            removed: Vec::new(),
                            span: at,
                        });
                    }
                    Some(s)
                }
                Some(Far::Refused | Far::Silent | Far::Garbage) => broken,
            }
        };
        self.gates.push((id, verdict.is_none()));
        verdict.map_or(Flow::Next, |status| self.answer(status, at))
    }

    /// Asks another route for permission.
    fn ask(&mut self, id: GateId, at: Span) -> Flow {
        let (path, (table, through), broken) = match self.proxy.gate(id).ask {
            Some(Ask::Route { path, table, through, broken }) => (path, (table, through), broken),
            Some(Ask::Upstream { of, broken }) => return self.ask_upstream(id, of, broken, at),
            None => {
                self.gates.push((id, true));
                return Flow::Next;
            }
        };
        let Val::Is(path) = self.eval(path) else { return self.stop(End::Unknown(Proxy::RUNTIME), at) };
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let (path, query) = (path.to_owned(), Val::Is(query.into()));
        let (end, status) = self.errand(at, |run| {
            (run.path, run.query, run.method, run.untouched) = (path, query, "GET".into(), false);
            run.reselect(table, Some(through), at)
        });
        let verdict = match (end, status) {
            (End::Unknown(why), _) => return self.stop(End::Unknown(why), at),
            (End::Served, None) => return self.stop(End::Unknown(Proxy::RUNTIME), at),
            (End::Tunnel, _) => Some(broken),
            (_, Some(200..300)) => None,
            (_, Some(s @ (401 | 403))) => Some(s),
            (_, Some(_)) => Some(broken),
            (End::Closed | End::Loops, None) => Some(broken),
            (_, None) => return self.stop(End::Unknown(Proxy::RUNTIME), at),
        };
        self.gates.push((id, verdict.is_none()));
        verdict.map_or(Flow::Next, |status| self.answer(status, at))
    }

    /// Runs a request of the proxy's own; the client's goes on as if nothing had been.
    fn errand(&mut self, at: Span, go: impl FnOnce(&mut Self) -> Flow) -> (End, Option<u16>) {
        let outer = (
            (self.path.clone(), self.query.clone(), self.method.clone(), std::mem::take(&mut self.pushed), self.untouched, self.internal),
            (self.policy, self.routes.len(), self.jumps.len(), self.sent.take(), self.cached.take()),
            (self.failing, self.moved, self.rewritten),
            std::mem::replace(&mut self.own, true),
        );
        self.internal = true;
        go(self);
        let (end, status) = (std::mem::replace(&mut self.end, End::Unknown(Proxy::RUNTIME)), self.status.take());
        self.errands.push(Errand { span: at, sent: self.sent.take(), end: end.clone() });
        (self.path, self.query, self.method, self.pushed, self.untouched, self.internal) = outer.0;
        let (policy, routes, jumps, sent, cached) = outer.1;
        (self.policy, self.sent, self.cached) = (policy, sent, cached);
        (self.failing, self.moved, self.rewritten) = outer.2;
        self.routes.truncate(routes);
        self.jumps.truncate(jumps);
        (self.body, self.location, self.stands, self.own) = (None, None, None, outer.3);
        (end, status)
    }

    fn cors(&mut self, id: crate::model::CorsId, at: Span) -> Flow {
        let cors = self.proxy.cors_of(id);
        let has = |name: &str| self.request.header(name).is_some_and(|v| !v.is_empty());
        if !has("origin") {
            return Flow::Next;
        }
        let preflight = &*self.method == "OPTIONS" && has("access-control-request-method");
        let allowed = match cors.origins.value {
            Known::Is(c) => match self.holds(c) {
                Tri::Yes => true,
                Tri::No => false,
                Tri::Maybe(why) => self.decide(Some(c), why),
            },
            Known::Unknown(why) => self.decide(None, why),
        };
        if allowed {
            self.pushed.push((Lane::Every, cors.lines));
        }
        let lines = match cors.unmatched {
            _ if !preflight => return Flow::Next,
            _ if allowed => cors.preflight,
            Unmatched::PassOn => return Flow::Next,
            Unmatched::Answer(lines) => lines,
        };
        self.pushed.push((Lane::Every, lines));
        self.answer(cors.status, at)
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
            if op.verb == Verb::Join
                && let Some(line) = lines.iter_mut().rev().find(|l| same(l))
            {
                line.value = match (&line.value, value) {
                    (Val::Is(a), Val::Is(b)) => Val::Is(format!("{a},{b}").into()),
                    (Val::Is(_), unknown) => unknown,
                    (before @ Val::Unknown { .. }, _) => before.clone(),
                };
                line.origin = Some(op.value.origin);
                continue;
            }
            // A colon inside a name ends it for whoever reads the line.
            let (name, value) = match (op.name.split_once(':'), value) {
                (Some((name, rest)), Val::Is(v)) => (Text::from(name), Val::Is(format!("{rest}: {v}").into())),
                (_, value) => (op.name.clone(), value),
            };
            lines.push(Line { name, value, origin: Some(op.value.origin) });
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
                    match self.machine.group(authority) {
                        Some(id) => upstream = Some(id),
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
            addresses.extend(self.addresses(id));
        }
        let edge = proxy.hop(hop);
        let Some(policy) = self.policy else { return self.stop(End::Unknown(Proxy::RUNTIME), at) };
        let list = proxy.policy(policy).outgoing;
        let mut headers = if edge.client_headers.value == Known::Is(false) { Vec::new() } else { self.headers.clone() };
        let open = self.apply(list, &mut headers).or(self.headers_open);
        let method = match edge.method {
            Some(method) => match method.value {
                crate::model::Known::Is(method) => self.eval(method),
                crate::model::Known::Unknown(why) => Val::Unknown { why, full: true },
            },
            None => Val::Is(self.method.clone()),
        };
        let target = line.unwrap_or_else(|| self.eval(target));
        // Who tunnels over HTTP/2 asks for it in the way of HTTP/2; others send what stands there.
        let extended = edge.wire.value == Known::Is(Wire::H2) && edge.upgrade.value == Known::Is(UpgradeMode::Tunnel);
        let method = if extended { in_http2(&mut headers).unwrap_or(method) } else { method };
        let removed = std::mem::take(&mut self.removed);
        self.sent = Some(Sent { upstream, addresses, method, target, headers, open, hop, list, removed, span: at });
        self.far(hop, at)
    }

    /// The servers of a group that may be chosen.
    fn addresses(&self, id: UpstreamId) -> Vec<Text> {
        let servers = &self.proxy.upstream(id).servers;
        servers.iter().filter(|s| !s.backup || servers.iter().all(|s| s.backup)).map(|s| s.at.clone()).collect()
    }

    /// The reply of the first server that can be reached; none: none can. Which of several servers is chosen is chance, as
    /// far as they answer differently.
    fn reply(&mut self, addresses: &[Text]) -> Option<Far> {
        let mut left: Vec<Far> = Vec::new();
        for at in addresses {
            let far = self.assume.far_at(at);
            if *far != Far::Refused && !left.contains(far) {
                left.push(far.clone());
            }
        }
        if addresses.is_empty() && self.assume.far != Far::Refused {
            left.push(self.assume.far.clone());
        }
        while left.len() > 1 {
            if self.decide(None, Proxy::RUNTIME) {
                break;
            }
            left.remove(0);
        }
        left.into_iter().next()
    }

    /// No server can be reached.
    pub(super) fn unreachable(&mut self, hop: HopId, at: Span) -> Flow {
        let Known::Is(status) = self.proxy.hop(hop).unreachable else { return self.stop(End::Failed, at) };
        let flow = self.answer(status, at);
        if self.end == End::Answered && self.status == Some(status) {
            self.end = End::Failed;
        }
        flow
    }

    /// Connecting lasts until its clock runs out.
    fn connecting(&mut self, hop: HopId, at: Span) -> Flow {
        let clocks = self.policy.map(|p| self.proxy.clocks_of(self.proxy.policy(p).clocks));
        let clock = clocks.and_then(|c| c.handshake.iter().find(|c| c.on == Traffic::Connecting));
        match clock.map(|c| c.limit.value) {
            Some(Known::Is(Limit::After(_))) => self.unreachable(hop, at),
            Some(Known::Is(Limit::Never)) => self.stop(End::Hangs, at),
            Some(Known::Unknown(why)) => self.stop(End::Unknown(why), at),
            None => self.stop(End::Unknown(Proxy::RUNTIME), at),
        }
    }

    /// What the assumed upstream answers.
    fn far(&mut self, hop: HopId, at: Span) -> Flow {
        let edge = self.proxy.hop(hop);
        let Some(sent) = &self.sent else { return Flow::Next };
        let addresses = sent.addresses.clone();
        if let Some(listener) = self.comes_back(&addresses) {
            return self.again(listener, hop, at);
        }
        let (key, verdict) = (sent.values("sec-websocket-key").next().is_some(), super::handshake::judge(self.proxy, sent));
        let group = self.sent.as_ref().and_then(|s| s.upstream).map(|id| self.proxy.upstream(id));
        let doubt = group.and_then(|g| g.servers.iter().find_map(|s| s.doubt)).filter(|_| self.assume.credentials == Credentials::AsSent);
        if doubt.is_some_and(|why| !self.decide(None, why)) {
            return self.unreachable(hop, at);
        }
        let Some(reply) = self.reply(&addresses) else { return self.unreachable(hop, at) };
        match reply {
            Far::Silent => return self.connecting(hop, at),
            Far::Garbage if edge.wire.value != Known::Is(Wire::Raw) => return self.answer(502, at),
            _ => {}
        }
        let status = match (reply, verdict) {
            (Far::Status(s), _) => Some(s),
            (Far::Refused | Far::Silent | Far::Garbage, _) => None,
            // Replies speak of HTTP/1.1; whether a server speaks HTTP/2 at all is not said.
            _ if edge.wire.value == Known::Is(Wire::H2) => None,
            // Without a key it is no handshake, whatever else is not known.
            (_, super::handshake::Judged::Unknown(_)) if key => None,
            (_, super::handshake::Judged::Unknown(_)) => Some(200),
            (_, super::handshake::Judged::Valid) => Some(101),
            (Far::Strict, super::handshake::Judged::Faulty(_)) if key => Some(426),
            (_, super::handshake::Judged::Faulty(_)) => Some(200),
        };
        self.status = status;
        if status == Some(101) {
            let asked = self.headers.iter().any(|l| l.name.eq_ignore_ascii_case("upgrade"));
            match edge.upgrade.value.is() {
                Some(UpgradeMode::Tunnel) if asked => return self.stop(End::Tunnel, at),
                Some(UpgradeMode::Refuse(s)) => return self.answer(s, at),
                _ if edge.wire.value.is() == Some(Wire::Raw) => return self.stop(End::Tunnel, at),
                _ => {}
            }
        }
        if let Some(follow) = edge.follows {
            let fits = |l: &&(Text, (Text, Text))| (&*l.0 == "*" || addresses.contains(&l.0)) && l.1.0.eq_ignore_ascii_case(follow.header);
            if let Some((_, (_, to))) = self.assume.lines.iter().find(fits) {
                if !to.starts_with('/') || !self.may_jump() {
                    return self.stop(End::Unknown(Proxy::RUNTIME), at);
                }
                let (path, query) = to.split_once('?').unwrap_or((to, ""));
                (self.path, self.query) = (path.to_owned(), Val::Is(query.into()));
                (self.untouched, self.internal, self.status) = (false, true, None);
                if &*self.method != "HEAD" {
                    self.method = "GET".into();
                }
                self.jumps.push(Jump { span: at, left: self.policy });
                return self.reselect(follow.table, Some(follow.through), at);
            }
        }
        if edge.intercepts
            && let Some(status) = status.filter(|s| *s >= 300)
            && let Some(errors) = self.policy.and_then(|p| self.proxy.policy(p).errors)
        {
            if self.failing {
                // Handled once already: what is handled here too becomes the proxy's own answer.
                if self.handles(errors) {
                    return self.answer(status, at);
                }
                return self.stop(End::Relayed, at);
            }
            self.failing = true;
            if self.block(errors) == Flow::Done {
                return Flow::Done;
            }
        }
        self.stop(End::Relayed, at)
    }

    /// The lines that the upstream's answer brings along; which server answers is chance.
    fn their_lines(&self, addresses: &[Text]) -> Vec<Line> {
        let of = |address: &Text| {
            let fits = self.assume.lines.iter().filter(move |l| &*l.0 == "*" || l.0 == *address);
            fits.map(|l| (l.1.0.clone(), Val::Is(l.1.1.clone()))).collect::<Vec<_>>()
        };
        let mut lines = addresses.first().map_or_else(|| of(&"*".into()), of);
        for other in addresses.iter().skip(1).map(of) {
            for (name, value) in &mut lines {
                if !other.contains(&(name.clone(), value.clone())) {
                    *value = Val::Unknown { why: Proxy::RUNTIME, full: false };
                }
            }
            for (name, _) in other {
                if !lines.iter().any(|l| l.0 == name) {
                    lines.push((name, Val::Unknown { why: Proxy::RUNTIME, full: false }));
                }
            }
        }
        lines.into_iter().map(|(name, value)| Line { name, value, origin: None }).collect()
    }

    pub(super) fn finish(mut self) -> Branch {
        if self.end == End::Tunnel && self.stands.is_some() {
            // Whoever reads another status than 101 opens no tunnel.
            self.end = End::Relayed;
        }
        if let Some(status) = self.stands
            && matches!(self.end, End::Answered | End::Served | End::Relayed | End::Failed)
        {
            // Only if there is such a file; without one it is 404.
            let known = self.end != End::Served || status == 404;
            self.status = known.then_some(status);
            if self.end == End::Served && known {
                self.end = End::Answered;
            }
        }
        if self.end == End::Loops {
            self.status = Some(500);
        }
        let mut answer = Vec::new();
        let mut answer_open = None;
        if let Some(lines) = self.relayed.take() {
            answer = lines;
        } else if let (End::Relayed | End::Tunnel, Some(sent)) = (&self.end, &self.sent) {
            answer = self.their_lines(&sent.addresses);
        }
        if self.end == End::Tunnel {
            // RFC 8441 §5: what 101 is to HTTP/1.1.
            self.status = Some(if &*self.request.http == "2" { 200 } else { 101 });
        }
        let local = matches!(self.end, End::Answered | End::Loops | End::Served | End::Failed);
        if let Some((mut value, at)) = self.location.take() {
            let prefix = self.policy.and_then(|p| self.proxy.policy(p).absolute);
            if let (Some(prefix), Val::Is(path)) = (prefix, &value)
                && path.starts_with('/')
            {
                let path = path.clone();
                value = match self.eval(prefix) {
                    Val::Is(before) => Val::Is(format!("{before}{path}").into()),
                    unknown @ Val::Unknown { .. } => unknown,
                };
            }
            let seat = self.policy.map_or(crate::model::Seat(0), |p| self.proxy.policy(p).seat);
            let origin = Origin { how: crate::model::How::Written, span: at, seat };
            answer.push(Line { name: "Location".into(), value, origin: Some(origin) });
        }
        if matches!(self.end, End::Answered | End::Loops | End::Failed | End::Served | End::Relayed | End::Tunnel) {
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
            errands: self.errands,
            cached: self.cached,
            through: self.through,
            conditional: self.conditions > 0,
        }
    }
}
