//! Timers. What cuts an established WebSocket: idleness of the stream and the limits on its duration; the route's `timeout`
//! bounds the handshake only, and a streaming answer `[t-route-timeout-2s, tl-default-stream-idle-300s]`.

use super::{
    At, Lower,
    clusters::{Cluster, Speaks},
    manager::Manager,
};
use crate::model::{
    Clock, Clocks, Combine, Ending, Fact, Handshake, Hop, HopId, How, Idle, Known, Lifetime, Limit, ListId, Policy, PolicyId, Releases,
    Restart, Seat, Traffic, UpgradeMode, Wire,
};
use crate::source::Span;
use std::marker::PhantomData;

/// An hour (documentation).
const RAW_IDLE: Limit = Limit::After(3_600_000);
/// Fifteen seconds `[tl-default-stream-idle-300s]`.
const ANSWER: Limit = Limit::After(15_000);

/// The timers of a route.
#[derive(Clone)]
pub(super) struct Timers {
    idle: (&'static str, Fact<Limit>),
    life: Option<Fact<Limit>>,
    /// Until the whole answer is there.
    pub(super) answer: Fact<Limit>,
}

fn clock<K>(name: &str, limit: Fact<Limit>, on: Traffic, restart: Restart, ends: Ending) -> Clock<K> {
    Clock { name: name.into(), limit, on, restart, rule: Combine::Shortest, ends, kind: PhantomData }
}

impl<'a> Lower<'a> {
    /// The timers in force on a route: its own, else the connection manager's.
    pub(super) fn timers(&mut self, m: &Manager<'a>, action: Option<At<'a>>, seat: Seat, head: Span) -> Timers {
        let own = |name: &[&str]| action.and_then(|a| a.find(name));
        let idle = match own(&["idle_timeout"]) {
            Some(at) => ("idle_timeout", self.written(at.limit(), at, seat)),
            None => ("stream_idle_timeout", m.idle),
        };
        let life = match own(&["max_stream_duration", "max_stream_duration"]) {
            Some(at) => Some(self.written(at.limit(), at, seat)),
            None => m.life,
        };
        let answer = match own(&["timeout"]) {
            Some(at) => self.written(at.limit(), at, seat),
            None => Self::default(ANSWER, head, seat),
        };
        Timers { idle, life, answer }
    }

    /// What holds on the way to a cluster; none: to nowhere.
    pub(super) fn policy(
        &mut self,
        m: &Manager<'a>,
        timers: &Timers,
        to: Option<&Cluster>,
        wire: Wire,
        outgoing: ListId,
        seat: Seat,
    ) -> PolicyId {
        let idle: Vec<Clock<Idle>> = vec![clock(timers.idle.0, timers.idle.1, Traffic::Both, Restart::EitherWay, Ending::Close)];
        let mut lifetime: Vec<Clock<Lifetime>> = Vec::new();
        for life in timers.life.into_iter().chain(to.and_then(|c| c.life)) {
            lifetime.push(clock("max_stream_duration", life, Traffic::Both, Restart::Never, Ending::Close));
        }
        lifetime.sort_by_key(|c| c.limit.value.is());
        lifetime.push(clock("timeout", timers.answer, Traffic::Stream, Restart::Never, Ending::Close));
        let mut handshake: Vec<Clock<Handshake>> = Vec::new();
        if let Some(cluster) = to {
            handshake.push(clock("connect_timeout", cluster.connect, Traffic::Both, Restart::Never, Ending::Answer(503)));
        }
        handshake.extend(m.request.map(|r| clock("request_timeout", r, Traffic::Both, Restart::Never, Ending::Answer(408))));
        handshake.push(clock("timeout", timers.answer, Traffic::Both, Restart::Never, Ending::Answer(504)));
        let clocks = self.p.add_clocks(Clocks { idle, lifetime, handshake });
        let hop = match to {
            Some(cluster) => self.hop(cluster, wire, timers.answer),
            None => self.no_hop(),
        };
        self.p.add_policy(Policy {
            seat,
            outgoing,
            relayed: None,
            answer: self.nothing,
            clocks,
            hop,
            content: None,
            errors: None,
            absolute: None,
            max_body: None,
        })
    }

    fn no_hop(&mut self) -> HopId {
        if let Some(hop) = self.hops.get(&None) {
            return *hop;
        }
        let at = Span { start: self.whole.start, len: 0 };
        let wire = Fact::is(Wire::H11, How::Implied, at, self.root);
        let hop = self.edge(wire, Known::Is(503), None, at, self.root);
        self.hops.insert(None, hop);
        hop
    }

    fn hop(&mut self, cluster: &Cluster, wire: Wire, answer: Fact<Limit>) -> HopId {
        let unreachable = self.unreachable(cluster, answer);
        let key = Some((cluster.upstream, wire, unreachable.is()));
        if let Some(hop) = self.hops.get(&key) {
            return *hop;
        }
        let head = self.p.scope(cluster.seat).span;
        let fact = match cluster.speaks {
            Speaks::This(fact) => fact,
            Speaks::AsClient(span) => Fact::is(wire, How::Written, span, cluster.seat),
        };
        let hop = self.edge(fact, unreachable, Some(cluster.tls), head, cluster.seat);
        self.hops.insert(key, hop);
        hop
    }

    pub(super) fn edge(&mut self, wire: Fact<Wire>, unreachable: Known<u16>, tls: Option<bool>, at: Span, seat: Seat) -> HopId {
        self.p.add_hop(Hop {
            wire,
            upgrade: Fact::is(UpgradeMode::Tunnel, How::Implied, at, seat),
            buffered: Fact::is(false, How::Implied, at, seat),
            packed: Fact::is(false, How::Implied, at, seat),
            tls,
            unreachable,
            mixing: None,
            client_headers: Fact::is(true, How::Implied, at, seat),
            method: None,
            intercepts: false,
            follows: None,
        })
    }
}

/// The timers of a TCP proxy: an hour of silence by default.
pub(super) fn raw_clocks(idle: Option<Fact<Limit>>, life: Option<Fact<Limit>>, at: Span, seat: Seat) -> Clocks {
    let idle = idle.unwrap_or_else(|| Fact::is(RAW_IDLE, How::Default(Releases::All), at, seat));
    let life = life.map(|l| clock("max_downstream_connection_duration", l, Traffic::Both, Restart::Never, Ending::Close));
    Clocks {
        idle: vec![clock("idle_timeout", idle, Traffic::Both, Restart::EitherWay, Ending::Close)],
        lifetime: life.into_iter().collect(),
        handshake: Vec::new(),
    }
}
