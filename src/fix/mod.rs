//! Corrections: intents become edits in the dialect's room; here they are tried on the texts in memory, proved, and applied
//! round by round until nothing changes.
//!
//! A correction counts only if the changed text reads without new problems, the finding is gone, nothing new is found at any
//! level, and the goal holds for the requests that showed the fault, in every era considered. It is *safe* if, besides,
//! every other request fares as before: the same answer, the same lines to the same upstream, the same gates and timers.

mod plan;
mod proof;
mod room;
mod text;

pub use plan::{Mended, mend, propose};
pub use room::Room;
pub use text::Edits;

use crate::model::Edit;
use crate::source::FileId;

/// How far a correction may be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// Nothing but what it is meant for changes.
    Safe,
    /// Something else changes, or something was taken for granted; it says what.
    Unsafe,
    /// Only to be looked at.
    DisplayOnly,
}

impl Applicability {
    /// The word used in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::DisplayOnly => "display-only",
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
    /// What changes besides, for an unsafe one; why it is not applied, for one that is only shown.
    pub changes: Vec<String>,
}

/// What became of the correction of one finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It works.
    Works(Fix),
    /// None is applied, and why.
    Refused(String),
}

/// Whether a file may be changed, or why not.
pub type MayEdit<'a> = dyn Fn(FileId) -> Result<(), &'static str> + 'a;
