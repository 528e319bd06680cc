//! A configuration with its includes spliced in, as nginx reads it, in one flat arena.

mod claim;
mod comments;
mod parsed;
mod read;
mod words;

pub use super::directives::Context;
pub use claim::{claims, rules_out};
pub use read::{read, read_all};
pub(super) use words::is_template;
pub use words::{Args, Word, Words};

use super::syntax::NONE;
use crate::model::Problem;
use crate::source::{FileId, Span};
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock};
use words::{Place, Spellings};

/// A directive of a [`Conf`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct DirId(pub u32);

/// A block of directives; none is the top of the root file.
pub type Block = Option<DirId>;

/// A directive.
#[derive(Clone, Copy, Debug)]
pub struct Dir<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// Its arguments.
    pub args: Args<'a>,
    /// From the name to the `;` or to the `{`, which is included.
    pub span: Span,
    /// `{ … }`, for blocks.
    pub body: Option<Span>,
    /// The enclosing block.
    pub parent: Option<DirId>,
    /// The include that brought it, the innermost.
    pub included_at: Option<Span>,
    /// The file it stands in.
    pub file: FileId,
}

/// A directive as it is kept: [`Dir`] in numbers, [`NONE`] for what is not there.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// The first of its words, its name, and how many they are.
    words: (u32, u32),
    /// Behind its head, and behind its body.
    ends: (u32, u32),
    parent: u32,
    /// The first directive inside.
    first: u32,
    /// The next directive of the same block.
    next: u32,
    /// The reading of a file that brought it.
    reading: u32,
}

/// A file put into a block.
#[derive(Clone, Copy, Debug)]
struct Reading {
    file: FileId,
    included_at: Option<Span>,
}

fn some(id: u32) -> Option<DirId> {
    (id != NONE).then_some(DirId(id))
}

/// A comment and what stands around it.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Its bytes.
    pub span: Span,
    /// Without `#`.
    pub text: String,
    /// The block around it.
    pub within: Option<DirId>,
    /// The next directive of the same block.
    pub next: Option<DirId>,
    /// The directive that ends on its line.
    pub trailing_of: Option<DirId>,
}

/// A root file with everything that it includes.
#[derive(Debug)]
pub struct Conf {
    /// The root.
    pub root: FileId,
    /// All files read, the root first.
    pub files: Vec<FileId>,
    /// What the root is: a whole configuration, or a fragment of that block.
    pub context: Context,
    /// All comments.
    pub comments: Vec<Comment>,
    /// What nginx would refuse on reading.
    pub problems: Vec<Problem>,
    /// Includes that could not be read and lines of a template: the block, the place, its text. Whatever is not written in the
    /// block is unknown.
    pub holes: Vec<(Option<DirId>, Span, String)>,
    /// Whether template tags were seen.
    pub templated: bool,
    spellings: Arc<Spellings>,
    places: Vec<Place>,
    dirs: Vec<Record>,
    readings: Vec<Reading>,
    /// The first directive at the top.
    first: u32,
    /// Directives by their first bytes, worked out when one is first asked for.
    by_start: OnceLock<FxHashMap<u32, DirId>>,
}

impl Conf {
    /// Directives at the top.
    pub fn top(&self) -> impl Iterator<Item = DirId> + '_ {
        self.inside(None)
    }

    /// Directives of a block, includes spliced in.
    pub fn children(&self, of: DirId) -> impl Iterator<Item = DirId> + '_ {
        self.inside(Some(of))
    }

    /// Directives of a block or of the top, includes spliced in.
    pub fn inside(&self, block: Block) -> impl Iterator<Item = DirId> + '_ {
        let first = block.map_or(self.first, |b| self.record(b).first);
        std::iter::successors(some(first), |d| some(self.record(*d).next))
    }

    /// The file that holds the body of a block.
    pub fn file_of(&self, block: Block) -> FileId {
        block.map_or(self.root, |b| self.get(b).file)
    }

    fn record(&self, id: DirId) -> &Record {
        &self.dirs[id.0 as usize]
    }

    /// A directive.
    pub fn get(&self, id: DirId) -> Dir<'_> {
        let record = self.record(id);
        let reading = self.readings[record.reading as usize];
        Dir {
            name: self.name(id),
            args: self.args(id),
            span: self.span(id),
            body: self.is_block(id).then(|| Span::between(record.ends.0 - 1, record.ends.1)),
            parent: some(record.parent),
            included_at: reading.included_at,
            file: reading.file,
        }
    }

    /// The name of a directive.
    pub fn name(&self, id: DirId) -> Word<'_> {
        self.spellings.word(self.places[self.record(id).words.0 as usize])
    }

    /// Its arguments.
    pub fn args(&self, id: DirId) -> Args<'_> {
        let (name, count) = self.record(id).words;
        Args::new(&self.spellings, &self.places[name as usize + 1..(name + count) as usize])
    }

    /// From its name to the `;` or to the `{`, which is included.
    pub fn span(&self, id: DirId) -> Span {
        let record = self.record(id);
        Span::between(self.places[record.words.0 as usize].start(), record.ends.0)
    }

    /// The block around it.
    pub fn parent(&self, id: DirId) -> Block {
        some(self.record(id).parent)
    }

    /// Whether it has a block.
    pub fn is_block(&self, id: DirId) -> bool {
        self.record(id).ends.1 != NONE
    }

    /// All directives, in the order of reading.
    pub fn all(&self) -> impl Iterator<Item = DirId> + use<> {
        (0..self.dirs.len() as u32).map(DirId)
    }

    /// The directive that begins at a byte; the first of them, where a file is included more than once.
    pub fn starting(&self, at: u32) -> Option<DirId> {
        let index = self.by_start.get_or_init(|| {
            let mut index = FxHashMap::with_capacity_and_hasher(self.dirs.len(), rustc_hash::FxBuildHasher);
            for d in self.all() {
                index.entry(self.span(d).start).or_insert(d);
            }
            index
        });
        index.get(&at).copied()
    }

    /// Words of all directives.
    pub fn words(&self) -> impl Iterator<Item = Word<'_>> {
        self.places.iter().map(|p| self.spellings.word(*p))
    }
}
