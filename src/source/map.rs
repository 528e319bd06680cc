//! One address space for all files of a run: every byte has a global offset, so a [`Span`] is eight bytes and knows its file.

use std::fmt;
use std::sync::OnceLock;

/// A run of bytes, by its global offset in the [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub struct Span {
    /// Global offset of the first byte.
    pub start: u32,
    /// Length in bytes; an empty span is a place between two bytes.
    pub len: u32,
}

impl Span {
    /// The span from `start` to `end`, both global; `end` before `start` gives an empty span at `start`.
    pub const fn between(start: u32, end: u32) -> Self {
        Self { start, len: end.saturating_sub(start) }
    }

    /// The first offset behind the span.
    pub const fn end(self) -> u32 {
        self.start + self.len
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Self) -> Self {
        Self::between(self.start.min(other.start), self.end().max(other.end()))
    }

    /// Whether `other` lies within this span.
    pub const fn holds(self, other: Self) -> bool {
        self.start <= other.start && other.end() <= self.end()
    }
}

/// A file of the [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Where a byte stands, as people count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Bytes from the start of the file, from 0.
    pub offset: u32,
    /// From 1.
    pub line: u32,
    /// In characters, from 1. A byte that is not UTF-8 counts as one.
    pub column: u32,
}

/// One file's name and bytes.
pub struct SourceFile {
    name: String,
    base: u32,
    bytes: Vec<u8>,
    /// Made when a place is first asked for.
    lines: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// The name shown to people: the path as given, or the original name inside a dump.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Global offset of the first byte.
    pub const fn base(&self) -> u32 {
        self.base
    }

    /// The whole text.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole file as one span.
    pub fn span(&self) -> Span {
        Span { start: self.base, len: self.bytes.len() as u32 }
    }

    /// Local start offsets of all lines, the first being 0.
    pub fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = || memchr::memchr_iter(b'\n', &self.bytes);
            let mut starts = Vec::with_capacity(ends().count() + 1);
            starts.push(0);
            starts.extend(ends().map(|i| i as u32 + 1));
            starts
        })
    }

    /// Line and column of a local byte offset; past the end it is the end.
    pub fn position(&self, offset: u32) -> Position {
        let offset = offset.min(self.bytes.len() as u32);
        let lines = self.line_starts();
        let line = lines.partition_point(|&s| s <= offset);
        let start = lines.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let head = &self.bytes[start as usize..offset as usize];
        let column = String::from_utf8_lossy(head).chars().count() as u32 + 1;
        Position { offset, line: line as u32, column }
    }
}

/// All files together are larger than 4 GiB.
#[derive(Debug, thiserror::Error)]
#[error("more than 4 GiB of configuration in one run")]
pub struct TooLarge;

/// Every file of a run, in the order of first reading.
#[derive(Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl fmt::Debug for SourceMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(SourceFile::name)).finish()
    }
}

impl SourceMap {
    /// Takes a file in.
    ///
    /// # Errors
    /// [`TooLarge`] when the address space of 32 bits is used up.
    pub fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>) -> Result<FileId, TooLarge> {
        // One byte between files, so that the end of one is never the start of the next.
        let base = self.files.last().map_or(0, |f| u64::from(f.span().end()) + 1);
        if base + bytes.len() as u64 >= u64::from(u32::MAX) {
            return Err(TooLarge);
        }
        self.files.push(SourceFile { name: name.into(), base: base as u32, bytes, lines: OnceLock::new() });
        Ok(FileId(self.files.len() as u32 - 1))
    }

    /// The file of an id of this map.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files with their ids.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u32), f))
    }

    /// The file that holds a global offset.
    pub fn file_at(&self, offset: u32) -> Option<(FileId, &SourceFile)> {
        let i = self.files.partition_point(|f| f.base <= offset).checked_sub(1)?;
        let f = &self.files[i];
        (offset <= f.span().end()).then_some((FileId(i as u32), f))
    }

    /// The bytes of a span; empty when it lies in no file.
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.file_at(span.start)
            .and_then(|(_, f)| f.bytes.get((span.start - f.base) as usize..(span.end() - f.base) as usize))
            .unwrap_or_default()
    }

    /// The text of a span, with replacement characters for what is not UTF-8.
    pub fn text(&self, span: Span) -> String {
        String::from_utf8_lossy(self.bytes(span)).into_owned()
    }

    /// `file:line:column` of a span's beginning.
    pub fn place(&self, span: Span) -> String {
        self.locate(span.start).map_or_else(|| "?".to_owned(), |(name, p)| format!("{name}:{}:{}", p.line, p.column))
    }

    /// The name of the file and the position of a global offset.
    pub fn locate(&self, offset: u32) -> Option<(&str, Position)> {
        self.file_at(offset).map(|(_, f)| (f.name(), f.position(offset - f.base)))
    }
}
