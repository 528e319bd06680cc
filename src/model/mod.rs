//! What any reverse proxy does: `Listener → host table → route table → upstream`, as a small program in the order of
//! execution and flat records of what holds on the way. Types only; the machine in `probe/` runs them, and knows no proxy
//! and no version: every built-in behaviour is written down by the dialect as implied steps and implied header operations.

mod advice;
mod exchange;
mod expr;
mod fact;
mod intent;
mod policy;
mod program;
mod proxy;
mod remark;
mod turn;
mod version;

pub use advice::{Advice, Words};
pub use exchange::{Because, Dial, Request, Role};
pub use expr::{Atom, Cond, Conv, Expr, Map, Matcher, Pattern, Subject};
pub use fact::{Doubt, Fact, How, Known, Origin, Reason, Releases, Scope, Seat, Why};
pub use intent::{Applicability, Correction, Edit, Fix, Goal, Intent, Kind, NoFix, Obstacle, Trial};
pub use policy::{
    Answers, Clock, Clocks, Combine, Cors, Ending, Follow, Handshake, HeaderList, HeaderOp, Hop, Idle, Lifetime, Limit, Mixing, Policy,
    Restart, Traffic, Unmatched, UpgradeMode, Verb, Wire,
};
pub use program::{
    Act, Arm, Ask, Cap, ExtendedConnect, Gate, GateOn, Intake, Lane, Listener, Over, PathForm, Pick, Rank, Route, Server, Stand, Step,
    Table, Target, Upstream,
};
pub use proxy::{Comment, Proxy};
pub use remark::{Problem, ProblemKind, Remark, RemarkKind, Remedy};
pub use turn::Turn;
pub use version::{Era, Version};

/// Text shared by many facts.
pub type Text = std::sync::Arc<str>;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// As an index into its vector.
            pub const fn at(self) -> usize { self.0 as usize }
        }
    )*};
}

ids! {
    /// An expression.
    ExprId
    /// A map table.
    MapId
    /// A regular expression.
    PatternId
    /// A condition.
    CondId
    /// A block of steps.
    BlockId
    /// A route.
    RouteId
    /// A choice.
    TableId
    /// A group of servers.
    UpstreamId
    /// A bundle of settings in force.
    PolicyId
    /// A header list.
    ListId
    /// A set of clocks.
    ClocksId
    /// An edge to an upstream.
    HopId
    /// A gate.
    GateId
    /// A CORS engine.
    CorsId
    /// A variable of one request.
    Slot
}
