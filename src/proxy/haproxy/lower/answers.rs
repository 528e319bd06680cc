//! Rules on answers: `http-response`, `http-after-response`, and those of old releases.

use super::{Lower, Phase, rules::Rule};
use crate::model::{Act, Cond, CondId, HeaderList, HeaderOp, How, Lane, Matcher, Reason, Stand, Step, Subject, Verb};
use crate::source::Span;

impl Lower<'_> {
    /// Rules on answers, pushed where the section takes part: those of the backend run before those of the frontend `[c05d]`.
    pub(super) fn answer_rules(&mut self, section: usize, steps: &mut Vec<Step>) {
        let span = self.sections[section].head.span;
        for (set, lane) in [("http-response", Lane::Relayed), ("http-after-response", Lane::Every)] {
            let mut inner = Vec::new();
            let mut list = Self::list(self.seats[section]);
            for (stmt, at) in self.rules_of(section, set) {
                let test = self.condition(&stmt.words, 2, stmt.maybe, Phase::Answer, section);
                let rule = Rule { stmt, words: &stmt.words[1..], section, seat: self.seats[at], test };
                if let Some(ops) = self.header_ops(&rule, Phase::Answer) {
                    list.ops.extend(ops.into_iter().map(|op| self.guarded(op, test)));
                } else if stmt.word(1).starts_with("lua.") {
                    list.open = Some(self.opaque(Reason::Script, stmt.span, "a Lua function"));
                } else {
                    // What is done to the lines before goes before it.
                    let before = std::mem::replace(&mut list, Self::list(self.seats[section]));
                    self.edited(before, span, &mut inner);
                    self.answer_rule(&rule, &mut inner);
                }
            }
            if set == "http-after-response" {
                self.compressed(section, &mut list);
            }
            if set == "http-response" {
                self.old_answer_rules(section, &mut list);
            }
            self.edited(list, span, &mut inner);
            if !inner.is_empty() {
                let block = self.p.add_block(inner);
                let block = self.p.one(Act::Group(block), span);
                steps.push(Step { act: Act::OnAnswer { lane, block }, span });
            }
        }
    }

    fn edited(&mut self, list: HeaderList, span: Span, steps: &mut Vec<Step>) {
        if !list.ops.is_empty() || list.open.is_some() {
            let list = self.p.add_list(list);
            steps.push(Step { act: Act::Edit(list), span });
        }
    }

    /// An operation that is done only if a condition holds.
    fn guarded(&mut self, op: HeaderOp, test: CondId) -> HeaderOp {
        let guard = match (op.guard, self.p.cond(test)) {
            (guard, Cond::Always) => guard,
            (None, _) => Some(test),
            (Some(own), _) => Some(self.p.add_cond(Cond::All(vec![test, own]))),
        };
        HeaderOp { guard, ..op }
    }

    /// A rule on answers that does more than to edit lines.
    fn answer_rule(&mut self, rule: &Rule<'_>, steps: &mut Vec<Step>) {
        let span = rule.stmt.span;
        let act = match rule.stmt.word(1) {
            "allow" => Act::Leave,
            verb @ ("deny" | "return") => return self.answer(rule, verb, Phase::Answer, steps),
            "redirect" => return self.redirect(rule, Phase::Answer, steps),
            "silent-drop" => Act::Close,
            "set-status" => match rule.words.get(1).and_then(|w| w.text.parse().ok()) {
                Some(status) => Act::Stands { status: Stand::Is(status), get: false, again: false },
                None => Act::Opaque(self.opaque(Reason::Environment, span, "known only where HAProxy runs")),
            },
            v if v.starts_with("set-var") || v.starts_with("unset-var") => return self.assignment(rule, v, Phase::Answer, steps),
            // What is left changes nothing that a client sees.
            _ => return,
        };
        let step = self.when(rule.test, act, span);
        steps.push(step);
    }

    /// Compressed answers say so in `Vary` since 2.2 `[r1]`; which ones are compressed depends on their type.
    fn compressed(&mut self, section: usize, list: &mut HeaderList) {
        let Some(found) = self.setting(section, |s| s.word(0) == "compression" && s.word(1).starts_with("algo")) else { return };
        // A setting of the defaults holds for both sections, and is written once.
        if !self.since(2, 2, 0) || found.section != section && !self.sections[section].is_front() {
            return;
        }
        let span = found.stmt.span;
        let asked = self.p.test(Subject::Header("accept-encoding".into()), Matcher::Present, span);
        let fine = self.p.test(Subject::Status, Matcher::Is(vec!["200".into()]), span);
        let why = self.opaque(Reason::RuntimeState, span, "whether an answer is compressed depends on its type");
        let kind = self.p.add_cond(Cond::Opaque(why));
        let guard = self.p.add_cond(Cond::All(vec![fine, asked, kind]));
        let value = self.p.text("Accept-Encoding");
        list.ops.push(Self::op(Verb::Add, "Vary", value, Some(guard), How::Written, span, self.seat_of(&found)));
    }

    fn old_answer_rules(&mut self, section: usize, list: &mut HeaderList) {
        let body = self.sections[section].body.clone();
        for stmt in body {
            if stmt.word(0) == "rspadd" {
                let (name, value) = stmt.word(1).split_once(':').unwrap_or((stmt.word(1), ""));
                let value = self.p.text(value.trim());
                list.ops.push(Self::op(Verb::Add, name.trim(), value, None, How::Written, stmt.span, self.seats[section]));
            } else if stmt.word(0).starts_with("rsp") {
                list.open = Some(self.opaque(Reason::TooComplex, stmt.span, "a rule of old releases"));
            }
        }
    }
}
