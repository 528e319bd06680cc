//! What is known of a text or a test: the text, yes or no, or why it is not known.

use super::word::nothing;
use crate::model::{Proxy, Text, Why};

/// A text, or why it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Val {
    /// Known.
    Is(Text),
    /// Not known; `full` when it is certainly not empty.
    Unknown {
        /// The reason.
        why: Why,
        /// Certainly not empty.
        full: bool,
    },
}

impl Val {
    /// The text, if known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Is(t) => Some(t),
            Self::Unknown { .. } => None,
        }
    }

    /// The empty text.
    pub(super) fn nothing() -> Self {
        Self::Is(nothing())
    }

    /// Something only a running proxy knows, and not empty.
    pub const fn runtime() -> Self {
        Self::Unknown { why: Proxy::RUNTIME, full: true }
    }
}

/// Yes, no, or not decidable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tri {
    Yes,
    No,
    Maybe(Why),
}

impl From<bool> for Tri {
    fn from(b: bool) -> Self {
        if b { Self::Yes } else { Self::No }
    }
}
