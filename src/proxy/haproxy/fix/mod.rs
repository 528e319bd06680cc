//! Corrections as edits of lines. Rules run in the order of the text and in both sections of a way, so that a line is written
//! beside the one that it completes.

mod answer;
mod clock;
mod remark;
mod upgrade;

use super::conf::{Conf, Section, Stmt};
use crate::model::{Correction, Edit, Era, Goal, Intent, NoFix, Role, Version};
use crate::proxy::lines::Lines;
use crate::source::{SourceMap, Span};

type Ways = Result<Vec<Correction>, NoFix>;

const NO_PLACE: NoFix = NoFix::unwritten("the place of the setting was not found");
const TEMPLATE: NoFix = NoFix::hidden("template tags stand in this section");

/// Ways to bring an intent about.
pub(super) fn fix(conf: &Conf, map: &SourceMap, era: &Era, intent: &Intent) -> Ways {
    let (sections, _) = conf.sections(&|(a, b, c)| era.since(Version(a, b, c)));
    let desk = Desk { sections, lines: Lines(map), era, intent };
    match &intent.goal {
        Goal::IdleAtLeast(milliseconds) => desk.idle(*milliseconds),
        Goal::Upgrades | Goal::UpgradesOnly => desk.upgrade(),
        Goal::TakenLike(_) => desk.any_case(),
        Goal::AnswerHas(names) => desk.answer_has(names),
        Goal::FailureHas(_) => desk.every_answer(),
        Goal::AnswersPreflight => desk.preflight(),
        Goal::AnswersOne(name) | Goal::SendsOne(name) => desk.one_of_two(name),
        Goal::HidesTheirs(name) => desk.hides_theirs(name),
        Goal::Settled(kind, span) => desk.settle(*kind, *span),
        Goal::Gone(span) => desk.gone(*span),
        Goal::Spelt(span, text) => Ok(vec![desk.spelt(*span, text.clone())]),
        Goal::CarriesUpgrade
        | Goal::SendsHost
        | Goal::SendsAll(_)
        | Goal::Uncached
        | Goal::Streams
        | Goal::ErrandsStayPlain
        | Goal::KeepsConnection
        | Goal::Forwards
        | Goal::LivesOn
        | Goal::Waits
        | Goal::Comment { .. } => Err(NoFix::unwritten("HAProxy has no such setting")),
    }
}

/// Everything that is needed to write one correction.
struct Desk<'a> {
    sections: Vec<Section<'a>>,
    lines: Lines<'a>,
    era: &'a Era,
    intent: &'a Intent,
}

impl<'a> Desk<'a> {
    /// The statement that holds these bytes, and its section.
    fn stmt(&self, span: Span) -> Option<(&Section<'a>, &'a Stmt)> {
        self.sections.iter().find_map(|section| {
            let stmt = section.body.iter().find(|s| s.span == span || s.span.holds(span) && span.len > 0)?;
            Some((section, *stmt))
        })
    }

    /// Statements that play a part in the outcome.
    fn blamed(&self, role: Role) -> Vec<&'a Stmt> {
        let mut out: Vec<&Stmt> = Vec::new();
        for b in self.intent.blamed(role) {
            if let Some((_, stmt)) = self.stmt(b.origin.span)
                && !out.iter().any(|s| s.span == stmt.span)
            {
                out.push(stmt);
            }
        }
        out
    }

    /// A line below a statement, indented like it.
    fn below(&self, stmt: &Stmt, line: &str) -> Option<Edit> {
        let indent = self.lines.indent(stmt.span.start)?;
        self.lines.below(stmt.span.start, &[format!("{indent}{line}")])
    }

    /// A line above a statement, indented like it.
    fn above(&self, stmt: &Stmt, line: &str) -> Option<Edit> {
        let indent = self.lines.indent(stmt.span.start)?;
        let mark = self.lines.mark(stmt.span.start);
        Some(Edit { span: Span { start: self.lines.start(stmt.span.start)?, len: 0 }, text: format!("{indent}{line}{mark}") })
    }

    /// A line at the end of what stands in a section in any case: behind its last statement of this keyword, or its head.
    fn into(&self, section: &Section<'a>, beside: &str, line: &str) -> Option<Edit> {
        let plain = |s: &&&Stmt| s.guards.len() == section.head.guards.len() && !s.words.is_empty();
        let above = section.body.iter().filter(plain).rfind(|s| s.word(0) == beside).copied().unwrap_or(section.head);
        let indent = section.body.iter().find_map(|s| self.lines.indent(s.span.start)).unwrap_or_else(|| "    ".to_owned());
        self.lines.below(above.span.start, &[format!("{indent}{line}")])
    }

    fn text(&self, span: Span) -> String {
        self.lines.0.text(span)
    }

    fn without(&self, stmts: &[&Stmt]) -> Option<Correction> {
        let edits: Option<Vec<Edit>> = stmts.iter().map(|s| self.lines.without(s.span)).collect();
        let shown: Vec<String> = stmts.iter().map(|s| format!("`{}`", self.text(s.span))).collect();
        edits.filter(|e| !e.is_empty()).map(|edits| Correction::of(edits, format!("remove {}", shown.join(" and ")), None))
    }

    fn gone(&self, span: Span) -> Ways {
        let edit = self.lines.without(span).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], format!("remove `{}`", self.text(span)), None)])
    }

    fn spelt(&self, span: Span, text: String) -> Correction {
        let old = self.text(span);
        let title = if text.trim_end_matches(['\r', '\n']) == old {
            "end the last line".to_owned()
        } else {
            format!("write `{text}` instead of `{old}`")
        };
        Correction::of(vec![Edit { span, text }], title, None)
    }

    /// Only the last of several lines of one name stays, or only the first.
    fn one_of_two(&self, name: &str) -> Ways {
        let mut lines: Vec<(Edit, String)> = Vec::new();
        for line in self.intent.blamed(Role::Header) {
            let gone = self.stmt(line.origin.span).and_then(|(_, stmt)| self.without_line(stmt, name, line.origin.span));
            lines.extend(gone.filter(|g| !lines.contains(g)));
        }
        let (Some((_, but_last)), Some((_, but_first))) = (lines.split_last(), lines.split_first()) else { return Err(NO_PLACE) };
        let ways = [but_last, but_first].into_iter().filter(|rest| !rest.is_empty()).map(|rest| {
            let shown: Vec<String> = rest.iter().map(|(_, text)| format!("`{text}`")).collect();
            Correction::of(rest.iter().map(|(e, _)| e.clone()).collect(), format!("remove {}", shown.join(" and ")), None)
        });
        let ways: Vec<Correction> = ways.collect();
        if ways.is_empty() { Err(NO_PLACE) } else { Ok(ways) }
    }

    /// A rule about a header line, or the words of a rule that makes an answer with it, taken out.
    fn without_line(&self, stmt: &Stmt, name: &str, at: Span) -> Option<(Edit, String)> {
        if stmt.word(2).eq_ignore_ascii_case(name) {
            return Some((self.lines.without(stmt.span)?, self.text(stmt.span)));
        }
        let i = stmt.words.iter().position(|w| w.span == at && w.text.eq_ignore_ascii_case(name))?;
        let (hdr, value) = (stmt.words.get(i.checked_sub(1)?)?, stmt.words.get(i + 1)?);
        let before = stmt.words.get(i.checked_sub(2)?)?.span.end();
        let gone = Span::between(before, value.span.end());
        let text = self.text(Span::between(hdr.span.start, value.span.end()));
        (&*hdr.text == "hdr").then(|| (Edit { span: gone, text: String::new() }, text))
    }

    /// Whether the text is only for releases that know this keyword, by what else stands in it.
    fn uses(&self, keyword: &str, since: Version) -> bool {
        self.era.since(since) || self.sections.iter().flat_map(|s| &s.body).any(|s| s.word(0) == keyword)
    }
}
