//! Arms of a choice that an earlier arm takes every request from.

use super::eval::text_matches;
use super::value::Tri;
use crate::model::{Act, Arm, Atom, Cond, CondId, Matcher, Pick, Proxy, Rank, RouteId, TableId, Text};
use crate::source::Span;

/// How many pairs of arms are compared in one table.
const PAIRS: usize = 1_000_000;
/// How deep conditions are followed.
const DEEPEST: u32 = 16;

/// A route that no request reaches, because an earlier arm of the same choice takes them all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shadowed {
    /// The route.
    pub route: RouteId,
    /// The choice.
    pub table: TableId,
    /// What leads to it.
    pub arm: Span,
    /// What leads to the route that takes its requests.
    pub by: Span,
}

/// Routes that are provably never reached. Sound, not complete: a route without witness that is not named here may be reached.
/// `reached` are the routes that have one.
pub fn shadowed(proxy: &Proxy, reached: impl Iterator<Item = RouteId>) -> Vec<Shadowed> {
    let mut ways = ways_in(proxy);
    for r in reached {
        ways[r.at()] = usize::MAX;
    }
    let mut out = Vec::new();
    for (i, table) in proxy.tables.iter().enumerate() {
        let mut pairs = 0;
        for (n, arm) in table.arms.iter().enumerate() {
            // A request came here, or something else than this arm may lead here.
            if ways[arm.go.at()] != 1 || proxy.route(arm.go).named {
                continue;
            }
            pairs += n;
            if pairs > PAIRS {
                break;
            }
            let by = table.arms[..n].iter().find(|earlier| covers(proxy, table.pick, earlier, arm));
            if let Some(by) = by.filter(|by| by.go != arm.go) {
                out.push(Shadowed { route: arm.go, table: TableId(i as u32), arm: place(proxy, arm), by: place(proxy, by) });
            }
        }
    }
    out
}

/// How many steps and arms lead to each route.
fn ways_in(proxy: &Proxy) -> Vec<usize> {
    let mut ways = vec![0; proxy.routes.len()];
    for arm in proxy.tables.iter().flat_map(|t| &t.arms) {
        ways[arm.go.at()] += 1;
    }
    for step in proxy.steps() {
        if let Act::Go(r) | Act::Jump(r) = &step.act {
            ways[r.at()] += 1;
        }
    }
    ways
}

/// Where an arm's test is written, or its route.
fn place(proxy: &Proxy, arm: &Arm) -> Span {
    match proxy.cond(arm.test) {
        Cond::Test(Atom { span, .. }) | Cond::Never(span) => *span,
        _ => proxy.scope(proxy.route(arm.go).seat).span,
    }
}

/// Whether an earlier arm takes every request that a later one would.
fn covers(proxy: &Proxy, pick: Pick, earlier: &Arm, later: &Arm) -> bool {
    match pick {
        Pick::FirstMatch => implies(proxy, later.test, earlier.test, 0),
        // The more specific one wins, whichever comes first; only the like of each other compete.
        Pick::SpecificHost | Pick::PrefixTree => {
            let alike = match (proxy.cond(later.test), proxy.cond(earlier.test)) {
                (Cond::Test(a), Cond::Test(b)) => match (&a.is, &b.is) {
                    (Matcher::Is(_), Matcher::Is(_)) => earlier.rank != Rank::Implied,
                    (Matcher::Starts(x), Matcher::Starts(y)) | (Matcher::Ends(x), Matcher::Ends(y)) => return x == y && same_reading(a, b),
                    (Matcher::Regex(_), Matcher::Regex(_)) => earlier.nested.is_none(),
                    _ => false,
                },
                _ => false,
            };
            alike && implies(proxy, later.test, earlier.test, 0)
        }
    }
}

fn same_reading(a: &Atom, b: &Atom) -> bool {
    a.of == b.of && a.not == b.not && (a.fold == b.fold || b.fold)
}

/// Whether whatever fulfils `a` fulfils `b`: yes, or not shown.
fn implies(proxy: &Proxy, a: CondId, b: CondId, depth: u32) -> bool {
    if a == b {
        return true;
    }
    if depth > DEEPEST {
        return false;
    }
    match (proxy.cond(a), proxy.cond(b)) {
        (_, Cond::Always) | (Cond::Never(_), _) => true,
        (Cond::Any(parts), _) => parts.iter().all(|p| implies(proxy, *p, b, depth + 1)),
        (_, Cond::All(parts)) => parts.iter().all(|p| implies(proxy, a, *p, depth + 1)),
        (Cond::All(parts), _) if parts.iter().any(|p| implies(proxy, *p, b, depth + 1)) => true,
        (_, Cond::Any(parts)) => parts.iter().any(|p| implies(proxy, a, *p, depth + 1)),
        (Cond::Not(x), Cond::Not(y)) => implies(proxy, *y, *x, depth + 1),
        (Cond::Test(x), Cond::Test(y)) => atom_implies(proxy, x, y),
        _ => false,
    }
}

fn atom_implies(proxy: &Proxy, a: &Atom, b: &Atom) -> bool {
    if a.of != b.of {
        return false;
    }
    match (a.not, b.not) {
        (false, false) => matcher_implies(proxy, a, b),
        (true, true) => matcher_implies(proxy, b, a),
        _ => false,
    }
}

fn matcher_implies(proxy: &Proxy, a: &Atom, b: &Atom) -> bool {
    // What ignores case is met by more texts than one that does not.
    let fold = b.fold;
    let cased = a.fold && !b.fold;
    let every = |list: &[Text], fits: &dyn Fn(&str) -> bool| {
        !list.is_empty() && list.iter().all(|t| fits(t) && !(cased && t.bytes().any(|c| c.is_ascii_alphabetic())))
    };
    match (&a.is, &b.is) {
        (_, Matcher::Any) => true,
        (Matcher::Is(list), is) => every(list, &|t| text_matches(proxy, is, fold, t) == Tri::Yes),
        (Matcher::Starts(list), is @ (Matcher::Starts(_) | Matcher::Has(_) | Matcher::Present))
        | (Matcher::Ends(list), is @ (Matcher::Ends(_) | Matcher::Has(_) | Matcher::Present))
        | (Matcher::Has(list), is @ (Matcher::Has(_) | Matcher::Present)) => every(list, &|t| text_matches(proxy, is, fold, t) == Tri::Yes),
        (Matcher::Token(list), Matcher::Token(more)) => {
            every(list, &|t| more.iter().any(|m| if fold { m.eq_ignore_ascii_case(t) } else { **m == *t }))
        }
        (Matcher::Token(list), Matcher::Present) => every(list, &|t| !t.is_empty()),
        (Matcher::Truthy | Matcher::Present, Matcher::Present) => true,
        (Matcher::Truthy, Matcher::Truthy) => true,
        (Matcher::Regex(x), Matcher::Regex(y)) => {
            let (x, y) = (proxy.pattern(*x), proxy.pattern(*y));
            x.text == y.text && (x.fold == y.fold || y.fold)
        }
        _ => false,
    }
}
