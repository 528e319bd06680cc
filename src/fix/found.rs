//! What is found before and after edits: what is new, and what is still there.

use super::room::{State, View};
use super::text::Shifts;
use crate::rules::Finding;
use crate::source::FileId;
use std::collections::{HashMap, HashSet};

/// A rule, and the file and offset that it points at.
type Place<'a> = (&'a str, Option<(FileId, u32)>);

/// What is found afterwards and was not there, and what was there and still is, by its index. `files`: where it is looked for.
pub(super) fn compare<'f>(
    before: View<'_>,
    after: &'f State,
    shifts: &Shifts,
    files: &HashSet<FileId>,
) -> (Vec<&'f Finding>, HashSet<usize>) {
    let map = before.files.map();
    let within = |f: &Finding| map.file_at(f.span.start).is_none_or(|(id, _)| files.contains(&id));
    let old: Vec<(usize, &Finding)> = before.findings.iter().enumerate().filter(|(_, f)| within(f)).collect();
    let mut still: Vec<bool> = vec![false; old.len()];
    let mut by_place: HashMap<Place<'_>, Vec<usize>> = HashMap::new();
    let mut by_message: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (i, (_, o)) in old.iter().enumerate() {
        by_place.entry((o.rule, shifts.place(map, o.span.start))).or_default().push(i);
        by_message.entry((o.rule, &o.message)).or_default().push(i);
    }
    let place = |f: &Finding| {
        let (id, file) = after.files.map().file_at(f.span.start)?;
        Some((id, f.span.start - file.base()))
    };
    let mut left: Vec<&Finding> = Vec::new();
    for f in &after.findings {
        let here = by_place.get(&(f.rule, place(f))).into_iter().flatten().copied();
        let mut here = here.filter(|i| !still[*i] && f.level <= old[*i].1.level);
        // Where bytes went, several may stand at one place now.
        match here.clone().find(|i| old[*i].1.message == f.message).or_else(|| here.next()) {
            Some(i) => still[i] = true,
            None => left.push(f),
        }
    }
    left.retain(|f| {
        // A finding whose bytes were changed may stand elsewhere now, and still be the same one.
        let same = |o: &Finding| f.level <= o.level && o.within == f.within;
        let alike = by_message.get(&(f.rule, &*f.message));
        let here = alike.into_iter().flatten().copied().find(|i| !still[*i] && same(old[*i].1));
        if let Some(i) = here {
            still[i] = true;
        }
        here.is_none()
    });
    (left, old.into_iter().zip(still).filter(|o| o.1).map(|o| o.0.0).collect())
}
