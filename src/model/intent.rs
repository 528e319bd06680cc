//! What a correction shall bring about. An intent is a predicate on outcomes, never an edit: the dialect finds the place and
//! the words, and whether it worked is read off the same requests afterwards.

use super::{Because, RemarkKind, Request, Role};
use crate::source::Span;
use std::borrow::Cow;

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
    /// The protocol to the upstream has upgrades. Which lines are sent is not all in sight.
    CarriesUpgrade,
    /// The request is taken as this one is.
    TakenLike(Request),
    /// No cache is asked for an answer.
    Uncached,
    /// The upstream gets the host that the client asked for.
    SendsHost,
    /// A silent tunnel lives at least so many milliseconds.
    IdleAtLeast(u64),
    /// The answer carries a line of each of these names, not empty.
    AnswerHas(Vec<String>),
    /// The proxy's own answer, when no server can be reached, carries a line of each of these names.
    FailureHas(Vec<String>),
    /// The answer carries exactly one line of this name.
    AnswersOne(String),
    /// A line of this name that the upstream sends is not passed on.
    HidesTheirs(String),
    /// No limit of zero ends the request before it can be answered.
    Waits,
    /// What the proxy asks by itself beside the request asks for no upgrade.
    ErrandsStayPlain,
    /// A plain request lets the connection to the upstream be kept.
    KeepsConnection,
    /// The request is forwarded.
    Forwards,
    /// Nothing limits how long the request may take as a whole.
    LivesOn,
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
    /// These bytes read so. As they are the proxy refuses the text, so that nothing is served that could change.
    Spelt(Span, String),
    /// A comment that speaks to hoplint reads otherwise. To the proxy it is none, so that any text will do, and no outcome is
    /// asked for.
    Comment {
        /// What it may read, the best first.
        ways: Vec<Correction>,
        /// Whether only a person can write it, because something of it is not known.
        by_hand: bool,
    },
    /// Nothing is left to remark on these bytes. Where it has trials, what was written is to be in force for them.
    Settled(RemarkKind, Span),
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

impl Intent {
    /// What plays this part in the outcome.
    pub fn blamed(&self, role: Role) -> impl Iterator<Item = &Because> {
        self.because.iter().filter(move |b| b.role == role)
    }
}

/// What stands in the way of a correction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// Only a person knows what is meant: an origin, a number, a name.
    Unsaid,
    /// Something that is not in sight stands there, or may: template tags, includes that were not read, a file of others.
    Hidden,
    /// There are no words for it, or no place.
    Unwritten,
    /// What was written did not stand the proof.
    Refused,
    /// It was not tried, for it would take too long.
    Untried,
}

/// Why there is no correction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoFix {
    /// What stands in the way.
    pub obstacle: Obstacle,
    /// In a few words that do not depend on the place.
    pub why: Cow<'static, str>,
}

impl NoFix {
    const fn of(obstacle: Obstacle, why: &'static str) -> Self {
        Self { obstacle, why: Cow::Borrowed(why) }
    }

    /// Somebody has to say what is meant.
    pub const fn unsaid(why: &'static str) -> Self {
        Self::of(Obstacle::Unsaid, why)
    }

    /// Something is out of sight.
    pub const fn hidden(why: &'static str) -> Self {
        Self::of(Obstacle::Hidden, why)
    }

    /// There are no words for it, or no place.
    pub const fn unwritten(why: &'static str) -> Self {
        Self::of(Obstacle::Unwritten, why)
    }

    /// It would take too long.
    pub const fn untried(why: &'static str) -> Self {
        Self::of(Obstacle::Untried, why)
    }

    /// It did not stand the proof.
    pub const fn refused(why: String) -> Self {
        Self { obstacle: Obstacle::Refused, why: Cow::Owned(why) }
    }
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

impl Correction {
    /// Edits in any order, and what they do.
    pub fn of(mut edits: Vec<Edit>, title: String, caution: Option<String>) -> Self {
        edits.sort();
        edits.dedup();
        Self { edits, title, caution }
    }
}

/// How far a correction may be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// Nothing but what it is meant for changes.
    Safe,
    /// Something else changes, or something was taken for granted; it says what.
    Unsafe,
    /// Only shown: a person must complete it.
    ByHand,
}

impl Applicability {
    /// The word used in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::ByHand => "by hand",
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
