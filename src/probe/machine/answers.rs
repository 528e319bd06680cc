//! Header operations, and the answer as the client gets it.

use super::{Branch, End, Line, Run};
use crate::model::{Answers, How, Lane, ListId, Origin, Text, Verb, Why};
use crate::probe::{asked::Asked, value::Tri, value::Val};

impl Run<'_> {
    /// Applies header operations to a list of lines.
    pub(super) fn apply(&mut self, list: ListId, lines: &mut Vec<Line>) -> Option<Why> {
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
                lines.retain(|l| !same(l));
                continue;
            }
            if matches!(op.verb, Verb::IfAbsent | Verb::Join) {
                self.asked |= Asked::line(&op.name);
            }
            if op.verb == Verb::IfAbsent && lines.iter().any(same) {
                continue;
            }
            let value = match op.value.value {
                crate::model::Known::Is(e) => self.eval(e),
                crate::model::Known::Unknown(why) => Val::Unknown { why, full: false },
            };
            if op.verb == Verb::Set {
                lines.retain(|l| !same(l));
            }
            if op.drop_empty && value.known() == Some("") {
                continue;
            }
            if op.verb == Verb::Join
                && let Some(line) = lines.iter_mut().rev().find(|l| same(l))
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
            lines.push(Line { name, value, origin: Some(op.value.origin) });
        }
        proxy.list(list).open
    }

    /// Remembers which lines a written list takes away or replaces.
    pub(super) fn note(&mut self, list: ListId, after: &[Line]) {
        let proxy = self.proxy;
        for op in proxy.ops(list).filter(|op| op.value.origin.how == How::Written && matches!(op.verb, Verb::Remove | Verb::Set)) {
            self.asked |= Asked::line(&op.name);
            let same = |l: &&Line| l.name.eq_ignore_ascii_case(&op.name);
            let before = self.headers.iter().find(same);
            let now = after.iter().find(same);
            if before.is_some_and(|b| now.is_none_or(|n| n.value != b.value)) {
                self.removed.push((op.name.to_ascii_lowercase().into(), op.value.origin));
            }
        }
    }

    pub(in crate::probe) fn finish(mut self) -> Branch {
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
        match self.end {
            End::Loops => self.status = Some(500),
            // Whatever it was to be answered with before.
            End::Unknown(_) => self.status = None,
            _ => {}
        }
        let mut answer = Vec::new();
        let mut answer_open = None;
        if let Some(lines) = self.relayed.take() {
            answer = lines;
        } else if let (End::Relayed | End::Tunnel, Some(sent)) = (&self.end, &self.sent) {
            answer = self.their_lines(&sent.addresses);
        }
        if self.end == End::Tunnel {
            // RFC 8441 §5: what 101 is to HTTP/1.1.
            self.status = Some(if &*self.request.http == "2" { 200 } else { 101 });
        }
        let local = matches!(self.end, End::Answered | End::Loops | End::Served | End::Failed);
        if let Some((mut value, at)) = self.location.take() {
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
            let origin = Origin { how: crate::model::How::Written, span: at, seat };
            answer.push(Line { name: "Location".into(), value, origin: Some(origin) });
        }
        if matches!(self.end, End::Answered | End::Loops | End::Failed | End::Served | End::Relayed | End::Tunnel) {
            if let Some(policy) = self.policy.map(|p| *self.proxy.policy(p)) {
                if let Some(relayed) = policy.relayed.filter(|_| !local && !answer.is_empty()) {
                    self.apply(relayed, &mut answer);
                }
                answer.reserve_exact(self.proxy.list(policy.answer).ops.len());
                answer_open = self.apply(policy.answer, &mut answer);
            }
            for lane in [Lane::Relayed, Lane::Every] {
                if lane == Lane::Relayed && local {
                    continue;
                }
                for i in (0..self.pushed.len()).rev().filter(|i| self.pushed[*i].0 == lane).collect::<Vec<_>>() {
                    answer_open = self.apply(self.pushed[i].1, &mut answer).or(answer_open);
                }
            }
        }
        Branch {
            guesses: self.guesses,
            end: self.end,
            status: self.status,
            answer,
            body: self.body,
            answer_open,
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
