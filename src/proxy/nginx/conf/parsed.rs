//! Files by themselves, before they are put together.

use super::claim::detect;
use super::comments::{self, Found};
use super::words::{Place, Spellings};
use super::{Context, FileId};
use crate::parallel;
use crate::proxy::nginx::syntax::{self, Tree};
use crate::source::{Files, SourceFile};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// A file by itself.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) tree: Tree,
    /// The words of all directives, one directive after the other.
    pub(super) words: Vec<Place>,
    /// Behind the last word of each directive.
    ends: Vec<u32>,
    /// Comments that speak to hoplint.
    pub(super) comments: Vec<Found>,
    /// What it seems to be.
    pub(super) context: Context,
}

impl Parsed {
    fn of(file: &SourceFile, spellings: &mut Spellings) -> Self {
        let (bytes, base) = (file.bytes(), file.base());
        let tree = syntax::parse(bytes);
        let mut words = Vec::with_capacity(2 * tree.nodes.len());
        let mut ends = Vec::with_capacity(tree.nodes.len());
        for node in 0..tree.nodes.len() as u32 {
            let first = words.len();
            let mut end = u32::MAX;
            for token in tree.words(node) {
                let begins_line = end < token.start && bytes[end as usize..token.start as usize].contains(&b'\n');
                end = token.end;
                let raw = &bytes[token.start as usize..token.end as usize];
                words.push(spellings.place(raw, token.kind, base + token.start, begins_line));
            }
            if let Some(name) = words.get(first) {
                spellings.name(*name);
            }
            ends.push(words.len() as u32);
        }
        let (comments, context) = (comments::find(&tree, bytes), detect(&tree, bytes));
        Self { tree, words, ends, comments, context }
    }

    /// The first word of a directive, its name, and how many it has.
    pub(super) fn words_of(&self, node: usize) -> (u32, u32) {
        let first = node.checked_sub(1).map_or(0, |before| self.ends[before]);
        (first, self.ends[node] - first)
    }
}

/// What several configurations have in common.
#[derive(Default)]
pub(super) struct Shared {
    files: FxHashMap<FileId, Rc<Parsed>>,
    pub(super) spellings: Spellings,
}

impl Shared {
    /// A file, parsed once.
    pub(super) fn parsed(&mut self, files: &Files, file: FileId) -> Rc<Parsed> {
        let parsed = self.files.entry(file).or_insert_with(|| Rc::new(Parsed::of(files.map().file(file), &mut self.spellings)));
        Rc::clone(parsed)
    }

    /// Parses many files, on all processors.
    pub(super) fn parse(&mut self, files: &Files, all: &[FileId]) {
        let turns = parallel::turns(all, |turn| {
            let mut spellings = Spellings::default();
            let parsed: Vec<Parsed> = turn.iter().map(|f| Parsed::of(files.map().file(*f), &mut spellings)).collect();
            vec![(parsed, spellings)]
        });
        let mut ids = all.iter();
        for (parsed, spellings) in turns {
            let here = self.spellings.join(spellings);
            for (mut parsed, id) in parsed.into_iter().zip(ids.by_ref()) {
                if let Some(here) = &here {
                    parsed.words.iter_mut().for_each(|word| word.respell(here));
                }
                self.files.insert(*id, Rc::new(parsed));
            }
        }
    }
}
