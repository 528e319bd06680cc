//! Values with their origin. Every setting in the model says where it comes from.

use super::{Text, Version};
use crate::source::Span;

/// A scope of the configuration: the index of a [`Scope`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Seat(pub u32);

impl Seat {
    /// The whole configuration: the first scope.
    pub const ROOT: Self = Self(0);
}

/// The index of a [`Doubt`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Why(pub u32);

/// A block, section or message of the source, neutral and printable.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The scope around it.
    pub parent: Option<Seat>,
    /// Its head (`location /ws/ {`).
    pub span: Span,
    /// The whole of it, body included.
    pub body: Span,
    /// What the proxy calls such a scope (`location`, `frontend`).
    pub noun: &'static str,
    /// Its name (`/ws/`).
    pub name: Text,
}

/// Why something is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// A template tag stands there.
    Template,
    /// A file that was not given.
    MissingFile,
    /// The text is a fragment; what surrounds it is not known.
    OutsideFile,
    /// Lua, JavaScript, …
    Script,
    /// A module or setting that is not modelled.
    ForeignModule,
    /// The environment, the machine, DNS.
    Environment,
    /// Depends on earlier requests, chance, the client or the upstream.
    RuntimeState,
    /// The proxy does not parse this here (an HTTP test in a TCP proxy).
    NotParsedHere,
    /// Beyond what is worth modelling.
    TooComplex,
}

/// Something unknown, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Its kind.
    pub reason: Reason,
    /// The bytes that make it so.
    pub span: Span,
    /// In words.
    pub note: Text,
}

/// How a value came to hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum How {
    /// Written in the configuration.
    Written,
    /// The proxy's default, in force in these releases.
    Default(Releases),
    /// Built-in behaviour.
    Implied,
    /// The default, unless something outside the given text sets it.
    Assumed(Releases),
}

impl How {
    /// Whether something outside the given text may set another value.
    pub const fn is_assumed(&self) -> bool {
        matches!(self, Self::Assumed(_))
    }

    /// The releases of a default.
    pub const fn releases(&self) -> Option<Releases> {
        match self {
            Self::Default(r) | Self::Assumed(r) => Some(*r),
            Self::Written | Self::Implied => None,
        }
    }
}

/// The releases in which a default is in force.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Releases {
    /// Every one.
    All,
    /// This one and later ones.
    Since(Version),
    /// Those before that one.
    Before(Version),
}

impl Releases {
    /// This one, and those on the same side of a change that came with a release.
    pub const fn beside(changed: Version, after: bool) -> Self {
        if after { Self::Since(changed) } else { Self::Before(changed) }
    }
}

impl std::fmt::Display for Releases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("in all versions"),
            Self::Since(version) => write!(f, "since {version}"),
            Self::Before(version) => write!(f, "before {version}"),
        }
    }
}

/// Where a value comes from. A value is inherited iff its seat is not the asker's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// How it came to hold.
    pub how: How,
    /// The bytes; for a default, where it could be written.
    pub span: Span,
    /// The scope in which it stands.
    pub seat: Seat,
}

/// Known, or not, with the reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Known<T> {
    /// Known.
    Is(T),
    /// Not known.
    Unknown(Why),
}

impl<T: Copy> Known<T> {
    /// The value, if known.
    pub fn is(self) -> Option<T> {
        match self {
            Self::Is(v) => Some(v),
            Self::Unknown(_) => None,
        }
    }
}

/// A value and its origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fact<T> {
    /// The value.
    pub value: Known<T>,
    /// Its origin.
    pub origin: Origin,
}

impl<T: Copy> Fact<T> {
    /// A known value.
    pub fn is(value: T, how: How, span: Span, seat: Seat) -> Self {
        Self { value: Known::Is(value), origin: Origin { how, span, seat } }
    }

    /// An unknown value.
    pub fn unknown(why: Why, span: Span, seat: Seat) -> Self {
        Self { value: Known::Unknown(why), origin: Origin { how: How::Written, span, seat } }
    }
}
