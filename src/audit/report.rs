//! The outcome of a run, before anybody prints it.

use std::cmp::Reverse;

use crate::model::Obstacle;
use crate::rules::{Finding, Level};

/// All that a run has to say.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Report {
    /// In the order of [`settle`].
    pub findings: Vec<Finding>,
    /// How many files were read.
    pub files: usize,
    /// How many findings a comment silenced.
    pub suppressed: usize,
    /// How many findings were known already, from a baseline or an older state.
    pub known: usize,
    /// Path and reason of what could not be read.
    pub unreadable: Vec<(String, String)>,
    /// The level from which findings fail the run; none: they never do.
    pub fails_from: Option<Level>,
}

impl Report {
    /// How many findings have this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    /// Whether a finding fails the run.
    pub fn fails(&self, finding: &Finding) -> bool {
        self.fails_from.is_some_and(|from| finding.level >= from)
    }

    /// For how many findings no correction was tried, for it would take too long.
    pub fn untried(&self) -> usize {
        let untried = |f: &&Finding| matches!(&f.fix, Some(Err(none)) if none.obstacle == Obstacle::Untried);
        self.findings.iter().filter(untried).count()
    }

    /// The gravest level found.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|f| f.level).max()
    }
}

/// Puts findings in the order of the text and drops repetitions.
///
/// The same words about the same bytes come up again when a file is included twice or when two versions are considered;
/// of those the gravest stays.
pub fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        // The level comes last, so that what is to be dropped stands right behind what stays.
        let key = |f: &Finding| (Reverse(f.level), Reverse(f.confidence));
        let place = (a.span.start, a.rule, a.span.len, &a.message).cmp(&(b.span.start, b.rule, b.span.len, &b.message));
        place.then_with(|| key(a).cmp(&key(b)))
    });
    findings.dedup_by(|b, a| a.rule == b.rule && a.span == b.span && a.message == b.message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn finding(rule: &'static str, start: u32, level: Level, message: &str) -> Finding {
        Finding { message: message.into(), ..Finding::new(rule, level, "nginx", Span { start, len: 2 }) }
    }

    #[test]
    fn settled_findings_follow_the_text_and_keep_the_gravest() {
        let mut findings = vec![
            finding("b/x", 9, Level::Hint, "late"),
            finding("b/x", 3, Level::Warning, "same"),
            finding("b/x", 3, Level::Hint, "other"),
            finding("b/x", 3, Level::Error, "same"),
            finding("a/x", 3, Level::Hint, "same"),
        ];
        settle(&mut findings);
        let seen: Vec<_> = findings.iter().map(|f| (f.span.start, f.rule, f.level, f.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                (3, "a/x", Level::Hint, "same"),
                (3, "b/x", Level::Hint, "other"),
                (3, "b/x", Level::Error, "same"),
                (9, "b/x", Level::Hint, "late"),
            ]
        );
    }

    #[test]
    fn the_worst_level_decides() {
        let mut report = Report::default();
        assert_eq!(report.worst(), None);
        report.findings = vec![finding("a/x", 0, Level::Warning, "m"), finding("a/x", 1, Level::Hint, "m")];
        assert_eq!((report.worst(), report.count(Level::Hint), report.count(Level::Error)), (Some(Level::Warning), 1, 0));
    }
}
