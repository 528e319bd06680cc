//! Proves many corrections at once, and apart from one another what cannot be told apart.

use super::blame::{Proof, Verdict};
use super::plan::Plan;
use super::text::Edits;
use super::way::Try;
use std::collections::{BTreeMap, BTreeSet};

/// How many groups are made of what cannot be told apart.
const PARTS: usize = 4;

/// What corrections are proved for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aim {
    /// To be made with what is chosen, if nothing else changes.
    Safe,
    /// To be known by themselves: they do not go together with what is chosen.
    Apart,
    /// To be made with what is chosen, whatever else changes.
    Unsafe,
}

/// Corrections that are proved together.
struct Group<'a> {
    tries: Vec<Try<'a>>,
    /// Those that were taken out before, and what spoke against them. It is believed if nothing speaks against the others.
    held: Vec<(Try<'a>, Verdict)>,
}

impl<'a> Group<'a> {
    const fn of(tries: Vec<Try<'a>>) -> Self {
        Self { tries, held: Vec::new() }
    }
}

impl<'a> Plan<'a> {
    /// Finds out about corrections, in as few proofs as it takes.
    pub(super) fn judge(&mut self, tries: Vec<Try<'a>>, aim: Aim) {
        let mut pending: Vec<Group<'a>> = fitting(tries).into_iter().map(Group::of).rev().collect();
        while let Some(mut group) = pending.pop() {
            let edits = self.fit(&mut group.tries, aim);
            if group.tries.is_empty() {
                self.tell(group.held, aim);
                continue;
            }
            let Some(proof) = self.prove(&edits, &group.tries, aim) else {
                group.tries.iter().chain(group.held.iter().map(|h| &h.0)).for_each(|t| self.give_up(t.index));
                continue;
            };
            if proof.clean() {
                group.tries.into_iter().for_each(|t| self.accept(t, aim));
                self.tell(group.held, aim);
                continue;
            }
            if !group.held.is_empty() {
                pending.push(Group::of(group.held.into_iter().map(|h| h.0).collect()));
            }
            let Split { clean, told, unclear } = Split::of(group.tries, proof);
            pending.extend(unclear.into_iter().rev().map(Group::of));
            pending.push(Group { tries: clean, held: told });
        }
    }

    /// Puts apart what does not go together with what is chosen; all edits of the rest.
    fn fit(&mut self, tries: &mut Vec<Try<'a>>, aim: Aim) -> Edits {
        let mut edits = if aim == Aim::Apart { Edits::default() } else { self.edits.clone() };
        for one in std::mem::take(tries) {
            if edits.add(&one.way.correction.edits) {
                tries.push(one);
            } else if aim == Aim::Safe {
                self.put_apart(one);
            }
        }
        edits
    }

    fn tell(&mut self, told: Vec<(Try<'a>, Verdict)>, aim: Aim) {
        for (one, verdict) in told {
            match verdict {
                Verdict::Changes(_) if aim == Aim::Unsafe => {}
                Verdict::Changes(changes) => self.change(&one, changes),
                Verdict::Refused(why, brought) => self.turn_down(one, &why, brought.map(|b| *b), aim),
                Verdict::Clean | Verdict::Unclear => {}
            }
        }
    }
}

/// Groups within which no edit wants the place of another one.
pub(super) fn fitting(tries: Vec<Try<'_>>) -> Vec<Vec<Try<'_>>> {
    let mut groups: Vec<(Edits, Vec<Try<'_>>)> = Vec::new();
    for one in tries {
        match groups.iter_mut().find_map(|(edits, group)| edits.add(&one.way.correction.edits).then_some(group)) {
            Some(group) => group.push(one),
            None => groups.extend(Edits::default().with(&one.way.correction.edits).map(|edits| (edits, vec![one]))),
        }
    }
    groups.into_iter().map(|g| g.1).collect()
}

/// What a proof makes of a group.
struct Split<'a> {
    /// Nothing speaks against these so far.
    clean: Vec<Try<'a>>,
    told: Vec<(Try<'a>, Verdict)>,
    /// Groups that are proved apart from one another.
    unclear: Vec<Vec<Try<'a>>>,
}

impl<'a> Split<'a> {
    fn of(tries: Vec<Try<'a>>, proof: Proof) -> Self {
        let part = parts(&proof);
        let mut split = Self { clean: Vec::new(), told: Vec::new(), unclear: Vec::new() };
        for (at, (one, verdict)) in tries.into_iter().zip(proof.verdicts).enumerate() {
            match verdict {
                Verdict::Clean => split.clean.push(one),
                Verdict::Unclear => {
                    let part = part[&at];
                    split.unclear.resize_with(split.unclear.len().max(part + 1), Vec::new);
                    split.unclear[part].push(one);
                }
                told => split.told.push((one, told)),
            }
        }
        split
    }
}

/// By what is unclear: the number of its group. Those that cannot be told apart are in different ones, as far as these go.
fn parts(proof: &Proof) -> BTreeMap<usize, usize> {
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (set, some) in proof.alike.iter().enumerate() {
        for at in some {
            sets.entry(*at).or_default().push(set);
        }
    }
    let mut taken: Vec<[usize; PARTS]> = vec![[0; PARTS]; proof.alike.len()];
    let mut part = BTreeMap::new();
    let unclear = proof.verdicts.iter().enumerate().filter(|(_, v)| matches!(v, Verdict::Unclear)).map(|(at, _)| at);
    for at in unclear.collect::<BTreeSet<usize>>() {
        let own = sets.get(&at).map_or(&[][..], Vec::as_slice);
        let crowd = |part: &usize| own.iter().map(|set| taken[*set][*part]).sum::<usize>();
        let best = (0..PARTS).min_by_key(crowd).unwrap_or_default();
        for set in own {
            taken[*set][best] += 1;
        }
        part.insert(at, best);
    }
    part
}
