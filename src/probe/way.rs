//! The ways through the program: what must hold for a request to come to a place. Followed from the listeners, each block
//! once for each way into it.

use crate::model::{Act, BlockId, CondId, ExprId, PolicyId, Proxy, RouteId, Slot, TableId, Target, Text};
use crate::source::Span;

/// How often a route is followed, once for each way into it.
const WALKS: u8 = 4;
/// How deep blocks are followed into blocks.
const DEEPEST: u32 = 64;

/// Something that holds, or has happened, on a way.
#[derive(Clone, Debug)]
pub(super) enum Clause {
    /// A condition was true, or false.
    Holds(CondId, bool),
    /// An expression has this value.
    Equals(ExprId, Text),
    /// A variable was set; on a side way, if that was taken.
    Let { slot: Slot, value: ExprId, aside: Option<Way> },
    /// Settings were entered; on a side way, if that was taken.
    Enter { policy: PolicyId, aside: Option<Way> },
    /// The path is not the client's any more.
    Moved,
    /// A route was entered.
    Route(RouteId),
    /// It was entered by a jump.
    Jumped,
    /// One of several, by chance.
    Chance,
}

/// The last clause of a way; none: at the listener.
pub(super) type Way = Option<u32>;

/// All ways followed, as a tree.
#[derive(Default)]
pub(super) struct Ways {
    links: Vec<(Clause, Way)>,
}

impl Ways {
    #[allow(clippy::unnecessary_wraps, reason = "what it makes is the next way, and a way may have no clause")]
    fn on(&mut self, way: Way, clause: Clause) -> Way {
        self.links.push((clause, way));
        Some(self.links.len() as u32 - 1)
    }

    /// The clauses from the end of a way to its beginning, up to another one.
    pub(super) fn back(&self, way: Way, until: Way) -> impl Iterator<Item = &Clause> {
        let mut at = way;
        std::iter::from_fn(move || {
            let i = at.filter(|_| at != until)?;
            let (clause, before) = &self.links[i as usize];
            at = *before;
            Some(clause)
        })
    }

    /// The routes that a way has entered, the last one first: that is the one it is in.
    pub(super) fn routes(&self, way: Way) -> impl Iterator<Item = RouteId> {
        self.back(way, None).filter_map(|c| match c {
            Clause::Route(r) => Some(*r),
            _ => None,
        })
    }
}

/// A place that a request may come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Goal {
    /// A route.
    Route(RouteId),
    /// A step that forwards, within a route.
    Forward(Span),
}

/// What is still to be followed.
#[derive(Clone, Copy)]
enum Task {
    Table(TableId, Way),
    Route(RouteId, Way),
    Goal(Goal, Way),
}

/// How a block goes on.
enum Fall {
    /// With what comes after it.
    Next(Way),
    /// The group around it is left.
    Leave(Way),
    /// Nowhere.
    Done,
}

/// Follows all ways, depth first; what lies deeper comes before what it lies in.
pub(super) struct Walk<'a> {
    proxy: &'a Proxy,
    pub(super) ways: Ways,
    tasks: Vec<Task>,
    walks: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(proxy: &'a Proxy) -> Self {
        let walks = vec![0; proxy.routes.len()];
        Self { proxy, ways: Ways::default(), tasks: Vec::new(), walks }
    }

    /// Begins at a listener.
    pub(super) fn begin(&mut self, body: BlockId) {
        self.ways = Ways::default();
        self.follow(body, None);
    }

    /// The next place, and a way to it.
    pub(super) fn next(&mut self) -> Option<(Goal, Way)> {
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Goal(goal, way) => return Some((goal, way)),
                Task::Table(table, way) => self.table(table, way),
                Task::Route(route, way) => self.route(route, way),
            }
        }
        None
    }

    fn table(&mut self, id: TableId, way: Way) {
        let table = self.proxy.table(id);
        self.follow(table.miss, way);
        for arm in table.arms.iter().rev() {
            let way = self.ways.on(way, Clause::Holds(arm.test, true));
            self.tasks.push(Task::Route(arm.go, way));
            if let Some(nested) = arm.nested {
                self.tasks.push(Task::Table(nested, way));
            }
        }
    }

    fn route(&mut self, id: RouteId, way: Way) {
        if self.walks[id.at()] == WALKS {
            return;
        }
        self.walks[id.at()] += 1;
        let way = self.ways.on(way, Clause::Route(id));
        self.tasks.push(Task::Goal(Goal::Route(id), way));
        self.follow(self.proxy.route(id).body, way);
    }

    /// Follows a block; what it leads to is followed in its order.
    fn follow(&mut self, block: BlockId, way: Way) {
        let from = self.tasks.len();
        self.block(block, way, 0);
        self.tasks[from..].reverse();
    }

    fn block(&mut self, id: BlockId, way: Way, depth: u32) -> Fall {
        let proxy = self.proxy;
        if depth > DEEPEST {
            return Fall::Done;
        }
        let mut way = way;
        for step in proxy.block(id) {
            let fall = self.step(&step.act, step.span, way, depth);
            match fall {
                Fall::Next(on) => way = on,
                other => return other,
            }
        }
        Fall::Next(way)
    }

    fn step(&mut self, act: &Act, at: Span, way: Way, depth: u32) -> Fall {
        match act {
            Act::Enter(policy) | Act::Admit(policy) => Fall::Next(self.ways.on(way, Clause::Enter { policy: *policy, aside: None })),
            Act::Let(slot, value) => Fall::Next(self.ways.on(way, Clause::Let { slot: *slot, value: *value, aside: None })),
            Act::Rewrite { .. } | Act::Method(_) => Fall::Next(self.ways.on(way, Clause::Moved)),
            Act::When { test, then, other } => self.when(*test, *then, *other, way, depth),
            Act::Group(block) => match self.block(*block, way, depth + 1) {
                Fall::Leave(on) | Fall::Next(on) => Fall::Next(on),
                Fall::Done => Fall::Done,
            },
            Act::Leave => Fall::Leave(way),
            Act::Dispatch(table) => {
                self.tasks.push(Task::Table(*table, way));
                if self.proxy.block(self.proxy.table(*table).miss).is_empty() { Fall::Next(way) } else { Fall::Done }
            }
            Act::Reselect { if_moved: true, .. } => Fall::Next(way),
            Act::Reselect { .. } => Fall::Done,
            Act::Call(block) => self.block(*block, way, depth + 1),
            Act::Go(route) => {
                self.tasks.push(Task::Route(*route, way));
                Fall::Done
            }
            Act::Jump(route) => {
                let way = self.ways.on(way, Clause::Jumped);
                self.tasks.push(Task::Route(*route, way));
                Fall::Done
            }
            Act::Content => {
                self.content(way, depth);
                Fall::Done
            }
            Act::Forward { to, .. } => {
                self.forward(to, at, way, depth);
                Fall::Done
            }
            Act::Respond { .. } | Act::Serve | Act::Hang | Act::Close | Act::Opaque(_) => Fall::Done,
            Act::Named(_)
            | Act::Stands { .. }
            | Act::Edit(_)
            | Act::OnAnswer { .. }
            | Act::Unset(_)
            | Act::Gate(_)
            | Act::Cors(_)
            | Act::Copy(_)
            | Act::Measure
            | Act::Forget
            | Act::Cache { .. } => Fall::Next(way),
        }
    }

    fn when(&mut self, test: CondId, then: BlockId, other: Option<BlockId>, way: Way, depth: u32) -> Fall {
        let yes = self.ways.on(way, Clause::Holds(test, true));
        let no = self.ways.on(way, Clause::Holds(test, false));
        let then = self.block(then, yes, depth + 1);
        let other = other.map_or(Fall::Next(no), |o| self.block(o, no, depth + 1));
        match (then, other) {
            (Fall::Next(a), Fall::Next(b)) => {
                // Either way goes on here: neither is needed.
                let on = self.aside(a, yes, way);
                Fall::Next(self.aside(b, no, on))
            }
            (Fall::Next(on), _) | (_, Fall::Next(on)) => Fall::Next(on),
            (Fall::Leave(on), _) | (_, Fall::Leave(on)) => Fall::Leave(on),
            (Fall::Done, Fall::Done) => Fall::Done,
        }
    }

    /// What a side way has set, for those who come by it.
    fn aside(&mut self, end: Way, begin: Way, onto: Way) -> Way {
        let mut kept: Vec<Clause> = Vec::new();
        for clause in self.ways.back(end, begin) {
            match clause {
                Clause::Let { slot, value, aside } => kept.push(Clause::Let { slot: *slot, value: *value, aside: aside.or(Some(end)) }),
                Clause::Enter { policy, aside } => kept.push(Clause::Enter { policy: *policy, aside: aside.or(Some(end)) }),
                _ => {}
            }
        }
        kept.into_iter().rev().fold(onto, |way, clause| self.ways.on(way, clause))
    }

    /// What answers under the settings in force: those entered last, or on a side way after that.
    fn content(&mut self, way: Way, depth: u32) {
        let mut entered: Vec<(PolicyId, Option<Way>)> = Vec::new();
        for clause in self.ways.back(way, None) {
            if let Clause::Enter { policy, aside } = clause {
                entered.push((*policy, *aside));
                if aside.is_none() {
                    break;
                }
            }
        }
        let mut seen = Vec::new();
        for (policy, aside) in entered.into_iter().rev() {
            let Some(block) = self.proxy.policy(policy).content else { continue };
            if seen.contains(&block) {
                continue;
            }
            seen.push(block);
            self.block(block, aside.unwrap_or(way), depth + 1);
        }
    }

    fn forward(&mut self, to: &Target, at: Span, way: Way, depth: u32) {
        match to {
            Target::Upstream(_) | Target::Url(_) => self.tasks.push(Task::Goal(Goal::Forward(at), way)),
            Target::Split(parts) => {
                let way = self.ways.on(way, Clause::Chance);
                for (_, block) in parts.iter().filter(|p| p.0 > 0) {
                    self.block(*block, way, depth + 1);
                }
            }
            Target::Named { name, among, miss } => {
                for (text, block) in among {
                    let way = self.ways.on(way, Clause::Equals(*name, text.clone()));
                    self.block(*block, way, depth + 1);
                }
                if let Some(miss) = miss {
                    self.block(*miss, way, depth + 1);
                }
            }
        }
    }
}
