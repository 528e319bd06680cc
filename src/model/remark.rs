//! What was read and cannot take effect as written.

use crate::source::Span;

/// What is wrong with the text itself, before anything is served. Each kind is one rule `syntax/<kebab-name>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum ProblemKind {
    /// A token where the grammar allows none (`;;`, text after a closing quote, a stray `}`).
    UnexpectedToken,
    /// A quote, a block or a directive that never ends.
    Unterminated,
    /// A token longer than the proxy's limit.
    TokenTooLong,
    /// A setting that the proxy does not know.
    UnknownDirective,
    /// A setting that is known, but not allowed in this block.
    MisplacedDirective,
    /// Too few or too many arguments, or a block where none belongs.
    WrongArguments,
    /// A value that the proxy refuses (duration, flag, number).
    BadValue,
    /// A setting that may stand only once.
    DuplicateDirective,
    /// A part without which the proxy does not start (nginx: `events`).
    MissingBlock,
    /// An included file that does not exist or cannot be read.
    IncludeNotFound,
    /// A file that includes itself, directly or through others.
    IncludeCycle,
    /// A reference to a name that is defined nowhere (a variable, a named location).
    UndefinedName,
}

impl ProblemKind {
    /// All kinds, in the order of their rules.
    pub const ALL: [Self; 12] = [
        Self::UnexpectedToken,
        Self::Unterminated,
        Self::TokenTooLong,
        Self::UnknownDirective,
        Self::MisplacedDirective,
        Self::WrongArguments,
        Self::BadValue,
        Self::DuplicateDirective,
        Self::MissingBlock,
        Self::IncludeNotFound,
        Self::IncludeCycle,
        Self::UndefinedName,
    ];
}

/// Something that the proxy itself would refuse, or that could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Which rule speaks of it.
    pub kind: ProblemKind,
    /// Whether the proxy refuses it for certain (error); otherwise it depends on something outside (warning): a module, a
    /// version, an environment.
    pub certain: bool,
    /// The exact bytes.
    pub span: Span,
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Other places.
    pub related: Vec<(Span, String)>,
}
