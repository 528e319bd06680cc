//! Rules on requests: `http-request`, `tcp-request`, `redirect`, and those of old releases.

use super::{Lower, Phase, acl::condition_at};
use crate::model::{
    Act, Cond, CondId, Conv, Expr, ExprId, Fact, Gate, GateOn, HeaderList, HeaderOp, How, Lane, ListId, Matcher, Pattern, Reason, Seat,
    Slot, Step, Subject, Verb,
};
use crate::proxy::haproxy::conf::{Stmt, Word};
use crate::source::Span;

/// One rule on its way into the model.
pub(super) struct Rule<'a> {
    pub(super) stmt: &'a Stmt,
    /// Words behind the rule set's name.
    pub(super) words: &'a [Word],
    pub(super) section: usize,
    pub(super) seat: Seat,
    pub(super) test: CondId,
}

impl<'a> Lower<'a> {
    /// The rules of a set, those of the `defaults` first.
    pub(super) fn rules_of(&self, section: usize, set: &str) -> Vec<(&'a Stmt, usize)> {
        let mut all = Vec::new();
        let outer = self.sections[section].defaults.filter(|_| set != "redirect");
        for at in outer.into_iter().chain([section]) {
            all.extend(self.sections[at].body.iter().copied().filter(|s| s.word(0) == set).map(|s| (s, at)));
        }
        all
    }

    /// `http-request` rules and what follows them, as one group: `allow` leaves it `[a30]`.
    pub(super) fn request_rules(&mut self, section: usize, steps: &mut Vec<Step>) {
        let span = self.sections[section].head.span;
        let mut inner = Vec::new();
        for (stmt, at) in self.rules_of(section, "http-request") {
            let test = self.condition(&stmt.words, 2, stmt.maybe, Phase::Request, section);
            let seat = self.seats[at];
            self.request_rule(&Rule { stmt, words: &stmt.words[1..], section, seat, test }, &mut inner);
        }
        if !inner.is_empty() {
            let block = self.p.add_block(inner);
            steps.push(Step { act: Act::Group(block), span });
        }
        for (stmt, at) in self.rules_of(section, "redirect") {
            let test = self.condition(&stmt.words, 1, stmt.maybe, Phase::Request, section);
            let seat = self.seats[at];
            self.redirect(&Rule { stmt, words: &stmt.words, section, seat, test }, Phase::Request, steps);
        }
        self.old_request_rules(section, steps);
    }

    /// What releases before 2.1 knew.
    fn old_request_rules(&mut self, section: usize, steps: &mut Vec<Step>) {
        let body = self.sections[section].body.clone();
        for stmt in body {
            match stmt.word(0) {
                "reqadd" => {
                    let test = self.condition(&stmt.words, 2, stmt.maybe, Phase::Request, section);
                    let (name, value) = stmt.word(1).split_once(':').unwrap_or((stmt.word(1), ""));
                    let value = self.p.text(value.trim());
                    let seat = self.seats[section];
                    let op = Self::op(Verb::Add, name.trim(), value, None, How::Written, stmt.span, seat);
                    self.edit(test, op, stmt.span, seat, steps);
                }
                "block" => {
                    let test = self.condition(&stmt.words, 1, stmt.maybe, Phase::Request, section);
                    let status = Self::fact(403, stmt.span, self.seats[section]);
                    let step = self.when(test, Act::Respond { status, location: None, body: None }, stmt.span);
                    steps.push(step);
                }
                "reqrep" | "reqirep" | "reqdel" | "reqidel" | "reqdeny" | "reqideny" | "reqtarpit" | "reqitarpit" | "reqallow"
                | "reqiallow" | "reqpass" | "reqipass" => {
                    let why = self.opaque(Reason::TooComplex, stmt.span, "a rule of old releases");
                    steps.push(Step { act: Act::Opaque(why), span: stmt.span });
                }
                _ => {}
            }
        }
    }

    fn edit(&mut self, test: CondId, op: HeaderOp, span: Span, seat: Seat, steps: &mut Vec<Step>) {
        let list = self.p.add_list(HeaderList { seat, base: None, ops: vec![op], displaced: None, open: None });
        let step = self.when(test, Act::Edit(list), span);
        steps.push(step);
    }

    fn request_rule(&mut self, rule: &Rule<'_>, steps: &mut Vec<Step>) {
        let span = rule.stmt.span;
        let verb = rule.words.first().map_or("", |w| &w.text);
        if let Some(ops) = self.header_ops(rule, Phase::Request) {
            for op in ops {
                self.edit(rule.test, op, span, rule.seat, steps);
            }
            return;
        }
        let act = match verb {
            "allow" => Act::Leave,
            "deny" | "reject" | "tarpit" | "return" => return self.answer(rule, verb, Phase::Request, steps),
            "silent-drop" => Act::Close,
            "auth" => {
                let deny = Self::fact(401, span, rule.seat);
                let spares = Some(self.negated(rule.test));
                let reads = vec![Subject::Header("authorization".into())];
                let gate = self.p.add_gate(Gate { on: GateOn::Credentials, deny, ask: None, reads, spares, or: None });
                steps.push(Step { act: Act::Gate(gate), span });
                return;
            }
            "redirect" => return self.redirect(rule, Phase::Request, steps),
            "set-path" | "set-pathq" | "set-uri" | "set-query" | "replace-path" | "replace-pathq" | "replace-uri" => {
                match self.rewritten(rule, verb) {
                    Some(act) => act,
                    None => return,
                }
            }
            "set-method" => match rule.words.get(1) {
                Some(word) => Act::Method(self.format(word, Phase::Request, rule.section)),
                None => return,
            },
            "normalize-uri" => Act::Opaque(self.opaque(Reason::TooComplex, span, format!("`{verb}` is not modelled"))),
            "use-service" if rule.words.get(1).is_some_and(|w| w.text.starts_with("prometheus")) => {
                let body = Some(self.opaque_expr(Reason::RuntimeState, span, "statistics"));
                Act::Respond { status: Self::fact(200, span, rule.seat), location: None, body }
            }
            "use-service" => Act::Opaque(self.opaque(Reason::Script, span, "a service answers here")),
            "capture" => {
                let Some(word) = rule.words.get(1) else { return };
                let slot = self.p.add_slot();
                self.captures.push(slot);
                let step = self.fetched(slot, &word.text, Phase::Request, rule, word.span);
                steps.push(step);
                return;
            }
            v if v.starts_with("lua.") => Act::Opaque(self.opaque(Reason::Script, span, "a Lua function")),
            v if v.starts_with("set-var") || v.starts_with("unset-var") => return self.assignment(rule, v, Phase::Request, steps),
            // What is left changes neither the request nor where it goes.
            _ => return,
        };
        let step = self.when(rule.test, act, span);
        steps.push(step);
    }

    /// A variable that is set, or not any more. What is not there leaves it as it was.
    pub(super) fn assignment(&mut self, rule: &Rule<'_>, verb: &str, phase: Phase, steps: &mut Vec<Step>) {
        let span = rule.stmt.span;
        let name = verb.split_once('(').map_or("", |(_, n)| n.trim_end_matches(')')).split(',').next().unwrap_or_default().to_owned();
        let slot = self.variable(&name);
        let end = condition_at(rule.words, 1).unwrap_or(rule.words.len());
        let act = match rule.words.get(1).filter(|_| end > 1) {
            None => Act::Unset(slot),
            Some(w) if verb.starts_with("set-var-fmt") => Act::Let(slot, self.format(w, phase, rule.section)),
            Some(w) if w.unknown => Act::Let(slot, self.opaque_expr(Reason::Environment, w.span, "known only where HAProxy runs")),
            Some(_) => {
                let text: String = rule.words[1..end].iter().map(|w| &*w.text).collect();
                let step = self.fetched(slot, &text, phase, rule, span);
                steps.push(step);
                return;
            }
        };
        let step = self.when(rule.test, act, span);
        steps.push(step);
    }

    /// A variable that is set to what an expression fetches, if there is any.
    fn fetched(&mut self, slot: Slot, text: &str, phase: Phase, rule: &Rule<'_>, at: Span) -> Step {
        let there = self.there(text, phase, rule.section, at);
        let test = there.map_or(rule.test, |there| self.p.add_cond(Cond::All(vec![rule.test, there])));
        let act = Act::Let(slot, self.sample_expr(text, phase, rule.section, at));
        self.when(test, act, rule.stmt.span)
    }

    /// Whether there is anything that an expression fetches, where that is a question.
    fn there(&mut self, text: &str, phase: Phase, section: usize, span: Span) -> Option<CondId> {
        let calls = super::fetch::parse(text);
        let of = match self.sample(calls.first()?, phase, section, span) {
            super::fetch::Sample::Text { of, .. } => of,
            super::fetch::Sample::Gone => return Some(self.never()),
            _ => return None,
        };
        let may_lack = match &of {
            Subject::Header(_) | Subject::Answer(_) | Subject::Query(_) | Subject::QueryString | Subject::Cookie(_) => true,
            Subject::Value(e) => matches!(self.p.expr(*e), Expr::Slot(_)),
            _ => false,
        };
        may_lack.then(|| self.p.test(of, Matcher::There, span))
    }

    fn rewritten(&mut self, rule: &Rule<'_>, verb: &str) -> Option<Act> {
        let word = rule.words.get(1)?;
        let section = rule.section;
        if verb.starts_with("replace-") {
            let with = rule.words.get(2)?;
            let of = if verb == "replace-path" { Subject::Path } else { Subject::Onward };
            let read = self.p.add_expr(Expr::Read(of));
            let value = self.replaced(read, word, with, section, Phase::Request);
            return Some(if verb == "replace-path" { rewrite(value, None) } else { self.split_on(value, rule.stmt.span) });
        }
        let value = self.format(word, Phase::Request, section);
        Some(match verb {
            "set-path" => rewrite(value, None),
            "set-query" => {
                let path = self.p.add_expr(Expr::Read(Subject::Path));
                rewrite(path, Some(value))
            }
            _ => self.split(value),
        })
    }

    /// Path and query of one text, made of what they were. A question mark with nothing behind it stays.
    fn split_on(&mut self, value: ExprId, span: Span) -> Act {
        let marked = |of: Subject| (of, Matcher::Ends(vec!["?".into()]));
        let ends = [Subject::Onward, Subject::Value(value)].map(marked).map(|(of, is)| self.p.test(of, is, span));
        let test = self.p.add_cond(Cond::All(ends.to_vec()));
        let path = self.p.add_expr(Expr::Via(Conv::Field(b'?', 1), value));
        let then = self.p.one(rewrite(path, None), span);
        let split = self.split(value);
        let other = Some(self.p.one(split, span));
        Act::When { test, then, other }
    }

    /// Path and query of one text.
    fn split(&mut self, value: ExprId) -> Act {
        let path = self.p.add_expr(Expr::Via(Conv::Field(b'?', 1), value));
        let query = self.p.add_expr(Expr::Via(Conv::Field(b'?', 2), value));
        rewrite(path, Some(query))
    }

    /// `deny`, `tarpit`, `return`: an answer of the proxy's own, with header lines of its own.
    pub(super) fn answer(&mut self, rule: &Rule<'_>, verb: &str, phase: Phase, steps: &mut Vec<Step>) {
        let span = rule.stmt.span;
        let end = condition_at(rule.words, 1).unwrap_or(rule.words.len());
        let words = &rule.words[1..end];
        let after = |names: &[&str]| words.iter().position(|w| names.contains(&&*w.text)).and_then(|i| words.get(i + 1));
        let default = match verb {
            "return" => 200,
            "tarpit" => 500,
            _ if phase == Phase::Answer => 502,
            _ => 403,
        };
        let status = match after(&["status", "deny_status"]) {
            None => Self::fact(default, span, rule.seat),
            Some(w) => match w.text.parse() {
                Ok(n) => Self::fact(n, span, rule.seat),
                Err(_) => {
                    let why = self.opaque(Reason::Environment, w.span, "known only where HAProxy runs");
                    Fact::unknown(why, span, rule.seat)
                }
            },
        };
        let mut list = Self::list(rule.seat);
        let mut i = 0;
        while i + 2 < words.len() + 1 {
            if &*words[i].text == "hdr"
                && let (Some(name), Some(value)) = (words.get(i + 1), words.get(i + 2))
            {
                let value = self.format(value, phase, rule.section);
                let op = Self::op(Verb::Add, &name.text, value, None, How::Written, name.span, rule.seat);
                list.ops.push(HeaderOp { drop_empty: true, ..op });
                i += 3;
            } else {
                i += 1;
            }
        }
        let content = ["string", "lf-string"].iter().find_map(|k| after(&[k]));
        let file = after(&["file", "lf-file", "errorfile", "errorfiles"]);
        let body = match (content, file) {
            (Some(w), _) => Some(self.format(w, phase, rule.section)),
            (None, Some(w)) => Some(self.opaque_expr(Reason::MissingFile, w.span, "a page from a file that is not read")),
            (None, None) if verb == "return" => Some(self.p.text("")),
            (None, None) => None,
        };
        let respond = Act::Respond { status, location: None, body };
        if list.ops.is_empty() {
            let act = if verb == "reject" { Act::Close } else { respond };
            let step = self.when(rule.test, act, span);
            steps.push(step);
            return;
        }
        let list: ListId = self.p.add_list(list);
        let lines = self.p.on_answer(Lane::Every, list, span);
        let block = self.p.add_block([lines, Step { act: respond, span }]);
        let step = self.when(rule.test, Act::Call(block), span);
        steps.push(step);
    }

    pub(super) fn redirect(&mut self, rule: &Rule<'_>, phase: Phase, steps: &mut Vec<Step>) {
        let span = rule.stmt.span;
        let end = condition_at(rule.words, 1).unwrap_or(rule.words.len());
        let words = &rule.words[1..end];
        let after = |name: &str| words.iter().position(|w| &*w.text == name).and_then(|i| words.get(i + 1));
        let code = after("code").and_then(|w| w.text.parse().ok()).unwrap_or(302);
        let bare = words.iter().any(|w| &*w.text == "drop-query");
        let onward = self.p.add_expr(Expr::Read(if bare { Subject::Path } else { Subject::Onward }));
        let location = if let Some(w) = after("location") {
            self.format(w, phase, rule.section)
        } else if let Some(w) = after("prefix") {
            // That one prefix means none.
            let prefix = if &*w.text == "/" { self.p.text("") } else { self.format(w, phase, rule.section) };
            let onward = if words.iter().any(|w| &*w.text == "append-slash") { self.slashed(onward) } else { onward };
            self.p.add_expr(Expr::Join(vec![prefix, onward]))
        } else if let Some(w) = after("scheme") {
            let scheme = self.format(w, phase, rule.section);
            let mark = self.p.text("://");
            let host = self.p.add_expr(Expr::Read(Subject::Header("host".into())));
            self.p.add_expr(Expr::Join(vec![scheme, mark, host, onward]))
        } else {
            return;
        };
        let status = Self::fact(code, span, rule.seat);
        let step = self.when(rule.test, Act::Respond { status, location: Some(location), body: None }, span);
        steps.push(step);
    }

    /// With a slash at its end, whatever stands there.
    fn slashed(&mut self, value: ExprId) -> ExprId {
        let pattern = self.p.add_pattern(Pattern::new("([^/])$".into(), false, Vec::new()));
        self.p.add_expr(Expr::Via(Conv::Replace { pattern, with: "\\1/".into(), all: false }, value))
    }

    /// Rules before the request is looked at.
    pub(super) fn connection_rules(&mut self, section: usize, phase: Phase, steps: &mut Vec<Step>) {
        let mut inner = Vec::new();
        for (stmt, _) in self.rules_of(section, "tcp-request") {
            let at = stmt.words.iter().position(|w| matches!(&*w.text, "connection" | "session" | "content"));
            let Some(at) = at else { continue };
            let test = self.condition(&stmt.words, at + 2, stmt.maybe, phase, section);
            let verb = stmt.word(at + 1);
            let act = match verb {
                "reject" | "silent-drop" => Act::Close,
                v if v.starts_with("set-var") => {
                    let rule = Rule { stmt, words: &stmt.words[at + 1..], section, seat: self.seats[section], test };
                    self.assignment(&rule, v, phase, &mut inner);
                    continue;
                }
                _ => continue,
            };
            let step = self.when(test, act, stmt.span);
            inner.push(step);
        }
        steps.extend(inner);
    }
}

fn rewrite(path: ExprId, query: Option<ExprId>) -> Act {
    Act::Rewrite { path, query, moved: false }
}
