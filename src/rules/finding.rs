//! What a rule says: data only, no text layout.

use crate::model::{Fix, Intent, NoFix};
use crate::source::Span;

/// How bad it is. DESIGN: *error* breaks for certain, shown from the configuration alone; *warning* breaks in a common
/// situation that the finding names; *hint* is worth knowing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Level {
    /// Worth knowing.
    Hint,
    /// Breaks in a common situation.
    Warning,
    /// Breaks for certain.
    Error,
}

impl Level {
    /// The word used in reports and options.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure hoplint is that the finding applies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Confidence {
    /// A name or a habit suggests it.
    Guess,
    /// Follows from the configuration and a usual assumption, which the finding names.
    Likely,
    /// Follows from the configuration.
    Certain,
}

impl Confidence {
    /// The word used in reports and options.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Guess => "guess",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// Another place that explains a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Related {
    /// The bytes.
    pub span: Span,
    /// What they have to do with it.
    pub message: String,
}

/// One thing that a rule has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Id of the rule, `category/name`.
    pub rule: &'static str,
    /// How bad.
    pub level: Level,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence: what is wrong, with the route's name.
    pub message: String,
    /// Short text beside the primary span.
    pub label: String,
    /// What to write instead, and why.
    pub help: String,
    /// Name of the dialect (`nginx`).
    pub proxy: &'static str,
    /// The exact bytes.
    pub span: Span,
    /// Where it was inherited from, what shadows it, …
    pub related: Vec<Related>,
    /// The request that fails, as one line.
    pub example: Option<String>,
    /// Versions it holds for, when not for all considered ("before 1.29.7").
    pub versions: Option<String>,
    /// Scopes around it, outermost first (`server a.test > location /ws/`): a place that stays when lines move.
    pub within: String,
    /// What a correction must bring about, where one can be written.
    pub intent: Option<Intent>,
    /// The correction that does it, once one is proved, or why there is none.
    pub fix: Option<Result<Fix, NoFix>>,
}

impl Finding {
    /// A finding that is certain and says nothing yet.
    pub const fn new(rule: &'static str, level: Level, proxy: &'static str, span: Span) -> Self {
        Self {
            rule,
            level,
            confidence: Confidence::Certain,
            message: String::new(),
            label: String::new(),
            help: String::new(),
            proxy,
            span,
            related: Vec::new(),
            example: None,
            versions: None,
            within: String::new(),
            intent: None,
            fix: None,
        }
    }
}
