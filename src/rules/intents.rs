//! What a correction must bring about, in the words of the model: goals, the requests that show them, and what is to blame.

use super::context::{Context, Evidence, WebSocket};
use crate::model::{
    Because, Goal, HeaderOp, How, Intent, Kind, Known, Limit, Origin, PolicyId, Remark, Request, Role, Seat, Traffic, Trial,
};
use crate::probe::{Branch, Witness, handshake::Fault, idle, trial};
use crate::source::Span;

const ALLOW: &str = "Access-Control-Allow-Origin";

/// How many requests a correction is judged by at most.
pub const TRIALS: usize = 100;

impl Context<'_> {
    /// Handshakes through this route must open a tunnel; none where only a name says that there are any.
    pub(super) fn must_upgrade(&self, socket: &WebSocket) -> Option<Intent> {
        if socket.evidence == Evidence::Named {
            return None;
        }
        let (branch, sent) = socket.sent()?;
        let mut because = self.seats(branch.policy?, sent.span);
        let list = self.proxy.list(sent.list);
        let at = Origin { how: How::Implied, span: self.proxy.scope(list.seat).span, seat: list.seat };
        for fault in socket.faults().to_vec() {
            let name = match fault {
                Fault::NoUpgrade | Fault::WrongUpgrade => "Upgrade",
                Fault::NoConnection | Fault::WrongConnection => "Connection",
                Fault::TooOld | Fault::CannotCarry => {
                    because.push(Because { role: Role::Wire, origin: self.proxy.hop(sent.hop).wire.origin, value: "HTTP/1.1".to_owned() });
                    continue;
                }
                // Rules of their own speak of these.
                Fault::NoHost | Fault::NoKey | Fault::WrongMethod | Fault::WrongVersion => continue,
            };
            let written: Vec<&HeaderOp> = list.ops.iter().filter(|op| op.name.eq_ignore_ascii_case(name)).collect();
            if written.is_empty() {
                because.push(Because { role: Role::Missing, origin: at, value: name.to_owned() });
            }
            because.extend(written.iter().map(|op| Because { role: Role::Header, origin: op.value.origin, value: name.to_owned() }));
        }
        Some(intent(Goal::Upgrades, &socket.witness, &[Kind::Handshake], because, trial::ORIGIN))
    }

    /// Handshakes that the proxy itself refuses must open a tunnel, where plain requests leave.
    pub(super) fn must_allow_upgrade(&self, socket: &WebSocket) -> Option<Intent> {
        if socket.evidence == Evidence::Named {
            return None;
        }
        let plain = self.plain(&socket.witness);
        let (policy, sent) = plain.iter().find_map(|b| Some((b.policy?, b.sent.as_ref()?)))?;
        let because = self.seats(policy, sent.span);
        Some(intent(Goal::Upgrades, &socket.witness, &[Kind::Handshake], because, trial::ORIGIN))
    }

    /// Handshakes must upgrade, and nothing else. The lines are those that ask for every request, that for `Upgrade` first.
    pub(super) fn must_only_upgrade(&self, socket: &WebSocket, lines: &[Origin]) -> Option<Intent> {
        let mut wanted = self.must_upgrade(socket)?;
        wanted.goal = Goal::UpgradesOnly;
        let names = ["Upgrade", "Connection"].into_iter();
        wanted.because.extend(lines.iter().zip(names).map(|(origin, name)| Because {
            role: Role::Header,
            origin: *origin,
            value: name.to_owned(),
        }));
        wanted.trials.push(Trial { kind: Kind::Plain, ..wanted.trials.first()?.clone() });
        let w = &socket.witness;
        wanted.trials.last_mut()?.request = w.ask(Kind::Plain, "")?;
        Some(wanted)
    }

    /// This handshake too must open a tunnel; `line` keeps it from that.
    pub(super) fn must_upgrade_as(&self, socket: &WebSocket, line: &HeaderOp, request: Request) -> Option<Intent> {
        let mut wanted = self.must_upgrade(socket)?;
        wanted.because.push(header(line));
        wanted.trials.push(Trial { kind: Kind::Handshake, request });
        Some(wanted)
    }

    /// Handshakes must pass a cache by.
    pub(super) fn must_pass_cache(&self, socket: &WebSocket) -> Option<Intent> {
        let (branch, sent) = socket.sent()?;
        let because = self.seats(branch.policy?, sent.span);
        Some(intent(Goal::Uncached, &socket.witness, &[Kind::Handshake], because, trial::ORIGIN))
    }

    /// Handshakes for another path must be taken like those of the route.
    pub(super) fn must_take(&self, socket: &WebSocket, path: &str) -> Option<Intent> {
        let (branch, sent) = socket.sent()?;
        let because = self.seats(branch.policy?, sent.span);
        let mut wanted = intent(Goal::Forwards, &socket.witness, &[Kind::Handshake], because, trial::ORIGIN);
        let first = wanted.trials.first_mut()?;
        wanted.goal = Goal::TakenLike(first.request.clone());
        first.request.target = path.into();
        Some(wanted)
    }

    /// This handshake must be led where that of the route is led.
    pub(super) fn must_take_too(&self, socket: &WebSocket, request: Request) -> Option<Intent> {
        let (branch, sent) = socket.sent()?;
        let because = self.seats(branch.policy?, sent.span);
        let goal = Goal::TakenLike(socket.witness.ask(Kind::Handshake, "")?);
        Some(Intent { goal, trials: vec![Trial { kind: Kind::Handshake, request }], because, assumes: None, site: 0 })
    }

    /// Handshakes that wait for ever at these bytes must open a tunnel.
    pub(super) fn must_not_wait(&self, socket: &WebSocket, at: Span) -> Option<Intent> {
        let mut wanted = self.must_allow_upgrade(socket)?;
        let seat = self.proxy.route(socket.witness.route).seat;
        wanted.because.push(Because { role: Role::Gate, origin: Origin { how: How::Written, span: at, seat }, value: String::new() });
        Some(wanted)
    }

    /// Nothing may limit the whole life of what comes this way.
    pub(super) fn must_live_on(&self, w: &Witness, kind: Kind, branch: &Branch) -> Option<Intent> {
        let policy = branch.policy?;
        let mut because = self.seats(policy, branch.sent.as_ref()?.span);
        let other = if kind == Kind::Handshake { Traffic::Stream } else { Traffic::Tunnel };
        for clock in self.proxy.clocks_of(self.proxy.policy(policy).clocks).lifetime.iter().filter(|c| c.on != other) {
            if matches!(clock.limit.value, Known::Is(Limit::After(_))) {
                because.push(Because { role: Role::Clock, origin: clock.limit.origin, value: clock.name.to_string() });
            }
        }
        Some(intent(Goal::LivesOn, w, &[kind], because, trial::ORIGIN))
    }

    /// The upstream must get the host that the client asked for, with its port. `line` says something else; without one the line is missing.
    pub(super) fn must_send_host(&self, socket: &WebSocket, line: Option<Origin>, asked: &str) -> Option<Intent> {
        let (branch, sent) = socket.sent()?;
        let mut because = self.seats(branch.policy?, sent.span);
        because.push(match line {
            Some(origin) => Because { role: Role::Header, origin, value: "Host".to_owned() },
            None => {
                let list = self.proxy.list(sent.list);
                let at = Origin { how: How::Implied, span: self.proxy.scope(list.seat).span, seat: list.seat };
                Because { role: Role::Missing, origin: at, value: "Host".to_owned() }
            }
        });
        let mut w = socket.witness.clone();
        for (name, value) in &mut w.request.headers {
            if name.eq_ignore_ascii_case("host") {
                *value = asked.into();
            }
        }
        Some(intent(Goal::SendsHost, &w, &[Kind::Handshake], because, trial::ORIGIN))
    }

    /// A streaming answer must be passed on as it comes.
    pub(super) fn must_stream(&self, w: &Witness, branch: &Branch) -> Option<Intent> {
        let sent = branch.sent.as_ref()?;
        let hop = self.proxy.hop(sent.hop);
        let mut because = self.seats(branch.policy?, sent.span);
        if hop.packed.value != Known::Is(true) {
            because.push(Because { role: Role::Wire, origin: hop.wire.origin, value: "HTTP/1.1".to_owned() });
        }
        Some(intent(Goal::Streams, w, &[Kind::Plain], because, trial::ORIGIN))
    }

    /// A silent socket must live so long. `assumes` says what is taken for granted when nobody told the heartbeat.
    pub(super) fn must_idle(&self, socket: &WebSocket, milliseconds: u64, assumes: Option<&str>) -> Option<Intent> {
        let (branch, sent) = socket.sent()?;
        let policy = branch.policy?;
        let mut because = self.seats(policy, sent.span);
        // A timer that is also too short, behind the one that fires first, is as much in the way.
        let clocks = &self.proxy.clocks_of(self.proxy.policy(policy).clocks).idle;
        let first = idle::tunnel(self.proxy, policy)?;
        for clock in std::iter::once(first).chain(clocks.iter().filter(|c| c.name != first.name && c.rule == first.rule)) {
            if matches!(clock.limit.value, Known::Is(Limit::After(limit)) if limit < milliseconds) {
                because.push(Because { role: Role::Clock, origin: clock.limit.origin, value: clock.name.to_string() });
            }
        }
        // Where it is not known which way the handshake goes, each must be long enough.
        for other in socket.branches.iter().filter(|b| b.sent.is_some()).filter_map(|b| b.policy).filter(|p| *p != policy) {
            let took = self.seats(other, sent.span).swap_remove(0);
            if !because.contains(&took) {
                because.push(took);
            }
        }
        let mut wanted = intent(Goal::IdleAtLeast(milliseconds), &socket.witness, &[Kind::Handshake], because, trial::ORIGIN);
        wanted.assumes = assumes.map(ToOwned::to_owned);
        Some(wanted)
    }

    /// Answers must carry these lines, which the list in force lacks. `lost` are lines of a list that it displaced.
    pub(super) fn must_answer(
        &self,
        w: &Witness,
        kinds: &[Kind],
        branch: &Branch,
        names: &[&str],
        lost: &[HeaderOp],
        origin: &str,
    ) -> Option<Intent> {
        let policy = branch.policy?;
        let list = self.proxy.list(self.proxy.policy(policy).answer);
        let mut because = self.seats(policy, branch.ended_at);
        let at = Origin { how: How::Implied, span: self.proxy.scope(list.seat).span, seat: list.seat };
        for name in names {
            let mut own = list.ops.iter().filter(|op| op.name.eq_ignore_ascii_case(name)).peekable();
            if own.peek().is_none() && !lost.iter().any(|op| op.name.eq_ignore_ascii_case(name)) {
                because.push(Because { role: Role::Missing, origin: at, value: (*name).to_owned() });
            }
            because.extend(own.map(|op| Because { role: Role::Header, origin: op.value.origin, value: op.name.to_string() }));
        }
        because.extend(lost.iter().map(|op| Because { role: Role::Displaced, origin: op.value.origin, value: op.name.to_string() }));
        let goal = Goal::AnswerHas(names.iter().map(|n| (*n).to_owned()).collect());
        Some(intent(goal, w, kinds, because, origin))
    }

    /// Preflights must be answered completely. `given` is where other answers get the line that lets an origin in; `assumes`
    /// says what is taken for granted when lines are missing, and when the request is refused.
    pub(super) fn must_preflight(
        &self,
        w: &Witness,
        branch: &Branch,
        origin: &str,
        given: Option<Origin>,
        assumes: [&str; 2],
    ) -> Option<Intent> {
        let policy = branch.policy?;
        let list = self.proxy.list(self.proxy.policy(policy).answer);
        let mut because = self.seats(policy, branch.ended_at);
        let at = Origin { how: How::Implied, span: self.proxy.scope(list.seat).span, seat: list.seat };
        let sent = |name: &str| branch.answer.iter().any(|l| l.name.eq_ignore_ascii_case(name));
        for name in ["Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"] {
            if !sent(name) {
                because.push(Because { role: Role::Missing, origin: at, value: name.to_owned() });
            }
        }
        because.extend(branch.gates.iter().filter(|g| !g.1).map(|g| {
            let deny = self.proxy.gate(g.0).deny;
            Because { role: Role::Gate, origin: deny.origin, value: String::new() }
        }));
        because.extend(given.map(|origin| Because { role: Role::Header, origin, value: ALLOW.to_owned() }));
        let mut wanted = intent(Goal::AnswersPreflight, w, &[Kind::Preflight], because, origin);
        let missing = wanted.because.iter().any(|b| b.role == Role::Missing);
        wanted.assumes = Some(assumes[usize::from(!missing)].to_owned());
        Some(wanted)
    }

    /// What is written at these bytes must be in force for requests of these kinds to whatever lies in the same scope.
    pub(super) fn must_hold(&self, remark: &Remark, kinds: &[Kind]) -> Intent {
        let mut wanted = settled(remark);
        let within = |w: &&Witness| self.proxy.outward(self.proxy.route(w.route).seat).any(|s| self.proxy.scope(s).body.holds(remark.span));
        for w in self.witnesses().iter().filter(within).take(TRIALS) {
            wanted.trials.extend(intent(wanted.goal.clone(), w, kinds, Vec::new(), trial::ORIGIN).trials);
        }
        wanted
    }

    /// The scope whose settings are in force, and where the request leaves it.
    pub(super) fn seats(&self, policy: PolicyId, leaves: Span) -> Vec<Because> {
        let seat: Seat = self.proxy.policy(policy).seat;
        let scope = self.proxy.scope(seat);
        vec![
            Because { role: Role::Took, origin: Origin { how: How::Written, span: scope.span, seat }, value: self.proxy.title(seat) },
            Because { role: Role::Answered, origin: Origin { how: How::Written, span: leaves, seat }, value: String::new() },
        ]
    }
}

/// An intent about a route, for the requests of these kinds.
pub(super) fn intent(goal: Goal, w: &Witness, kinds: &[Kind], because: Vec<Because>, origin: &str) -> Intent {
    let trials = kinds.iter().filter_map(|kind| Some(Trial { kind: *kind, request: w.ask(*kind, origin)? })).collect();
    Intent { goal, trials, because, assumes: None, site: 0 }
}

/// These bytes must go.
pub(super) fn gone(span: Span, w: &Witness, assumes: Option<&str>) -> Intent {
    let mut wanted = intent(Goal::Gone(span), w, &[], Vec::new(), trial::ORIGIN);
    wanted.assumes = assumes.map(ToOwned::to_owned);
    wanted
}

/// Nothing shall be left to remark on.
pub(super) fn settled(remark: &Remark) -> Intent {
    let seat = Seat::ROOT;
    let at = |role, span, value: &str| Because { role, origin: Origin { how: How::Written, span, seat }, value: value.to_owned() };
    let mut because = vec![at(Role::Instead, remark.span, &remark.instead)];
    because.extend(remark.related.iter().map(|(span, _)| at(Role::Took, *span, "")));
    Intent { goal: Goal::Settled(remark.kind, remark.span), trials: Vec::new(), because, assumes: None, site: 0 }
}

pub(super) fn header(line: &HeaderOp) -> Because {
    Because { role: Role::Header, origin: line.value.origin, value: line.name.to_string() }
}
