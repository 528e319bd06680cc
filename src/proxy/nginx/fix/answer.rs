//! Lines of answers: `add_header`, and answers to preflights.

use super::{Desk, NO_PLACE, TEMPLATE, Ways};
use crate::model::{Because, Correction, Edit, NoFix, Role};
use crate::proxy::nginx::conf::{Block, DirId};
use crate::proxy::usual::{HEADERS, METHODS};
use crate::source::Span;

const LINE: &str = "add_header";

impl Desk<'_> {
    /// Lines that an own list dropped, or that a jump left behind, are repeated; lines that miss some answers get `always`.
    pub(super) fn answer_has(&self, names: &[String]) -> Ways {
        if let Some(meant) = self.blamed(Role::Instead).next() {
            return self.valued(meant);
        }
        let block = self.seat()?;
        let (host, list) = self.list(block, LINE).unwrap_or((block, Vec::new()));
        let mut edits = Vec::new();
        for d in self.directives(Role::Header) {
            if let Some([name, value]) = self.conf.args(d).exactly()
                && names.iter().any(|n| n.eq_ignore_ascii_case(name.text))
            {
                edits.push(Edit { span: Span { start: value.span.end(), len: 0 }, text: " always".to_owned() });
            }
        }
        let always = !edits.is_empty();
        let name = |d: DirId| self.conf.args(d).first().map(|a| a.text.to_ascii_lowercase());
        let mut lines: Vec<String> = Vec::new();
        for d in self.directives(Role::Displaced) {
            if !list.iter().any(|o| name(*o) == name(d)) {
                lines.push(self.pen.raw(d));
            }
        }
        if !always && self.blamed(Role::Missing).any(|b| b.value.eq_ignore_ascii_case("vary")) {
            lines.push(self.like(&list, "Vary", "Origin"));
        }
        if lines.is_empty() && edits.is_empty() {
            return Err(NoFix::unsaid("what the answer lacks has no value to take"));
        }
        if lines.is_empty() {
            return Ok(vec![Correction::of(edits, "send the line with every status".to_owned(), None)]);
        }
        let mut ways = Vec::new();
        let title = "send the lines here too";
        if let Some(last) = list.last().and_then(|last| self.anchor(host, *last)) {
            edits.push(self.pen.after(last, &lines).ok_or(NO_PLACE)?);
            ways.push(Correction::of(edits, title.to_owned(), None));
        }
        // A list of its own takes the inherited lines along.
        if host != block || list.is_empty() {
            let mut own: Vec<String> = list.iter().map(|d| self.pen.raw(*d)).collect();
            own.extend(lines);
            let along = if list.is_empty() { "" } else { "; the inherited lines come along" };
            ways.push(Correction::of(vec![self.beside_pass(block, &own).ok_or(NO_PLACE)?], format!("{title}{along}"), None));
        }
        Ok(ways)
    }

    /// The line with another value.
    fn valued(&self, meant: &Because) -> Ways {
        let line = self.directive(meant.origin.span).ok_or(NO_PLACE)?;
        let old = self.conf.args(line).get(1).filter(|w| !w.opaque).ok_or(TEMPLATE)?;
        let quote = self.pen.map.text(old.span).chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
        let edit = Edit { span: old.span, text: format!("{quote}{}{quote}", meant.value) };
        Ok(vec![Correction::of(vec![edit], format!("send `{}`", meant.value), None)])
    }

    /// One more line for what the upstream sends and shall not be passed on, beside those that hide the rest.
    pub(super) fn hides_theirs(&self, name: &str) -> Ways {
        let last = self.directives(Role::Header).pop().ok_or(NO_PLACE)?;
        self.untemplated(self.conf.get(last).parent)?;
        let line = self.pen.line(&[last], self.conf.name(last).text, &[name]);
        let edit = self.pen.after(last, &[line]).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], format!("hide the upstream's own `{name}`"), None)])
    }

    /// A line in the columns of those that are there, `always` if they are.
    fn like(&self, list: &[DirId], name: &str, value: &str) -> String {
        let value = &*if value.contains(' ') { format!("\"{value}\"") } else { value.to_owned() };
        let always = list.iter().any(|d| self.conf.args(*d).get(2).is_some_and(|w| w.text == "always"));
        if always { self.pen.line(list, LINE, &[name, value, "always"]) } else { self.pen.line(list, LINE, &[name, value]) }
    }

    /// Completes the answer to a preflight, or answers it before anything refuses it.
    pub(super) fn preflight(&self) -> Ways {
        let block = self.seat()?;
        let missing: Vec<String> = self
            .blamed(Role::Missing)
            .filter_map(|b| match b.value.to_ascii_lowercase().as_str() {
                "access-control-allow-methods" => Some((b.value.clone(), METHODS)),
                "access-control-allow-headers" => Some((b.value.clone(), HEADERS)),
                _ => None,
            })
            .map(|(name, value)| self.like(&self.list(block, LINE).map(|l| l.1).unwrap_or_default(), &name, value))
            .collect();
        if self.blamed(Role::Missing).any(|b| b.value.eq_ignore_ascii_case("access-control-allow-origin")) || self.refused(block) {
            return self.answered_first(block);
        }
        let (host, list) = self.list(block, LINE).ok_or(NO_PLACE)?;
        let title = "send methods and request headers in the answer to preflights";
        let mut ways = Vec::new();
        if host != block {
            let mut lines: Vec<String> = list.iter().map(|d| self.pen.raw(*d)).collect();
            lines.extend(missing.iter().cloned());
            let first = self.conf.inside(block).find(|c| self.conf.get(*c).file == self.conf.file_of(block));
            let edit = first.and_then(|f| self.pen.above(f, &lines)).ok_or(NO_PLACE)?;
            ways.push(Correction::of(vec![edit], format!("{title}; the inherited lines come along"), None));
        }
        let last = self.anchor(host, *list.last().ok_or(NO_PLACE)?).ok_or(NO_PLACE)?;
        let edit = self.pen.after(last, &missing).ok_or(NO_PLACE)?;
        ways.push(Correction::of(vec![edit], title.to_owned(), None));
        Ok(ways)
    }

    /// Whether a gate or a redirect answers, not an answer meant for preflights.
    fn refused(&self, block: Block) -> bool {
        let is_if = block.is_some_and(|b| self.conf.name(b).text == "if");
        let returns = self.blamed(Role::Answered).filter_map(|b| self.directive(b.origin.span)).any(|d| {
            let dir = self.conf.get(d);
            dir.name.text == "return" && dir.args.first().is_some_and(|a| a.text.starts_with('2'))
        });
        self.blamed(Role::Gate).next().is_some() || !is_if && !returns
    }

    /// `if ($request_method = OPTIONS)` with the whole list: `return` in it runs before anything can refuse
    /// `[cors-auth_basic-if-return]`, and a list in it replaces that of the location.
    fn answered_first(&self, block: Block) -> Ways {
        let block = self.settled(block);
        let location = block
            .filter(|b| self.conf.name(*b).text == "location")
            .ok_or(NoFix::unwritten("preflights are answered outside of a location"))?;
        let (_, list) = self.list(block, LINE).ok_or(NoFix::unsaid("no `Access-Control-*` line is there to be repeated"))?;
        let mut lines: Vec<String> = list.iter().map(|d| self.pen.raw(*d)).collect();
        let has = |name: &str| list.iter().any(|d| self.conf.args(*d).first().is_some_and(|a| a.text.eq_ignore_ascii_case(name)));
        for (name, value) in [("Access-Control-Allow-Methods", METHODS), ("Access-Control-Allow-Headers", HEADERS)] {
            if !has(name) {
                lines.push(self.like(&list, name, value));
            }
        }
        lines.push("return 204;".to_owned());
        let step = self.pen.step(Some(location));
        let body = lines.join(&format!("\n{step}"));
        let text = vec![format!("if ($request_method = OPTIONS) {{\n{step}{body}\n}}"), String::new()];
        let first = self.conf.inside(block).find(|c| self.conf.get(*c).file == self.conf.file_of(block)).ok_or(NO_PLACE)?;
        let edit = self.pen.above(first, &text).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], "answer preflights before anything refuses them".to_owned(), None)])
    }
}
