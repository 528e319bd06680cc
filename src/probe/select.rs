//! Choosing an arm of a table.

use super::{
    index::Picked,
    machine::Run,
    value::{Tri, Val},
};
use crate::model::{Arm, Atom, Cond, Matcher, Pick, Rank, Subject, TableId, Text, Why};

/// How deep arms may be nested before hoplint gives up on the innermost.
const DEEPEST: u32 = 400;

/// How far the search for a path went.
enum Found {
    Final(Arm),
    Prefix(Arm),
    Nothing,
    Unknown(Why),
}

impl Run<'_> {
    pub(super) fn pick(&mut self, id: TableId) -> Picked {
        let table = self.proxy.table(id);
        let picked = match table.pick {
            Pick::FirstMatch => self.among(id, Self::first_match),
            Pick::SpecificHost => self.among(id, Self::specific_host),
            Pick::PrefixTree => match self.deeper(id, 0) {
                Found::Final(arm) | Found::Prefix(arm) => Picked::Arm(arm),
                Found::Nothing => Picked::Miss,
                Found::Unknown(why) => Picked::Unknown(why),
            },
        };
        match (picked, table.open) {
            (Picked::Miss, Some(why)) => Picked::Unknown(why),
            (picked, _) => picked,
        }
    }

    /// Chooses among the arms that may fit.
    fn among<T>(&mut self, id: TableId, choose: impl FnOnce(&mut Self, TableId, &[u32]) -> T) -> T {
        let candidates = self.candidates(id);
        let chosen = choose(self, id, &candidates);
        self.arms = candidates;
        chosen
    }

    fn deeper(&mut self, id: TableId, depth: u32) -> Found {
        self.among(id, |run, id, candidates| run.prefix_tree(id, candidates, depth))
    }

    /// The arms that may fit, in their order.
    fn candidates(&mut self, id: TableId) -> Vec<u32> {
        let mut found = std::mem::take(&mut self.arms);
        found.clear();
        let all = 0..self.proxy.table(id).arms.len() as u32;
        let Some(index) = self.machine.index(id) else {
            found.extend(all);
            return found;
        };
        found.extend_from_slice(index.others());
        for keyed in index.keyed() {
            match self.read(&keyed.of) {
                Val::Is(text) => keyed.find(&text, &mut found),
                Val::Unknown { .. } => {
                    found.clear();
                    found.extend(all);
                    return found;
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn first_match(&mut self, id: TableId, candidates: &[u32]) -> Picked {
        let arms = &self.proxy.table(id).arms;
        for i in candidates {
            let arm = &arms[*i as usize];
            match self.holds(arm.test) {
                Tri::Yes => return Picked::Arm(*arm),
                Tri::No => {}
                Tri::Maybe(why) => {
                    if self.decide(Some(arm.test), why) {
                        return Picked::Arm(*arm);
                    }
                }
            }
        }
        Picked::Miss
    }

    fn specific_host(&mut self, id: TableId, candidates: &[u32]) -> Picked {
        let proxy = self.proxy;
        let arms = || candidates.iter().map(|i| &proxy.table(id).arms[*i as usize]);
        let mut read: Option<(&Subject, Text)> = None;
        let mut best: Option<((u8, usize), Arm)> = None;
        for arm in arms() {
            let Cond::Test(Atom { of, is, .. }) = proxy.cond(arm.test) else { continue };
            if read.as_ref().is_none_or(|r| r.0 != of) {
                let Val::Is(text) = self.read(of) else { continue };
                read = Some((of, text));
            }
            let Some((_, host)) = &read else { continue };
            let score = match is {
                Matcher::Is(names) if names.contains(host) => (3, 0),
                Matcher::Ends(tails) => match tails.iter().filter(|t| host.len() > t.len() && host.ends_with(&***t)).map(|t| t.len()).max()
                {
                    Some(n) => (2, n),
                    None => continue,
                },
                Matcher::Starts(heads) => {
                    match heads.iter().filter(|t| host.len() > t.len() && host.starts_with(&***t)).map(|t| t.len()).max() {
                        Some(n) => (1, n),
                        None => continue,
                    }
                }
                _ => continue,
            };
            if best.as_ref().is_none_or(|(b, _)| score > *b) {
                best = Some((score, *arm));
            }
            if score.0 == 3 {
                break;
            }
        }
        if let Some((_, arm)) = best {
            return Picked::Arm(arm);
        }
        for arm in arms() {
            if !matches!(proxy.cond(arm.test), Cond::Test(Atom { is: Matcher::Regex(_), .. }) | Cond::Opaque(_)) {
                continue;
            }
            match self.holds(arm.test) {
                Tri::Yes => return Picked::Arm(*arm),
                Tri::No => {}
                Tri::Maybe(why) => {
                    if self.decide(Some(arm.test), why) {
                        return Picked::Arm(*arm);
                    }
                }
            }
        }
        Picked::Miss
    }

    fn prefix_tree(&mut self, id: TableId, candidates: &[u32], depth: u32) -> Found {
        let proxy = self.proxy;
        let arms = || candidates.iter().map(|i| &proxy.table(id).arms[*i as usize]);
        let path = self.path.clone();
        let mut longest: Option<(usize, Arm)> = None;
        let mut implied = None;
        for arm in arms() {
            let Cond::Test(Atom { is, .. }) = proxy.cond(arm.test) else { continue };
            match (arm.rank, is) {
                (Rank::Exact, Matcher::Is(t)) if t.contains(&path) => return Found::Final(*arm),
                (Rank::Implied, Matcher::Is(t)) if t.contains(&path) => implied = Some(*arm),
                (Rank::Plain | Rank::Sealed, Matcher::Starts(t)) => {
                    if let Some(n) = t.iter().filter(|t| path.starts_with(&***t)).map(|t| t.len()).max()
                        && longest.is_none_or(|(l, _)| n > l)
                    {
                        longest = Some((n, *arm));
                    }
                }
                _ => {}
            }
        }
        if let Some(arm) = implied
            && longest.is_none_or(|(n, _)| n < path.len())
        {
            return Found::Final(arm);
        }
        let mut found = Found::Nothing;
        let mut sealed = false;
        if let Some((_, arm)) = longest {
            sealed = arm.rank == Rank::Sealed;
            found = Found::Prefix(arm);
            if let Some(nested) = arm.nested.filter(|_| depth < DEEPEST) {
                match self.deeper(nested, depth + 1) {
                    Found::Nothing => {}
                    Found::Prefix(inner) => found = Found::Prefix(inner),
                    done => return done,
                }
            }
        }
        if !sealed {
            for arm in arms().filter(|a| a.rank == Rank::Regex) {
                let fits = match self.holds(arm.test) {
                    Tri::Yes => true,
                    Tri::No => false,
                    Tri::Maybe(why) => self.decide(Some(arm.test), why),
                };
                if fits {
                    if let Some(nested) = arm.nested.filter(|_| depth < DEEPEST) {
                        return match self.deeper(nested, depth + 1) {
                            Found::Nothing => Found::Final(*arm),
                            Found::Prefix(inner) => Found::Final(inner),
                            done => done,
                        };
                    }
                    return Found::Final(*arm);
                }
            }
        }
        match (found, proxy.table(id).open) {
            (Found::Nothing, Some(why)) => Found::Unknown(why),
            (found, _) => found,
        }
    }
}
