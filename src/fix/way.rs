//! A correction of a finding, as it is tried.

use crate::model::{Applicability, Correction, Fix};
use crate::rules::{Confidence, Finding};
use std::collections::BTreeSet;

/// A correction, with what it brings and deals with as well.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) correction: Correction,
    pub(super) along: Vec<Finding>,
    /// What no probe can show about it.
    pub(super) doubts: BTreeSet<String>,
}

/// One way for one finding.
#[derive(Clone, Debug)]
pub(super) struct Try<'a> {
    /// Its place among the findings.
    pub(super) index: usize,
    pub(super) finding: &'a Finding,
    pub(super) way: Way,
}

impl Way {
    pub(super) fn of(finding: &Finding, correction: Correction) -> Self {
        let doubts = doubt(finding, &correction).into_iter().collect();
        Self { correction, along: Vec::new(), doubts }
    }

    /// The same, with what it brings dealt with: `correction` holds the edits of both.
    pub(super) fn and(&self, brought: &Finding, mut correction: Correction) -> Self {
        let mut more = self.clone();
        more.doubts.extend(doubt(brought, &correction));
        correction.title = format!("{}, and {}", self.correction.title, correction.title);
        more.correction = correction;
        more.along.push(brought.clone());
        more
    }

    pub(super) fn fix(&self, applicability: Applicability, changes: Vec<String>) -> Fix {
        fix(&self.correction, applicability, changes)
    }
}

pub(super) fn fix(way: &Correction, applicability: Applicability, changes: Vec<String>) -> Fix {
    Fix { applicability, title: way.title.clone(), edits: way.edits.clone(), changes }
}

/// What no probe can show about a correction.
fn doubt(finding: &Finding, way: &Correction) -> Option<String> {
    let assumed = finding.intent.as_ref().and_then(|i| i.assumes.clone());
    let guessed = (finding.confidence == Confidence::Guess).then(|| "what the route is for is only guessed".to_owned());
    way.caution.clone().or(assumed).or(guessed)
}
