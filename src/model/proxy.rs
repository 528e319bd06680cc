//! The whole of one proxy's configuration, in flat vectors.

use super::{
    Act, Advice, Atom, BlockId, Clocks, ClocksId, Cond, CondId, Cors, CorsId, Doubt, Expr, ExprId, Gate, GateId, HeaderList, Hop, HopId,
    Lane, ListId, Listener, Map, MapId, Matcher, Pattern, PatternId, Policy, PolicyId, Problem, Reason, Remark, Route, RouteId, Scope,
    Seat, Slot, Step, Subject, Table, TableId, Text, Upstream, UpstreamId, Why, Words,
};
use crate::source::Span;
use std::collections::BTreeMap;
use std::ops::Range;

/// A comment, and the scope that it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The bytes.
    pub span: Span,
    /// Without the mark.
    pub text: String,
    /// The scope around it.
    pub within: Option<Seat>,
    /// The scope that begins right after it.
    pub next: Option<Seat>,
    /// The whole of the statement that it stands before or beside.
    pub about: Option<Span>,
}

/// One configuration of one proxy, lowered for one era.
#[derive(Default, Debug)]
pub struct Proxy {
    /// Name of the dialect.
    pub dialect: &'static str,
    /// How it is told what rules advise.
    pub words: Words,
    /// Whether the text is only a part of a configuration.
    pub fragment: bool,
    /// Addresses.
    pub listeners: Vec<Listener>,
    /// Choices.
    pub tables: Vec<Table>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Steps of all blocks.
    steps: Vec<Step>,
    /// Where the steps of each block are.
    blocks: Vec<Range<u32>>,
    /// Settings in force.
    pub policies: Vec<Policy>,
    /// Header lists.
    pub lists: Vec<HeaderList>,
    /// Clocks.
    pub clocks: Vec<Clocks>,
    /// Edges.
    pub hops: Vec<Hop>,
    /// Gates.
    pub gates: Vec<Gate>,
    /// CORS engines.
    pub cors: Vec<Cors>,
    /// Groups of servers.
    pub upstreams: Vec<Upstream>,
    /// Expressions.
    pub exprs: Vec<Expr>,
    /// Map tables.
    pub maps: Vec<Map>,
    /// Conditions.
    pub conds: Vec<Cond>,
    /// Regular expressions.
    pub patterns: Vec<Pattern>,
    /// Scopes.
    pub scopes: Vec<Scope>,
    /// What is unknown.
    pub doubts: Vec<Doubt>,
    /// Number of variables.
    pub slots: u32,
    /// Whether a test on a header is done on each line of that name, and one that passes is enough; values are then made of the
    /// last one. Otherwise both are about the first.
    pub each_line: bool,
    /// How many internal redirects one request may make.
    pub jumps: u8,
    /// Comments.
    pub comments: Vec<Comment>,
    /// What the proxy would refuse.
    pub problems: Vec<Problem>,
    /// What is written and does not do what it reads like.
    pub remarks: Vec<Remark>,
    /// Limits that would take the place of the shortest ones of these clocks, and where they could be written.
    pub could_supersede: BTreeMap<ClocksId, (Text, Span)>,
    /// Routes that are written for upgrades, and where that shows.
    pub meant_for_upgrades: Vec<(RouteId, Span)>,
}

macro_rules! arenas {
    ($($(#[$doc:meta])* $push:ident $get:ident $field:ident $item:ty, $id:ident;)*) => {$(
        $(#[$doc])*
        pub fn $push(&mut self, item: $item) -> $id {
            self.$field.push(item);
            $id(self.$field.len() as u32 - 1)
        }
        /// Of an id of this proxy.
        pub fn $get(&self, id: $id) -> &$item {
            &self.$field[id.0 as usize]
        }
    )*};
}

impl Proxy {
    /// Makes room for so many more places that have settings: large vectors need not be moved then while they grow. Room that is
    /// not used costs nothing.
    pub fn reserve(&mut self, places: usize) {
        self.scopes.reserve(places);
        self.policies.reserve(places + places / 4);
        self.lists.reserve(places);
        self.hops.reserve(places);
        self.routes.reserve(2 * places);
        self.blocks.reserve(4 * places);
        self.conds.reserve(2 * places);
        self.steps.reserve(6 * places);
    }

    arenas! {
        /// Adds a table.
        add_table table tables Table, TableId;
        /// Adds a route.
        add_route route routes Route, RouteId;
        /// Adds settings.
        add_policy policy policies Policy, PolicyId;
        /// Adds a header list.
        add_list list lists HeaderList, ListId;
        /// Adds clocks.
        add_clocks clocks_of clocks Clocks, ClocksId;
        /// Adds an edge.
        add_hop hop hops Hop, HopId;
        /// Adds a gate.
        add_gate gate gates Gate, GateId;
        /// Adds a CORS engine.
        add_cors cors_of cors Cors, CorsId;
        /// Adds a group of servers.
        add_upstream upstream upstreams Upstream, UpstreamId;
        /// Adds an expression.
        add_expr expr exprs Expr, ExprId;
        /// Adds a map.
        add_map map maps Map, MapId;
        /// Adds a condition.
        add_cond cond conds Cond, CondId;
        /// Adds a regular expression.
        add_pattern pattern patterns Pattern, PatternId;
        /// Adds a scope.
        add_scope scope scopes Scope, Seat;
        /// Adds a doubt.
        add_doubt doubt_of doubts Doubt, Why;
    }

    /// An empty configuration. Its first doubt, [`Proxy::RUNTIME`], stands for whatever only a running proxy knows.
    pub fn new(dialect: &'static str, words: fn(Advice) -> Option<&'static str>) -> Self {
        let mut proxy = Self { dialect, words: Words(words), jumps: 10, ..Self::default() };
        proxy.doubt(Reason::RuntimeState, Span::default(), "known only while the proxy runs");
        proxy
    }

    /// The doubt about whatever only a running proxy knows.
    pub const RUNTIME: Why = Why(0);

    /// A new variable.
    pub fn add_slot(&mut self) -> Slot {
        self.slots += 1;
        Slot(self.slots - 1)
    }

    /// A constant.
    pub fn text(&mut self, text: &str) -> ExprId {
        self.add_expr(Expr::Text(text.into()))
    }

    /// A doubt in words.
    pub fn doubt(&mut self, reason: Reason, span: Span, note: impl Into<Text>) -> Why {
        self.add_doubt(Doubt { reason, span, note: note.into() })
    }

    /// A test that ignores nothing and is not negated.
    pub fn test(&mut self, of: Subject, is: Matcher, span: Span) -> CondId {
        self.add_cond(Cond::Test(Atom { of, is, fold: false, not: false, span }))
    }

    /// Adds a block.
    pub fn add_block(&mut self, steps: impl IntoIterator<Item = Step>) -> BlockId {
        let range = self.add_steps(steps);
        self.blocks.push(range);
        BlockId(self.blocks.len() as u32 - 1)
    }

    /// Fills a block that was empty so far: what leads to it had to have its id.
    pub fn fill_block(&mut self, id: BlockId, steps: impl IntoIterator<Item = Step>) {
        self.blocks[id.at()] = self.add_steps(steps);
    }

    fn add_steps(&mut self, steps: impl IntoIterator<Item = Step>) -> Range<u32> {
        let start = self.steps.len() as u32;
        self.steps.extend(steps);
        start..self.steps.len() as u32
    }

    /// A block of one step.
    pub fn one(&mut self, act: Act, span: Span) -> BlockId {
        self.add_block([Step { act, span }])
    }

    /// What has a header list applied to answers.
    pub fn on_answer(&mut self, lane: Lane, list: ListId, span: Span) -> Step {
        let block = self.one(Act::Edit(list), span);
        Step { act: Act::OnAnswer { lane, block }, span }
    }

    /// The steps of a block.
    pub fn block(&self, id: BlockId) -> &[Step] {
        let Range { start, end } = self.blocks[id.at()];
        &self.steps[start as usize..end as usize]
    }

    /// The same, to be changed.
    pub fn block_mut(&mut self, id: BlockId) -> &mut [Step] {
        let Range { start, end } = self.blocks[id.at()];
        &mut self.steps[start as usize..end as usize]
    }

    /// The steps of all blocks.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A header list, its base first.
    pub fn ops(&self, list: ListId) -> impl Iterator<Item = &super::HeaderOp> {
        let list = self.list(list);
        let base = list.base.map(|b| &self.list(b).ops);
        base.into_iter().flatten().chain(&list.ops)
    }

    /// "`location /ws/`", "`frontend web`".
    pub fn title(&self, seat: Seat) -> String {
        let scope = self.scope(seat);
        if scope.name.is_empty() { scope.noun.to_owned() } else { format!("{} {}", scope.noun, scope.name) }
    }

    /// The scopes around some bytes, outermost first: `server a.test > location /ws/`. Without the whole file, which is around
    /// everything.
    ///
    /// `order` holds all scopes by the start of their bodies, see [`Proxy::scopes_in_text`].
    pub fn path(&self, order: &[Seat], span: Span) -> String {
        let mut titles: Vec<String> = self
            .innermost(order, span)
            .into_iter()
            .flat_map(|s| self.outward(s))
            .filter(|s| !self.scope(*s).noun.is_empty())
            .map(|s| self.title(s))
            .collect();
        titles.reverse();
        titles.join(" > ")
    }

    /// The innermost scope around some bytes; `order` as for [`Proxy::path`].
    pub fn innermost(&self, order: &[Seat], span: Span) -> Option<Seat> {
        let body = |s: &Seat| self.scope(*s).body;
        let before = order.partition_point(|s| body(s).start <= span.start);
        before.checked_sub(1).and_then(|last| self.outward(order[last]).find(|s| body(s).holds(span)))
    }

    /// All scopes in the order of their bodies, outer ones first.
    pub fn scopes_in_text(&self) -> Vec<Seat> {
        let mut order: Vec<Seat> = (0..self.scopes.len() as u32).map(Seat).collect();
        order.sort_by_key(|s| (self.scope(*s).body.start, std::cmp::Reverse(self.scope(*s).body.len)));
        order
    }

    /// The scope and all around it, innermost first.
    pub fn outward(&self, seat: Seat) -> impl Iterator<Item = Seat> {
        std::iter::successors(Some(seat), |s| self.scope(*s).parent)
    }
}
