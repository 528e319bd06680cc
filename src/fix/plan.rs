//! Which corrections are made together, and in which order they are tried.

use super::proof::{Before, Refusal, Wanted};
use super::room::{Room, View};
use super::text::Edits;
use super::{MayEdit, Outcome};
use crate::model::{Applicability, Correction, Edit, Era, Fix, Goal, NoFix};
use crate::rules::{Confidence, Finding};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const NO_PLACE: &str = "there is no place for it";

/// How many findings that a correction brings are corrected along with it.
const ALONG: usize = 3;
/// How many ways are tried for one finding.
const WAYS: usize = 12;

/// A finding with ways to correct it.
struct Item<'a> {
    index: usize,
    finding: &'a Finding,
    ways: Vec<Way>,
}

/// A correction, with what it brings and deals with as well.
#[derive(Clone)]
struct Way {
    correction: Correction,
    along: Vec<Finding>,
    /// What no probe can show about it.
    doubts: BTreeSet<String>,
}

impl Way {
    fn of(finding: &Finding, correction: Correction) -> Self {
        let doubts = doubt(finding, &correction).into_iter().collect();
        Self { correction, along: Vec::new(), doubts }
    }

    /// The same, with what it brings dealt with: `correction` holds the edits of both.
    fn and(&self, brought: &Finding, mut correction: Correction) -> Self {
        let mut more = self.clone();
        more.doubts.extend(doubt(brought, &correction));
        correction.title = format!("{}, and {}", self.correction.title, correction.title);
        more.correction = correction;
        more.along.push(brought.clone());
        more
    }
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
    wanted: Wanted<'a>,
    may_edit: &'a MayEdit<'a>,
    /// What the correction of a finding deals with besides.
    along: BTreeMap<usize, Vec<Finding>>,
    /// Findings whose corrections are among the edits.
    pub(super) chosen: BTreeSet<usize>,
    /// What became of each finding that asks for a correction.
    pub(super) outcomes: BTreeMap<usize, Outcome>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(room: &'a Room, view: View<'a>, may_edit: &'a MayEdit<'a>, unsafe_too: bool, bounds: Bounds) -> Self {
        let mut plan = Self {
            room,
            before: Before::new(view),
            bounds,
            edits: Edits::default(),
            wanted: Wanted::default(),
            may_edit,
            along: BTreeMap::new(),
            chosen: BTreeSet::new(),
            outcomes: BTreeMap::new(),
        };
        let items = plan.items(view);
        plan.settle(&items.iter().collect::<Vec<_>>());
        if unsafe_too {
            plan.settle_unsafe(&items);
        }
        plan
    }

    /// What the dialect would do for each finding.
    fn items(&mut self, view: View<'a>) -> Vec<Item<'a>> {
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
                let editable = |c: &Correction| self.editable(view, c);
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
                Ok(ways) if !ways.is_empty() => {
                    items.push(Item { index, finding, ways: ways.into_iter().map(|c| Way::of(finding, c)).collect() });
                }
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
        if group.iter().any(|i| !i.ways[0].doubts.is_empty()) {
            return false;
        }
        let mut edits = Some(self.edits.clone());
        let mut wanted = self.wanted.clone();
        for item in group {
            edits = edits.and_then(|e| e.with(&item.ways[0].correction.edits));
            wanted.mended.push(item.finding);
        }
        let Some(edits) = edits else { return false };
        if !matches!(self.prove(&edits, &wanted), Some(Ok(changes)) if changes.is_empty()) {
            return false;
        }
        for item in group {
            let fix = fix(&item.ways[0].correction, Applicability::Safe, Vec::new());
            self.outcomes.insert(item.index, Ok(fix));
            self.chosen.insert(item.index);
        }
        (self.edits, self.wanted) = (edits, wanted);
        true
    }

    /// Tries every way of one item by itself.
    fn alone(&mut self, item: &Item<'a>) {
        let mut second: Option<(Fix, Vec<Finding>)> = None;
        let mut why = NoFix::refused("its edits overlap".to_owned());
        let mut ways: VecDeque<Way> = item.ways.iter().cloned().collect();
        let mut left = WAYS;
        while let Some(way) = ways.pop_front().filter(|_| left > 0) {
            left -= 1;
            // Where another correction stands, this one is judged by itself, and made in the next round.
            let together = self.edits.with(&way.correction.edits);
            let mut fits = together.is_some();
            let Some(edits) = together.or_else(|| Edits::default().with(&way.correction.edits)) else { continue };
            let others = if fits { self.wanted.clone() } else { Wanted::default() };
            let wanted = others.with(item.finding, &way.along);
            let mut proved = self.prove(&edits, &wanted);
            if fits && !self.edits.is_empty() && matches!(proved, Some(Err(_))) {
                // What does not go together may go one after the other.
                fits = false;
                let own = Edits::default().with(&way.correction.edits).unwrap_or_default();
                proved = self.prove(&own, &Wanted::default().with(item.finding, &way.along));
            }
            match proved {
                None => why = NoFix::untried(self.bounds.beyond),
                Some(Err(refusal)) => {
                    if matches!(refusal, Refusal::New(_)) && way.along.len() < ALONG {
                        ways.extend(self.further(&way));
                    }
                    // What the plain correction would bring says more than what a larger one would.
                    if way.along.is_empty() {
                        why = NoFix::refused(refusal.words());
                    }
                }
                Some(Ok(mut changes)) => {
                    changes.extend(way.doubts);
                    if changes.is_empty() {
                        self.outcomes.insert(item.index, Ok(fix(&way.correction, Applicability::Safe, Vec::new())));
                        self.along.insert(item.index, way.along);
                        if fits {
                            self.chosen.insert(item.index);
                            (self.edits, self.wanted) = (edits, wanted);
                        }
                        return;
                    }
                    // The way that changes least.
                    if second.as_ref().is_none_or(|(s, _)| changes.len() < s.changes.len()) {
                        second = Some((fix(&way.correction, Applicability::Unsafe, changes.into_iter().collect()), way.along));
                    }
                }
            }
        }
        let outcome = match second {
            Some((fix, along)) => {
                self.along.insert(item.index, along);
                Ok(fix)
            }
            None => Err(why),
        };
        self.outcomes.insert(item.index, outcome);
    }

    /// The same correction, with the first thing that it brings dealt with as well.
    fn further(&mut self, way: &Way) -> Vec<Way> {
        let Some(edits) = Edits::default().with(&way.correction.edits) else { return Vec::new() };
        if self.spend(&edits).is_none() {
            return Vec::new();
        }
        let brought = self.before.brought(self.room, &edits);
        let view = self.before.view();
        let Some((finding, ways)) = brought.into_iter().next() else { return Vec::new() };
        ways.into_iter().filter(|c| self.editable(view, c).is_ok()).map(|c| way.and(&finding, c)).collect()
    }

    fn editable(&self, view: View<'_>, way: &Correction) -> Result<(), &'static str> {
        let file = |e: &Edit| view.files.map().file_at(e.span.start).map_or(Err("it lies in no file"), |(id, _)| (self.may_edit)(id));
        way.edits.iter().try_for_each(file)
    }

    /// Adds corrections that change more than they should, one by one.
    fn settle_unsafe(&mut self, items: &[Item<'a>]) {
        for item in items {
            let Some(Ok(fix)) = self.outcomes.get(&item.index).cloned() else { continue };
            if self.chosen.contains(&item.index) {
                continue;
            }
            let Some(edits) = self.edits.with(&fix.edits) else { continue };
            let wanted = self.wanted.with(item.finding, self.along.get(&item.index).map_or(&[], Vec::as_slice));
            if matches!(self.prove(&edits, &wanted), Some(Ok(_))) {
                self.chosen.insert(item.index);
                (self.edits, self.wanted) = (edits, wanted);
            }
        }
    }

    /// `None` when no more proofs are made.
    fn prove(&mut self, edits: &Edits, wanted: &Wanted<'a>) -> Option<Result<BTreeSet<String>, Refusal>> {
        self.spend(edits)?;
        Some(self.before.prove(self.room, edits, wanted))
    }

    /// Takes the cost of one proof from what may still be done.
    fn spend(&mut self, edits: &Edits) -> Option<()> {
        self.bounds.bytes = self.bounds.bytes.checked_sub(self.before.bytes(edits))?;
        self.bounds.proofs = self.bounds.proofs.checked_sub(1)?;
        Some(())
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
