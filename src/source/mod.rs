//! Finds files and owns their text. Nobody else reads files.

mod configmap;
mod discover;
mod files;
mod git;
mod map;
mod markdown;
mod write;

pub use configmap::config_maps;
pub use discover::{Discovery, discover, images_above, is_markdown, repository};
pub use files::{Files, IncludeMap, ReadError, read_text, write_file};
pub use git::{Older, check_out};
pub use map::{FileId, Position, SourceFile, SourceMap, Span, TooLarge};
pub use write::{Change, Roots, write_all};
