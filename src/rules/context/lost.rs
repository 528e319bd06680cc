//! Lines that requests or answers go without, since a list further in replaced the one that had them.

use super::super::{Finding, Related, intents::intent};
use super::Context;
use crate::model::{Because, Expr, Goal, HeaderOp, How, Intent, Kind, Known, ListId, Origin, Proxy, Role, RouteId, Subject, Trial, Verb};
use crate::probe::{Branch, Witness, parallel, trial};
use crate::source::Span;
use std::collections::{BTreeMap, HashSet};

/// Which lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Those for requests that go upstream.
    Outgoing,
    /// Those for answers.
    Answer,
}

/// A list that replaced another one, and what went with that.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Its first own line.
    pub at: Span,
    /// The list.
    pub list: ListId,
    /// The routes that go without, in the order of the text.
    pub routes: Vec<Losing>,
}

impl Loss {
    /// All lines that are lost here, each once, in the order of the text.
    pub fn lines(&self) -> Vec<&HeaderOp> {
        let mut lines: Vec<&HeaderOp> = self.routes.iter().flat_map(|r| &r.lines).collect();
        lines.sort_by_key(|op| op.value.origin.span);
        lines.dedup_by_key(|op| op.value.origin.span);
        lines
    }

    /// Their names, each once.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for op in self.lines() {
            if !names.iter().any(|n| n.eq_ignore_ascii_case(&op.name)) {
                names.push(&op.name);
            }
        }
        names
    }
}

/// A route that goes without some lines.
#[derive(Clone, Debug)]
pub struct Losing {
    /// The route.
    pub route: RouteId,
    /// A request for it.
    pub witness: Witness,
    /// What becomes of it.
    pub branch: Branch,
    /// The lines.
    pub lines: Vec<HeaderOp>,
    /// Lists that lack them, from the one in force out to the one that replaced them.
    pub lacking: Vec<ListId>,
}

impl Side {
    /// Both, in the order of their numbers.
    pub(super) const BOTH: [Self; 2] = [Self::Outgoing, Self::Answer];

    /// The list in force at the end of a run; none where there is nothing to add lines to, or where more may be in force.
    pub(super) fn in_force(self, proxy: &Proxy, branch: &Branch) -> Option<ListId> {
        match self {
            Self::Outgoing => branch.sent.as_ref().filter(|s| s.open.is_none()).map(|s| s.list),
            Self::Answer => branch.policy.filter(|_| branch.answer_open.is_none()).map(|p| proxy.policy(p).answer),
        }
    }
}

impl Context<'_> {
    /// Lists that made plain requests, or their answers, go without lines that were written further out.
    pub fn losses(&self, side: Side, counts: impl Fn(&HeaderOp) -> bool + Sync) -> Vec<Loss> {
        let proxy = self.proxy;
        let each = parallel::many(&self.known.seen.displacing[side as usize], |i| {
            let w = &self.known.seen.witnesses[*i as usize];
            let found: Vec<(ListId, Losing)> = self.plain(w).into_iter().flat_map(|b| losing(proxy, side, w, &b, &counts)).collect();
            (!found.is_empty()).then_some(found)
        });
        let mut losses: BTreeMap<Span, Loss> = BTreeMap::new();
        for (list, route) in each.into_iter().flatten() {
            let Some(at) = proxy.list(list).ops.first().map(|op| op.value.origin.span) else { continue };
            let loss = losses.entry(at).or_insert_with(|| Loss { at, list, routes: Vec::new() });
            if !loss.routes.iter().any(|r| r.route == route.route) {
                loss.routes.push(route);
            }
        }
        losses.into_values().collect()
    }
}

/// Where a request lost lines.
fn losing(proxy: &Proxy, side: Side, w: &Witness, b: &Branch, counts: &impl Fn(&HeaderOp) -> bool) -> Vec<(ListId, Losing)> {
    let mut found = Vec::new();
    let (Some(in_force), Some(route)) = (side.in_force(proxy, b), b.routes.last()) else { return found };
    let mut seen: HashSet<String> = HashSet::new();
    let mut lacking = Vec::new();
    let mut list = in_force;
    loop {
        seen.extend(proxy.list(list).ops.iter().map(|op| op.name.to_ascii_lowercase()));
        lacking.push(list);
        let Some(outer) = proxy.list(list).displaced.filter(|_| proxy.list(list).open.is_none()) else { return found };
        let gone = |op: &&HeaderOp| !seen.contains(&op.name.to_ascii_lowercase()) && says_something(proxy, op) && counts(op);
        let lines: Vec<HeaderOp> = proxy.list(outer).ops.iter().filter(gone).cloned().collect();
        if !lines.is_empty() {
            let losing = Losing { route: *route, witness: w.clone(), branch: b.clone(), lines, lacking: lacking.clone() };
            found.push((list, losing));
        }
        list = outer;
    }
}

/// Whether a line makes a difference: not one that takes a line away, or repeats what is sent without it.
fn says_something(proxy: &Proxy, op: &HeaderOp) -> bool {
    let same = |e| match proxy.expr(e) {
        Expr::Text(t) => t.is_empty(),
        Expr::Read(Subject::Header(name)) => name.eq_ignore_ascii_case(&op.name),
        Expr::Read(Subject::UpstreamAuthority) => op.name.eq_ignore_ascii_case("host"),
        _ => false,
    };
    op.value.origin.how == How::Written && op.verb != Verb::Remove && !matches!(op.value.value, Known::Is(e) if same(e))
}

/// How many places are shown beside a finding.
const SHOWN: usize = 6;

impl Context<'_> {
    /// Says what is lost, where it was set, and for which routes. `ends` says what follows for one line and for several, `by` what
    /// stands before routes.
    pub fn tell_loss(&self, f: &mut Finding, loss: &Loss, ends: [&str; 2], by: &str) {
        let names = loss.names();
        let seat = self.proxy.list(loss.list).seat;
        let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
        let routes: Vec<RouteId> = loss.routes.iter().map(|r| r.route).collect();
        let through = match routes[..] {
            [one] if self.proxy.route(one).seat == seat => String::new(),
            [one] => format!(" {by} {}", self.title(one)),
            [one, _] => format!(" {by} {} and one more route", self.title(one)),
            [one, ..] => format!(" {by} {} and {} more routes", self.title(one), routes.len() - 1),
            [] => return,
        };
        let end = ends[usize::from(names.len() > 1)];
        f.message = format!("`{}` drops the inherited {}: {end}{through}", self.proxy.title(seat), joined(&quoted));
        f.label = "this list replaces the inherited one as a whole".to_owned();
        for op in loss.lines().into_iter().take(SHOWN) {
            f.related.push(Related { span: op.value.origin.span, message: format!("`{}` is set here, and lost below", op.name) });
        }
        let elsewhere = loss.routes.iter().map(|r| self.proxy.route(r.route).seat).filter(|s| *s != seat);
        for other in elsewhere.take(SHOWN) {
            f.related.push(Related { span: self.proxy.scope(other).span, message: "goes without".to_owned() });
        }
    }

    /// The lines must come along into every list on the way that lacks them; none where routes lack different lines.
    pub fn must_keep(&self, loss: &Loss, goal: fn(Vec<String>) -> Goal) -> Option<Intent> {
        let spans = |lines: &[HeaderOp]| lines.iter().map(|op| op.value.origin.span).collect::<Vec<Span>>();
        let first = loss.routes.first()?;
        if loss.routes.iter().any(|r| spans(&r.lines) != spans(&first.lines)) {
            return None;
        }
        // A value that depends on the request may be empty for the one that is tried.
        let plain = |op: &&HeaderOp| matches!(op.value.value, Known::Is(e) if !matches!(self.proxy.expr(e), Expr::Map(..) | Expr::Slot(_) | Expr::Read(Subject::Header(_))));
        let mut names: Vec<String> = first.lines.iter().filter(plain).map(|op| op.name.to_string()).collect();
        if names.is_empty() {
            names = first.lines.iter().map(|op| op.name.to_string()).collect();
        }
        let mut lists: Vec<ListId> = loss.routes.iter().flat_map(|r| r.lacking.iter().copied()).collect();
        lists.sort_unstable();
        lists.dedup();
        let took = lists.iter().map(|l| {
            let seat = self.proxy.list(*l).seat;
            let origin = Origin { how: How::Written, span: self.proxy.scope(seat).span, seat };
            Because { role: Role::Took, origin, value: self.proxy.title(seat) }
        });
        let lost = first.lines.iter().map(|op| Because { role: Role::Displaced, origin: op.value.origin, value: op.name.to_string() });
        let mut wanted = intent(goal(names), &first.witness, &[], took.chain(lost).collect(), trial::ORIGIN);
        wanted.trials = loss
            .routes
            .iter()
            .filter_map(|r| Some(Trial { kind: Kind::Plain, request: r.witness.ask(Kind::Plain, trial::ORIGIN)? }))
            .collect();
        Some(wanted)
    }
}

/// "a", "a and b", "a, b and c".
fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
