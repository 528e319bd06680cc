//! The way of a request through a connection manager: is its upgrade allowed, and the filter chains, specialised for each set of
//! overrides.

use super::{
    At, Lower,
    manager::{Manager, Upgrade, WEBSOCKET},
    overrides::Levels,
};
use crate::model::{
    Act, BlockId, Cond, CondId, Fact, Gate, GateOn, How, Known, Lane, ListId, Matcher, Origin, Reason, Releases, Seat, Step, Subject,
};
use crate::proxy::envoy::yaml::{NodeId, Tree};
use crate::source::Span;

/// What a route says of its way through a connection manager.
#[derive(Clone, Copy)]
pub(super) struct Way<'a, 'b> {
    /// Its upgrades.
    pub(super) own: &'b [Upgrade<'a>],
    pub(super) levels: &'b Levels<'a>,
    /// Whether it has a route action.
    pub(super) forwards: bool,
    /// Whether there is no such route: nobody is refused then for asking for an upgrade `[r-no-route-upgrade]`.
    pub(super) nowhere: bool,
    /// What is done to its answers, if a refused upgrade is one of them.
    pub(super) answer: Option<ListId>,
}

/// What a chain was specialised for: the connection manager, the chain, whether the route forwards, and the overrides.
pub(super) type ChainKey = (usize, usize, bool, Vec<(*const Tree, NodeId)>);

impl<'a> Lower<'a> {
    /// Steps of a request that has found its route: is its upgrade allowed, the filters, and then `tail`, the router's work.
    pub(super) fn through(&mut self, m: &Manager<'a>, way: &Way<'a, '_>, tail: Vec<Step>, at: Span, seat: Seat) -> Vec<Step> {
        let Way { own, levels, forwards, nowhere, answer } = *way;
        let mut kinds: Vec<&str> = own.iter().chain(&m.upgrades).filter(|u| u.kind != "connect").map(|u| &*u.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let entry = |list: &[Upgrade<'a>], kind: &str| list.iter().find(|u| u.kind == kind).cloned();
        // The route's word counts, whatever the connection manager says; the chain is the latter's `[ws-matrix-*]`.
        let allowed: Vec<(&str, usize)> = kinds
            .into_iter()
            .filter_map(|kind| {
                let outer = entry(&m.upgrades, kind);
                let on = entry(own, kind).map_or_else(|| outer.as_ref().is_some_and(|u| u.enabled), |u| u.enabled);
                on.then(|| (kind, outer.and_then(|u| u.chain).unwrap_or(0)))
            })
            .collect();
        let mut steps = Vec::new();
        let tail = self.block(tail);
        let call = |block: BlockId| Step { act: Act::Call(block), span: at };
        let all: Vec<&str> = allowed.iter().map(|a| a.0).collect();
        let spares = self.no_upgrade(m, own, &all, at);
        // The entry that decides on WebSocket: the route's, else the connection manager's.
        let entry = own.iter().find(|u| u.kind == WEBSOCKET).map(|u| (u, seat));
        let entry = entry.or_else(|| m.upgrades.iter().find(|u| u.kind == WEBSOCKET).map(|u| (u, m.seat)));
        let origin = match entry {
            Some((u, seat)) => Origin { how: How::Written, span: u.at.get("enabled").unwrap_or(u.at).span(), seat },
            None => Origin { how: How::Default(Releases::All), span: at, seat: m.seat },
        };
        let deny = Fact { value: Known::Is(403), origin };
        let gate = self.p.add_gate(Gate { on: GateOn::Upgrade, deny, ask: None, reads: Vec::new(), spares: Some(spares), or: None });
        if let Some(list) = answer {
            let refused = self.not(spares);
            let lines = self.p.on_answer(Lane::Every, list, at);
            steps.push(self.when(refused, vec![lines], at));
        }
        if !nowhere {
            steps.push(Step { act: Act::Gate(gate), span: at });
        }
        let filters = self.chain(m, 0, levels, forwards);
        let mut common = vec![call(filters), call(tail)];
        // The common way comes first: it is the one that most requests take.
        for (kind, chain) in allowed.iter().filter(|a| a.1 > 0) {
            let asks = self.asks(kind, at);
            let test = self.not(asks);
            let filters = self.chain(m, *chain, levels, forwards);
            let other = Some(self.block(vec![call(filters), call(tail)]));
            let then = self.block(common);
            common = vec![Step { act: Act::When { test, then, other }, span: at }];
        }
        steps.extend(common);
        steps
    }

    /// Whether a request asks for no upgrade, or for one of these.
    fn no_upgrade(&mut self, m: &Manager<'a>, own: &[Upgrade<'a>], allowed: &[&str], at: Span) -> CondId {
        let shared = own.is_empty();
        if let Some(known) = self.no_upgrades.get(&m.index).filter(|_| shared) {
            return *known;
        }
        let mut any = vec![self.plain];
        if !allowed.is_empty() {
            let names = allowed.iter().map(|k| (*k).into()).collect();
            any.push(self.atom(Subject::Header("upgrade".into()), Matcher::Is(names), true, at));
        }
        // What is not given may enable it.
        if let Some(why) = m.open.filter(|_| shared) {
            any.push(self.p.add_cond(Cond::Opaque(why)));
        }
        let cond = self.p.add_cond(Cond::Any(any));
        if shared {
            self.no_upgrades.insert(m.index, cond);
        }
        cond
    }

    fn asks(&mut self, kind: &str, at: Span) -> CondId {
        let named = self.atom(Subject::Header("upgrade".into()), Matcher::Is(vec![kind.into()]), true, at);
        self.both(vec![self.upgrades, named])
    }

    /// A chain, as it is under these overrides.
    fn chain(&mut self, m: &Manager<'a>, chain: usize, levels: &Levels<'a>, forwards: bool) -> BlockId {
        let key: ChainKey = (m.index, chain, forwards, levels.maps.iter().chain(&levels.cors).map(|l| l.id()).collect());
        if let Some(known) = self.chains.get(&key) {
            return *known;
        }
        let mut steps = Vec::new();
        let mut routed = false;
        for filter in m.chains.get(chain).cloned().unwrap_or_default() {
            if filter.routes() {
                routed = true;
                break;
            }
            let over = filter.overrides(levels);
            if filter.is_on(&over) {
                steps.extend(self.filter(m, &filter, &over, levels, forwards));
            }
        }
        if !routed {
            let own = m.upgrades.iter().find(|u| u.chain == Some(chain)).and_then(|u| u.at.get("filters"));
            let filters = own.or_else(|| m.at.and_then(|at| at.get("http_filters")));
            let at = filters.map_or_else(|| self.p.scope(m.seat).span, At::span);
            let more = self.templated.map(|span| self.p.doubt(Reason::Template, span, "a template may fill in more filters"));
            match m.open.or(more) {
                // What is not given may end in a router.
                Some(why) if m.at.is_some() => steps.push(Step { act: Act::Opaque(why), span: at }),
                Some(_) => {}
                // Nothing ever answers `[ws-no-router]`.
                None => steps.push(Step { act: Act::Hang, span: at }),
            }
        }
        let block = self.block(steps);
        self.chains.insert(key, block);
        block
    }

    /// Something that may do anything.
    pub(super) fn anything(&mut self, reason: Reason, at: At<'a>, note: &str) -> Step {
        let why = self.p.doubt(reason, at.span(), note);
        Step { act: Act::Opaque(why), span: at.span() }
    }
}
