//! Which corrections are made together, and in which order they are tried.

use super::proof::Before;
use super::room::{Room, State};
use super::text::Edits;
use super::{Applicability, Fix, MayEdit, Outcome};
use crate::audit::Report;
use crate::model::{Correction, Era};
use crate::rules::{Confidence, Finding};
use crate::source::{FileId, Files};
use std::collections::{BTreeMap, BTreeSet};

/// How often the result is read again and corrected again.
const ROUNDS: usize = 10;
/// How many proofs are made for one room and round; each reads and audits what changes once more.
const PROOFS: usize = 500;

/// What became of all corrections.
#[derive(Debug)]
pub struct Mended {
    /// The files as they are now, in memory.
    pub files: Files,
    /// What is still to be said of them.
    pub report: Report,
    /// What was done, in order: the rule, the place (`file:line:column`), the correction.
    pub applied: Vec<(&'static str, String, Fix)>,
    /// What was not, and why: the rule, the place in the new text, the reason.
    pub refused: Vec<(&'static str, String, Outcome)>,
    /// Files that changed.
    pub changed: BTreeSet<FileId>,
}

/// A correction for each finding that asks for one, in the order of the findings; none for those that ask for none. Nothing
/// is changed.
pub fn propose(room: &Room, files: &Files, may_edit: &MayEdit<'_>) -> Vec<(Finding, Outcome)> {
    let Ok(files) = files.with_texts(&BTreeMap::new()) else { return Vec::new() };
    let state = room.read(files);
    let plan = Plan::of(room, &state, may_edit, false);
    let outcomes = plan.outcomes;
    outcomes.into_iter().map(|(i, o)| (state.report.findings[i].clone(), o)).collect()
}

/// Makes corrections until nothing changes any more.
pub fn mend(room: &Room, files: &Files, may_edit: &MayEdit<'_>, unsafe_too: bool) -> Option<Mended> {
    let mut state = room.read(files.with_texts(&BTreeMap::new()).ok()?);
    let mut applied = Vec::new();
    let mut changed = BTreeSet::new();
    let mut refused = Vec::new();
    for _ in 0..ROUNDS {
        let plan = Plan::of(room, &state, may_edit, unsafe_too);
        let map = state.files.map();
        let findings = &state.report.findings;
        let texts = plan.edits.apply(map);
        refused.clear();
        for (i, outcome) in plan.outcomes {
            let f = &findings[i];
            match outcome {
                Outcome::Works(fix) if plan.chosen.contains(&i) => applied.push((f.rule, map.place(f.span), fix)),
                other => refused.push((f.rule, map.place(f.span), other)),
            }
        }
        if texts.is_empty() {
            break;
        }
        changed.extend(texts.keys().copied());
        let next = state.files.with_texts(&texts).ok()?;
        state = room.read(next);
    }
    Some(Mended { files: state.files, report: state.report, applied, refused, changed })
}

/// A finding with ways to correct it.
struct Item<'a> {
    index: usize,
    finding: &'a Finding,
    ways: Vec<Correction>,
}

/// What is done in one round.
struct Plan<'a> {
    room: &'a Room,
    before: Before<'a>,
    proofs: usize,
    edits: Edits,
    mended: Vec<&'a Finding>,
    chosen: BTreeSet<usize>,
    outcomes: BTreeMap<usize, Outcome>,
}

impl<'a> Plan<'a> {
    fn of(room: &'a Room, state: &'a State, may_edit: &MayEdit<'_>, unsafe_too: bool) -> Self {
        let mut plan = Self {
            room,
            before: Before::new(room, state),
            proofs: 0,
            edits: Edits::default(),
            mended: Vec::new(),
            chosen: BTreeSet::new(),
            outcomes: BTreeMap::new(),
        };
        let items = plan.items(state, may_edit);
        plan.settle(&items.iter().collect::<Vec<_>>());
        if unsafe_too {
            plan.settle_unsafe(&items);
        }
        plan
    }

    /// What the dialect would do for each finding.
    fn items(&mut self, state: &'a State, may_edit: &MayEdit<'_>) -> Vec<Item<'a>> {
        let map = state.files.map();
        let mut items = Vec::new();
        for (index, finding) in state.report.findings.iter().enumerate() {
            let Some(intent) = &finding.intent else { continue };
            let (Some(site), Some(oldest)) = (state.sites.get(intent.site), self.before.oldest(intent.site)) else { continue };
            let Some(proxy) = self.before.proxy(intent.site) else { continue };
            let ways = site.fix(map, proxy, &Era::new(oldest), intent).and_then(|ways| {
                let editable = |c: &Correction| {
                    c.edits.iter().try_for_each(|e| map.file_at(e.span.start).map_or(Err("it lies in no file"), |(id, _)| may_edit(id)))
                };
                match ways.iter().map(editable).find_map(Result::err) {
                    Some(why) if ways.iter().all(|c| editable(c).is_err()) => Err(why),
                    _ => Ok(ways.into_iter().filter(|c| editable(c).is_ok()).collect::<Vec<_>>()),
                }
            });
            match ways {
                Ok(ways) if !ways.is_empty() => items.push(Item { index, finding, ways }),
                Ok(_) => self.refuse(index, "there is no place for it"),
                Err(why) => self.refuse(index, why),
            }
        }
        items
    }

    fn refuse(&mut self, index: usize, why: &str) {
        self.outcomes.insert(index, Outcome::Refused(why.to_owned()));
    }

    /// Adds as many safe corrections as fit together: all at once if that can be proved, otherwise each half by itself.
    fn settle(&mut self, items: &[&Item<'a>]) {
        let mut pending = vec![items.to_vec()];
        while let Some(group) = pending.pop() {
            if group.is_empty() {
                continue;
            }
            if self.all_safe(&group) {
                continue;
            }
            if let [item] = group[..] {
                self.alone(item);
            } else {
                let (left, right) = group.split_at(group.len() / 2);
                pending.push(right.to_vec());
                pending.push(left.to_vec());
            }
        }
    }

    /// Takes the first way of every item, if nothing else changes by that.
    fn all_safe(&mut self, group: &[&Item<'a>]) -> bool {
        if group.iter().any(|i| doubt(i.finding, &i.ways[0]).is_some()) {
            return false;
        }
        let mut edits = Some(self.edits.clone());
        for item in group {
            edits = edits.and_then(|e| e.with(&item.ways[0].edits));
        }
        let Some(edits) = edits else { return false };
        let mut mended = self.mended.clone();
        mended.extend(group.iter().map(|i| i.finding));
        if !matches!(self.prove(&edits, &mended), Some(Ok(changes)) if changes.is_empty()) {
            return false;
        }
        for item in group {
            let fix = fix(&item.ways[0], Applicability::Safe, Vec::new());
            self.outcomes.insert(item.index, Outcome::Works(fix));
            self.chosen.insert(item.index);
        }
        (self.edits, self.mended) = (edits, mended);
        true
    }

    /// Tries every way of one item by itself.
    fn alone(&mut self, item: &Item<'a>) {
        let mut second: Option<Fix> = None;
        let mut why = "another correction wants the same place".to_owned();
        for way in &item.ways {
            let Some(edits) = self.edits.with(&way.edits) else { continue };
            let mut mended = self.mended.clone();
            mended.push(item.finding);
            match self.prove(&edits, &mended) {
                None => "too many corrections for one run; run again".clone_into(&mut why),
                Some(Err(refusal)) => why = refusal.words(),
                Some(Ok(mut changes)) => {
                    changes.extend(doubt(item.finding, way));
                    if changes.is_empty() {
                        self.outcomes.insert(item.index, Outcome::Works(fix(way, Applicability::Safe, Vec::new())));
                        self.chosen.insert(item.index);
                        (self.edits, self.mended) = (edits, mended);
                        return;
                    }
                    // The way that changes least.
                    if second.as_ref().is_none_or(|s| changes.len() < s.changes.len()) {
                        second = Some(fix(way, Applicability::Unsafe, changes.into_iter().collect()));
                    }
                }
            }
        }
        let outcome = second.map_or(Outcome::Refused(why), Outcome::Works);
        self.outcomes.insert(item.index, outcome);
    }

    /// Adds corrections that change more than they should, one by one.
    fn settle_unsafe(&mut self, items: &[Item<'a>]) {
        for item in items {
            let Some(Outcome::Works(fix)) = self.outcomes.get(&item.index).cloned() else { continue };
            if self.chosen.contains(&item.index) {
                continue;
            }
            let Some(edits) = self.edits.with(&fix.edits) else { continue };
            let mut mended = self.mended.clone();
            mended.push(item.finding);
            if matches!(self.prove(&edits, &mended), Some(Ok(_))) {
                self.chosen.insert(item.index);
                (self.edits, self.mended) = (edits, mended);
            }
        }
    }

    /// `None` when no more proofs are made.
    fn prove(&mut self, edits: &Edits, mended: &[&'a Finding]) -> Option<Result<BTreeSet<String>, super::proof::Refusal>> {
        self.proofs += 1;
        (self.proofs <= PROOFS).then(|| self.before.prove(self.room, edits, mended))
    }
}

/// What no probe can show about a correction.
fn doubt(finding: &Finding, way: &Correction) -> Option<String> {
    let assumed = finding.intent.as_ref().and_then(|i| i.assumes.clone());
    let guessed = (finding.confidence == Confidence::Guess).then(|| "what the route is for is only guessed".to_owned());
    way.caution.clone().or(assumed).or(guessed)
}

fn fix(way: &Correction, applicability: Applicability, changes: Vec<String>) -> Fix {
    Fix { applicability, title: way.title.clone(), edits: way.edits.clone(), changes }
}
