//! Whoever must permit a request: gates, other servers that are asked, CORS engines.

use super::{Credentials, End, Far, Flow, Run, Sent, Unwound};
use crate::model::{Ask, GateId, GateOn, Known, Lane, Proxy, Unmatched, UpstreamId, Why};
use crate::probe::{asked::Asked, value::Tri, value::Val};
use crate::source::Span;

/// What a gate says.
enum Verdict {
    Passes,
    /// With that status; none: it is not known.
    Refuses(Option<u16>),
    Ends(Flow),
}

impl Run<'_> {
    /// Asks for permission, and those that may give it instead.
    pub(super) fn gate(&mut self, first: GateId, at: Span) -> Flow {
        let (before, jumps) = (self.gates.len(), self.jumps.len());
        let mut status = None;
        let mut next = Some(first);
        while let Some(id) = next {
            match self.verdict(id, at) {
                Verdict::Passes => {
                    // Those that refused before it do not count.
                    let refused = self.gates.iter().skip(before).take_while(|g| !g.1).count();
                    self.gates.drain(before..before + refused);
                    return Flow::Next;
                }
                Verdict::Refuses(s) => {
                    status = status.filter(|s| *s == 401).or(s);
                    next = self.proxy.gate(id).or;
                }
                // What becomes of the refusal before it where error handling goes on is not followed.
                Verdict::Ends(_) if status.is_some() && self.jumps.len() > jumps => {
                    self.sent = None;
                    return self.stop(End::Unknown(Proxy::RUNTIME), at);
                }
                Verdict::Ends(flow) => return flow,
            }
        }
        match status {
            Some(status) => self.answer(status, at),
            None => self.stop(End::Answered, at),
        }
    }

    /// What one gate says.
    fn verdict(&mut self, id: GateId, at: Span) -> Verdict {
        let gate = self.proxy.gate(id);
        match gate.on {
            GateOn::Upgrade => self.asked |= Asked::UPGRADE,
            GateOn::Credentials | GateOn::Remote => self.asked |= Asked::CREDENTIALS,
            GateOn::Address | GateOn::Rate | GateOn::Closed => {}
        }
        if let Some(spares) = gate.spares {
            let free = match self.holds(spares) {
                Tri::Yes => true,
                Tri::No => false,
                Tri::Maybe(why) => self.decide(Some(spares), why),
            };
            if free {
                if gate.on == GateOn::Upgrade && self.headers.iter().any(|l| l.name.eq_ignore_ascii_case("upgrade")) {
                    self.gates.push((id, true));
                }
                return Verdict::Passes;
            }
        }
        if gate.on == GateOn::Remote && self.assume.credentials == Credentials::AsSent {
            return self.ask(id, at);
        }
        let pass = match gate.on {
            GateOn::Credentials | GateOn::Remote => match self.assume.credentials {
                Credentials::Valid => true,
                Credentials::None => false,
                Credentials::AsSent => {
                    let nothing = Val::Is("".into());
                    let shows = gate.reads.is_empty() || gate.reads.iter().any(|s| self.read(s) != nothing);
                    shows && self.decide(None, Proxy::RUNTIME)
                }
            },
            // An address that is known has been looked up above; one that is not passes unless others are asked instead.
            GateOn::Address => gate.spares.is_none() || self.request.client.is_none() && gate.or.is_none(),
            // What it lets pass depends on earlier requests.
            GateOn::Rate => self.assume.credentials != Credentials::AsSent || self.decide(None, Proxy::RUNTIME),
            GateOn::Closed | GateOn::Upgrade => false,
        };
        self.gates.push((id, pass));
        if pass { Verdict::Passes } else { Verdict::Refuses(gate.deny.value.is()) }
    }

    /// Asks a server for permission.
    fn ask_upstream(&mut self, id: GateId, of: UpstreamId, broken: Option<u16>, at: Span) -> Verdict {
        let addresses = self.addresses(of);
        let unknown = || Val::Unknown { why: Proxy::RUNTIME, full: true };
        let verdict = if addresses.is_empty() {
            if self.decide(None, Proxy::RUNTIME) { None } else { self.proxy.gate(id).deny.value.is() }
        } else {
            match self.reply(&addresses) {
                None => broken,
                Some(Far::Status(200) | Far::Strict | Far::Lenient) => None,
                Some(Far::Status(s)) => {
                    // Its own answer is what the client gets.
                    if let Some(policy) = self.policy.map(|p| *self.proxy.policy(p)) {
                        self.meets(policy.hop);
                        self.sent = Some(Sent {
                            upstream: Some(of),
                            addresses,
                            method: unknown(),
                            target: unknown(),
                            headers: Vec::new(),
                            open: Some(Proxy::RUNTIME),
                            hop: policy.hop,
                            list: policy.outgoing,
                            removed: Vec::new(),
                            span: at,
                        });
                    }
                    Some(s)
                }
                Some(Far::Refused | Far::Silent | Far::Garbage) => broken,
            }
        };
        self.gates.push((id, verdict.is_none()));
        verdict.map_or(Verdict::Passes, |status| Verdict::Refuses(Some(status)))
    }

    /// Asks another route for permission.
    fn ask(&mut self, id: GateId, at: Span) -> Verdict {
        let (path, (table, through, sets), broken) = match self.proxy.gate(id).ask {
            Some(Ask::Route { path, table, through, sets, broken }) => (path, (table, through, sets), broken),
            Some(Ask::Upstream { of, broken }) => return self.ask_upstream(id, of, broken, at),
            None => {
                self.gates.push((id, true));
                return Verdict::Passes;
            }
        };
        let Val::Is(path) = self.eval(path) else { return self.not_known(Proxy::RUNTIME, at) };
        self.send_copies();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let (path, query) = (path.into(), Val::Is(query.into()));
        let (end, status) = self.errand(at, |run| {
            // It is a GET to whoever answers, and the client's method to whoever tests it.
            run.tested_method.get_or_insert_with(|| run.method.clone());
            (run.path, run.query, run.method, run.untouched) = (path, query, "GET".into(), false);
            let flow = run.reselect(table, Some(through), at);
            if let Some(sets) = sets {
                run.block(sets);
            }
            flow
        });
        let verdict = match (end, status) {
            (End::Unknown(why), _) => return self.not_known(why, at),
            (End::Served, None) => return self.not_known(Proxy::RUNTIME, at),
            // It takes the client's connection down with it `[inh-auth_request]`.
            (End::Tunnel, _) => {
                self.gates.push((id, false));
                return Verdict::Ends(self.stop(End::Closed, at));
            }
            (_, Some(200..300)) => None,
            (_, Some(s @ (401 | 403))) => Some(s),
            (_, Some(_)) => Some(broken),
            (End::Closed | End::Loops, None) => Some(broken),
            (_, None) => return self.not_known(Proxy::RUNTIME, at),
        };
        self.gates.push((id, verdict.is_none()));
        match verdict {
            None => Verdict::Passes,
            Some(status @ (401 | 403)) => Verdict::Refuses(Some(status)),
            // An error is no refusal: nobody else is asked.
            Some(status) => Verdict::Ends(self.answer(status, at)),
        }
    }

    fn not_known(&mut self, why: Why, at: Span) -> Verdict {
        Verdict::Ends(self.stop(End::Unknown(why), at))
    }

    pub(super) fn cors(&mut self, id: crate::model::CorsId, at: Span) -> Flow {
        let cors = self.proxy.cors_of(id);
        self.asked |= Asked::METHOD;
        self.asked |= Asked::ORIGIN;
        let has = |name: &str| self.request.header(name).is_some_and(|v| !v.is_empty());
        if !has("origin") {
            return Flow::Next;
        }
        let preflight = &*self.method == "OPTIONS" && has("access-control-request-method");
        let allowed = match cors.origins.value {
            Known::Is(c) => match self.holds(c) {
                Tri::Yes => true,
                Tri::No => false,
                Tri::Maybe(why) => self.decide(Some(c), why),
            },
            Known::Unknown(why) => self.decide(None, why),
        };
        if allowed {
            self.pushed.push((Lane::Every, Unwound::Lines(cors.lines)));
        }
        let lines = match cors.unmatched {
            _ if !preflight => return Flow::Next,
            _ if allowed => cors.preflight,
            Unmatched::PassOn => return Flow::Next,
            Unmatched::Answer(lines) => lines,
        };
        self.pushed.push((Lane::Every, Unwound::Lines(lines)));
        self.answer(cors.status, at)
    }
}
