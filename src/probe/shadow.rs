//! Arms of a choice that an earlier arm takes every request from.

use super::eval::text_matches;
use super::value::Tri;
use crate::model::{Act, Arm, Atom, Cond, CondId, Matcher, Pick, Proxy, RouteId, Text};
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
    /// What leads to it.
    pub arm: Span,
    /// What leads to the route that takes its requests.
    pub by: Span,
}

/// Routes that are provably never reached, where the first arm that fits is taken; where the most specific one is, other
/// rules speak. Sound, not complete: a route without witness that is not named here may be reached. `reached` are the routes that
/// have one.
pub fn shadowed(proxy: &Proxy, reached: impl Iterator<Item = RouteId>) -> Vec<Shadowed> {
    let mut ways = ways_in(proxy);
    for r in reached {
        ways[r.at()] = usize::MAX;
    }
    let mut out = Vec::new();
    for table in proxy.tables.iter().filter(|t| t.pick == Pick::FirstMatch) {
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
            let by = table.arms[..n].iter().find(|earlier| implies(proxy, arm.test, earlier.test, 0));
            if let Some(by) = by.filter(|by| by.go != arm.go) {
                out.push(Shadowed { route: arm.go, arm: place(proxy, arm), by: place(proxy, by) });
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
        (Matcher::Starts(list), is @ (Matcher::Starts(_) | Matcher::Has(_) | Matcher::Present | Matcher::There))
        | (Matcher::Ends(list), is @ (Matcher::Ends(_) | Matcher::Has(_) | Matcher::Present | Matcher::There))
        | (Matcher::Has(list), is @ (Matcher::Has(_) | Matcher::Present | Matcher::There)) => {
            every(list, &|t| text_matches(proxy, is, fold, t) == Tri::Yes)
        }
        (Matcher::Token(list), Matcher::Token(more)) => {
            every(list, &|t| more.iter().any(|m| if fold { m.eq_ignore_ascii_case(t) } else { **m == *t }))
        }
        (Matcher::Token(list), Matcher::Present | Matcher::There) => every(list, &|t| !t.is_empty()),
        (Matcher::Truthy | Matcher::Present, Matcher::Present) => true,
        (Matcher::Truthy | Matcher::Present | Matcher::There, Matcher::There) => true,
        (Matcher::Truthy, Matcher::Truthy) => true,
        (Matcher::Regex(x), Matcher::Regex(y)) => {
            let (x, y) = (proxy.pattern(*x), proxy.pattern(*y));
            x.text == y.text && (x.fold == y.fold || y.fold)
        }
        _ => false,
    }
}
