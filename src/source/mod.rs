//! Finds files and owns their text. Nobody else reads files.

mod map;

pub use map::{FileId, Position, SourceFile, SourceMap, Span, TooLarge};
