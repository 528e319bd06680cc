//! Edits on texts: what fits together, what comes out, and where a byte stands afterwards.

use crate::model::Edit;
use crate::source::{FileId, SourceMap, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Edits in the order of the text, each once, none overlapping another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(BTreeSet<Edit>);

impl Edits {
    /// The same with more edits; one that is there already counts once. `None` when two of them want the same place.
    #[must_use]
    pub fn with(&self, more: &[Edit]) -> Option<Self> {
        let mut all = self.clone();
        all.add(more).then_some(all)
    }

    /// Adds edits, see [`Edits::with`]. Where two of them want the same place, nothing is added.
    pub fn add(&mut self, more: &[Edit]) -> bool {
        let mut added: Vec<&Edit> = Vec::new();
        for edit in more {
            if self.0.contains(edit) {
                continue;
            }
            let before = self.0.range(..edit).next_back().is_some_and(|e| clash(e, edit));
            if before || self.0.range(edit..).next().is_some_and(|e| clash(edit, e)) {
                for edit in added {
                    self.0.remove(edit);
                }
                return false;
            }
            self.0.insert(edit.clone());
            added.push(edit);
        }
        true
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Edit> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The new texts of all files that change.
    pub fn apply(&self, map: &SourceMap) -> BTreeMap<FileId, Vec<u8>> {
        let mut out: BTreeMap<FileId, (Vec<u8>, usize)> = BTreeMap::new();
        for edit in &self.0 {
            let Some((id, file)) = map.file_at(edit.span.start) else { continue };
            let (text, done) = out.entry(id).or_insert_with(|| (Vec::with_capacity(file.bytes().len() + 1024), 0));
            let start = (edit.span.start - file.base()) as usize;
            text.extend_from_slice(&file.bytes()[*done..start]);
            text.extend_from_slice(edit.text.as_bytes());
            *done = start + edit.span.len as usize;
        }
        let whole = |(id, (mut text, done)): (FileId, (Vec<u8>, usize))| {
            text.extend_from_slice(&map.file(id).bytes()[done..]);
            (id, text)
        };
        out.into_iter().map(whole).collect()
    }

    /// What further edits of the changed texts come to, made together with those of these that are `own`, on the texts as they
    /// were. `None` where one changes a part of what these wrote, and a part of what they left, or what is not `own`.
    pub fn then(&self, before: &SourceMap, after: &SourceMap, more: &[Edit], own: impl Fn(&Edit) -> bool) -> Option<Vec<Edit>> {
        let was: Vec<&Edit> = self.0.iter().collect();
        let mut all: Vec<Edit> = self.0.iter().cloned().collect();
        for edit in more.iter().rev() {
            let (id, file) = after.file_at(edit.span.start)?;
            let home = before.file(id);
            let (from, to) = (i64::from(edit.span.start - file.base()), i64::from(edit.span.end() - file.base()));
            let mut moved = 0;
            let mut inside = false;
            for own in all[..was.len()].iter_mut().zip(&was).filter(|(_, e)| home.span().holds(e.span)) {
                let (own, was) = own;
                let start = i64::from(was.span.start - home.base()) + moved;
                let end = start + i64::from(was.text.len() as u32);
                if from >= start && to <= end {
                    // Later edits come first, so that what stands before them is still where it was.
                    let cut = |at: i64| usize::try_from(at - start).ok();
                    own.text.replace_range(cut(from)?..cut(to)?, &edit.text);
                    inside = true;
                    break;
                }
                if to <= start {
                    break;
                }
                if from < end {
                    return None;
                }
                moved += i64::from(was.text.len() as u32) - i64::from(was.span.len);
            }
            if !inside {
                let start = u32::try_from(i64::from(home.base()) + from - moved).ok()?;
                all.push(Edit { span: Span { start, len: edit.span.len }, text: edit.text.clone() });
            }
        }
        let mut kept = all.split_off(was.len());
        for (edit, was) in all.into_iter().zip(was) {
            if own(was) {
                kept.push(edit);
            } else if edit != *was {
                return None;
            }
        }
        kept.sort();
        Some(kept)
    }

    /// Where things stand afterwards, and where they stood.
    pub(super) fn shifts(&self, map: &SourceMap) -> Shifts {
        let mut files: HashMap<FileId, Vec<Shift>> = HashMap::new();
        for (index, edit) in self.0.iter().enumerate() {
            let Some((id, file)) = map.file_at(edit.span.start) else { continue };
            let all = files.entry(id).or_default();
            let (start, moved) = (edit.span.start - file.base(), all.last().map_or(0, |s| s.moved));
            let len = edit.text.len() as u32;
            all.push(Shift {
                start,
                end: start + edit.span.len,
                written: (i64::from(start) + moved, i64::from(start + len) + moved),
                moved: moved + i64::from(len) - i64::from(edit.span.len),
                index: index as u32,
            });
        }
        Shifts { files }
    }
}

/// In the order of the text, the one before the other.
fn clash(a: &Edit, b: &Edit) -> bool {
    let same_place = a.span.start == b.span.start && (a.span.len == 0) == (b.span.len == 0);
    same_place || a.span.end() > b.span.start
}

/// What one edit does to the places in its file.
#[derive(Debug)]
struct Shift {
    /// What it replaces, from the start of the file.
    start: u32,
    end: u32,
    /// Where what it writes stands afterwards.
    written: (i64, i64),
    /// How far everything behind it has moved.
    moved: i64,
    index: u32,
}

/// Where bytes stand before and after edits.
#[derive(Debug)]
pub(super) struct Shifts {
    files: HashMap<FileId, Vec<Shift>>,
}

/// Where a byte of a changed text comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// It stood there.
    Stood(u32),
    /// The edit of that index wrote it.
    Written(u32),
}

impl Shifts {
    /// Where a byte stands afterwards: the file and the offset in it. What is inserted at a byte comes before it; a byte that
    /// goes stands where its replacement begins.
    pub(super) fn place(&self, map: &SourceMap, at: u32) -> Option<(FileId, u32)> {
        let (id, file) = map.file_at(at)?;
        let at = at - file.base();
        let all = self.files.get(&id).map_or(&[][..], Vec::as_slice);
        let passed = all.partition_point(|s| s.end <= at);
        let moved = passed.checked_sub(1).map_or(0, |last| all[last].moved);
        let inside = all.get(passed).filter(|s| s.start < at).map_or(0, |s| at - s.start);
        Some((id, u32::try_from(i64::from(at) + moved - i64::from(inside)).ok()?))
    }

    /// Where a byte of the changed texts comes from.
    pub(super) fn source(&self, before: &SourceMap, after: &SourceMap, at: u32) -> Option<Source> {
        let (id, file) = after.file_at(at)?;
        let at = i64::from(at - file.base());
        let all = self.files.get(&id).map_or(&[][..], Vec::as_slice);
        let begun = all.partition_point(|s| s.written.0 <= at);
        let last = begun.checked_sub(1).map(|last| &all[last]);
        match last {
            Some(s) if at < s.written.1 => Some(Source::Written(s.index)),
            _ => Some(Source::Stood(before.file(id).base() + u32::try_from(at - last.map_or(0, |s| s.moved)).ok()?)),
        }
    }

    /// Where what an edit of a file writes begins afterwards, from the start of the file.
    pub(super) fn written(&self, id: FileId, index: u32) -> u32 {
        let all = self.files.get(&id).map_or(&[][..], Vec::as_slice);
        let at = all.binary_search_by_key(&index, |s| s.index);
        at.map_or(0, |at| u32::try_from(all[at].written.0).unwrap_or(0))
    }

    /// Edits that change something of these bytes, or write right at them.
    pub(super) fn at(&self, map: &SourceMap, span: Span) -> Vec<u32> {
        let Some((id, file)) = map.file_at(span.start) else { return Vec::new() };
        let (start, end) = (span.start - file.base(), span.end() - file.base());
        let all = self.files.get(&id).map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|s| s.end < start);
        all[from..].iter().take_while(|s| s.start <= end).map(|s| s.index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: u32, len: u32, text: &str) -> Edit {
        Edit { span: Span { start, len }, text: text.to_owned() }
    }

    fn map() -> SourceMap {
        let mut map = SourceMap::default();
        for text in ["one two", "three"] {
            assert!(map.add("f", text.as_bytes().to_vec()).is_ok());
        }
        map
    }

    #[test]
    fn edits_in_two_files_are_applied_and_places_follow() {
        let edits = Edits::default().with(&[edit(0, 3, "1"), edit(4, 0, "and "), edit(8, 5, "3")]).expect("they fit");
        let map = map();
        let texts = edits.apply(&map);
        assert_eq!(texts[&FileId(0)], b"1 and two");
        assert_eq!(texts[&FileId(1)], b"3");
        let shifts = edits.shifts(&map);
        assert_eq!(shifts.place(&map, 4), Some((FileId(0), 6)));
        assert_eq!(shifts.place(&map, 2), Some((FileId(0), 0)));
        assert_eq!(shifts.place(&map, 8), Some((FileId(1), 0)));
    }

    #[test]
    fn edits_of_the_changed_text_are_edits_of_the_text() {
        let first = Edits::default().with(&[edit(0, 3, "first"), edit(4, 0, "and ")]).expect("they fit");
        let map = map();
        let mut after = SourceMap::default();
        for text in ["first and two", "three"] {
            assert!(after.add("f", text.as_bytes().to_vec()).is_ok());
        }
        // Within both insertions, behind them, and in the other file.
        let more = [edit(5, 0, "ly"), edit(6, 3, "or"), edit(10, 3, "2"), edit(14, 5, "3")];
        let all = first.then(&map, &after, &more, |_| true).expect("they can be told apart");
        let texts = Edits::default().with(&all).expect("they fit").apply(&map);
        assert_eq!(texts[&FileId(0)], b"firstly or 2");
        assert_eq!(texts[&FileId(1)], b"3");
        assert_eq!(first.then(&map, &after, &[edit(8, 4, "x")], |_| true), None, "half of it was written just now");
        let others = first.then(&map, &after, &[edit(10, 3, "2")], |e| e.span.start == 4).expect("it lies beside both");
        assert_eq!(others, [edit(4, 0, "and "), edit(4, 3, "2")], "what is not wanted is left out");
        assert_eq!(first.then(&map, &after, &[edit(5, 0, "ly")], |e| e.span.start == 4), None, "another one wrote it");
    }

    #[test]
    fn every_byte_comes_from_somewhere() {
        let edits = Edits::default().with(&[edit(0, 3, "first"), edit(4, 0, "and "), edit(5, 2, "")]).expect("they fit");
        let map = map();
        let mut after = SourceMap::default();
        for text in ["first and t", "three"] {
            assert!(after.add("f", text.as_bytes().to_vec()).is_ok());
        }
        let shifts = edits.shifts(&map);
        let sources: Vec<Source> = [0, 4, 5, 6, 9, 10, 12].map(|at| shifts.source(&map, &after, at).expect("it is there")).to_vec();
        let (stood, written) = (Source::Stood, Source::Written);
        assert_eq!(sources, [written(0), written(0), stood(3), written(1), written(1), stood(4), stood(8)]);
        assert_eq!(shifts.at(&map, Span { start: 4, len: 1 }), [1, 2]);
        assert!(shifts.at(&map, Span { start: 8, len: 5 }).is_empty());
    }

    #[test]
    fn what_wants_the_same_place_does_not_fit() {
        let one = Edits::default().with(&[edit(0, 3, "1")]).expect("one fits");
        assert_eq!(one.with(&[edit(0, 3, "1")]), Some(one.clone()), "the same twice is one");
        assert_eq!(one.with(&[edit(2, 2, "x")]), None, "overlapping");
        assert_eq!(one.with(&[edit(0, 3, "2")]), None, "another text");
        assert!(one.with(&[edit(3, 0, "x")]).is_some(), "right behind");
        let insertion = Edits::default().with(&[edit(4, 0, "a")]).expect("one fits");
        assert_eq!(insertion.with(&[edit(4, 0, "b")]), None, "the order of two insertions is not known");
    }
}
