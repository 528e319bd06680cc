//! What HAProxy itself would refuse (`haproxy -c`), at a release. What depends on the machine it runs on, certificates, names,
//! map and Lua files, is not spoken of.

mod conditions;
mod rules;
mod sections;
mod statements;
mod table;

use super::conf::{Conf, Section, Stmt, Word, problem};
use crate::model::{Problem, ProblemKind};
use crate::source::Span;
use std::collections::BTreeSet;
use table::Release;

struct Check<'a> {
    conf: &'a Conf,
    since: &'a dyn Fn(Release) -> bool,
    sections: Vec<Section<'a>>,
    /// Names of backends.
    backs: BTreeSet<&'a str>,
    out: Vec<Problem>,
}

/// Everything that HAProxy would refuse.
pub(super) fn check(conf: &Conf, since: &dyn Fn(Release) -> bool) -> Vec<Problem> {
    if conf.templated {
        return Vec::new();
    }
    let (sections, before) = conf.sections(since);
    let backs = sections.iter().filter(|s| s.is_back()).map(|s| s.name).collect();
    let mut check = Check { conf, since, sections, backs, out: Vec::new() };
    check.out.extend(conf.problems.iter().cloned());
    if since((2, 4, 0)) {
        check.out.extend(conf.truncated.iter().cloned());
    }
    check.before(&before);
    check.sections();
    check.edges();
    for i in 0..check.sections.len() {
        let body = check.sections[i].body.clone();
        for stmt in body.into_iter().filter(|s| !s.maybe && !s.words.is_empty()) {
            check.statement(i, stmt);
        }
    }
    check.out
}

impl<'a> Check<'a> {
    fn say(&mut self, kind: ProblemKind, span: Span, message: impl Into<String>, help: &str) {
        self.out.push(problem(kind, span, message.into(), help));
    }

    fn since(&self, a: u16, b: u16, c: u16) -> bool {
        (self.since)((a, b, c))
    }

    fn span(words: &[Word], n: usize, stmt: &Stmt) -> Span {
        words.get(n).map_or(stmt.span, |w| w.span)
    }

    /// Statements before the first section.
    fn before(&mut self, stmts: &[&'a Stmt]) {
        let Some(first) = stmts.first().filter(|s| !s.words.is_empty()) else { return };
        let bom = first.word(0).starts_with('\u{feff}');
        if self.conf.fragment && !bom {
            return;
        }
        let help =
            if bom { "remove the byte order mark at the beginning of the file" } else { "begin with a section head such as `defaults`" };
        let message = format!("`{}` stands before any section", first.word(0).trim_start_matches('\u{feff}'));
        self.say(ProblemKind::MisplacedDirective, Self::span(&first.words, 0, first), message, help);
    }
}
