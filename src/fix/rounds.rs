//! Corrections round by round, until nothing changes any more.

use super::MayEdit;
use super::plan::{Bounds, Plan};
use super::room::{Room, View};
use crate::model::{Applicability, Fix, NoFix};
use crate::proxy::Site;
use crate::rules::Finding;
use crate::source::{FileId, Files};
use std::collections::{BTreeMap, BTreeSet};

/// How often the result is read again and corrected again.
const ROUNDS: usize = 10;
/// How much is proved in one round when people want files corrected.
pub(super) const MENDED: Bounds = Bounds { proofs: 500, bytes: usize::MAX, beyond: "too many corrections for one run: run again" };
/// How much is proved to show corrections that nobody asked to make: it bounds the time that a report takes.
const SHOWN: Bounds = Bounds {
    proofs: 500,
    bytes: 2 << 20,
    beyond: "not tried for a report on so much text: `--diff` shows it, `--fix` makes it if it is safe",
};

/// Something that was done, or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Id of the rule.
    pub rule: &'static str,
    /// `file:line:column`, in the text as it was in that round.
    pub place: String,
    /// The correction, or why there is none.
    pub fix: Result<Fix, NoFix>,
}

/// What became of all corrections.
#[derive(Debug)]
pub struct Mended {
    /// The files as they are now, in memory.
    pub files: Files,
    /// What is still to be said of them.
    pub findings: Vec<Finding>,
    /// What was done, in order.
    pub applied: Vec<Entry>,
    /// What was not. A correction that works is here if it is not safe and only safe ones were wanted.
    pub refused: Vec<Entry>,
    /// Files that changed.
    pub changed: BTreeSet<FileId>,
}

/// Fills in the corrections of findings. Nothing is changed.
pub fn propose(room: &Room, files: &Files, sites: &[Box<dyn Site>], findings: &mut [Finding], may_edit: &MayEdit<'_>) {
    if findings.iter().all(|f| f.intent.is_none()) {
        return;
    }
    let view = View { files, sites, findings };
    let plan = Plan::of(room, view, &[], may_edit, false, SHOWN);
    let outcomes = plan.outcomes;
    for (i, outcome) in outcomes {
        findings[i].fix = Some(outcome);
    }
}

/// Makes corrections until nothing changes any more; none when the text grows beyond all bounds.
pub fn mend(room: &Room, files: &Files, may_edit: &MayEdit<'_>, unsafe_too: bool) -> Option<Mended> {
    let mut state = room.read(files.with_texts(&BTreeMap::new()).ok()?);
    let mut applied: Vec<Entry> = Vec::new();
    let mut refused: Vec<Entry> = Vec::new();
    let mut changed = BTreeSet::new();
    for _ in 0..ROUNDS {
        let plan = Plan::of(room, state.view(), &state.judged, may_edit, unsafe_too, MENDED);
        let map = state.files.map();
        refused.clear();
        let texts = plan.edits.apply(map);
        for (i, outcome) in plan.outcomes {
            let f = &state.findings[i];
            let entry = Entry { rule: f.rule, place: map.place(f.span), fix: outcome };
            if plan.chosen.contains(&i) { applied.push(entry) } else { refused.push(entry) }
        }
        if texts.is_empty() {
            break;
        }
        changed.extend(texts.keys().copied());
        let next = state.files.with_texts(&texts).ok()?;
        state = room.read(next);
    }
    Some(Mended { files: state.files, findings: state.findings, applied, refused, changed })
}

impl Entry {
    /// Whether a correction works, but was not wanted because it is not safe.
    pub fn waits(&self) -> bool {
        matches!(&self.fix, Ok(fix) if fix.applicability == Applicability::Unsafe)
    }
}
