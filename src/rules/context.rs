//! What a rule may look at: the model, the witnesses, the outcomes of the probes, and what people declared.

use super::{Confidence, Finding, Level};
use crate::config::{Annotation, Purpose, Settings};
use crate::model::{HeaderList, HeaderOp, How, Known, ListId, Origin, PolicyId, Proxy, RouteId, Seat};
use crate::probe::{Branch, Val, Witness, handshake, preflight, witnesses};
use crate::source::Span;
use std::collections::HashMap;

/// Why a route is taken for a WebSocket route, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Evidence {
    /// Only its path looks like one.
    Named,
    /// Its header list forwards a part of an upgrade, or replaced one that did.
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
    /// Heartbeat in milliseconds, if known.
    pub heartbeat: Option<u64>,
    /// What becomes of a handshake.
    pub branches: Vec<Branch>,
}

/// One configuration, seen by the rules.
pub struct Context<'a> {
    /// The model.
    pub proxy: &'a Proxy,
    settings: &'a Settings,
    sockets: Vec<WebSocket>,
    witnesses: Vec<Witness>,
    found: Vec<Finding>,
}

impl<'a> Context<'a> {
    /// Probes a configuration.
    pub fn new(proxy: &'a Proxy, settings: &'a Settings) -> Self {
        let witnesses = witnesses(proxy);
        let sockets = sockets(proxy, settings, &witnesses);
        Self { proxy, settings, sockets, witnesses, found: Vec::new() }
    }

    /// Everything found so far.
    pub fn finish(self) -> Vec<Finding> {
        self.found
    }

    /// Routes that carry WebSocket.
    pub fn sockets(&self) -> Vec<WebSocket> {
        self.sockets.clone()
    }

    /// One request for every route that can be reached.
    pub fn witnesses(&self) -> Vec<Witness> {
        self.witnesses.clone()
    }

    /// The heartbeat that holds for all routes, in milliseconds.
    pub fn heartbeat(&self) -> Option<u64> {
        self.settings.heartbeat
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
        format!("`{}`", self.proxy.title(self.proxy.route(route).seat))
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

    /// What becomes of a plain GET from another origin.
    pub fn cross_origin(&self, w: &Witness, origin: &str) -> Vec<Branch> {
        preflight::cross_origin(self.proxy, w.listener, &w.host, &w.path, origin)
    }

    /// What becomes of a preflight.
    pub fn preflight(&self, w: &Witness, origin: &str) -> Vec<Branch> {
        preflight::probe(self.proxy, w.listener, &w.host, &w.path, origin)
    }
}

/// The last operation that a list itself has on a header.
fn own<'b>(list: &'b HeaderList, name: &str) -> Option<&'b HeaderOp> {
    list.ops.iter().rev().find(|op| op.name.eq_ignore_ascii_case(name))
}

/// Whether what reaches the upstream shows that somebody wanted an upgrade.
fn shown(branches: &[Branch]) -> bool {
    branches.iter().filter_map(|b| b.sent.as_ref()).any(|sent| {
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

fn is_empty(proxy: &Proxy, op: &HeaderOp) -> bool {
    match op.value.value {
        Known::Is(e) => matches!(proxy.expr(e), crate::model::Expr::Text(t) if t.is_empty()),
        Known::Unknown(_) => false,
    }
}

/// Path segments that name a WebSocket endpoint.
pub(super) fn named(path: &str) -> bool {
    path.split(['/', '.', '-', '_'])
        .any(|p| matches!(p.to_ascii_lowercase().as_str(), "ws" | "wss" | "websocket" | "websockets" | "socket" | "sockjs" | "cable"))
        || path.to_ascii_lowercase().contains("socket.io")
}

fn sockets(proxy: &Proxy, settings: &Settings, witnesses: &[Witness]) -> Vec<WebSocket> {
    let mut declared: HashMap<RouteId, (Option<u64>, Option<String>)> = HashMap::new();
    let mut by_seat: HashMap<Seat, Option<u64>> = HashMap::new();
    for c in &proxy.comments {
        if let Some(Ok(Annotation::Purpose { purpose: Purpose::WebSocket, heartbeat })) = crate::config::parse_annotation(&c.text)
            && let Some(seat) = c.next.or(c.within)
        {
            by_seat.insert(seat, heartbeat);
        }
    }
    for (i, route) in proxy.routes.iter().enumerate() {
        if let Some(h) = by_seat.get(&route.seat) {
            declared.insert(RouteId(i as u32), (*h, None));
        }
    }
    let mut entries: Vec<(usize, &str)> = witnesses.iter().map(|w| (w.listener, &*w.host)).collect();
    entries.sort_unstable();
    entries.dedup();
    for r in settings.routes.iter().filter(|r| r.purpose == Purpose::WebSocket) {
        for (listener, host) in &entries {
            for b in handshake::probe(proxy, *listener, host, &r.path) {
                if let Some(route) = b.routes.last() {
                    declared.insert(*route, (r.heartbeat, Some(r.path.clone())));
                }
            }
        }
    }
    let mut out = Vec::new();
    for w in witnesses {
        let told = declared.get(&w.route);
        let mut w = w.clone();
        if let Some((_, Some(path))) = told {
            w.path = path.as_str().into();
        }
        let branches = handshake::probe(proxy, w.listener, &w.host, &w.path);
        // A jump may end in a route that was declared, or that a comment stands in.
        let told = told.or_else(|| branches.iter().filter_map(|b| b.routes.last()).find_map(|r| declared.get(r)));
        let evidence = if told.is_some() {
            Evidence::Declared
        } else if shown(&branches) || replaced(proxy, &branches) {
            Evidence::Shown
        } else if named(&w.path) && branches.iter().all(|b| b.sent.is_some()) {
            Evidence::Named
        } else {
            continue;
        };
        let heartbeat = told.and_then(|t| t.0).or(settings.heartbeat);
        out.push(WebSocket { witness: w, evidence, heartbeat, branches });
    }
    out
}

impl WebSocket {
    /// The request that fails, as one line.
    pub fn example(&self) -> String {
        format!("GET {} HTTP/1.1, Host: {}, Upgrade: websocket, Connection: Upgrade", self.witness.path, self.witness.host)
    }

    /// Faults that every branch that reaches an upstream shares.
    pub fn faults(&self, proxy: &Proxy) -> Vec<handshake::Fault> {
        let mut common: Option<Vec<handshake::Fault>> = None;
        for b in &self.branches {
            let Some(sent) = &b.sent else { continue };
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

    /// The first branch that reaches an upstream.
    pub fn sent(&self) -> Option<(&Branch, &crate::probe::Sent)> {
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
