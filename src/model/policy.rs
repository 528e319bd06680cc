//! What holds: groups of settings shared by id.

use super::{BlockId, ClocksId, CondId, ExprId, Fact, HopId, Known, ListId, Seat, TableId, Text, Why};
use crate::source::Span;
use std::marker::PhantomData;

/// The settings in force at a place, each a group that is replaced as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Policy {
    /// The scope that has them.
    pub seat: Seat,
    /// Operations on the request that goes upstream.
    pub outgoing: ListId,
    /// Operations on relayed answers, before `answer`.
    pub relayed: Option<ListId>,
    /// Operations on every answer.
    pub answer: ListId,
    /// Clocks.
    pub clocks: ClocksId,
    /// The edge to the upstream.
    pub hop: HopId,
    /// What answers here, run by [`super::Act::Content`].
    pub content: Option<BlockId>,
    /// What to do when the proxy itself makes an error answer; may jump.
    pub errors: Option<BlockId>,
    /// What is put before a Location that begins with `/`.
    pub absolute: Option<ExprId>,
    /// Largest request body in bytes; [`super::Act::Admit`] and [`super::Act::Measure`] answer 413 to a larger one.
    pub max_body: Option<u64>,
}

/// A list of header operations.
#[derive(Clone, Debug)]
pub struct HeaderList {
    /// The scope in which it stands.
    pub seat: Seat,
    /// Operations that come first (built-in ones).
    pub base: Option<ListId>,
    /// In order.
    pub ops: Vec<HeaderOp>,
    /// The inherited list that this one replaced.
    pub displaced: Option<ListId>,
    /// Whether more operations may exist.
    pub open: Option<Why>,
}

/// One header operation.
#[derive(Clone, Debug)]
pub struct HeaderOp {
    /// What is done.
    pub verb: Verb,
    /// Header name as written.
    pub name: Text,
    /// The value (for `Remove` without meaning).
    pub value: Fact<ExprId>,
    /// Whether an empty value means no line.
    pub drop_empty: bool,
    /// Which answers it applies to.
    pub on: Answers,
    /// Under a condition.
    pub guard: Option<CondId>,
}

/// What is done with a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// All lines of that name become this one.
    Set,
    /// One more line.
    Add,
    /// Only if there is none.
    IfAbsent,
    /// Put behind the last line of that name, after a comma; one more line if there is none.
    Join,
    /// Each line of that name gets a value made of its own ([`super::Subject::Line`]).
    Each,
    /// All lines of that name go.
    Remove,
}

/// Which answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answers {
    /// All.
    All,
    /// Those with one of these statuses.
    Statuses(&'static [u16]),
}

/// A limit of time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Limit {
    /// After so many milliseconds.
    After(u64),
    /// Never.
    Never,
}

/// A clock. `K` is [`Idle`], [`Lifetime`] or [`Handshake`]: they cannot be mixed.
#[derive(Clone, Debug)]
pub struct Clock<K> {
    /// What the proxy calls it.
    pub name: Text,
    /// The limit.
    pub limit: Fact<Limit>,
    /// What it watches.
    pub on: Traffic,
    /// What winds it up again.
    pub restart: Restart,
    /// How it combines with others.
    pub rule: Combine,
    /// What happens at the end.
    pub ends: Ending,
    /// The kind.
    pub kind: PhantomData<K>,
}

/// Limits silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {}
/// Limits the whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {}
/// Limits the time until the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {}

/// What a clock watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traffic {
    /// An upgraded connection.
    Tunnel,
    /// A streaming answer.
    Stream,
    /// Connecting to a server.
    Connecting,
    /// Both.
    Both,
}

/// What winds a clock up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    /// A byte in either direction.
    EitherWay,
    /// Only the client.
    Client,
    /// Only the upstream.
    Upstream,
    /// Only both of them: one that stays silent lets it run out.
    BothWays,
    /// Nothing.
    Never,
}

/// How clocks of one kind combine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Combine {
    /// The shortest wins.
    Shortest,
    /// Replaces all shortest ones.
    Supersedes,
}

/// What a clock does at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Closes the connection.
    Close,
    /// Answers.
    Answer(u16),
}

/// All clocks in force.
#[derive(Clone, Debug, Default)]
pub struct Clocks {
    /// Limits on silence.
    pub idle: Vec<Clock<Idle>>,
    /// Limits on life.
    pub lifetime: Vec<Clock<Lifetime>>,
    /// Limits on the answer's coming.
    pub handshake: Vec<Clock<Handshake>>,
}

/// The edge route → upstream.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Hop {
    /// Protocol spoken to the upstream.
    pub wire: Fact<Wire>,
    /// What becomes of an upgrade.
    pub upgrade: Fact<UpgradeMode>,
    /// Whether an answer is held back until a buffer is full.
    pub buffered: Fact<bool>,
    /// What plain requests and upgrades on one connection do to each other.
    pub mixing: Option<Fact<Mixing>>,
    /// Whether event streams are compressed, and so held back until a block is full.
    pub packed: Fact<bool>,
    /// Whether TLS is spoken to the upstream; none: depends on the request.
    pub tls: Option<bool>,
    /// What the proxy answers when no server can be reached.
    pub unreachable: Known<u16>,
    /// Whether client headers are passed on.
    pub client_headers: Fact<bool>,
    /// Method sent instead of the client's.
    pub method: Option<Fact<ExprId>>,
    /// Whether error answers of the upstream are handled like the proxy's own.
    pub intercepts: bool,
    /// A header of the upstream's answer that makes the proxy answer with another route instead.
    pub follows: Option<Follow>,
}

/// What plain requests and upgrades on one connection to a server do to each other. No single request shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Mixing {
    /// After a plain request, upgrades of HTTP/2 clients are refused.
    UpgradesRefused,
    /// Each makes the other fail.
    EachOther,
}

/// A header of an answer that names the path to answer with instead (`X-Accel-Redirect`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Follow {
    /// Its name.
    pub header: &'static str,
    /// Where the route is chosen.
    pub table: TableId,
    /// What it goes through first.
    pub through: BlockId,
    /// Answer where it is no path, or leads out of the root.
    pub malformed: u16,
}

/// Protocol towards the upstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Wire {
    /// HTTP/1.0.
    H10,
    /// HTTP/1.1.
    H11,
    /// HTTP/2.
    H2,
    /// Bytes.
    Raw,
    /// FastCGI, uwsgi, SCGI.
    Cgi,
}

/// What becomes of an upgrade on a hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum UpgradeMode {
    /// A 101 opens a tunnel.
    Tunnel,
    /// The upgrade is removed, or means nothing on this wire.
    Strip,
    /// It is answered so.
    Refuse(u16),
}

/// A CORS engine: it answers the preflights of origins it lets in by itself, and adds its lines to their other answers.
#[derive(Clone, Debug)]
pub struct Cors {
    /// Which origins it lets in.
    pub origins: Fact<CondId>,
    /// Lines for every answer to such an origin.
    pub lines: ListId,
    /// Further lines for the answers to its preflights.
    pub preflight: ListId,
    /// Status of its preflight answers.
    pub status: u16,
    /// What happens with preflights of other origins.
    pub unmatched: Unmatched,
    /// Where it is configured.
    pub span: Span,
}

/// What a CORS engine does with a preflight of a foreign origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unmatched {
    /// Goes on to the upstream.
    PassOn,
    /// Answered with these lines only.
    Answer(ListId),
}
