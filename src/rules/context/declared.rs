//! Routes that somebody declared: in a comment, in a settings file, or with an option.

use crate::config::{Annotation, Purpose, Settings};
use crate::model::{Proxy, RouteId, Seat};
use crate::probe::{Assume, Witness, handshake, request, run};
use std::collections::{HashMap, HashSet};

/// What people said of routes.
#[derive(Default)]
pub(super) struct Declared {
    /// WebSocket routes: heartbeat in milliseconds, and the path that was named.
    pub(super) sockets: HashMap<RouteId, (Option<u64>, Option<String>)>,
    /// Routes of event streams.
    pub(super) streams: HashSet<RouteId>,
}

impl Declared {
    pub(super) fn new(proxy: &Proxy, settings: &Settings, witnesses: &[Witness]) -> Self {
        let mut told = Self::default();
        let mut by_seat: HashMap<Seat, (Purpose, Option<u64>)> = HashMap::new();
        for c in &proxy.comments {
            if let Some(Ok(Annotation::Purpose { purpose, heartbeat })) = crate::config::parse_annotation(&c.text)
                && let Some(seat) = c.next.or(c.within)
            {
                by_seat.insert(seat, (purpose, heartbeat));
            }
        }
        for (i, route) in proxy.routes.iter().enumerate() {
            if let Some((purpose, heartbeat)) = by_seat.get(&route.seat) {
                told.take(RouteId(i as u32), *purpose, *heartbeat, None);
            }
        }
        let mut entries: Vec<(usize, &str)> = witnesses.iter().map(|w| (w.listener, &*w.host)).collect();
        entries.sort_unstable();
        entries.dedup();
        for r in &settings.routes {
            for (listener, host) in &entries {
                let branches = match r.purpose {
                    Purpose::WebSocket => handshake::probe(proxy, *listener, host, &r.path),
                    _ => run(proxy, &request(*listener, "GET", host, &r.path, &[]), &Assume::default()),
                };
                for route in branches.iter().filter_map(|b| b.routes.last()) {
                    told.take(*route, r.purpose, r.heartbeat, Some(r.path.clone()));
                }
            }
        }
        told
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
