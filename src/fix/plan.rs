//! Which corrections are made together, and in which order they are tried.

use super::proof::{Before, Refusal};
use super::room::{Room, View};
use super::text::Edits;
use super::{MayEdit, Outcome};
use crate::model::{Applicability, Correction, Era, Fix, Goal, NoFix};
use crate::rules::{Confidence, Finding};
use std::collections::{BTreeMap, BTreeSet};

const NO_PLACE: &str = "there is no place for it";

/// A finding with ways to correct it.
struct Item<'a> {
    index: usize,
    finding: &'a Finding,
    ways: Vec<Correction>,
}

/// How much is done to prove corrections.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// How many proofs may still be made.
    pub(super) proofs: usize,
    /// How many bytes may still be read and audited once more for that.
    pub(super) bytes: usize,
    /// What is said of corrections that are not tried for that reason.
    pub(super) beyond: &'static str,
}

/// What is done in one round.
pub(super) struct Plan<'a> {
    room: &'a Room,
    before: Before<'a>,
    bounds: Bounds,
    /// All edits of the chosen corrections.
    pub(super) edits: Edits,
    mended: Vec<&'a Finding>,
    /// Findings whose corrections are among the edits.
    pub(super) chosen: BTreeSet<usize>,
    /// What became of each finding that asks for a correction.
    pub(super) outcomes: BTreeMap<usize, Outcome>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(room: &'a Room, view: View<'a>, may_edit: &MayEdit<'_>, unsafe_too: bool, bounds: Bounds) -> Self {
        let mut plan = Self {
            room,
            before: Before::new(view),
            bounds,
            edits: Edits::default(),
            mended: Vec::new(),
            chosen: BTreeSet::new(),
            outcomes: BTreeMap::new(),
        };
        let items = plan.items(view, may_edit);
        plan.settle(&items.iter().collect::<Vec<_>>());
        if unsafe_too {
            plan.settle_unsafe(&items);
        }
        plan
    }

    /// What the dialect would do for each finding.
    fn items(&mut self, view: View<'a>, may_edit: &MayEdit<'_>) -> Vec<Item<'a>> {
        let map = view.files.map();
        let mut items = Vec::new();
        for (index, finding) in view.findings.iter().enumerate() {
            let Some(intent) = &finding.intent else { continue };
            let Some(site) = view.sites.get(intent.site) else { continue };
            if self.before.size(intent.site) > self.bounds.bytes {
                self.refuse(index, NoFix::untried(self.bounds.beyond));
                continue;
            }
            let Some((oldest, proxy)) = self.before.oldest(self.room, intent.site) else { continue };
            let written = match &intent.goal {
                // A comment is no matter of the dialect.
                Goal::Comment { ways, .. } => Ok(ways.clone()),
                _ => site.fix(map, proxy, &Era::new(oldest), intent),
            };
            let ways = written.and_then(|ways| {
                let editable = |c: &Correction| {
                    c.edits.iter().try_for_each(|e| map.file_at(e.span.start).map_or(Err("it lies in no file"), |(id, _)| may_edit(id)))
                };
                let (good, bad): (Vec<_>, Vec<_>) = ways.into_iter().partition(|c| editable(c).is_ok());
                match bad.first().map(editable) {
                    Some(Err(why)) if good.is_empty() => Err(NoFix::hidden(why)),
                    _ => Ok(good),
                }
            });
            match ways {
                Ok(ways) if matches!(intent.goal, Goal::Comment { by_hand: true, .. }) => {
                    let shown = ways.first().map(|way| fix(way, Applicability::ByHand, Vec::new()));
                    self.outcomes.insert(index, shown.ok_or_else(|| NoFix::unwritten(NO_PLACE)));
                }
                Ok(ways) if !ways.is_empty() => items.push(Item { index, finding, ways }),
                Ok(_) => self.refuse(index, NoFix::unwritten(NO_PLACE)),
                Err(why) => self.refuse(index, why),
            }
        }
        items
    }

    fn refuse(&mut self, index: usize, why: NoFix) {
        self.outcomes.insert(index, Err(why));
    }

    /// Adds as many safe corrections as fit together: all at once if that can be proved, otherwise each half by itself.
    fn settle(&mut self, items: &[&Item<'a>]) {
        let mut pending = vec![items.to_vec()];
        while let Some(group) = pending.pop() {
            if group.is_empty() || self.all_safe(&group) {
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
            self.outcomes.insert(item.index, Ok(fix));
            self.chosen.insert(item.index);
        }
        (self.edits, self.mended) = (edits, mended);
        true
    }

    /// Tries every way of one item by itself.
    fn alone(&mut self, item: &Item<'a>) {
        let mut second: Option<Fix> = None;
        let mut why = NoFix::refused("its edits overlap".to_owned());
        for way in &item.ways {
            let mut mended = self.mended.clone();
            // Where another correction stands, this one is judged by itself, and made in the next round.
            let together = self.edits.with(&way.edits);
            let fits = together.is_some();
            let Some(edits) = together.or_else(|| Edits::default().with(&way.edits)) else { continue };
            if !fits {
                mended.clear();
            }
            mended.push(item.finding);
            match self.prove(&edits, &mended) {
                None => why = NoFix::untried(self.bounds.beyond),
                Some(Err(refusal)) => why = NoFix::refused(refusal.words()),
                Some(Ok(mut changes)) => {
                    changes.extend(doubt(item.finding, way));
                    if changes.is_empty() {
                        self.outcomes.insert(item.index, Ok(fix(way, Applicability::Safe, Vec::new())));
                        if fits {
                            self.chosen.insert(item.index);
                            (self.edits, self.mended) = (edits, mended);
                        }
                        return;
                    }
                    // The way that changes least.
                    if second.as_ref().is_none_or(|s| changes.len() < s.changes.len()) {
                        second = Some(fix(way, Applicability::Unsafe, changes.into_iter().collect()));
                    }
                }
            }
        }
        let outcome = second.ok_or(why);
        self.outcomes.insert(item.index, outcome);
    }

    /// Adds corrections that change more than they should, one by one.
    fn settle_unsafe(&mut self, items: &[Item<'a>]) {
        for item in items {
            let Some(Ok(fix)) = self.outcomes.get(&item.index).cloned() else { continue };
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
    fn prove(&mut self, edits: &Edits, mended: &[&'a Finding]) -> Option<Result<BTreeSet<String>, Refusal>> {
        self.bounds.bytes = self.bounds.bytes.checked_sub(self.before.bytes(edits))?;
        self.bounds.proofs = self.bounds.proofs.checked_sub(1)?;
        Some(self.before.prove(self.room, edits, mended))
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
