//! What the reader found, as findings.

use super::{Confidence, Finding, Level, Related};
use crate::model::{Goal, Intent, Problem, ProblemKind, Remedy};

/// The rule that speaks of a kind of problem.
const fn rule_of(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::UnexpectedToken => "syntax/unexpected-token",
        ProblemKind::Unterminated => "syntax/unterminated",
        ProblemKind::TokenTooLong => "syntax/token-too-long",
        ProblemKind::UnknownDirective => "syntax/unknown-directive",
        ProblemKind::MisplacedDirective => "syntax/misplaced-directive",
        ProblemKind::WrongArguments => "syntax/wrong-arguments",
        ProblemKind::BadValue => "syntax/bad-value",
        ProblemKind::DuplicateDirective => "syntax/duplicate-directive",
        ProblemKind::MissingBlock => "syntax/missing-block",
        ProblemKind::IncludeNotFound => "syntax/include-not-found",
        ProblemKind::IncludeCycle => "syntax/include-cycle",
        ProblemKind::UndefinedName => "syntax/undefined-name",
        ProblemKind::WrongType => "syntax/wrong-type",
        ProblemKind::ConflictingSettings => "syntax/conflicting-settings",
        ProblemKind::MissingSetting => "syntax/missing-setting",
        ProblemKind::NeverRead => "syntax/never-read",
    }
}

/// A problem as a finding: an error where the proxy refuses it for certain, otherwise a warning.
pub fn finding(problem: Problem, proxy: &'static str) -> Finding {
    let (level, confidence) = if problem.certain { (Level::Error, Confidence::Certain) } else { (Level::Warning, Confidence::Likely) };
    let wanted = |Remedy { span, text, guessed }| Intent {
        goal: Goal::Spelt(span, text),
        trials: Vec::new(),
        because: Vec::new(),
        assumes: guessed.then(|| "that this is meant is only guessed".to_owned()),
        site: 0,
    };
    Finding {
        confidence,
        // What is only likely refused may be served as it is.
        intent: problem.remedy.filter(|_| problem.certain).map(wanted),
        label: problem.message.clone(),
        message: problem.message,
        help: problem.help,
        related: problem.related.into_iter().map(|(span, message)| Related { span, message }).collect(),
        ..Finding::new(rule_of(problem.kind), level, proxy, problem.span)
    }
}
