//! What happens: steps in the order of execution. The dialect has already undone its phases.

use super::{
    BlockId, CondId, CorsId, ExprId, Fact, GateId, HopId, ListId, PolicyId, RouteId, Seat, Slot, Subject, TableId, Text, UpstreamId, Why,
};
use crate::source::Span;

/// One step, and where it is written.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub act: Act,
    /// Where it is written (or what implies it).
    pub span: Span,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Act {
    /// These settings are in force from here.
    Enter(PolicyId),
    /// A branch.
    When {
        /// The test.
        test: CondId,
        /// If true.
        then: BlockId,
        /// If false.
        other: Option<BlockId>,
    },
    /// A block that [`Act::Leave`] leaves.
    Group(BlockId),
    /// Leaves the innermost group.
    Leave,
    /// Chooses an arm of a table and goes there.
    Dispatch(TableId),
    /// These settings are in force from here, and a body that is larger than they take is refused.
    Admit(PolicyId),
    /// Refuses a body that is larger than [`super::Policy::max_body`] of the settings in force.
    Measure,
    /// The groups of the last regular expression that matched are empty from here on.
    Forget,
    /// Runs a block and comes back.
    Call(BlockId),
    /// Goes to a route that nothing else claimed the request for.
    Go(RouteId),
    /// Goes to a route, internally.
    Jump(RouteId),
    /// Chooses again after an internal redirect; with `if_moved` only if the path was rewritten for that.
    Reselect {
        /// The table.
        table: TableId,
        /// Only if the path was rewritten.
        if_moved: bool,
        /// What it goes through first.
        through: Option<BlockId>,
    },
    /// Sets a variable.
    Let(Slot, ExprId),
    /// A variable is not set any more.
    Unset(Slot),
    /// Changes the path.
    Rewrite {
        /// New path, decoded.
        path: ExprId,
        /// New query string; none keeps it.
        query: Option<ExprId>,
        /// Whether the route is chosen again at the next [`Act::Reselect`].
        moved: bool,
    },
    /// Sends another method than tests see.
    Method(ExprId),
    /// The virtual host's own name, from here on.
    Named(Text),
    /// Whatever answers from here on, its status is this, unless it is an error or a redirect of the proxy's own; its method
    /// may become GET.
    Stands {
        /// Which status.
        status: Stand,
        /// Whether anything but HEAD becomes GET.
        get: bool,
        /// Whether an error that comes of it is handled like the first one.
        again: bool,
    },
    /// Changes the request's headers from here on.
    Edit(ListId),
    /// Pushes steps that are unwound, last first, when an answer exists. What they edit are its lines; an answer of theirs
    /// ([`Act::Respond`]) comes instead of it, and [`Act::Stands`] changes its status.
    OnAnswer {
        /// Which answers.
        lane: Lane,
        /// The steps.
        block: BlockId,
    },
    /// Asks for credentials, an address, …
    Gate(GateId),
    /// A CORS engine.
    Cors(CorsId),
    /// A second copy of the request goes through that block; its answer is thrown away.
    Copy(BlockId),
    /// A cached answer may be given, unless the condition holds.
    Cache {
        /// When it is not looked up.
        bypass: CondId,
        /// What distinguishes cached answers.
        key: ExprId,
    },
    /// Runs [`super::Policy::content`] of the settings in force.
    Content,
    /// Answers.
    Respond {
        /// Status.
        status: Fact<u16>,
        /// Location header.
        location: Option<ExprId>,
        /// Body text.
        body: Option<ExprId>,
    },
    /// Answers from files.
    Serve,
    /// Waits for what never comes: the request is never answered.
    Hang,
    /// Closes without an answer.
    Close,
    /// Sends upstream.
    Forward {
        /// Where.
        to: Target,
        /// How.
        hop: HopId,
        /// Path and query sent.
        target: ExprId,
    },
    /// From here on nothing is known.
    Opaque(Why),
}

/// The status of an answer that another one leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stand {
    /// The one that led there.
    Keep,
    /// This one.
    Is(u16),
    /// Its own.
    Free,
}

/// Which answers a pushed list applies to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Lane {
    /// Answers of the upstream.
    Relayed,
    /// Every answer.
    Every,
}

/// Where a request is forwarded.
#[derive(Clone, Debug)]
pub enum Target {
    /// A group of servers.
    Upstream(UpstreamId),
    /// Weighted blocks.
    Split(Vec<(u32, BlockId)>),
    /// By evaluated URL (`scheme://host:port/path`), first among the named groups.
    Url(ExprId),
    /// By evaluated name of a backend block.
    Named {
        /// The name.
        name: ExprId,
        /// Known names.
        among: Vec<(Text, BlockId)>,
        /// When the name is none of them.
        miss: Option<BlockId>,
    },
}

/// A choice.
#[derive(Clone, Debug)]
pub struct Table {
    /// How it is made.
    pub pick: Pick,
    /// The arms, in the order of the text.
    pub arms: Vec<Arm>,
    /// When none fits.
    pub miss: BlockId,
    /// Whether more arms may exist.
    pub open: Option<Why>,
    /// Scope.
    pub seat: Seat,
}

/// How a table chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// The first arm that matches.
    FirstMatch,
    /// Exact, then longest prefix, unless sealed the first regular expression, nested.
    PrefixTree,
    /// Exact, longest leading wildcard, longest trailing wildcard, first regular expression.
    SpecificHost,
}

/// One arm of a table.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    /// When it fits.
    pub test: CondId,
    /// Its rank.
    pub rank: Rank,
    /// Where it leads.
    pub go: RouteId,
    /// Arms inside it.
    pub nested: Option<TableId>,
}

/// Rank of an arm in a [`Pick::PrefixTree`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rank {
    /// A prefix.
    Plain,
    /// Equal.
    Exact,
    /// A prefix that stops regular expressions of its level.
    Sealed,
    /// A regular expression.
    Regex,
    /// An equal path that the proxy adds by itself; after written ones.
    Implied,
}

/// A place where a request can end up.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its scope.
    pub seat: Seat,
    /// Its steps.
    pub body: BlockId,
    /// The settings at its beginning.
    pub policy: PolicyId,
    /// Reached only by a jump.
    pub named: bool,
    /// The route around it, if nested.
    pub within: Option<RouteId>,
}

/// Something that may refuse.
#[derive(Clone, Debug)]
pub struct Gate {
    /// What it asks for.
    pub on: GateOn,
    /// What it answers when it refuses.
    pub deny: Fact<u16>,
    /// What is asked, for [`GateOn::Remote`].
    pub ask: Option<Ask>,
    /// Where a client may put what it has to show.
    pub reads: Vec<Subject>,
    /// Requests it lets through unasked.
    pub spares: Option<CondId>,
    /// The one that is asked when it refuses: either is enough. An answer 401 of one of them goes before all others.
    pub or: Option<GateId>,
}

/// A request of the proxy's own that asks for permission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Of one of its own routes: 2xx permits, 401 and 403 are passed on, anything else is an error.
    Route {
        /// Its path.
        path: ExprId,
        /// Where its route is chosen.
        table: TableId,
        /// What it goes through first.
        through: BlockId,
        /// Variables that its answer sets, whatever it is.
        sets: Option<BlockId>,
        /// Answer when it neither permits nor refuses.
        broken: u16,
    },
    /// Of a group of servers: 200 permits, any other answer is passed on.
    Upstream {
        /// The group.
        of: UpstreamId,
        /// Answer when none can be reached; none: it permits then.
        broken: Option<u16>,
    },
}

/// What a gate asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateOn {
    /// User and password.
    Credentials,
    /// Another server's permission.
    Remote,
    /// The client's address.
    Address,
    /// Nobody passes.
    Closed,
    /// Rate or number.
    Rate,
    /// Nobody may ask for an upgrade that is not enabled here.
    Upgrade,
}

/// An address the proxy listens on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Scope.
    pub seat: Seat,
    /// `address:port`, `*:80`, `unix:/path`.
    pub at: Text,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// How requests are taken in.
    pub intake: Intake,
    /// Steps for each request.
    pub body: BlockId,
}

/// How a listener takes requests in, before anything of the configuration is asked. The default takes everything as it is.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// Whether a connection must begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Whether only HTTP/2 is spoken without TLS.
    pub only_http2: bool,
    /// Whether only HTTP/2 is spoken, whatever the client asks for.
    pub without_http1: bool,
    /// Whether TLS clients that would speak HTTP/2 cannot.
    pub without_http2: bool,
    /// Whether TLS clients that offer HTTP/2 are held to it.
    pub offers_http2: bool,
    /// Whether a target in absolute form (`http://host/path`) names host and path.
    pub absolute_form: bool,
    /// What makes the answers to requests that are not taken; none: they are bare.
    pub errors: Option<BlockId>,
    /// Answer to a header name that is none (RFC 9110 §5.1); none: it is taken.
    pub odd_names: Option<u16>,
    /// Most header lines, and the answer to more.
    pub most_lines: Option<(u32, u16)>,
    /// What becomes of an extended CONNECT (RFC 8441); none: it is a request like any other.
    pub extended_connect: Option<ExtendedConnect>,
    /// Answer to plain HTTP where TLS is expected; none: the connection is closed.
    pub plain_on_tls: Option<u16>,
    /// Answer to malformed requests: no Host in HTTP/1.1 (RFC 9112 §3.2), a path above the root; none: they are taken.
    pub malformed: Option<u16>,
    /// Whether a Host line may be empty all the same.
    pub empty_host: bool,
    /// In which form routes see the path.
    pub path: PathForm,
    /// Whether runs of slashes in the path become one.
    pub merge_slashes: bool,
    /// Longest header line in bytes.
    pub longest_line: Option<u32>,
    /// Largest header block in bytes, and the answer to a larger one.
    pub largest_head: Option<(u32, u16)>,
}

/// What becomes of an extended CONNECT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExtendedConnect {
    /// It is taken for the GET that asks for the same upgrade in HTTP/1.1.
    Taken,
    /// The whole connection is closed.
    Closes,
}

/// In which form routes see a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PathForm {
    /// As it was sent, and so it goes upstream.
    #[default]
    AsSent,
    /// Percent-decoded, without dot segments.
    Decoded,
    /// Without dot segments; only what needs no percent sign is decoded (RFC 3986 §6.2.2). So it goes upstream.
    Normal,
}

/// A group of servers.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Scope.
    pub seat: Seat,
    /// Name.
    pub name: Text,
    /// Servers.
    pub servers: Vec<Server>,
    /// Whether more servers may exist.
    pub open: Option<Why>,
    /// Whether connections to it are kept for further requests.
    pub reuse: Fact<bool>,
    /// How much it takes at once.
    pub caps: Vec<Cap>,
}

/// A limit on how much goes on at once.
#[derive(Clone, Debug)]
pub struct Cap {
    /// What the proxy calls it.
    pub name: Text,
    /// Connections or requests.
    pub most: Fact<u64>,
    /// What becomes of the next one.
    pub over: Over,
}

/// What becomes of a request for which there is no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// It waits until there is.
    Waits,
    /// It is refused.
    Refused,
}

/// One server of a group.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address, as the configuration writes it, with port.
    pub at: Text,
    /// Only used when the others are down.
    pub backup: bool,
    /// Why its name may stand for another address than the one that answers.
    pub doubt: Option<Why>,
}
