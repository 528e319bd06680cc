//! Holds what is said of many corrections at once against what is said of each by itself.

use super::blame::Verdict;
use super::group::fitting;
use super::plan::Plan;
use super::proof::Case;
use super::room::Room;
use super::rounds::MENDED;
use super::text::Edits;
use super::way::Try;
use crate::source::Files;
use std::collections::BTreeMap;

/// How verdicts of groups fared.
#[derive(Default, Debug)]
pub struct Assay {
    /// How many verdicts of a group were held against those of a proof of one.
    pub compared: usize,
    /// How many of them spoke against the correction.
    pub against: usize,
    /// How many corrections had no verdict of a group.
    pub unclear: usize,
    /// Where the two differ.
    pub disputes: Vec<String>,
}

/// Proves the first correction of every finding together with the others, and by itself. It is what groups are held to by tests.
pub fn assay(room: &Room, files: &Files) -> Assay {
    let mut assay = Assay::default();
    let Ok(files) = files.with_texts(&BTreeMap::new()) else { return assay };
    let state = room.read(files);
    let anywhere = |_| Ok(());
    let mut plan = Plan::new(room, state.view(), &state.judged, &anywhere, MENDED);
    for group in fitting(plan.first()) {
        let verdicts = prove(&mut plan, &group);
        let clean = verdicts.iter().all(|v| matches!(v, Verdict::Clean));
        for (one, verdict) in group.iter().zip(verdicts) {
            let told = words(&verdict);
            match verdict {
                // Nothing speaks against it so far: it would be proved once more without the others.
                Verdict::Clean if !clean => continue,
                Verdict::Unclear => {
                    assay.unclear += 1;
                    continue;
                }
                _ => {}
            }
            let alone = prove(&mut plan, std::slice::from_ref(one)).pop().as_ref().map(words).unwrap_or_default();
            assay.compared += 1;
            assay.against += usize::from(!matches!(verdict, Verdict::Clean));
            if told != alone {
                let place = state.files.map().place(one.finding.span);
                assay.disputes.push(format!("{place}: {}: together: {told}; alone: {alone}", one.finding.rule));
            }
        }
    }
    assay
}

fn prove<'a>(plan: &mut Plan<'a>, tried: &[Try<'a>]) -> Vec<Verdict> {
    let mut edits = Edits::default();
    for one in tried {
        edits.add(&one.way.correction.edits);
    }
    plan.verdicts(Case { edits: &edits, base: &[], tried, others: true })
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Clean => "clean".to_owned(),
        Verdict::Unclear => "unclear".to_owned(),
        Verdict::Refused(why, _) => why.words(),
        Verdict::Changes(changes) => changes.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}
