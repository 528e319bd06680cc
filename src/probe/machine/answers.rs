//! Header operations, and the answer as the client gets it.

use super::{Branch, End, Flow, Line, Run, Unwound};
use crate::model::{Answers, ExprId, HeaderOp, How, Known, Lane, ListId, Origin, Proxy, Text, Verb, Why};
use crate::probe::{asked::Asked, value::Tri, value::Val};
use crate::source::Span;

/// Lines that answers have without anybody saying so.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "sec-websocket-accept",
    "server",
    "transfer-encoding",
    "upgrade",
];

impl Run<'_> {
    /// Applies header operations to a list of lines.
    pub(super) fn apply(&mut self, list: ListId, lines: &mut Vec<Line>) -> Option<Why> {
        std::mem::swap(&mut self.at_hand, lines);
        let open = self.apply_here(list);
        std::mem::swap(&mut self.at_hand, lines);
        open
    }

    /// The same to the lines at hand.
    pub(super) fn apply_here(&mut self, list: ListId) -> Option<Why> {
        let proxy = self.proxy;
        self.differs |= self.machine.differs.as_ref().is_some_and(|d| d.list(list));
        for op in proxy.ops(list) {
            if let Answers::Statuses(which) = op.on
                && !self.status.is_some_and(|s| which.contains(&s))
            {
                continue;
            }
            let sure = match op.guard.map(|g| (g, self.holds(g))) {
                None | Some((_, Tri::Yes)) => true,
                Some((_, Tri::No)) => false,
                Some((g, Tri::Maybe(why))) => self.decide(Some(g), why),
            };
            if !sure {
                continue;
            }
            let same = |l: &Line| l.name.eq_ignore_ascii_case(&op.name);
            if op.verb == Verb::Remove {
                self.at_hand.retain(|l| !same(l));
                continue;
            }
            if op.verb == Verb::Each {
                self.each_line(op);
                continue;
            }
            if matches!(op.verb, Verb::IfAbsent | Verb::Join) {
                self.asked |= Asked::line(&op.name);
            }
            if op.verb == Verb::IfAbsent && self.at_hand.iter().any(same) {
                continue;
            }
            let value = match op.value.value {
                Known::Is(e) => self.eval(e),
                Known::Unknown(why) => Val::Unknown { why, full: false },
            };
            if op.verb == Verb::Set {
                self.at_hand.retain(|l| !same(l));
            }
            if op.drop_empty && value.known() == Some("") {
                continue;
            }
            if op.verb == Verb::Join
                && let Some(line) = self.at_hand.iter_mut().rev().find(|l| same(l))
            {
                line.value = match (&line.value, value) {
                    (Val::Is(a), Val::Is(b)) => Val::Is(format!("{a},{b}").into()),
                    (Val::Is(_), unknown) => unknown,
                    (before @ Val::Unknown { .. }, _) => before.clone(),
                };
                line.origin = Some(op.value.origin);
                continue;
            }
            // A colon inside a name ends it for whoever reads the line.
            let (name, value) = match (op.name.split_once(':'), value) {
                (Some((name, rest)), Val::Is(v)) => (Text::from(name), Val::Is(format!("{rest}: {v}").into())),
                (_, value) => (op.name.clone(), value),
            };
            self.at_hand.push(Line { name, value, origin: Some(op.value.origin) });
        }
        proxy.list(list).open
    }

    /// Makes each line of a name anew.
    fn each_line(&mut self, op: &HeaderOp) {
        for i in 0..self.at_hand.len() {
            if !self.at_hand[i].name.eq_ignore_ascii_case(&op.name) {
                continue;
            }
            self.line = self.at_hand[i].value.clone();
            let value = match op.value.value {
                Known::Is(e) => self.eval(e),
                Known::Unknown(why) => Val::Unknown { why, full: false },
            };
            if value != self.line {
                self.at_hand[i] = Line { value, origin: Some(op.value.origin), ..self.at_hand[i].clone() };
            }
        }
    }

    /// Remembers which lines a written list takes away or replaces.
    pub(super) fn note(&mut self, list: ListId, after: &[Line]) {
        let proxy = self.proxy;
        for op in
            proxy.ops(list).filter(|op| op.value.origin.how == How::Written && matches!(op.verb, Verb::Remove | Verb::Set | Verb::Each))
        {
            self.asked |= Asked::line(&op.name);
            let same = |l: &&Line| l.name.eq_ignore_ascii_case(&op.name);
            let before = self.headers.iter().find(same);
            let now = after.iter().find(same);
            if before.is_some_and(|b| now.is_none_or(|n| n.value != b.value)) {
                self.removed.push((op.name.to_ascii_lowercase().into(), op.value.origin));
            }
        }
    }

    /// Whether the answer is the proxy's own.
    const fn is_own(&self) -> bool {
        matches!(self.end, End::Answered | End::Loops | End::Served | End::Failed)
    }

    /// A line of the answer at hand; not known where none is at hand, or where others may be.
    pub(in crate::probe) fn answered(&self, name: &str) -> Val {
        let unknown = Val::Unknown { why: Proxy::RUNTIME, full: false };
        // So are those that the proxy gives its own name.
        let own = name.strip_prefix("x-").is_some_and(|rest| rest.starts_with(self.proxy.dialect));
        if !self.answering || own || FRAMING.iter().any(|f| name.eq_ignore_ascii_case(f)) {
            return unknown;
        }
        match self.line_of(&self.at_hand, name) {
            Some(line) => line.value.clone(),
            None if (self.is_own() || self.assume.told) && self.answer_open.is_none() => Val::nothing(),
            None => unknown,
        }
    }

    /// An answer of the proxy's own comes instead of the one at hand.
    pub(super) fn answer_instead(&mut self, status: Option<u16>, location: Option<ExprId>, body: Option<ExprId>, at: Span) -> Flow {
        self.at_hand.clear();
        (self.stands, self.answer_open) = (None, None);
        self.location = location.map(|l| (self.eval(l), at));
        self.body = body.map(|b| self.eval(b));
        self.answering = false;
        let flow = match status {
            Some(status) => self.answer(status, at),
            None => {
                self.status = None;
                self.stop(End::Answered, at)
            }
        };
        self.answering = true;
        self.locate();
        flow
    }

    /// The `Location` line of a redirect.
    fn locate(&mut self) {
        let Some((mut value, at)) = self.location.take() else { return };
        let prefix = self.policy.and_then(|p| self.proxy.policy(p).absolute);
        if let (Some(prefix), Val::Is(path)) = (prefix, &value)
            && path.starts_with('/')
        {
            let path = path.clone();
            value = match self.eval(prefix) {
                Val::Is(before) => Val::Is(format!("{before}{path}").into()),
                unknown @ Val::Unknown { .. } => unknown,
            };
        }
        let seat = self.policy.map_or(crate::model::Seat(0), |p| self.proxy.policy(p).seat);
        let origin = Origin { how: How::Written, span: at, seat };
        self.at_hand.push(Line { name: "Location".into(), value, origin: Some(origin) });
    }

    /// Makes the answer as the client gets it. What cannot be decided here is decided like anything on the way.
    pub(in crate::probe) fn conclude(&mut self) {
        if self.end == End::Tunnel && self.stands.is_some() {
            // Whoever reads another status than 101 opens no tunnel.
            self.end = End::Relayed;
        }
        if let Some(status) = self.stands
            && matches!(self.end, End::Answered | End::Served | End::Relayed | End::Failed)
        {
            // Only if there is such a file; without one it is 404.
            let known = self.end != End::Served || status == 404;
            self.status = known.then_some(status);
            if self.end == End::Served && known {
                self.end = End::Answered;
            }
        }
        if self.end == End::Loops {
            self.status = Some(500);
        }
        if let Some(lines) = self.relayed.take() {
            self.at_hand = lines;
        } else if let (End::Relayed | End::Tunnel, Some(sent)) = (&self.end, &self.sent) {
            self.at_hand = self.their_lines(&sent.addresses);
        }
        if self.end == End::Tunnel {
            // RFC 8441 §5: what 101 is to HTTP/1.1.
            self.status = Some(if &*self.request.http == "2" { 200 } else { 101 });
        }
        self.answering = true;
        self.locate();
        if self.is_own() || matches!(self.end, End::Relayed | End::Tunnel) {
            self.operate();
        }
        if matches!(self.end, End::Closed | End::Unknown(_)) {
            // Whatever it was to be answered with before.
            self.status = None;
        }
    }

    /// Lets the configuration have its say about the answer.
    fn operate(&mut self) {
        if let Some(policy) = self.policy.map(|p| *self.proxy.policy(p)) {
            if let Some(relayed) = policy.relayed.filter(|_| !self.is_own() && !self.at_hand.is_empty()) {
                self.apply_here(relayed);
            }
            self.at_hand.reserve_exact(self.proxy.list(policy.answer).ops.len());
            self.answer_open = self.apply_here(policy.answer);
        }
        let tunnel = self.status.filter(|_| self.end == End::Tunnel);
        for lane in [Lane::Relayed, Lane::Every] {
            for i in (0..self.pushed.len()).rev() {
                let (own, unwound) = self.pushed[i];
                if own != lane || lane == Lane::Relayed && self.is_own() {
                    continue;
                }
                let before = self.pushed.len();
                let flow = self.unwind(unwound);
                // What an answer of the proxy's own brings along.
                for (_, more) in self.pushed.split_off(before).into_iter().rev() {
                    self.unwind(more);
                }
                if flow == Flow::Done && !self.is_own() {
                    self.at_hand.clear();
                    return;
                }
            }
        }
        if tunnel.is_some() && self.end == End::Tunnel && self.status != tunnel {
            self.end = End::Relayed;
        }
    }

    fn unwind(&mut self, unwound: Unwound) -> Flow {
        match unwound {
            Unwound::Steps(block) => self.block(block),
            Unwound::Lines(list) => {
                self.answer_open = self.apply_here(list).or(self.answer_open);
                Flow::Next
            }
        }
    }

    pub(in crate::probe) fn finish(self) -> Branch {
        Branch {
            guesses: self.guesses,
            end: self.end,
            status: self.status,
            answer: self.at_hand,
            body: self.body,
            answer_open: self.answer_open,
            sent: self.sent,
            policy: self.policy,
            routes: self.routes,
            jumps: self.jumps,
            ended_at: self.ended_at,
            gates: self.gates,
            errands: self.errands,
            cached: self.cached,
            through: self.through,
            asked: self.asked,
            differs: self.differs,
            conditional: self.conditions > 0,
        }
    }
}
