//! Routes that carry WebSocket, or should.

use super::super::{Confidence, Level};
use super::{Declared, Seen, own, sight::Sight};
use crate::config::Settings;
use crate::model::{Gate, GateOn, HeaderOp, How, Known, PolicyId, Proxy, RouteId, UpgradeMode, Wire};
use crate::probe::{Assume, Branch, Machine, Sent, Val, Witness, handshake, parallel};
use std::collections::HashSet;

/// Why a route is taken for a WebSocket route, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Evidence {
    /// Only its path looks like one.
    Named,
    /// Its header list forwards a part of an upgrade, or replaced one that did; or its rules speak of upgrades.
    Shown,
    /// Somebody says so.
    Declared,
}

/// A route that carries, or should carry, WebSocket.
#[derive(Clone, Debug)]
pub struct WebSocket {
    /// The request that arrives there.
    pub witness: Witness,
    /// Why it is taken for one.
    pub evidence: Evidence,
    /// Whether plain requests may ask the upstream for an upgrade.
    pub asks_anyway: bool,
    /// Heartbeat in milliseconds, if known.
    pub heartbeat: Option<u64>,
    /// What becomes of a handshake.
    pub branches: Vec<Branch>,
    /// What every branch that reaches an upstream lacks.
    faults: Vec<handshake::Fault>,
    /// Index of its witness.
    pub(super) place: u32,
    /// Whether anything of this is otherwise in another era, if there is one to think of.
    pub(in crate::rules) differs: bool,
}

/// Whether what reaches the upstream shows that somebody wanted an upgrade.
fn shown(proxy: &Proxy, w: &Witness, branches: &[Branch]) -> bool {
    branches.iter().filter_map(|b| b.sent.as_ref()).any(|sent| {
        // Lines that pass by a hop without upgrades are meant for others, unless they stand beside it.
        if !carries(proxy, sent) && proxy.list(sent.list).seat != proxy.route(w.route).seat {
            return false;
        }
        let written = |name| sent.values(name).filter(|l| l.origin.is_some_and(|o| o.how == How::Written)).collect::<Vec<_>>();
        !written("upgrade").is_empty()
            || written("connection").iter().any(|l| match &l.value {
                Val::Is(v) => v.split(',').any(|t| t.trim().eq_ignore_ascii_case("upgrade")),
                Val::Unknown { .. } => false,
            })
    })
}

/// Whether a list left behind on the way had an upgrade line.
fn replaced(proxy: &Proxy, branches: &[Branch]) -> bool {
    branches.iter().filter_map(|b| b.sent.as_ref()).any(|sent| {
        own(proxy.list(sent.list), "upgrade").is_none()
            && std::iter::successors(proxy.list(sent.list).displaced, |l| proxy.list(*l).displaced)
                .any(|l| own(proxy.list(l), "upgrade").is_some_and(|op| !is_empty(proxy, op)))
    })
}

/// Whether the route itself, or one that was left by a jump, has upgrade lines that never come into play.
fn intended(proxy: &Proxy, w: &Witness, branches: &[Branch]) -> bool {
    let forwards = |list| own(proxy.list(list), "upgrade").is_some_and(|op| !is_empty(proxy, op));
    let route = proxy.route(w.route);
    let list = proxy.policy(route.policy).outgoing;
    if branches.iter().all(|b| b.sent.is_none()) {
        return proxy.list(list).seat == route.seat && forwards(list);
    }
    branches.iter().any(|b| b.sent.is_some() && b.jumps.iter().filter_map(|j| j.left).any(|p| forwards(proxy.policy(p).outgoing)))
}

/// Whether an upgrade can pass the hop at all.
pub(in crate::rules) fn carries(proxy: &Proxy, sent: &Sent) -> bool {
    let hop = proxy.hop(sent.hop);
    match hop.upgrade.value {
        Known::Is(UpgradeMode::Refuse(_)) => false,
        Known::Is(UpgradeMode::Strip) => hop.wire.value != Known::Is(Wire::H2),
        _ => true,
    }
}

fn is_empty(proxy: &Proxy, op: &HeaderOp) -> bool {
    match op.value.value {
        Known::Is(e) => matches!(proxy.expr(e), crate::model::Expr::Text(t) if t.is_empty()),
        Known::Unknown(_) => false,
    }
}

/// Whether the configuration itself enables the upgrade: on the route, or on a path that says what it is for.
fn enabled(proxy: &Proxy, w: &Witness, branches: &[Branch]) -> bool {
    let here = proxy.route(w.route).seat;
    branches.iter().flat_map(|b| &b.gates).any(|(gate, pass)| {
        let gate = proxy.gate(*gate);
        *pass && gate.on == GateOn::Upgrade && (gate.deny.origin.seat == here || named(&w.path))
    })
}

/// Whether nothing but a missing permission to upgrade keeps the handshake away.
pub(in crate::rules) fn not_enabled<'a>(proxy: &'a Proxy, branches: &[Branch]) -> Option<&'a Gate> {
    let last = |b: &Branch| b.gates.last().filter(|g| !g.1).map(|g| proxy.gate(g.0)).filter(|g| g.on == GateOn::Upgrade);
    let first = branches.first().and_then(last)?;
    branches.iter().all(|b| last(b).is_some()).then_some(first)
}

/// Path segments that name a WebSocket endpoint.
pub(in crate::rules) fn named(path: &str) -> bool {
    const NAMES: [&str; 7] = ["ws", "wss", "websocket", "websockets", "socket", "sockjs", "cable"];
    path.split(['/', '.', '-', '_']).any(|part| NAMES.iter().any(|name| part.eq_ignore_ascii_case(name)))
        || path.as_bytes().windows(9).any(|part| part.eq_ignore_ascii_case(b"socket.io"))
}

/// Routes that are written for upgrades.
pub(super) fn meant(proxy: &Proxy) -> HashSet<RouteId> {
    proxy.meant_for_upgrades.iter().map(|m| m.0).collect()
}

/// Why a route is taken for a WebSocket route, by what becomes of a request; nobody says so.
pub(super) fn evidence(proxy: &Proxy, meant: &HashSet<RouteId>, w: &Witness, branches: &[Branch]) -> Option<Evidence> {
    if !meant.is_empty() && branches.iter().flat_map(|b| &b.routes).any(|r| meant.contains(r))
        || shown(proxy, w, branches)
        || replaced(proxy, branches)
        || intended(proxy, w, branches)
        || enabled(proxy, w, branches)
    {
        return Some(Evidence::Shown);
    }
    // Somebody takes the line away on purpose, or by habit.
    let removed = branches.iter().filter_map(|b| b.sent.as_ref()).any(|s| s.remover("upgrade").is_some());
    let speaks =
        || named(&w.path) && (branches.iter().all(|b| b.sent.is_some()) || w.forward.is_some() && not_enabled(proxy, branches).is_some());
    (removed || speaks()).then_some(Evidence::Named)
}

/// Routes that carry WebSocket, or should, with what becomes of a handshake.
pub(super) struct Sockets {
    /// In the order of their witnesses.
    pub(super) found: Vec<WebSocket>,
    /// Witnesses of no such route whose handshakes fare otherwise in another era.
    pub(super) others: Vec<u32>,
}

impl Sockets {
    /// `past`: what was found in the era from which the model was turned; only what differs is asked again.
    pub(super) fn of(machine: &Machine<'_>, settings: &Settings, declared: &Declared, seen: &Seen, past: Option<Self>) -> Self {
        // Without a word from anybody, most routes are known to be none by their plain requests.
        let told = !declared.sockets.is_empty();
        let may_be = |(w, sight): (&Witness, &Sight)| told || sight.shakes && !declared.adds(w.route);
        let all = seen.witnesses.iter().zip(&seen.sights);
        let mut places: Vec<u32> = all.zip(0..).filter(|(seen, _)| may_be(*seen)).map(|(_, place)| place).collect();
        let turned = past.is_some();
        let mut found = Vec::new();
        if let Some(past) = past {
            let (again, same): (Vec<_>, Vec<_>) = past.found.into_iter().partition(|s| s.differs);
            let again: HashSet<u32> = again.iter().map(|s| s.place).chain(past.others).collect();
            places.retain(|place| seen.sights[*place as usize].differs || again.contains(place));
            found = same;
        }
        let shake = Shake { machine, settings, declared, meant: meant(machine.proxy()) };
        let shaken = parallel::many(&places, |place| {
            let (w, sight) = (&seen.witnesses[*place as usize], &seen.sights[*place as usize]);
            let (differs, mut socket) = shake.at(w, sight.asks_anyway);
            if let Some(socket) = &mut socket {
                (socket.place, socket.differs) = (*place, turned || differs || sight.differs);
            }
            (differs || socket.is_some()).then_some((*place, socket))
        });
        let mut others = Vec::new();
        for (place, socket) in shaken {
            match socket {
                Some(socket) => found.push(socket),
                None => others.push(place),
            }
        }
        found.sort_by_key(|s| s.place);
        Self { found, others }
    }
}

/// How handshakes are sent.
struct Shake<'a> {
    machine: &'a Machine<'a>,
    settings: &'a Settings,
    declared: &'a Declared,
    meant: HashSet<RouteId>,
}

impl Shake<'_> {
    /// Whether a handshake fares otherwise in another era; and what becomes of it, where it comes to a WebSocket route.
    fn at(&self, w: &Witness, asks: bool) -> (bool, Option<WebSocket>) {
        let told = self.declared.sockets.get(&w.route);
        let elsewhere = told.and_then(|t| t.1.as_deref()).map(|path| w.at(path));
        let Some(request) = elsewhere.as_ref().unwrap_or(w).handshake() else { return (false, None) };
        let branches = self.machine.run(&request, &Assume::default());
        let differs = branches.iter().any(|b| b.differs);
        // What becomes of plain requests to a path that was declared, nobody has seen yet.
        let asks_anyway = asks || elsewhere.is_some();
        (differs, self.socket(elsewhere.as_ref().unwrap_or(w), branches, asks_anyway))
    }

    fn socket(&self, w: &Witness, mut branches: Vec<Branch>, asks_anyway: bool) -> Option<WebSocket> {
        let (proxy, declared) = (self.machine.proxy(), self.declared);
        // A handshake that is led elsewhere is the concern of the route that takes it.
        if !branches.iter().any(|b| b.routes.contains(&w.route)) {
            return None;
        }
        // A jump may end in a route that was declared, or that a comment stands in.
        let last = || branches.iter().filter_map(|b| b.routes.last()).find_map(|r| declared.sockets.get(r));
        let told = declared.sockets.get(&w.route).or_else(last);
        if told.is_none() && declared.adds(w.route) {
            return None;
        }
        let evidence = if told.is_some() { Evidence::Declared } else { evidence(proxy, &self.meant, w, &branches)? };
        let heartbeat = told.and_then(|t| t.0).or(self.settings.heartbeat);
        let faults = faults(proxy, &branches);
        branches.iter_mut().for_each(Branch::pack);
        Some(WebSocket { witness: w.clone(), evidence, asks_anyway, heartbeat, branches, faults, place: 0, differs: false })
    }
}

/// Faults that every branch that reaches an upstream shares.
fn faults(proxy: &Proxy, branches: &[Branch]) -> Vec<handshake::Fault> {
    let mut common: Option<Vec<handshake::Fault>> = None;
    for sent in branches.iter().filter_map(|b| b.sent.as_ref()) {
        let here = match handshake::judge(proxy, sent) {
            handshake::Judged::Faulty(faults) => faults,
            _ => Vec::new(),
        };
        common = Some(match common {
            None => here,
            Some(before) => before.into_iter().filter(|f| here.contains(f)).collect(),
        });
    }
    common.unwrap_or_default()
}

impl WebSocket {
    /// The request that fails, as one line.
    pub fn example(&self) -> String {
        format!("GET {} HTTP/1.1, Host: {}, Upgrade: websocket, Connection: Upgrade", self.witness.path, self.witness.host)
    }

    /// Faults that every branch that reaches an upstream shares.
    pub fn faults(&self) -> &[handshake::Fault] {
        &self.faults
    }

    /// The first branch that reaches an upstream.
    pub fn sent(&self) -> Option<(&Branch, &Sent)> {
        self.branches.iter().find_map(|b| b.sent.as_ref().map(|s| (b, s)))
    }

    /// Settings in force when it reaches an upstream.
    pub fn policy(&self) -> Option<PolicyId> {
        self.sent().and_then(|(b, _)| b.policy)
    }

    /// Certain, unless something had to be guessed on the way.
    pub fn confidence(&self) -> Confidence {
        let sure = self.branches.iter().filter(|b| b.sent.is_some()).all(|b| b.guesses.is_empty());
        if sure { Confidence::Certain } else { Confidence::Likely }
    }

    /// The level for a fault that is an error where WebSocket is meant for certain.
    pub const fn level(&self) -> Level {
        match self.evidence {
            Evidence::Named => Level::Hint,
            Evidence::Shown | Evidence::Declared => Level::Error,
        }
    }
}
