//! A request that comes in again at a listener of the same proxy, and what it looks like on the way.

use super::{
    Val,
    machine::{End, Flow, Line, Run},
};
use crate::model::{Dial, ExtendedConnect, HopId, Known, Proxy, Request, Text, Wire};
use crate::source::Span;

impl Run<'_> {
    /// The listener of this very proxy that all these addresses name.
    pub(super) fn comes_back(&self, addresses: &[Text]) -> Option<usize> {
        let first = addresses.first()?;
        let found = self.machine.listener_at(first)?;
        addresses.iter().all(|a| a == first).then_some(found)
    }

    /// The request comes in again at a listener of this proxy.
    pub(super) fn again(&mut self, listener: usize, hop: HopId, at: Span) -> Flow {
        let wire = self.proxy.hop(hop).wire.value;
        let text = |v: &Val| v.known().map(Text::from);
        let Some(sent) = self.sent.as_ref().filter(|_| self.hops_left > 0) else { return self.stop(End::Loops, at) };
        let lines: Option<Vec<(Text, Text)>> = sent.headers.iter().map(|l| Some((l.name.clone(), text(&l.value)?))).collect();
        let (Some(method), Some(target), Some(mut headers)) = (text(&sent.method), text(&sent.target), lines) else {
            return self.stop(End::Unknown(Proxy::RUNTIME), at);
        };
        let http: Text = match wire {
            Known::Is(Wire::H10) => "1.0".into(),
            Known::Is(Wire::H2) => "2".into(),
            Known::Is(Wire::H11) => "1.1".into(),
            _ => self.request.http.clone(),
        };
        for line in headers.iter_mut().filter(|l| &*l.0 == ":authority") {
            line.0 = "Host".into();
        }
        let upgrades = headers.iter().any(|l| &*l.0 == ":protocol");
        let closes = self.proxy.listeners[listener].intake.extended_connect == Some(ExtendedConnect::Closes);
        let request = Request {
            listener,
            http,
            method,
            target,
            headers,
            dial: Dial::Fitting,
            sni: None,
            offers: Vec::new(),
            client: self.request.client.clone(),
        };
        // What was sent is another request than the client's.
        self.asked = super::asked::Asked::ALL;
        let mut inner = Run::new(self.machine, &request, self.assume, std::mem::take(&mut self.script));
        (inner.made, inner.guesses, inner.steps) = (self.made, std::mem::take(&mut self.guesses), self.steps);
        inner.hops_left = self.hops_left - 1;
        inner.differs = self.differs;
        inner.go();
        inner.conclude();
        (self.made, self.steps, self.script) = (inner.made, inner.steps, std::mem::take(&mut inner.script));
        let branch = inner.finish();
        (self.guesses, self.differs) = (branch.guesses, branch.differs);
        self.gates.extend(branch.gates);
        self.relayed = Some(branch.answer);
        self.through = branch.policy.into_iter().chain(branch.through).collect();
        if branch.sent.is_some() {
            self.sent = branch.sent;
        }
        match branch.end {
            End::Tunnel => self.stop(End::Tunnel, at),
            End::Closed | End::Loops => self.unreachable(hop, at),
            End::Hangs => self.stop(End::Hangs, at),
            End::Unknown(why) => self.stop(End::Unknown(why), at),
            End::Relayed | End::Answered | End::Served | End::Failed => {
                // A handshake on the same connection would take it down with everything on it.
                let shared = wire == Known::Is(Wire::H2) && closes && !upgrades;
                (self.status, self.body) = (branch.status.filter(|_| !shared), branch.body);
                self.stop(End::Relayed, at)
            }
        }
    }
}

/// The pseudo-headers of HTTP/2: the authority (RFC 9113 §8.3.1), and an upgrade as an extended CONNECT (RFC 8441 §5), whose
/// method is given.
pub(super) fn in_http2(headers: &mut Vec<Line>) -> Option<Val> {
    for line in headers.iter_mut().filter(|l| l.name.eq_ignore_ascii_case("host")) {
        line.name = ":authority".into();
    }
    let connection = headers.iter().position(|l| l.name.eq_ignore_ascii_case("connection"));
    let asks = connection.is_some_and(|i| headers[i].value.known().is_some_and(|v| v.to_ascii_lowercase().contains("upgrade")));
    headers.retain(|l| !l.name.eq_ignore_ascii_case("connection"));
    let upgrade = headers.iter_mut().find(|l| l.name.eq_ignore_ascii_case("upgrade"))?;
    if asks {
        upgrade.name = ":protocol".into();
        return Some(Val::Is("CONNECT".into()));
    }
    headers.retain(|l| !l.name.eq_ignore_ascii_case("upgrade"));
    None
}
