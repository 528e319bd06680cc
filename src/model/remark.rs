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
    /// What the proxy takes instead, where that is known.
    pub remedy: Option<Remedy>,
}

/// A text with which the proxy takes what it refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// The bytes that it takes the place of.
    pub span: Span,
    /// The text.
    pub text: String,
    /// Whether something else may have been meant: a name that is only near, a number without its unit.
    pub guessed: bool,
}

/// What a setting that was read and is accepted does not do, or does otherwise than it reads. No single request shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum RemarkKind {
    /// It has no effect in the scope that it stands in.
    NoEffect,
    /// A number without a unit that reads as another unit than the one in force.
    NoUnit,
    /// A value of which only the beginning is read.
    Unread,
    /// A value that means "not set", though it reads otherwise.
    Unset,
    /// An alternative that makes a condition always hold.
    AlwaysHolds,
    /// A later setting of the same scope takes its place.
    Replaced,
    /// A condition on something that is not there when it is asked.
    NotSeen,
    /// Stickiness that is asked for and not given.
    NotSticky,
    /// More than the process can hold.
    TooMany,
    /// More than the process asks the system for: it does not start where it has no more already.
    TooFewResources,
    /// A limit that is missing where connections pile up without it.
    Unlimited,
    /// A health check that its endpoint refuses.
    CheckRefused,
    /// A CORS policy that no engine applies.
    CorsNotApplied,
    /// Settings for a part that is not there.
    NobodyReads,
    /// A part that is there, and that nobody tells what to do.
    NothingToDo,
    /// A kind of upgrade that no client asks for.
    NoSuchUpgrade,
}

/// A remark on something written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// What kind.
    pub kind: RemarkKind,
    /// The exact bytes.
    pub span: Span,
    /// What is written, in a few words.
    pub what: String,
    /// What it means instead, what it is compared with, or what was probably meant; may be empty.
    pub instead: String,
    /// Other places.
    pub related: Vec<(Span, String)>,
}

impl Remark {
    /// A remark without other places.
    pub fn new(kind: RemarkKind, span: Span, what: &str, instead: Option<&str>) -> Self {
        Self { kind, span, what: what.to_owned(), instead: instead.unwrap_or_default().to_owned(), related: Vec::new() }
    }

    /// [`Remark::instead`], unless it is empty.
    pub fn meant(&self) -> Option<&str> {
        Some(self.instead.as_str()).filter(|m| !m.is_empty())
    }
}
