//! Lines of answers, and answers to preflights.

use super::{Desk, NO_PLACE, Ways};
use crate::model::{Because, Correction, Edit, NoFix, Role, Version};
use crate::proxy::haproxy::conf::{Stmt, Word};
use crate::proxy::usual::{HEADERS, METHODS};
use crate::source::Span;

/// The first release with `http-after-response` and `http-request return`.
const AFTER: Version = Version(2, 2, 0);

impl Desk<'_> {
    /// `Vary` beside the line that lets an origin in; another value for that line.
    pub(super) fn answer_has(&self, names: &[String]) -> Ways {
        let line = *self.blamed(Role::Header).first().ok_or(NO_PLACE)?;
        if let Some(meant) = self.intent.blamed(Role::Instead).next() {
            let value = Self::value(meant, line).filter(|w| !w.unknown).ok_or(NO_PLACE)?;
            return Ok(vec![self.spelt(value.span, meant.value.clone())]);
        }
        if !names.iter().all(|n| n.eq_ignore_ascii_case("vary")) {
            return Err(NoFix::unsaid("what the answer lacks has no value to take"));
        }
        let title = "send `Vary: Origin` with it".to_owned();
        if line.word(1) == "return" {
            let edit = Self::more(line, " hdr Vary Origin");
            return Ok(vec![Correction::of(vec![edit], title, None)]);
        }
        let set = line.word(0);
        let always = self.below(line, &format!("{set} add-header Vary Origin")).ok_or(NO_PLACE)?;
        let mut ways = vec![Correction::of(vec![always], title.clone(), None)];
        // Under the same condition, as long as that is not about the origin itself: caches keep the other answers as well.
        if let Some(at) = condition(line)
            && let Some(last) = line.words.last()
        {
            let test = self.text(Span::between(line.words[at].span.start, last.span.end()));
            if !test.to_ascii_lowercase().contains("origin") && !test.contains("var(") {
                let edit = self.below(line, &format!("{set} add-header Vary Origin {test}")).ok_or(NO_PLACE)?;
                ways.push(Correction::of(vec![edit], title, None));
            }
        }
        Ok(ways)
    }

    /// The value of the header line that a statement writes.
    fn value<'s>(line: &Because, stmt: &'s Stmt) -> Option<&'s Word> {
        let at = stmt.words.iter().position(|w| w.span == line.origin.span && w.span != stmt.span).unwrap_or(2);
        stmt.words.get(at + 1)
    }

    /// `http-after-response` covers what HAProxy itself answers as well `[c02]`.
    pub(super) fn every_answer(&self) -> Ways {
        let lines = self.blamed(Role::Header);
        let after = |s: &Stmt| match s.word(0) {
            "http-response" => Some(Edit { span: s.words[0].span, text: "http-after-response".to_owned() }),
            "rspadd" => Self::added(s),
            _ => None,
        };
        let edits: Vec<Edit> = lines.into_iter().filter_map(after).collect();
        if edits.is_empty() {
            return Err(NO_PLACE);
        }
        let known = self.uses("http-after-response", AFTER);
        let caution = (!known).then(|| format!("`http-after-response` came with HAProxy {AFTER}"));
        Ok(vec![Correction::of(edits, "send it with every answer, HAProxy's own included".to_owned(), caution)])
    }

    /// `rspadd Name:\ value`, which went with 2.1 `[h18]`, for every answer.
    fn added(stmt: &Stmt) -> Option<Edit> {
        let line = stmt.words.get(1).filter(|w| !w.unknown)?;
        let (name, value) = line.text.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        let plain = |t: &str, more: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b));
        let fits = plain(name, "-") && plain(value, "-_.:/*");
        let span = Span::between(stmt.words[0].span.start, line.span.end());
        fits.then(|| Edit { span, text: format!("http-after-response add-header {name} {value}") })
    }

    /// A line of the upstream's that is taken out as well, beside those that take out the rest.
    pub(super) fn hides_theirs(&self, name: &str) -> Ways {
        let last = *self.blamed(Role::Header).last().ok_or(NO_PLACE)?;
        let edit = self.below(last, &format!("{} del-header {name}", last.word(0))).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], format!("take the upstream's own `{name}` out"), None)])
    }

    /// Completes the answer to a preflight, or answers it before anything refuses it.
    pub(super) fn preflight(&self) -> Ways {
        let missing: Vec<&Because> = self.intent.blamed(Role::Missing).collect();
        let lets_in = || {
            let line = self.intent.blamed(Role::Header).next().ok_or(NoFix::unsaid("no line is there that lets an origin in"))?;
            let (_, stmt) = self.stmt(line.origin.span).ok_or(NO_PLACE)?;
            let value = Self::value(line, stmt).ok_or(NO_PLACE)?;
            // What a request rule can tell: a constant, or what was kept from the request.
            let fits = !value.text.contains("%[")
                || ["%[var(txn.", "%[req.hdr(", "%[hdr(", "%[capture.req."].iter().any(|f| value.text.contains(f));
            if fits { Ok(self.text(value.span)) } else { Err(NoFix::unsaid("which origin may ask is only known with the answer")) }
        };
        let mut lines = String::new();
        for b in missing {
            let value = match b.value.to_ascii_lowercase().as_str() {
                "access-control-allow-origin" => lets_in()?,
                "access-control-allow-methods" => format!("\"{METHODS}\""),
                _ => format!("\"{HEADERS}\""),
            };
            lines.push_str(&format!(" hdr {} {value}", b.value));
        }
        let answered = self.blamed(Role::Answered).into_iter().find(|s| s.word(0) == "http-request" && s.word(1) == "return");
        if let Some(answer) = answered
            && self.intent.blamed(Role::Gate).next().is_none()
        {
            let edit = Self::more(answer, &lines);
            return Ok(vec![Correction::of(vec![edit], "send what a browser asks for in this answer".to_owned(), None)]);
        }
        let refuses = self.blamed(Role::Gate).into_iter().chain(self.blamed(Role::Answered)).next().ok_or(NO_PLACE)?;
        if refuses.word(0) != "http-request" {
            return Err(NoFix::unwritten("what refuses the preflight is no rule on requests"));
        }
        let caution = (!self.uses("http-after-response", AFTER)).then(|| format!("`http-request return` came with HAProxy {AFTER}"));
        let rule = format!("http-request return status 204{lines} if METH_OPTIONS {{ req.hdr(Access-Control-Request-Method) -m found }}");
        let edit = self.above(refuses, &rule).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], "answer preflights before anything refuses them".to_owned(), caution)])
    }

    /// More words in front of a statement's condition.
    fn more(stmt: &Stmt, words: &str) -> Edit {
        let end = condition(stmt).unwrap_or(stmt.words.len());
        Edit { span: Span { start: stmt.words[end - 1].span.end(), len: 0 }, text: words.to_owned() }
    }
}

/// Where the condition of a rule begins.
pub(super) fn condition(stmt: &Stmt) -> Option<usize> {
    stmt.words.iter().position(|w| !w.quoted && matches!(&*w.text, "if" | "unless"))
}
