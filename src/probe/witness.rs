//! For every place that a request can come to, one request that provably comes there.

use super::handshake;
use super::machine::{Assume, Branch, Machine};
use super::preflight;
use super::solve::find;
use super::way::{Clause, Goal, Walk, Way, Ways};
use super::{parallel, word::word};
use crate::model::{Kind, Request, RouteId, Text};
use crate::source::Span;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

/// A request that arrives at a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The route.
    pub route: RouteId,
    /// The step that forwards it, if one does.
    pub forward: Option<Span>,
    /// Index of the listener.
    pub listener: usize,
    /// The host that it names.
    pub host: Text,
    /// Its path, without the query.
    pub path: Text,
    /// The request, with nothing in it that its way does not need.
    pub request: Box<Request>,
}

impl Witness {
    fn new(route: RouteId, forward: Option<Span>, request: Request) -> Self {
        let host = request.header("host").cloned().unwrap_or_else(|| "".into());
        let path = request.target.split_once('?').map_or_else(|| request.target.clone(), |(p, _)| p.into());
        Self { route, forward, listener: request.listener, host, path, request: Box::new(request) }
    }

    /// The same, for another path.
    pub fn at(&self, target: &str) -> Self {
        Self::new(self.route, self.forward, Request { target: target.into(), ..(*self.request).clone() })
    }

    /// Whether only a handshake comes here.
    pub fn upgrades(&self) -> bool {
        self.request.header("upgrade").is_some()
    }

    /// A request of a kind on this way; none where such a request does not come.
    pub fn ask(&self, kind: Kind, origin: &str) -> Option<Request> {
        match kind {
            Kind::Plain => (!self.upgrades()).then(|| (*self.request).clone()),
            Kind::CrossOrigin => self.cross_origin(origin),
            Kind::Preflight => self.preflight(origin),
            Kind::Handshake => self.handshake(),
        }
    }

    /// A handshake on this way (RFC 6455 §4.1); none where no GET comes.
    pub fn handshake(&self) -> Option<Request> {
        let mut request = (&*self.request.method == "GET").then(|| (*self.request).clone())?;
        handshake::complete(&mut request);
        Some(request)
    }

    /// A plain request from a page of another origin; none where only handshakes or preflights come.
    pub fn cross_origin(&self, origin: &str) -> Option<Request> {
        let fits = !self.upgrades() && &*self.request.method != "OPTIONS";
        let mut request = fits.then(|| (*self.request).clone())?;
        set(&mut request, "Origin", origin);
        Some(request)
    }

    /// A preflight for this way (Fetch, "CORS-preflight fetch"); none where only handshakes come. It asks for the method that the
    /// way needs, or for PUT.
    pub fn preflight(&self, origin: &str) -> Option<Request> {
        let mut request = (!self.upgrades()).then(|| (*self.request).clone())?;
        let method = match &*request.method {
            "GET" | "HEAD" | "OPTIONS" => "PUT".into(),
            _ => request.method.clone(),
        };
        request.method = "OPTIONS".into();
        set(&mut request, "Origin", origin);
        for (name, value) in preflight::lines(&method) {
            if request.header(name).is_none() {
                request.headers.push((name.into(), value.into()));
            }
        }
        // A browser sends none with it.
        request.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("cookie") && !n.eq_ignore_ascii_case("authorization"));
        Some(request)
    }
}

/// Replaces a header.
fn set(request: &mut Request, name: &str, value: &str) {
    request.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    request.headers.push((word(name), Text::from(value)));
}

/// How many places are worth a thread's turn.
const PART: usize = 256;

/// Witnesses for all routes and forwarding places that a request can be shown to reach, in the order of the routes. A route that
/// is only gone through has none of its own.
pub fn witnesses(machine: &Machine<'_>) -> Vec<Witness> {
    survey(machine, |_| true, |_, _| ()).into_iter().map(|(w, ())| w).collect()
}

/// The same, each with what a look at its run tells. The run that shows that a request arrives is the run of a plain request:
/// whoever wants to know what becomes of one looks here, and needs no second run. Routes that are not `wanted` are gone for only
/// where nothing else comes to what they lie in.
pub fn survey<T: Send>(
    machine: &Machine<'_>,
    wanted: impl Fn(RouteId) -> bool + Sync,
    look: impl Fn(&Witness, &[Branch]) -> T + Sync,
) -> Vec<(Witness, T)> {
    survey_by(machine, PART, wanted, look)
}

/// The same, in parts of so many places at least.
fn survey_by<T: Send>(
    machine: &Machine<'_>,
    least: usize,
    wanted: impl Fn(RouteId) -> bool + Sync,
    look: impl Fn(&Witness, &[Branch]) -> T + Sync,
) -> Vec<(Witness, T)> {
    let proxy = machine.proxy();
    let mut known = Known { reached: vec![false; proxy.routes.len()], forwards: FxHashSet::default() };
    let mut all: Vec<(Witness, T)> = Vec::new();
    let mut walk = Walk::new(proxy);
    for (listener, taken) in proxy.listeners.iter().enumerate() {
        walk.begin(taken.body);
        let goals: Vec<(Goal, Way)> = std::iter::from_fn(|| walk.next()).collect();
        let search = Search { machine, listener, ways: &walk.ways, assume: Assume::default(), wanted: &wanted, look: &look };
        let parts = search.parts(&goals, least);
        let shares = parallel::each(&parts, |part| search.go(part, &known));
        all.reserve(shares.iter().map(|s| s.found.len()).sum());
        for (part, mut share) in parts.iter().zip(shares) {
            // Parts are searched side by side. Where an earlier one came to a place that this one went for too, this one is
            // done again, so that what comes out is what one search from beginning to end would find.
            if share.aimed.iter().any(|(route, goal)| known.has(*route, *goal)) {
                share = search.go(part, &known);
            }
            share.reached.into_iter().for_each(|r| known.reached[r.at()] = true);
            known.forwards.extend(share.forwards);
            all.append(&mut share.found);
        }
    }
    all.sort_by_key(|(w, _)| (w.route, w.forward));
    all
}

/// Where requests were shown to come.
struct Known {
    reached: Vec<bool>,
    forwards: FxHashSet<(RouteId, Span)>,
}

impl Known {
    fn has(&self, route: RouteId, goal: Goal) -> bool {
        match goal {
            Goal::Route(r) => self.reached[r.at()],
            Goal::Forward(at) => self.forwards.contains(&(route, at)),
        }
    }
}

/// What one part of a search adds to that.
struct Share<T> {
    found: Vec<(Witness, T)>,
    reached: BTreeSet<RouteId>,
    forwards: BTreeSet<(RouteId, Span)>,
    /// Places that it went for, as nobody had come there.
    aimed: Vec<(RouteId, Goal)>,
}

/// A search for witnesses behind one listener.
struct Search<'a, 'p, W, L> {
    machine: &'a Machine<'p>,
    listener: usize,
    ways: &'a Ways,
    assume: Assume,
    wanted: &'a W,
    look: &'a L,
}

impl<T, W: Fn(RouteId) -> bool, L: Fn(&Witness, &[Branch]) -> T> Search<'_, '_, W, L> {
    /// Cuts the places where one outermost route ends and another begins: what belongs together mostly lies within one.
    fn parts<'g>(&self, goals: &'g [(Goal, Way)], least: usize) -> Vec<&'g [(Goal, Way)]> {
        let mut parts = Vec::new();
        let (mut from, mut last) = (0, None);
        for (i, (_, way)) in goals.iter().enumerate() {
            let outermost = self.ways.routes(*way).last();
            if outermost != last && i - from >= least {
                parts.push(&goals[from..i]);
                from = i;
            }
            last = outermost;
        }
        parts.push(&goals[from..]);
        parts
    }

    fn go(&self, part: &[(Goal, Way)], known: &Known) -> Share<T> {
        let mut share = Share { found: Vec::new(), reached: BTreeSet::new(), forwards: BTreeSet::new(), aimed: Vec::new() };
        for (goal, way) in part {
            let Some(route) = self.ways.routes(*way).next() else { continue };
            let here = match goal {
                Goal::Route(r) => share.reached.contains(r),
                Goal::Forward(at) => share.forwards.contains(&(route, *at)),
            };
            if here || known.has(route, *goal) {
                continue;
            }
            let around = || self.ways.routes(*way).skip(1).all(|r| share.reached.contains(&r) || known.reached[r.at()]);
            if (self.wanted)(route) || !around() {
                share.aimed.push((route, *goal));
                self.aim(route, *goal, *way, &mut share);
            }
        }
        share
    }

    fn aim(&self, route: RouteId, goal: Goal, way: Way, share: &mut Share<T>) {
        let proxy = self.machine.proxy();
        let chance = self.ways.back(way, None).any(|c| matches!(c, Clause::Chance));
        let mut branches = Vec::new();
        let found = find(self.machine, self.ways, self.listener, way, |request| {
            branches = self.machine.run(request, &self.assume);
            arrives(&branches, route, goal, chance)
        });
        let Some(request) = found else { return };
        share.reached.extend(self.entered(way));
        for b in &branches {
            share.reached.extend(b.routes.iter().filter(|r| proxy.route(**r).named && branches.iter().all(|b| b.routes.contains(r))));
        }
        let forward = match goal {
            Goal::Forward(at) => {
                share.forwards.insert((route, at));
                Some(at)
            }
            Goal::Route(_) => None,
        };
        let witness = Witness::new(route, forward, request);
        let seen = (self.look)(&witness, &branches);
        share.found.push((witness, seen));
    }

    /// The routes of a way; those left by a jump count only if a jump is all that leads to them.
    fn entered(&self, way: Way) -> Vec<RouteId> {
        let mut entered: Vec<RouteId> = Vec::new();
        for clause in self.ways.back(way, None) {
            match clause {
                Clause::Route(r) => entered.push(*r),
                Clause::Jumped => entered.retain(|r| self.machine.proxy().route(*r).named),
                _ => {}
            }
        }
        entered
    }
}

/// Whether every branch comes to a place; where chance decides, one is enough.
fn arrives(branches: &[Branch], route: RouteId, goal: Goal, chance: bool) -> bool {
    let here = |b: &Branch| {
        b.routes.contains(&route)
            && match goal {
                Goal::Route(_) => true,
                Goal::Forward(at) => b.sent.as_ref().is_some_and(|s| s.span == at),
            }
    };
    if chance { branches.iter().any(here) } else { branches.iter().all(here) }
}

#[cfg(test)]
mod tests {
    use super::survey_by;
    use crate::model::{
        Act, Arm, Clocks, Fact, HeaderList, Hop, How, Intake, Known, Listener, Matcher, Pick, Policy, Proxy, Rank, Route, RouteId, Scope,
        Seat, Step, Subject, Table, UpgradeMode, Wire,
    };
    use crate::probe::Machine;
    use crate::source::Span;

    fn fact<T: Copy>(value: T) -> Fact<T> {
        Fact::is(value, How::Implied, Span::default(), Seat(0))
    }

    /// Hosts whose routes all lead to one and the same.
    fn shared(hosts: usize) -> Proxy {
        let (mut p, at) = (Proxy::new("test", |_| None), Span::default());
        let seat = p.add_scope(Scope { parent: None, span: at, body: at, noun: "", name: "".into() });
        let list = p.add_list(HeaderList { seat, base: None, ops: Vec::new(), displaced: None, open: None });
        let clocks = p.add_clocks(Clocks::default());
        let hop = p.add_hop(Hop {
            wire: fact(Wire::H11),
            upgrade: fact(UpgradeMode::Tunnel),
            buffered: fact(false),
            mixing: None,
            packed: fact(false),
            tls: Some(false),
            unreachable: Known::Is(502),
            client_headers: fact(true),
            method: None,
            intercepts: false,
            follows: None,
        });
        let policy = p.add_policy(Policy {
            seat,
            outgoing: list,
            relayed: None,
            answer: list,
            clocks,
            hop,
            content: None,
            errors: None,
            absolute: None,
            max_body: None,
        });
        let route = |p: &mut Proxy, act: Act| {
            let body = p.add_block(vec![Step { act: Act::Enter(policy), span: at }, Step { act, span: at }]);
            p.add_route(Route { seat, body, policy, named: false, within: None })
        };
        let end = route(&mut p, Act::Respond { status: fact(200), location: None, body: None });
        let mut arms = Vec::new();
        for i in 0..hosts {
            let go = route(&mut p, Act::Go(end));
            let test = p.test(Subject::Host, Matcher::Is(vec![format!("h{i}.test").into()]), at);
            arms.push(Arm { test, rank: Rank::Plain, go, nested: None });
        }
        let miss = p.one(Act::Close, at);
        let table = p.add_table(Table { pick: Pick::FirstMatch, arms, miss, open: None, seat });
        let body = p.one(Act::Dispatch(table), at);
        p.listeners.push(Listener { seat, at: "*:80".into(), tls: false, intake: Intake::default(), body });
        p
    }

    #[test]
    fn parts_find_what_one_search_finds() {
        let p = shared(9);
        let machine = Machine::new(&p);
        let found = |least| survey_by(&machine, least, |_| true, |_, branches| branches.len());
        let whole = found(usize::MAX);
        // The one that all lead to, by the first host; each other host by itself.
        let routes: Vec<RouteId> = whole.iter().map(|(w, _)| w.route).collect();
        assert_eq!(routes, [0, 2, 3, 4, 5, 6, 7, 8, 9].map(RouteId));
        assert_eq!(found(1), whole);
    }
}
