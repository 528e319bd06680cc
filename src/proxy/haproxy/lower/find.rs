//! Which line of a section, or of the `defaults` above it, is in force.

use super::Lower;
use crate::model::{Fact, How, Limit, Reason, Releases, Seat};
use crate::proxy::haproxy::conf::Stmt;
use crate::proxy::haproxy::duration;
use crate::source::Span;

/// A line in force, and the section that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) stmt: &'a Stmt,
    pub(super) section: usize,
}

impl<'a> Lower<'a> {
    /// A section, its `defaults`, and what those take over from.
    pub(super) fn chain(&self, section: usize) -> impl Iterator<Item = usize> + '_ {
        let mut left = self.sections.len() + 1;
        std::iter::successors(Some(section), move |i| {
            left -= 1;
            self.sections[*i].defaults.filter(|d| left > 0 && d != i)
        })
    }

    /// The last fitting line of the nearest section: what is written later replaces, what is nearer hides.
    pub(super) fn setting(&self, section: usize, fits: impl Fn(&Stmt) -> bool) -> Option<Found<'a>> {
        self.chain(section).find_map(|i| {
            let stmt = self.sections[i].body.iter().rev().copied().find(|s| fits(s))?;
            Some(Found { stmt, section: i })
        })
    }

    /// `KEYWORD VALUE`
    pub(super) fn keyword(&self, section: usize, keyword: &str) -> Option<Found<'a>> {
        self.setting(section, |s| s.word(0) == keyword)
    }

    /// The line that switches an option on; `no option` switches it off.
    pub(super) fn option(&self, section: usize, name: &str) -> Option<Found<'a>> {
        let found = self.setting(section, |s| {
            s.word(0) == "option" && s.word(1) == name || s.word(0) == "no" && s.word(1) == "option" && s.word(2) == name
        })?;
        (found.stmt.word(0) == "option").then_some(found)
    }

    /// Whether a section speaks HTTP; without `mode` it passes bytes on `[m01]`.
    pub(super) fn is_http(&self, section: usize) -> bool {
        self.keyword(section, "mode").is_some_and(|f| f.stmt.word(1) == "http")
    }

    /// A limit. Nothing set, and 0, mean never `[t05] [u30]`.
    pub(super) fn timeout(&mut self, section: usize, name: &str) -> Fact<Limit> {
        let old = match name {
            "client" => "clitimeout",
            "server" => "srvtimeout",
            "connect" => "contimeout",
            _ => "",
        };
        let found = self.setting(section, |s| (s.word(0) == "timeout" && s.word(1) == name) || (!old.is_empty() && s.word(0) == old));
        let Some(Found { stmt, section: at }) = found else { return self.no_timeout(section) };
        let seat = self.seats[at];
        let word = stmt.words.get(if stmt.word(0) == "timeout" { 2 } else { 1 });
        let unknown = stmt.maybe || word.is_some_and(|w| w.unknown);
        if unknown {
            let why = self.opaque(Reason::Environment, stmt.span, "known only where HAProxy runs");
            return Fact::unknown(why, stmt.span, seat);
        }
        let limit = word.and_then(|w| duration::read(&w.text)).map_or(Limit::Never, |d| limit(d.milliseconds));
        Self::fact(limit, stmt.span, seat)
    }

    fn no_timeout(&mut self, section: usize) -> Fact<Limit> {
        let seat = self.seats[section];
        let span = self.sections[section].head.span;
        if let Some(hole) = self.hole(section) {
            let why = self.opaque(Reason::Template, hole, "a template fills this in");
            return Fact::unknown(why, hole, seat);
        }
        if self.conf.fragment && self.sections[section].defaults.is_none() {
            let why = self.opaque(Reason::OutsideFile, span, "this is a fragment: its defaults are not known");
            return Fact::unknown(why, span, seat);
        }
        Fact::is(Limit::Never, How::Default(Releases::All), span, seat)
    }

    /// A template tag that may stand for anything in a section or in its defaults.
    pub(super) fn hole(&self, section: usize) -> Option<Span> {
        let chain: Vec<usize> = self.chain(section).collect();
        chain.into_iter().find_map(|i| self.sections[i].body.iter().find(|s| s.words.is_empty()).map(|s| s.span))
    }

    pub(super) fn seat_of(&self, found: &Found<'_>) -> Seat {
        self.seats[found.section]
    }
}

/// 0 is "unset".
pub(super) fn limit(milliseconds: u64) -> Limit {
    if milliseconds == 0 { Limit::Never } else { Limit::After(milliseconds) }
}
