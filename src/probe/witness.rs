//! For every place that a request can come to, one request that provably comes there.

use super::handshake;
use super::machine::{Assume, Branch, Machine};
use super::preflight;
use super::solve::requests;
use super::way::{Clause, Goal, Walk, Way, Ways};
use crate::model::{Kind, Request, RouteId, Text};
use crate::source::Span;
use std::collections::HashSet;

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
    pub request: Request,
}

impl Witness {
    fn new(route: RouteId, forward: Option<Span>, request: Request) -> Self {
        let host = request.header("host").cloned().unwrap_or_else(|| "".into());
        let path = request.target.split_once('?').map_or_else(|| request.target.clone(), |(p, _)| p.into());
        Self { route, forward, listener: request.listener, host, path, request }
    }

    /// The same, for another path.
    pub fn at(&self, target: &str) -> Self {
        Self::new(self.route, self.forward, Request { target: target.into(), ..self.request.clone() })
    }

    /// Whether only a handshake comes here.
    pub fn upgrades(&self) -> bool {
        self.request.header("upgrade").is_some()
    }

    /// A request of a kind on this way; none where such a request does not come.
    pub fn ask(&self, kind: Kind, origin: &str) -> Option<Request> {
        match kind {
            Kind::Plain => (!self.upgrades()).then(|| self.request.clone()),
            Kind::CrossOrigin => self.cross_origin(origin),
            Kind::Preflight => self.preflight(origin),
            Kind::Handshake => self.handshake(),
        }
    }

    /// A handshake on this way (RFC 6455 §4.1); none where no GET comes.
    pub fn handshake(&self) -> Option<Request> {
        let mut request = (&*self.request.method == "GET").then(|| self.request.clone())?;
        handshake::complete(&mut request);
        Some(request)
    }

    /// A plain request from a page of another origin; none where only handshakes or preflights come.
    pub fn cross_origin(&self, origin: &str) -> Option<Request> {
        let fits = !self.upgrades() && &*self.request.method != "OPTIONS";
        let mut request = fits.then(|| self.request.clone())?;
        set(&mut request, "Origin", origin);
        Some(request)
    }

    /// A preflight for this way (Fetch, "CORS-preflight fetch"); none where only handshakes come. It asks for the method that the
    /// way needs, or for PUT.
    pub fn preflight(&self, origin: &str) -> Option<Request> {
        let mut request = (!self.upgrades()).then(|| self.request.clone())?;
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
    request.headers.push((Text::from(name), Text::from(value)));
}

/// Witnesses for all routes and forwarding places that a request can be shown to reach, in the order of the routes. A route that
/// is only gone through has none of its own.
pub fn witnesses(machine: &Machine<'_>) -> Vec<Witness> {
    let proxy = machine.proxy();
    let mut search = Search {
        machine,
        reached: vec![false; proxy.routes.len()],
        forwards: HashSet::new(),
        assume: Assume::default(),
        found: Vec::new(),
    };
    let mut walk = Walk::new(proxy);
    for (i, listener) in proxy.listeners.iter().enumerate() {
        walk.begin(listener.body);
        while let Some((goal, way)) = walk.next() {
            search.aim(i, goal, way, &walk.ways);
        }
    }
    let mut found = search.found;
    found.sort_by_key(|w| (w.route, w.forward));
    found
}

struct Search<'a, 'p> {
    machine: &'a Machine<'p>,
    reached: Vec<bool>,
    forwards: HashSet<(RouteId, Span)>,
    assume: Assume,
    found: Vec<Witness>,
}

impl Search<'_, '_> {
    fn aim(&mut self, listener: usize, goal: Goal, way: Way, ways: &Ways) {
        let Some(route) = ways.route(way) else { return };
        let known = match goal {
            Goal::Route(r) => self.reached[r.at()],
            Goal::Forward(at) => self.forwards.contains(&(route, at)),
        };
        if known {
            return;
        }
        let chance = ways.back(way, None).any(|c| matches!(c, Clause::Chance));
        for request in requests(self.machine.proxy(), ways, listener, way) {
            let branches = self.machine.run(&request, &self.assume);
            if !arrives(&branches, route, goal, chance) {
                continue;
            }
            self.mark(way, ways);
            for b in &branches {
                let named =
                    b.routes.iter().filter(|r| self.machine.proxy().route(**r).named && branches.iter().all(|b| b.routes.contains(r)));
                for r in named {
                    self.reached[r.at()] = true;
                }
            }
            let forward = match goal {
                Goal::Forward(at) => {
                    self.forwards.insert((route, at));
                    Some(at)
                }
                Goal::Route(_) => None,
            };
            self.found.push(Witness::new(route, forward, request));
            return;
        }
    }

    /// The routes of a way are reached; those left by a jump count as reached only if a jump is all that leads to them.
    fn mark(&mut self, way: Way, ways: &Ways) {
        let mut entered: Vec<RouteId> = Vec::new();
        for clause in ways.back(way, None) {
            match clause {
                Clause::Route(r) => entered.push(*r),
                Clause::Jumped => entered.retain(|r| self.machine.proxy().route(*r).named),
                _ => {}
            }
        }
        for r in entered {
            self.reached[r.at()] = true;
        }
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
