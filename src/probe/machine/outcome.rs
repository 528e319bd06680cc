//! What is assumed of the world, and what comes out of a run.

use crate::model::{GateId, HopId, ListId, Origin, PolicyId, RouteId, Text, UpstreamId, Why};
use crate::probe::{asked::Asked, value::Val};
use crate::source::Span;

/// What the upstream does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Far {
    /// 101 to a valid RFC 6455 handshake; otherwise 426 when a key came, otherwise 200.
    Strict,
    /// 101 to a valid handshake, otherwise 200.
    Lenient,
    /// That status to everything.
    Status(u16),
    /// Nobody listens.
    Refused,
    /// Connecting never comes to an end.
    Silent,
    /// Something else than HTTP.
    Garbage,
}

/// What the configuration does not say.
#[derive(Clone, Debug)]
pub struct Assume {
    /// What the client brings.
    pub credentials: Credentials,
    /// What upstreams do.
    pub far: Far,
    /// What upstreams at certain addresses do.
    pub replies: Vec<(Text, Far)>,
    /// Header lines of the upstreams' answers, by address (`*`: all).
    pub lines: Vec<(Text, (Text, Text))>,
    /// Whether those are all, apart from what every answer has.
    pub told: bool,
    /// Whether every file is there, or none at all, in a directory that exists; otherwise it is not known.
    pub files: Option<bool>,
}

/// What a client has to show for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Whatever is asked for, and it is right.
    Valid,
    /// Nothing.
    None,
    /// What stands in the request; whether it is right is not known.
    AsSent,
}

impl Assume {
    pub(super) fn far_at(&self, at: &str) -> &Far {
        self.replies.iter().rev().find(|r| &*r.0 == at).map_or(&self.far, |r| &r.1)
    }
}

impl Default for Assume {
    fn default() -> Self {
        Self { credentials: Credentials::Valid, far: Far::Strict, replies: Vec::new(), lines: Vec::new(), told: false, files: None }
    }
}

/// One header line, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Name as it is sent.
    pub name: Text,
    /// Value.
    pub value: Val,
    /// Where it was made; none: the client's or the upstream's own.
    pub origin: Option<Origin>,
}

/// What an upstream receives.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The group, if it is one of the configuration.
    pub upstream: Option<UpstreamId>,
    /// All addresses that may be chosen.
    pub addresses: Vec<Text>,
    /// Method.
    pub method: Val,
    /// Path and query.
    pub target: Val,
    /// Headers.
    pub headers: Vec<Line>,
    /// More operations on headers may exist.
    pub open: Option<Why>,
    /// The edge.
    pub hop: HopId,
    /// The list that made the headers.
    pub list: ListId,
    /// Lines of the client that something written took away or replaced on the way, by name in lower case.
    pub removed: Vec<(Text, Origin)>,
    /// Where forwarding is written.
    pub span: Span,
}

impl Sent {
    /// Where a line that the client sent was taken away or replaced.
    pub fn remover(&self, name: &str) -> Option<Origin> {
        self.removed.iter().rev().find(|r| r.0.eq_ignore_ascii_case(name)).map(|r| r.1)
    }

    /// All values of a header.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.headers.iter().filter(move |l| l.name.eq_ignore_ascii_case(name))
    }
}

/// An internal jump, and the settings that were left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Where it is written.
    pub span: Span,
    /// Settings in force before.
    pub left: Option<PolicyId>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A tunnel is open.
    Tunnel,
    /// The upstream's answer was passed on.
    Relayed,
    /// The proxy answered.
    Answered,
    /// From files.
    Served,
    /// The connection is closed without an answer.
    Closed,
    /// Nothing ever comes.
    Hangs,
    /// No upstream could be reached.
    Failed,
    /// Too many internal redirects.
    Loops,
    /// Not known.
    Unknown(Why),
}

/// One way a request may go.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What was guessed to get here.
    pub guesses: Vec<(Why, bool)>,
    /// How it ended.
    pub end: End,
    /// Status on the wire; none: not known, or no answer.
    pub status: Option<u16>,
    /// Headers of the answer that the proxy made.
    pub answer: Vec<Line>,
    /// Body that the proxy made from its configuration.
    pub body: Option<Val>,
    /// More operations on answer headers may exist.
    pub answer_open: Option<Why>,
    /// What went upstream.
    pub sent: Option<Sent>,
    /// Settings in force at the end.
    pub policy: Option<PolicyId>,
    /// Routes entered, in order.
    pub routes: Vec<RouteId>,
    /// Jumps taken.
    pub jumps: Vec<Jump>,
    /// The step that ended it.
    pub ended_at: Span,
    /// Gates met, and whether they let it pass.
    pub gates: Vec<(GateId, bool)>,
    /// Requests that the proxy made of its own on the way.
    pub errands: Vec<Errand>,
    /// A cached answer may have been given instead.
    pub cached: Option<Cached>,
    /// Settings in force where it came in at a listener of the same proxy again, hop by hop.
    pub through: Vec<PolicyId>,
    /// What of the request was gone by.
    pub asked: Asked,
    /// Whether it met something that is otherwise in another era, if the machine was told of one.
    pub differs: bool,
    /// Whether it ended under a test on more than where the request goes (method, host, path): another client may fare
    /// differently.
    pub conditional: bool,
}

impl Branch {
    /// Gives room back that was taken while it ran, for a branch that is kept.
    pub fn pack(&mut self) {
        self.answer.shrink_to_fit();
        self.routes.shrink_to_fit();
        self.jumps.shrink_to_fit();
        self.gates.shrink_to_fit();
        if let Some(sent) = &mut self.sent {
            sent.headers.shrink_to_fit();
        }
    }
}

/// A request of the proxy's own: it asks for permission, or sends a copy.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Where it is written.
    pub span: Span,
    /// What went upstream.
    pub sent: Option<Sent>,
    /// How it ended.
    pub end: End,
}

/// A look into a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Where the cache is written.
    pub span: Span,
    /// What distinguishes cached answers.
    pub key: Val,
}
