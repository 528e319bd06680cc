//! Requests of the proxy's own: they ask for permission, or are copies of the client's.

use super::{End, Errand, Flow, Line, Run};
use crate::model::{BlockId, PolicyId, Proxy, Text};
use crate::probe::value::Val;
use crate::source::Span;

/// A copy of the request as it was at that point, not on its way yet.
pub(super) struct Copied {
    block: BlockId,
    at: Span,
    path: Text,
    query: Val,
    method: Text,
    untouched: bool,
    policy: Option<PolicyId>,
    headers: Vec<Line>,
}

impl Run<'_> {
    pub(super) fn copied(&self, block: BlockId, at: Span) -> Copied {
        let (path, query, method) = (self.path.clone(), self.query.clone(), self.method.clone());
        Copied { block, at, path, query, method, untouched: self.untouched, policy: self.policy, headers: self.headers.clone() }
    }

    /// Sends the copies that were made. They are on their way as soon as the request itself waits for a server: what they set
    /// is in force from then on. Yields whether one of them opened a tunnel.
    pub(super) fn send_copies(&mut self) -> bool {
        let mut tunnel = false;
        for copied in std::mem::take(&mut self.copies) {
            let headers = std::mem::replace(&mut self.headers, copied.headers);
            let before = (self.end.clone(), self.ended_at, self.status, self.body.take());
            let block = copied.block;
            let (end, _) = self.errand(copied.at, |run| {
                (run.path, run.query, run.method) = (copied.path, copied.query, copied.method);
                (run.untouched, run.policy) = (copied.untouched, copied.policy);
                run.block(block)
            });
            (self.end, self.ended_at, self.status, self.body) = before;
            self.headers = headers;
            tunnel |= end == End::Tunnel;
        }
        tunnel
    }

    /// Sends them when the request itself is answered already.
    pub(super) fn send_copies_unseen(&mut self) {
        let (slots, looked_up) = (self.slots.clone(), self.looked_up.clone());
        self.send_copies();
        (self.slots, self.looked_up) = (slots, looked_up);
    }

    /// Runs a request of the proxy's own; the client's goes on as if nothing had been.
    pub(super) fn errand(&mut self, at: Span, go: impl FnOnce(&mut Self) -> Flow) -> (End, Option<u16>) {
        let outer = (
            (self.path.clone(), self.query.clone(), self.method.clone(), std::mem::take(&mut self.pushed), self.untouched, self.internal),
            (self.policy, self.routes.len(), self.jumps.len(), self.sent.take(), self.cached.take()),
            (std::mem::take(&mut self.failing), self.moved, self.rewritten, self.stands.take()),
            (std::mem::take(&mut self.discarded), std::mem::take(&mut self.passed_on)),
            (std::mem::replace(&mut self.own, true), std::mem::replace(&mut self.authority, Val::nothing()), self.location.take()),
        );
        let (tested, captures) = (self.tested_method.clone(), std::mem::take(&mut self.captures));
        let jumps_left = std::mem::replace(&mut self.jumps_left, self.proxy.jumps);
        self.internal = true;
        go(self);
        (self.tested_method, self.captures, self.jumps_left) = (tested, captures, jumps_left);
        let (end, status) = (std::mem::replace(&mut self.end, End::Unknown(Proxy::RUNTIME)), self.status.take());
        self.errands.push(Errand { span: at, sent: self.sent.take(), end: end.clone() });
        (self.path, self.query, self.method, self.pushed, self.untouched, self.internal) = outer.0;
        let (policy, routes, jumps, sent, cached) = outer.1;
        (self.policy, self.sent, self.cached) = (policy, sent, cached);
        (self.failing, self.moved, self.rewritten, self.stands) = outer.2;
        (self.discarded, self.passed_on) = outer.3;
        self.routes.truncate(routes);
        self.jumps.truncate(jumps);
        (self.own, self.authority, self.location) = outer.4;
        self.body = None;
        (end, status)
    }
}
