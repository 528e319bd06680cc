//! What a correction shall bring about. An intent is a predicate on outcomes, never an edit: the dialect finds the place and
//! the words, and whether it worked is read off the same requests afterwards.

use super::{Because, Request};
use crate::source::Span;

/// What a pretend request stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Kind {
    /// An ordinary GET.
    Plain,
    /// A GET from a page of another origin.
    CrossOrigin,
    /// A preflight; it never carries credentials.
    Preflight,
    /// An RFC 6455 handshake.
    Handshake,
}

/// A request that must fare differently once the correction is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// What it stands for.
    pub kind: Kind,
    /// The request.
    pub request: Request,
}

/// What must hold for every trial of an intent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Goal {
    /// The handshake reaches the upstream complete, and a tunnel opens.
    Upgrades,
    /// Besides, requests that are no handshakes ask the upstream for no upgrade.
    UpgradesOnly,
    /// The request is taken as one for this path is.
    TakenLike(String),
    /// No cache is asked for an answer.
    Uncached,
    /// The upstream gets the host that the client asked for.
    SendsHost,
    /// A silent tunnel lives at least so many milliseconds.
    IdleAtLeast(u64),
    /// The answer carries a line of each of these names, not empty.
    AnswerHas(Vec<String>),
    /// The answer carries no line of this name.
    AnswerLacks(String),
    /// What goes upstream has exactly one line of this name, not empty.
    SendsOne(String),
    /// What goes upstream carries a line of each of these names, not empty.
    SendsAll(Vec<String>),
    /// The preflight is answered 2xx with origin, methods and headers.
    AnswersPreflight,
    /// A streaming answer is passed on while it comes.
    Streams,
    /// These bytes go; what they did is not wanted, and no outcome is asked for.
    Gone(Span),
    /// These bytes read so; they did nothing as they were.
    Spelt(Span, String),
}

/// A correction that a rule asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// What must hold.
    pub goal: Goal,
    /// For which requests.
    pub trials: Vec<Trial>,
    /// Which facts are to blame, and where they stand: the scopes whose settings were in force ([`super::Role::Took`]), lines
    /// that are wrong ([`super::Role::Header`]), names of lines that are absent ([`super::Role::Missing`]), lines that an own
    /// list displaced ([`super::Role::Displaced`]), the clock, the wire, the step that answered.
    pub because: Vec<Because>,
    /// What the rule had to take for granted. A correction that rests on it is never safe.
    pub assumes: Option<String>,
    /// Index of the configuration among those that are judged together. The audit knows.
    pub site: usize,
}

/// A replacement of bytes. An empty span is an insertion, an empty text a deletion.
#[derive(Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub text: String,
}

/// One way to bring an intent about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// In the order of the text, none overlapping another.
    pub edits: Vec<Edit>,
    /// What is done, as a sentence's beginning: "set `x` beside `y`".
    pub title: String,
    /// What it changes that no probe can show; it is then not safe.
    pub caution: Option<String>,
}

/// How far a correction may be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// Nothing but what it is meant for changes.
    Safe,
    /// Something else changes, or something was taken for granted; it says what.
    Unsafe,
}

impl Applicability {
    /// The word used in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A correction of a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// How far it may be trusted.
    pub applicability: Applicability,
    /// What it does.
    pub title: String,
    /// The bytes to change, in the order of the text.
    pub edits: Vec<Edit>,
    /// What changes besides, for an unsafe one.
    pub changes: Vec<String>,
}
