//! Routes that somebody declared: in a comment, in a settings file, or with an option.

use crate::config::{Annotation, Purpose, Settings};
use crate::model::{Proxy, Rank, RouteId, Seat};
use crate::probe::{Assume, Machine, Witness, handshake, request};
use std::collections::{HashMap, HashSet};

/// What people said of routes.
#[derive(Default)]
pub(super) struct Declared {
    /// WebSocket routes: heartbeat in milliseconds, and the path that was named.
    pub(super) sockets: HashMap<RouteId, (Option<u64>, Option<String>)>,
    /// Routes of event streams.
    pub(super) streams: HashSet<RouteId>,
    /// Routes that the proxy adds by itself: nobody wrote them for a purpose.
    implied: Vec<bool>,
}

impl Declared {
    pub(super) fn new(machine: &Machine<'_>, settings: &Settings, witnesses: &[Witness]) -> Self {
        let proxy = machine.proxy();
        let mut told = Self { implied: added(proxy), ..Self::default() };
        let mut by_seat: HashMap<Seat, (Purpose, Option<u64>)> = HashMap::new();
        for c in &proxy.comments {
            if let Some(Ok(Annotation::Purpose { purpose, heartbeat })) = crate::config::parse_annotation(&c.text)
                && let Some(seat) = c.next.or(c.within)
            {
                by_seat.insert(seat, (purpose, heartbeat));
            }
        }
        let routes = if by_seat.is_empty() { &[] } else { &proxy.routes[..] };
        for (i, route) in routes.iter().enumerate() {
            let id = RouteId(i as u32);
            if let Some((purpose, heartbeat)) = by_seat.get(&route.seat).filter(|_| !told.adds(id)) {
                told.take(id, *purpose, *heartbeat, None);
            }
        }
        if settings.routes.is_empty() {
            return told;
        }
        let mut entries: Vec<(usize, &str)> = witnesses.iter().map(|w| (w.listener, &*w.host)).collect();
        entries.sort_unstable();
        entries.dedup();
        let paths: HashMap<RouteId, &str> = witnesses.iter().map(|w| (w.route, &*w.path)).collect();
        for r in &settings.routes {
            let mut taken: Vec<(usize, RouteId)> = Vec::new();
            for (listener, host) in &entries {
                let request = match r.purpose {
                    Purpose::WebSocket => handshake::ask(*listener, host, &r.path),
                    _ => request(*listener, "GET", host, &r.path, &[]),
                };
                let branches = machine.run(&request, &Assume::default());
                taken.extend(branches.iter().filter_map(|b| b.routes.last()).map(|route| (shared(&r.path, paths.get(route)), *route)));
            }
            // A path without a host is meant for the hosts that have a place for it, not for each that takes everything.
            let closest = taken.iter().map(|t| t.0).max();
            for (_, route) in taken.iter().filter(|t| Some(t.0) == closest) {
                told.take(*route, r.purpose, r.heartbeat, Some(r.path.clone()));
            }
        }
        told
    }

    /// Whether the proxy adds a route by itself.
    pub(super) fn adds(&self, route: RouteId) -> bool {
        self.implied[route.at()]
    }

    fn take(&mut self, route: RouteId, purpose: Purpose, heartbeat: Option<u64>, path: Option<String>) {
        match purpose {
            Purpose::WebSocket => {
                self.sockets.insert(route, (heartbeat, path));
            }
            Purpose::EventStream => {
                self.streams.insert(route);
            }
            Purpose::CrossOrigin => {}
        }
    }
}

/// By route, whether the proxy adds it by itself.
pub(super) fn added(proxy: &Proxy) -> Vec<bool> {
    let mut added = vec![false; proxy.routes.len()];
    let arms = proxy.tables.iter().flat_map(|t| &t.arms);
    arms.filter(|a| a.rank == Rank::Implied).for_each(|a| added[a.go.at()] = true);
    added
}

/// How many bytes a declared path has in common with that of a route.
fn shared(declared: &str, route: Option<&&str>) -> usize {
    route.map_or(0, |path| declared.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count())
}
