//! What a rule may look at: the model, the witnesses, the outcomes of the probes, and what people declared.

mod cross_origin;
mod declared;
mod letters;
mod lost;
mod sight;
mod socket;

pub(super) use cross_origin::CrossOrigin;
pub(super) use lost::{Losing, Side};
pub(super) use sight::Sending;
pub(super) use socket::{Evidence, WebSocket};

pub(super) use cross_origin::{SOME_ORIGIN, is_cors, line, serves};
pub(super) use socket::{carries, named, not_enabled};

use super::{Finding, Level, MANY, Related};
use crate::config::Settings;
use crate::model::{Advice, HeaderList, HeaderOp, How, ListId, Origin, Proxy, Request, RouteId, Turn};
use crate::probe::{Assume, Branch, Machine, Shadowed, Witness, parallel, shadowed};
use crate::source::Span;
use cross_origin::Spoken;
use declared::Declared;
use sight::{Seen, Sight};
use socket::Sockets;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One configuration, seen by the rules.
pub struct Context<'a> {
    /// The model.
    pub proxy: &'a Proxy,
    known: Arc<Knowledge<'a>>,
    found: Vec<Finding>,
    /// Whether a request met something that is otherwise in another era, if there is one to think of.
    differs: AtomicBool,
}

/// What was found out before any rule looks.
struct Knowledge<'a> {
    machine: Machine<'a>,
    settings: &'a Settings,
    seen: Seen,
    /// Whether what differs between eras may lead requests elsewhere.
    steered: bool,
    sockets: Arc<Vec<WebSocket>>,
    /// Witnesses of no such route whose handshakes fare otherwise in another era.
    no_sockets: Vec<u32>,
    spoken: Spoken,
    /// Which witnesses may be of routes that pages of other origins ask.
    crossing: Vec<u32>,
    /// Origins that the configuration itself names, in the order of the text.
    named_origins: Vec<String>,
    /// Where operations stand that allow an origin: list and place in it.
    allowing: HashMap<Span, (usize, usize)>,
    /// Whether lines about other origins are taken out of the upstream's answers anywhere.
    takes_out: bool,
    /// Whether anything tells spellings of `Upgrade` apart.
    tells_letters: bool,
    /// Lists by which handshakes are forwarded.
    socket_lists: HashSet<ListId>,
    declared: Declared,
}

/// What was found out in an era from which the model was turned.
pub(super) struct Past {
    seen: Seen,
    sockets: Sockets,
}

impl<'a> Context<'a> {
    /// Probes a configuration.
    pub fn new(proxy: &'a Proxy, settings: &'a Settings) -> Self {
        Self::of(Machine::new(proxy), settings, None)
    }

    /// The same, and notes what is otherwise after a turn.
    pub(super) fn before(proxy: &'a Proxy, settings: &'a Settings, turn: &Turn) -> Self {
        Self::of(Machine::before(proxy, turn), settings, None)
    }

    /// Probes only what is otherwise after the turn.
    pub(super) fn after(proxy: &'a Proxy, settings: &'a Settings, past: Past) -> Self {
        Self::of(Machine::new(proxy), settings, Some(past))
    }

    fn of(machine: Machine<'a>, settings: &'a Settings, past: Option<Past>) -> Self {
        let proxy = machine.proxy();
        let spoken = Spoken::new(proxy);
        let (seen, sockets) = match past {
            Some(past) => (past.seen.again(&machine, &spoken), Some(past.sockets)),
            None => (Seen::of(&machine, settings, &spoken), None),
        };
        let steered = machine.steered();
        let declared = Declared::new(&machine, settings, &seen.witnesses);
        let Sockets { found: sockets, others: no_sockets } = Sockets::of(&machine, settings, &declared, &seen, sockets);
        let socket_lists = sockets.iter().filter_map(|s| s.sent().map(|(_, sent)| sent.list)).collect();
        let tells_letters = !sockets.is_empty() && letters::tells_apart(proxy);
        let crosses = |(w, sight): (&Witness, &Sight)| sight.crosses && !declared.adds(w.route);
        let all = seen.witnesses.iter().zip(&seen.sights);
        let crossing: Vec<u32> = all.zip(0..).filter(|(seen, _)| crosses(*seen)).map(|(_, i)| i).collect();
        let speaks = !crossing.is_empty();
        let named_origins = if speaks { cross_origin::named_origins(proxy) } else { Vec::new() };
        let takes_out = speaks && cross_origin::takes_out(proxy);
        let allowing = if speaks { cross_origin::allowing(proxy) } else { HashMap::new() };
        let sockets = Arc::new(sockets);
        let known = Knowledge {
            machine,
            settings,
            seen,
            steered,
            sockets,
            no_sockets,
            spoken,
            crossing,
            named_origins,
            allowing,
            takes_out,
            tells_letters,
            socket_lists,
            declared,
        };
        Self { proxy, known: Arc::new(known), found: Vec::new(), differs: AtomicBool::new(false) }
    }

    /// The same configuration with nothing found yet, so that several rules can look at once.
    pub fn again(&self) -> Self {
        Self { proxy: self.proxy, known: Arc::clone(&self.known), found: Vec::new(), differs: AtomicBool::new(false) }
    }

    /// How much was found.
    pub(super) const fn found(&self) -> usize {
        self.found.len()
    }

    /// Whether a request met something that is otherwise in another era, since it was asked last.
    pub(super) fn met(&mut self) -> bool {
        std::mem::take(self.differs.get_mut())
    }

    /// What was found.
    pub(super) fn take(self) -> Vec<Finding> {
        self.found
    }

    /// Whether a plain request to a place met something that is otherwise in another era; after a turn, whether it was looked at
    /// again.
    pub(super) fn differs(&self, place: u32) -> bool {
        self.known.seen.sights[place as usize].differs
    }

    /// Lets what was found out go, on the side where that takes its time.
    pub(super) fn give_back(self) {
        if self.proxy.routes.len() > MANY
            && let Some(known) = Arc::into_inner(self.known)
        {
            parallel::give_back((known.seen, known.sockets));
        }
    }

    /// What was found out, for the time after the turn; nothing if requests may go other ways then. `sockets`: indices of those
    /// of which a rule found something that is otherwise.
    pub(super) fn past(self, sockets: &[u32]) -> Option<Past> {
        let known = Arc::into_inner(self.known).filter(|k| !k.steered)?;
        let mut found = Arc::into_inner(known.sockets)?;
        for i in sockets {
            found[*i as usize].differs = true;
        }
        Some(Past { seen: known.seen, sockets: Sockets { found, others: known.no_sockets } })
    }

    /// Routes that carry WebSocket.
    pub fn sockets(&self) -> Arc<Vec<WebSocket>> {
        Arc::clone(&self.known.sockets)
    }

    /// Whether handshakes are forwarded by a list.
    pub fn carries_sockets(&self, list: ListId) -> bool {
        self.known.socket_lists.contains(&list)
    }

    /// Whether anything may tell `Upgrade: websocket` from `Upgrade: WebSocket`.
    pub fn tells_letters(&self) -> bool {
        self.known.tells_letters
    }

    /// Which witnesses may be of routes that send CORS headers, or that had some to send.
    pub(super) fn crossing(&self) -> &[u32] {
        &self.known.crossing
    }

    /// The operation at these bytes that allows an origin.
    pub fn allowing(&self, span: Span) -> Option<&HeaderOp> {
        self.known.allowing.get(&span).and_then(|(list, op)| self.proxy.lists.get(*list)?.ops.get(*op))
    }

    /// Routes of event streams that somebody declared.
    pub fn declares_stream(&self, route: RouteId) -> bool {
        self.known.declared.streams.contains(&route)
    }

    /// One request for every place that can be reached: routes, and what forwards in them.
    pub fn witnesses(&self) -> Arc<[Witness]> {
        Arc::clone(&self.known.seen.witnesses)
    }

    /// The plain requests that go to groups, in the order of the witnesses; none where no group is to keep its connections.
    pub fn sendings(&self) -> &[Sending] {
        &self.known.seen.sendings
    }

    /// Routes that an earlier arm of the same choice takes every request from.
    pub fn shadowed(&self) -> Vec<Shadowed> {
        shadowed(self.proxy, self.known.seen.witnesses.iter().map(|w| w.route))
    }

    /// What becomes of any request.
    pub fn run(&self, request: &Request, assume: &Assume) -> Vec<Branch> {
        let branches = self.known.machine.run(request, assume);
        if branches.iter().any(|b| b.differs) {
            self.differs.store(true, Ordering::Relaxed);
        }
        branches
    }

    /// The heartbeat that holds for all routes, in milliseconds.
    pub fn heartbeat(&self) -> Option<u64> {
        self.known.settings.heartbeat
    }

    /// Takes a finding in.
    pub fn report(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// A finding with the usual parts filled in.
    pub fn finding(&self, rule: &'static str, level: Level, span: Span) -> Finding {
        Finding::new(rule, level, self.proxy.dialect, span)
    }

    /// How a person names a route.
    pub fn title(&self, route: RouteId) -> String {
        let seat = self.proxy.route(route).seat;
        // What stands at the top of a fragment belongs to whatever includes it.
        if self.proxy.scope(seat).parent.is_none() {
            "whatever includes this file".to_owned()
        } else {
            format!("`{}`", self.proxy.title(seat))
        }
    }

    /// The operation of a list in force on a header, the last written one.
    pub fn written<'b>(&'b self, list: ListId, name: &str) -> Option<&'b HeaderOp> {
        own(self.proxy.list(list), name)
    }

    /// The lists that a list replaced, nearest first, as far as they are known.
    pub fn displaced(&self, list: ListId) -> Vec<ListId> {
        std::iter::successors(self.proxy.list(list).displaced, |l| self.proxy.list(*l).displaced).collect()
    }

    /// Where a person can see the origin of a value: its own bytes if it was written.
    pub fn place(&self, origin: Origin) -> Option<Span> {
        (origin.how == How::Written).then_some(origin.span)
    }

    /// What becomes of a plain request; nothing where only handshakes come.
    pub fn plain(&self, w: &Witness) -> Vec<Branch> {
        if w.upgrades() { Vec::new() } else { self.run(&w.request, &Assume::default()) }
    }

    /// What to write, in the words of the proxy, or in these.
    pub fn advice<'w>(&self, advice: Advice, usual: &'w str) -> &'w str {
        (self.proxy.words.0)(advice).unwrap_or(usual)
    }

    /// What becomes of a handshake that asks for something more or something else.
    pub fn shake(&self, request: &crate::model::Request, credentials: crate::probe::Credentials) -> Vec<Branch> {
        self.run(request, &Assume { credentials, ..Assume::default() })
    }

    /// Adds another place that explains a finding, if it can be shown.
    pub fn relate(&self, f: &mut Finding, origin: Origin, message: impl Into<String>) {
        if let Some(span) = self.place(origin).filter(|s| *s != f.span) {
            f.related.push(Related { span, message: message.into() });
        }
    }
}

/// The last operation that a list itself has on a header.
pub(super) fn own<'b>(list: &'b HeaderList, name: &str) -> Option<&'b HeaderOp> {
    list.ops.iter().rev().find(|op| op.name.eq_ignore_ascii_case(name))
}
