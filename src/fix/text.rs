//! Edits on texts: what fits together, what comes out, and where a byte stands afterwards.

use crate::model::Edit;
use crate::source::{FileId, SourceMap, Span};
use std::collections::BTreeMap;

/// Edits in the order of the text, each once, none overlapping another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

impl Edits {
    /// Adds edits; one that is there already counts once. `None` when two of them want the same place: nothing is added.
    #[must_use]
    pub fn with(&self, more: &[Edit]) -> Option<Self> {
        let mut all = self.0.clone();
        for edit in more {
            if !all.contains(edit) {
                all.push(edit.clone());
            }
        }
        all.sort();
        let clash = |a: &Edit, b: &Edit| {
            let same_place = a.span.start == b.span.start && (a.span.len == 0) == (b.span.len == 0);
            same_place || a.span.end() > b.span.start
        };
        if all.windows(2).any(|w| clash(&w[0], &w[1])) { None } else { Some(Self(all)) }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Edit> {
        self.0.iter()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The new texts of all files that change.
    pub fn apply(&self, map: &SourceMap) -> BTreeMap<FileId, Vec<u8>> {
        let mut out: BTreeMap<FileId, Vec<u8>> = BTreeMap::new();
        // From the end, so that earlier places stay where they are.
        for edit in self.0.iter().rev() {
            let Some((id, file)) = map.file_at(edit.span.start) else { continue };
            let text = out.entry(id).or_insert_with(|| file.bytes().to_vec());
            let start = (edit.span.start - file.base()) as usize;
            text.splice(start..start + edit.span.len as usize, edit.text.bytes());
        }
        out
    }

    /// What further edits of the changed texts come to, made together with these on the texts as they were. `None` where one
    /// changes a part of what these wrote, and a part of what they left.
    pub fn then(&self, before: &SourceMap, after: &SourceMap, more: &[Edit]) -> Option<Vec<Edit>> {
        let mut all = self.0.clone();
        for edit in more.iter().rev() {
            let (id, file) = after.file_at(edit.span.start)?;
            let home = before.file(id);
            let (from, to) = (i64::from(edit.span.start - file.base()), i64::from(edit.span.end() - file.base()));
            let mut moved = 0;
            let mut inside = false;
            for own in all[..self.0.len()].iter_mut().zip(&self.0).filter(|(_, e)| home.span().holds(e.span)) {
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
        all.sort();
        Some(all)
    }

    /// Where a byte stands afterwards: the file and the offset in it. What is inserted at a byte comes before it; a byte that
    /// goes stands where its replacement begins.
    pub fn place(&self, map: &SourceMap, at: u32) -> Option<(FileId, u32)> {
        let (id, file) = map.file_at(at)?;
        let mut moved = i64::from(at - file.base());
        for edit in self.0.iter().filter(|e| file.span().holds(e.span)) {
            if edit.span.end() <= at {
                moved += i64::from(edit.text.len() as u32) - i64::from(edit.span.len);
            } else if edit.span.start < at {
                moved -= i64::from(at - edit.span.start);
            }
        }
        Some((id, u32::try_from(moved).ok()?))
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
        assert_eq!(edits.place(&map, 4), Some((FileId(0), 6)));
        assert_eq!(edits.place(&map, 2), Some((FileId(0), 0)));
        assert_eq!(edits.place(&map, 8), Some((FileId(1), 0)));
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
        let all = first.then(&map, &after, &more).expect("they can be told apart");
        let texts = Edits::default().with(&all).expect("they fit").apply(&map);
        assert_eq!(texts[&FileId(0)], b"firstly or 2");
        assert_eq!(texts[&FileId(1)], b"3");
        assert_eq!(first.then(&map, &after, &[edit(8, 4, "x")]), None, "half of it was written just now");
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
