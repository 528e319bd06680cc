//! What was read and cannot take effect as written: what the proxy refuses, and what it takes and makes nothing of.

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
    /// A value of the wrong kind: a map where a text belongs, a boolean where a name belongs.
    WrongType,
    /// Settings of which only one may be given.
    ConflictingSettings,
    /// A setting without which the block that it belongs in is refused.
    MissingSetting,
    /// Text that the proxy never reads.
    NeverRead,
}

impl ProblemKind {
    /// All kinds, in the order of their rules.
    pub const ALL: [Self; 16] = [
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
        Self::WrongType,
        Self::ConflictingSettings,
        Self::MissingSetting,
        Self::NeverRead,
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

/// What the proxy takes without a word, and no single request shows: it has no effect, or not the one that its words say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// What is wrong with it.
    pub kind: RemarkKind,
    /// The exact bytes.
    pub span: Span,
    /// The text or name that it is about.
    pub name: String,
    /// What was probably meant.
    pub meant: Option<String>,
    /// Other places.
    pub related: Vec<(Span, String)>,
}

impl Remark {
    /// A remark without other places.
    pub fn new(kind: RemarkKind, span: Span, name: &str, meant: Option<&str>) -> Self {
        Self { kind, span, name: name.to_owned(), meant: meant.map(ToOwned::to_owned), related: Vec::new() }
    }
}

/// Kinds of remarks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum RemarkKind {
    /// A CORS policy that no engine applies.
    CorsNotApplied,
    /// Settings for a part that is not there.
    NobodyReads,
    /// A part that is there, and that nobody tells what to do.
    NothingToDo,
    /// A kind of upgrade that no client asks for.
    NoSuchUpgrade,
}
