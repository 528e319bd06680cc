//! Finds files and owns their text. Nobody else reads files.

mod discover;
mod files;
mod git;
mod map;

pub use discover::{Discovery, discover};
pub use files::{Files, IncludeMap, ReadError, read_text, write_file};
pub use git::check_out;
pub use map::{FileId, Position, SourceFile, SourceMap, Span, TooLarge};
