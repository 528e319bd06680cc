//! One proof of many corrections, and a verdict for each: whatever speaks against them is put down to those that it comes from.
//!
//! Something is put down to a correction for certain if every edit that it may come from is among the edits of that correction: by
//! itself it would show the same. What may come from several is put down to none: they are to be proved apart from one another.

use super::scene::Traces;
use super::text::Edits;
use super::way::Try;
use crate::model::Correction;
use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Why a correction is not one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// The files are put together otherwise.
    ReadsDifferently,
    /// Something is found that was not there.
    New(&'static str),
    /// What was to go is still there.
    StillThere,
    /// The request fares no better.
    Missed,
}

impl Refusal {
    /// Where several hold, the first is told.
    const fn order(&self) -> u8 {
        match self {
            Self::ReadsDifferently => 0,
            Self::New(_) => 1,
            Self::StillThere => 2,
            Self::Missed => 3,
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::ReadsDifferently => "the files would be put together otherwise".to_owned(),
            Self::New(rule) => format!("it would bring `{rule}`"),
            Self::StillThere => "the finding would remain".to_owned(),
            Self::Missed => "the request would fare no better".to_owned(),
        }
    }
}

/// What a correction brings, and ways to be rid of it as well: all edits, on the text as it is.
pub(super) type Brought = (Finding, Vec<Correction>);

/// What a proof says of one correction.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing speaks against it.
    Clean,
    /// It works, and this changes besides.
    Changes(BTreeSet<String>),
    /// It is none.
    Refused(Refusal, Option<Box<Brought>>),
    /// What it does cannot be told from what others do.
    Unclear,
}

/// What a proof says.
#[derive(Debug)]
pub(super) struct Proof {
    /// Of each correction that was tried, in their order.
    pub(super) verdicts: Vec<Verdict>,
    /// Those of which one may do what another one does.
    pub(super) alike: Vec<Vec<usize>>,
}

impl Proof {
    /// Whether nothing speaks against any.
    pub(super) fn clean(&self) -> bool {
        self.verdicts.iter().all(|v| matches!(v, Verdict::Clean))
    }
}

/// Whom something is put down to.
#[derive(Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(super) enum Culprits {
    /// Each of these for certain.
    These(Vec<usize>),
    /// One of these, or some together.
    Among(Vec<usize>),
    /// Nobody who is known.
    Nobody,
}

/// What speaks against corrections that are proved together.
pub(super) struct Blame {
    /// By edit: the corrections that make it. None of those that were proved before.
    makers: BTreeMap<u32, Vec<usize>>,
    /// With its order, and that among its like.
    refused: Vec<Option<((u8, usize), Refusal)>>,
    brought: Vec<Option<Brought>>,
    changes: Vec<BTreeSet<String>>,
    among: BTreeSet<Vec<usize>>,
    /// What shows at a correction itself, and who besides may be the reason.
    spoilt: BTreeMap<usize, BTreeSet<usize>>,
    /// Something comes from nobody who is known.
    nobody: bool,
}

impl Blame {
    pub(super) fn of(edits: &Edits, base: &[Try<'_>], tried: &[Try<'_>]) -> Self {
        let index: BTreeMap<_, u32> = edits.iter().zip(0..).collect();
        let proved: BTreeSet<u32> = base.iter().flat_map(|t| &t.way.correction.edits).filter_map(|e| index.get(e)).copied().collect();
        let mut makers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, t) in tried.iter().enumerate() {
            for edit in t.way.correction.edits.iter().filter_map(|e| index.get(e)).filter(|e| !proved.contains(e)) {
                makers.entry(*edit).or_default().push(at);
            }
        }
        let number = tried.len();
        Self {
            makers,
            refused: vec![None; number],
            brought: std::iter::repeat_with(|| None).take(number).collect(),
            changes: vec![BTreeSet::new(); number],
            among: BTreeSet::new(),
            spoilt: BTreeMap::new(),
            nobody: false,
        }
    }

    /// Whether there is nobody left of whom anything could be told.
    pub(super) fn settled(&self) -> bool {
        self.nobody && self.refused.len() > 1 || self.refused.iter().all(Option::is_some)
    }

    pub(super) fn is_refused(&self, at: usize) -> bool {
        self.refused[at].is_some()
    }

    /// Whom something is put down to that may come from these edits.
    pub(super) fn culprits(&self, traces: &Traces) -> Culprits {
        if self.refused.len() == 1 {
            return Culprits::These(vec![0]);
        }
        let mut makers = traces.iter().filter_map(|e| self.makers.get(e));
        let Some(first) = makers.next() else { return Culprits::Nobody };
        let (mut each, mut any) = (first.clone(), first.iter().copied().collect::<BTreeSet<usize>>());
        for more in makers {
            each.retain(|at| more.binary_search(at).is_ok());
            any.extend(more);
        }
        if each.is_empty() { Culprits::Among(any.into_iter().collect()) } else { Culprits::These(each) }
    }

    /// Nobody in particular is the reason.
    pub(super) fn all(&mut self, why: &Refusal) {
        self.put(&Culprits::Nobody, why, 0);
    }

    /// `rank`: among others of its kind, the first is told.
    pub(super) fn put(&mut self, culprits: &Culprits, why: &Refusal, rank: usize) {
        match culprits {
            Culprits::These(these) => {
                for at in these {
                    let told = &mut self.refused[*at];
                    if told.as_ref().is_none_or(|(order, _)| (why.order(), rank) < *order) {
                        *told = Some(((why.order(), rank), why.clone()));
                    }
                }
            }
            Culprits::Among(some) => {
                self.among.insert(some.clone());
            }
            Culprits::Nobody if self.refused.len() == 1 => self.put(&Culprits::These(vec![0]), why, rank),
            Culprits::Nobody => self.nobody = true,
        }
    }

    /// Something shows at one of them itself: it is to blame, unless others may have spoilt it.
    pub(super) fn put_own(&mut self, at: usize, traces: &Traces, why: &Refusal) {
        let others: BTreeSet<usize> = match self.culprits(traces) {
            Culprits::These(these) if these.contains(&at) => BTreeSet::new(),
            Culprits::These(some) | Culprits::Among(some) => some.into_iter().filter(|o| *o != at).collect(),
            Culprits::Nobody => BTreeSet::new(),
        };
        if others.is_empty() {
            self.put(&Culprits::These(vec![at]), why, 0);
        } else {
            self.spoilt.entry(at).or_default().extend(others);
        }
    }

    /// Who would bring what is looked at, if nobody told so yet.
    pub(super) fn bring(&mut self, at: usize, brought: impl FnOnce() -> Brought) {
        if self.brought[at].is_none() {
            self.brought[at] = Some(brought());
        }
    }

    /// Something else changes.
    pub(super) fn change(&mut self, at: usize, words: String) {
        self.changes[at].insert(words);
    }

    /// Something else changes, and it is not clear by whom.
    pub(super) fn change_by(&mut self, culprits: Culprits) {
        match culprits {
            Culprits::These(_) => {}
            Culprits::Among(some) => drop(self.among.insert(some)),
            Culprits::Nobody => self.nobody = true,
        }
    }

    /// The verdict for each.
    pub(super) fn verdicts(self) -> Proof {
        let number = self.refused.len();
        if self.nobody && number > 1 {
            let unclear = std::iter::repeat_with(|| Verdict::Unclear).take(number).collect();
            return Proof { verdicts: unclear, alike: vec![(0..number).collect()] };
        }
        let shared: BTreeSet<usize> = self.among.iter().flatten().chain(self.spoilt.keys()).copied().collect();
        let shows = |at: usize| self.refused[at].is_some() || !self.changes[at].is_empty();
        let brings = |at: usize| matches!(self.refused[at], Some((_, Refusal::New(_))));
        // Once those that are to blame for certain are gone, what they may have done besides need not be there.
        let sure = |at: usize| brings(at) || shows(at) && !shared.contains(&at);
        let mut unclear: BTreeSet<usize> = (0..number).filter(|at| shows(*at) && !sure(*at)).collect();
        let mut alike: Vec<Vec<usize>> = Vec::new();
        for some in self.among.iter().filter(|some| !some.iter().any(|at| sure(*at))) {
            unclear.extend(some);
            alike.push(some.clone());
        }
        for (at, others) in self.spoilt.iter().filter(|(at, others)| !sure(**at) && !others.iter().any(|o| sure(*o))) {
            unclear.insert(*at);
            alike.extend(others.iter().map(|o| vec![*at, *o]));
        }
        let mut verdicts = Vec::with_capacity(number);
        for (at, ((refused, brought), changes)) in self.refused.iter().zip(self.brought).zip(&self.changes).enumerate() {
            verdicts.push(match refused {
                _ if unclear.contains(&at) => Verdict::Unclear,
                Some((_, why)) => Verdict::Refused(why.clone(), brought.map(Box::new)),
                None if !changes.is_empty() => Verdict::Changes(changes.clone()),
                None => Verdict::Clean,
            });
        }
        for some in &mut alike {
            some.retain(|at| unclear.contains(at));
        }
        alike.retain(|some| some.len() > 1);
        Proof { verdicts, alike }
    }
}
