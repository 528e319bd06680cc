//! Text with variables, and conditions over one request.

use super::{CondId, ExprId, Fact, MapId, PatternId, Slot, Text, Why};
use crate::source::Span;

/// Text with variables; evaluated against one request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Expr {
    /// Constant.
    Text(Text),
    /// A part of the request, the answer or the connection.
    Read(Subject),
    /// One after the other.
    Join(Vec<ExprId>),
    /// Looked up.
    Map(MapId, ExprId),
    /// Converted.
    Via(Conv, ExprId),
    /// A variable of this request.
    Slot(Slot),
    /// A group of the last regular expression that matched.
    Capture(u8),
    /// Not known; `full` when it is certainly not empty.
    Opaque {
        /// The reason.
        why: Why,
        /// Certainly not empty.
        full: bool,
    },
}

/// A conversion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Conv {
    /// To lower case.
    Lower,
    /// To upper case.
    Upper,
    /// Drop so many bytes at the start and put text there instead.
    SwapPrefix {
        /// Bytes to drop.
        drop: u32,
        /// Text to put.
        put: Text,
    },
    /// Field of a separated text, from 1; negative counts from the end.
    Field(u8, i8),
    /// As a path in a request line.
    EncodePath,
    /// A comma-separated list without these tokens, whatever their case.
    Without(Vec<Text>),
    /// What a regular expression matches becomes another text, with `\\1` for its groups.
    Replace {
        /// The expression.
        pattern: PatternId,
        /// The other text.
        with: Text,
        /// Every match, not only the first.
        all: bool,
    },
}

/// A map table: exact keys, then rules in order, then the default.
#[derive(Clone, Debug)]
pub struct Map {
    /// What it is called (`$connection_upgrade`).
    pub name: Text,
    /// Where it is defined.
    pub span: Span,
    /// Exact keys.
    pub exact: Vec<(Text, Fact<ExprId>)>,
    /// Tests in order, after the exact keys.
    pub rules: Vec<(Matcher, bool, Fact<ExprId>)>,
    /// When nothing matched.
    pub default: Fact<ExprId>,
    /// Whether exact keys ignore case.
    pub fold: bool,
    /// Whether more entries may exist.
    pub open: Option<Why>,
    /// Whether a request looks it up once, and has the same value ever after.
    pub once: bool,
}

/// What a test or an expression reads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// Method.
    Method,
    /// `http` or `https`.
    Scheme,
    /// `HTTP/1.1`.
    Protocol,
    /// Host without port, lower case.
    Host,
    /// Host and port as the client names them, lower case.
    Authority,
    /// Decoded, normalised path as of now.
    Path,
    /// Path and query as sent by the client.
    Target,
    /// What goes upstream when nothing says otherwise: the client's target while the path is untouched, else the path encoded.
    Onward,
    /// The same, before anything was rewritten.
    Arrived,
    /// "1" where a rewrite changed the path without choosing the route again, else empty.
    Rewritten,
    /// The query string as of now.
    QueryString,
    /// The same with its question mark; nothing if there is none.
    QueryPart,
    /// One query parameter.
    Query(Text),
    /// A request header, lower-case name.
    Header(Text),
    /// The names of all request headers, each after a space.
    HeaderNames,
    /// A cookie.
    Cookie(Text),
    /// Client address.
    Client,
    /// Port that the request names beside the host, or nothing.
    NamedPort,
    /// Port of the listener.
    Port,
    /// Server name of TLS.
    Sni,
    /// Authority of the upstream in use.
    UpstreamAuthority,
    /// The proxy's own name of the virtual host.
    HostName,
    /// Status of the answer.
    Status,
    /// A header of the answer, lower-case name.
    Answer(Text),
    /// The header line that an operation makes anew ([`super::Verb::Each`]).
    Line,
    /// "1" after an internal redirect, else empty.
    Internal,
    /// "1" if a file of that name exists.
    File(ExprId),
    /// A value.
    Value(ExprId),
}

/// How a subject is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// Anything, present or not.
    Any,
    /// Present and not empty.
    Present,
    /// Present, even if empty, where the two can be told apart: a header line, a variable that was set.
    There,
    /// Neither empty nor "0".
    Truthy,
    /// One of these.
    Is(Vec<Text>),
    /// Equal to what an expression yields.
    Same(ExprId),
    /// Starts with one of these.
    Starts(Vec<Text>),
    /// Ends with one of these.
    Ends(Vec<Text>),
    /// Contains one of these.
    Has(Vec<Text>),
    /// One of these comma-separated tokens.
    Token(Vec<Text>),
    /// An address within one of these networks (`10.0.0.0/8`).
    Within(Vec<Text>),
    /// Matches, anywhere unless anchored.
    Regex(PatternId),
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atom {
    /// What is read.
    pub of: Subject,
    /// How.
    pub is: Matcher,
    /// Case-insensitive.
    pub fold: bool,
    /// Negated.
    pub not: bool,
    /// Where it is written.
    pub span: Span,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cond {
    /// True.
    Always,
    /// False, by what is written there.
    Never(Span),
    /// One test.
    Test(Atom),
    /// All of them.
    All(Vec<CondId>),
    /// At least one.
    Any(Vec<CondId>),
    /// Not.
    Not(CondId),
    /// Not known.
    Opaque(Why),
}

/// A regular expression in the dialect's (PCRE) syntax.
#[derive(Debug)]
pub struct Pattern {
    /// As written.
    pub text: Text,
    /// Case-insensitive.
    pub fold: bool,
    /// Named groups become variables.
    pub names: Vec<(Text, Slot)>,
    compiled: std::sync::OnceLock<Option<fancy_regex::Regex>>,
}

impl Pattern {
    /// A pattern; it is compiled at first use.
    pub const fn new(text: Text, fold: bool, names: Vec<(Text, Slot)>) -> Self {
        Self { text, fold, names, compiled: std::sync::OnceLock::new() }
    }

    /// The compiled expression, if this syntax is understood.
    pub fn regex(&self) -> Option<&fancy_regex::Regex> {
        self.compiled
            .get_or_init(|| {
                // PCRE's `$` also matches before a final newline, which no request line has; the rest is alike.
                let text = if self.fold { format!("(?i){}", self.text) } else { self.text.to_string() };
                fancy_regex::RegexBuilder::new(&text).backtrack_limit(100_000).build().ok()
            })
            .as_ref()
    }
}
