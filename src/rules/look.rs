//! Lets all rules look at a configuration.
//!
//! Most rules look at one route at a time. What is found out of a route for them is thrown away when they have looked: of a
//! configuration with many routes it would be far too much to keep.

use super::{Check, Context, Finding, RULES, Rule, context::Past};
use crate::config::Settings;
use crate::model::{Proxy, Turn};
use crate::probe::parallel;
use crate::source::Span;
use rustc_hash::FxHashSet;
use std::collections::{HashMap, HashSet};

/// More routes than this are many: rules look side by side at them, and models of several releases are not all held at once.
pub const MANY: usize = 20_000;

/// What the rules say of a configuration: in the order of the rules, and for one rule in that of the routes.
pub fn findings(proxy: &Proxy, settings: &Settings) -> Vec<Finding> {
    let cx = Context::new(proxy, settings);
    let found = Look::at(&cx, None).found;
    cx.give_back();
    found
}

/// What the rules say in two eras.
#[derive(Debug)]
pub struct Both {
    /// Before the turn.
    pub before: Vec<Finding>,
    /// After it, without what is as it was.
    pub after: Vec<Finding>,
    /// What is as it was: rules, and the bytes that they point at.
    pub same: FxHashSet<(&'static str, Span)>,
}

/// What the rules say of a model before and after it is turned to another era. Routes whose requests meet nothing that is otherwise
/// there are not looked at again.
pub fn findings_of_both(proxy: &mut Proxy, settings: &Settings, turn: Turn) -> Both {
    let cx = Context::before(proxy, settings, &turn);
    let look = Look::at(&cx, None);
    let Look { found: before, same, sockets, crossing } = look;
    let past: Option<Past> = cx.past(&sockets);
    turn.apply(proxy);
    let Some(past) = past else {
        return Both { before, after: findings(proxy, settings), same: FxHashSet::default() };
    };
    let cx = Context::after(proxy, settings, past);
    let after = Look::at(&cx, Some(&crossing)).found;
    cx.give_back();
    Both { before, after, same }
}

/// One thing that rules looked at.
struct Item {
    /// Its index.
    at: u32,
    /// Whether anything of it is otherwise in another era.
    differs: bool,
    /// How much was found of it.
    found: usize,
}

/// What was found of some things, one after the other.
struct Share {
    items: Vec<Item>,
    found: Vec<Finding>,
}

/// What was seen when all rules looked.
#[derive(Default)]
struct Look {
    found: Vec<Finding>,
    /// What was found at things that are as they are in another era.
    same: FxHashSet<(&'static str, Span)>,
    /// Routes that carry WebSocket and are otherwise there, by index.
    sockets: Vec<u32>,
    /// Witnesses of routes that pages of other origins ask and that are otherwise there.
    crossing: HashSet<u32>,
}

impl Look {
    /// `turned`: after a turn, routes that pages of other origins ask and that are to be looked at, though their plain requests
    /// are as they were.
    fn at(cx: &Context<'_>, turned: Option<&HashSet<u32>>) -> Self {
        let mut look = Self::default();
        let sockets = cx.sockets();
        let all = sockets.iter().zip(0..).filter(|(s, _)| turned.is_none() || s.differs);
        let items = each(cx, all.map(|(_, i)| i), |own, i| {
            let socket = &sockets[i as usize];
            for rule in RULES {
                if let Check::Socket(check) = rule.check {
                    check(own, socket);
                }
            }
            socket.differs
        });
        look.sockets = look.take(items);
        let witnesses = cx.witnesses();
        let all = cx.crossing().iter().filter(|i| turned.is_none_or(|others| cx.differs(**i) || others.contains(i)));
        let items = each(cx, all.copied(), |own, i| {
            let route = own.cross_origin(&witnesses[i as usize]);
            for rule in RULES {
                if let (Check::CrossOrigin(check), Some(route)) = (rule.check, &route) {
                    check(own, route);
                }
            }
            own.differs(i)
        });
        look.crossing = look.take(items).into_iter().collect();
        let whole = |rule: &Rule| {
            let mut own = cx.again();
            if let Check::Whole(check) = rule.check {
                check(&mut own);
            }
            own.take()
        };
        let many = cx.proxy.routes.len() > MANY;
        let by_rule = if many { parallel::each(RULES, whole) } else { RULES.iter().map(whole).collect() };
        look.found.extend(by_rule.into_iter().flatten());
        let order: HashMap<&str, usize> = RULES.iter().enumerate().map(|(i, r)| (r.id, i)).collect();
        look.found.sort_by_cached_key(|f| order.get(f.rule));
        look
    }

    /// Takes in what was found of some things; which of them are otherwise in another era.
    fn take(&mut self, shares: Vec<Share>) -> Vec<u32> {
        let mut others = Vec::new();
        self.found.reserve(shares.iter().map(|s| s.found.len()).sum());
        for Share { items, mut found } in shares {
            let mut rest = &found[..];
            for item in items {
                let (own, later) = rest.split_at(item.found);
                rest = later;
                if item.differs {
                    others.push(item.at);
                } else {
                    self.same.extend(own.iter().map(|f| (f.rule, f.span)));
                }
            }
            self.found.append(&mut found);
        }
        others
    }
}

/// Looks at many things side by side. `look` says whether a thing is known to be otherwise in another era; what it asks besides may
/// show that too. Nothing is told of things of which there is nothing to tell.
fn each(cx: &Context<'_>, things: impl Iterator<Item = u32>, look: impl Fn(&mut Context<'_>, u32) -> bool + Sync) -> Vec<Share> {
    let things: Vec<u32> = things.collect();
    parallel::turns(&things, |turn| {
        let mut own = cx.again();
        let mut items = Vec::new();
        for at in turn {
            let before = own.found();
            let known = look(&mut own, *at);
            let (found, differs) = (own.found() - before, own.met() || known);
            if differs || found > 0 {
                items.push(Item { at: *at, differs, found });
            }
        }
        vec![Share { items, found: own.take() }]
    })
}
