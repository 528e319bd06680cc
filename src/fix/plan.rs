//! Which corrections are made together, and in which order they are tried.

use super::blame::{Brought, Proof, Refusal, Verdict};
use super::group::Aim;
use super::proof::{Before, Case};
use super::room::{Room, View};
use super::text::Edits;
use super::way::{Try, Way, fix};
use super::{MayEdit, Outcome};
use crate::audit::Judged;
use crate::model::{Applicability, Correction, Edit, Era, Fix, Goal, NoFix};
use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const NO_PLACE: &str = "there is no place for it";

/// How many findings that a correction brings are corrected along with it.
const ALONG: usize = 3;
/// How many ways are tried for one finding.
const WAYS: usize = 12;

/// A finding of which it is not known yet how it is corrected.
struct Open<'a> {
    finding: &'a Finding,
    ways: VecDeque<Way>,
    /// How many more are tried.
    left: usize,
    why: NoFix,
    /// A correction that changes something else.
    second: Option<(Fix, Way)>,
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
    /// The chosen corrections.
    base: Vec<Try<'a>>,
    may_edit: &'a MayEdit<'a>,
    /// Findings that are not settled yet.
    open: BTreeMap<usize, Open<'a>>,
    /// Corrections that do not go together with what was chosen.
    apart: Vec<Try<'a>>,
    /// Corrections that work, and are not chosen.
    ways: BTreeMap<usize, Way>,
    /// Findings whose corrections are among the edits.
    pub(super) chosen: BTreeSet<usize>,
    /// What became of each finding that asks for a correction.
    pub(super) outcomes: BTreeMap<usize, Outcome>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(
        room: &'a Room,
        view: View<'a>,
        judged: &'a [Judged],
        may_edit: &'a MayEdit<'a>,
        unsafe_too: bool,
        bounds: Bounds,
    ) -> Self {
        let mut plan = Self::new(room, view, judged, may_edit, bounds);
        plan.settle();
        if unsafe_too {
            plan.settle_unsafe();
        }
        plan
    }

    /// Nothing is tried yet.
    pub(super) fn new(room: &'a Room, view: View<'a>, judged: &'a [Judged], may_edit: &'a MayEdit<'a>, bounds: Bounds) -> Self {
        let mut plan = Self {
            room,
            before: Before::new(view, judged),
            bounds,
            edits: Edits::default(),
            base: Vec::new(),
            may_edit,
            open: BTreeMap::new(),
            apart: Vec::new(),
            ways: BTreeMap::new(),
            chosen: BTreeSet::new(),
            outcomes: BTreeMap::new(),
        };
        plan.items(view);
        plan
    }

    /// What the dialect would do for each finding.
    fn items(&mut self, view: View<'a>) {
        let map = view.files.map();
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
                    let ways = ways.into_iter().map(|c| Way::of(finding, c)).collect();
                    let why = NoFix::refused("its edits overlap".to_owned());
                    self.open.insert(index, Open { finding, ways, left: WAYS, why, second: None });
                }
                Ok(_) => self.refuse(index, NoFix::unwritten(NO_PLACE)),
                Err(why) => self.refuse(index, why),
            }
        }
    }

    fn refuse(&mut self, index: usize, why: NoFix) {
        self.outcomes.insert(index, Err(why));
    }

    /// Tries the ways of all findings side by side: each of those that are not settled yet goes on with its next way.
    fn settle(&mut self) {
        loop {
            let (mut sure, mut doubtful) = (Vec::new(), Vec::new());
            for (index, item) in std::mem::take(&mut self.open) {
                match self.next(index, item) {
                    Some(next) if next.way.doubts.is_empty() => sure.push(next),
                    Some(next) => doubtful.push(next),
                    None => {}
                }
            }
            if sure.is_empty() && doubtful.is_empty() {
                return;
            }
            for tries in [sure, doubtful] {
                self.judge(tries, Aim::Safe);
            }
            let apart = std::mem::take(&mut self.apart);
            self.judge(apart, Aim::Apart);
        }
    }

    /// The first way of every finding.
    pub(super) fn first(&mut self) -> Vec<Try<'a>> {
        std::mem::take(&mut self.open).into_iter().filter_map(|(index, item)| self.next(index, item)).collect()
    }

    /// The next way of a finding; nothing when it is settled.
    fn next(&mut self, index: usize, mut item: Open<'a>) -> Option<Try<'a>> {
        // What no probe can show counts as a change: such a way is not better than one that changes no more.
        let worse = |way: &Way, (fix, _): &(Fix, Way)| !way.doubts.is_empty() && way.doubts.len() >= fix.changes.len();
        item.ways.retain(|way| !item.second.as_ref().is_some_and(|second| worse(way, second)));
        let next = item.ways.pop_front().filter(|_| item.left > 0);
        let Some(way) = next else {
            let outcome = match item.second {
                Some((fix, way)) => {
                    self.ways.insert(index, way);
                    Ok(fix)
                }
                None => Err(item.why),
            };
            self.outcomes.insert(index, outcome);
            return None;
        };
        item.left -= 1;
        let finding = item.finding;
        self.open.insert(index, item);
        Some(Try { index, finding, way })
    }

    /// It works, and nothing else changes.
    pub(super) fn accept(&mut self, done: Try<'a>, aim: Aim) {
        if aim == Aim::Unsafe {
            self.choose(done);
        } else if !done.way.doubts.is_empty() {
            self.change(&done, BTreeSet::new());
        } else {
            self.open.remove(&done.index);
            self.outcomes.insert(done.index, Ok(done.way.fix(Applicability::Safe, Vec::new())));
            if aim == Aim::Safe {
                self.choose(done);
            } else {
                self.ways.insert(done.index, done.way);
            }
        }
    }

    fn choose(&mut self, done: Try<'a>) {
        if self.edits.add(&done.way.correction.edits) {
            self.chosen.insert(done.index);
            self.base.push(done);
        }
    }

    /// It works, and this changes besides.
    pub(super) fn change(&mut self, done: &Try<'a>, mut changes: BTreeSet<String>) {
        let Some(item) = self.open.get_mut(&done.index) else { return };
        changes.extend(done.way.doubts.iter().cloned());
        // The way that changes least.
        if item.second.as_ref().is_none_or(|(s, _)| changes.len() < s.changes.len()) {
            item.second = Some((done.way.fix(Applicability::Unsafe, changes.into_iter().collect()), done.way.clone()));
        }
    }

    /// It does not work.
    pub(super) fn turn_down(&mut self, done: Try<'a>, why: &Refusal, brought: Option<Brought>, aim: Aim) {
        match aim {
            // What does not go together may go one after the other.
            Aim::Safe if !self.base.is_empty() => self.apart.push(done),
            Aim::Safe | Aim::Apart => {
                let further = self.further(&done.way, brought);
                let Some(item) = self.open.get_mut(&done.index) else { return };
                item.ways.extend(further);
                // What the plain correction would bring says more than what a larger one would.
                if done.way.along.is_empty() {
                    item.why = NoFix::refused(why.words());
                }
            }
            Aim::Unsafe => {}
        }
    }

    /// Its edits do not go together with those that were chosen.
    pub(super) fn put_apart(&mut self, one: Try<'a>) {
        self.apart.push(one);
    }

    /// No more proofs are made.
    pub(super) fn give_up(&mut self, index: usize) {
        if let Some(item) = self.open.get_mut(&index) {
            item.why = NoFix::untried(self.bounds.beyond);
            item.ways.clear();
        }
    }

    /// The same correction, with what it brings dealt with as well.
    fn further(&self, way: &Way, brought: Option<Brought>) -> Vec<Way> {
        let Some((finding, ways)) = brought.filter(|_| way.along.len() < ALONG) else { return Vec::new() };
        let view = self.before.view();
        ways.into_iter().filter(|c| self.editable(view, c).is_ok()).map(|c| way.and(&finding, c)).collect()
    }

    fn editable(&self, view: View<'_>, way: &Correction) -> Result<(), &'static str> {
        let file = |e: &Edit| view.files.map().file_at(e.span.start).map_or(Err("it lies in no file"), |(id, _)| (self.may_edit)(id));
        way.edits.iter().try_for_each(file)
    }

    /// Adds corrections that change more than they should.
    fn settle_unsafe(&mut self) {
        let ways = std::mem::take(&mut self.ways);
        let findings = self.before.view().findings;
        let tries = ways.into_iter().map(|(index, way)| Try { index, finding: &findings[index], way });
        self.judge(tries.collect(), Aim::Unsafe);
    }

    /// What is to be said of each, whatever it costs.
    pub(super) fn verdicts(&mut self, case: Case<'_, 'a>) -> Vec<Verdict> {
        self.before.prove(self.room, case).verdicts
    }

    /// What is to be said of each; nothing when no more proofs are made. `edits` are those of what is chosen and tried.
    pub(super) fn prove(&mut self, edits: &Edits, tried: &[Try<'a>], aim: Aim) -> Option<Proof> {
        self.bounds.bytes = self.bounds.bytes.checked_sub(self.before.bytes(edits))?;
        self.bounds.proofs = self.bounds.proofs.checked_sub(1)?;
        let base = if aim == Aim::Apart { &[][..] } else { &self.base };
        Some(self.before.prove(self.room, Case { edits, base, tried, others: aim != Aim::Unsafe }))
    }
}
