//! Lets all rules look at a configuration.
//!
//! Most rules look at one route at a time. What is found out of a route for them is thrown away when they have looked: of a
//! configuration with many routes it would be far too much to keep.

use super::{Check, Context, Finding, RULES, Rule};
use crate::config::Settings;
use crate::model::Proxy;
use crate::probe::parallel;
use std::collections::HashMap;

/// More routes than this are many: rules look side by side at them, and models of several releases are not all held at once.
pub const MANY: usize = 20_000;

/// What the rules say of a configuration: in the order of the rules, and for one rule in that of the routes.
pub fn findings(proxy: &Proxy, settings: &Settings) -> Vec<Finding> {
    let cx = Context::new(proxy, settings);
    let mut found = parallel::turns(&cx.sockets(), |sockets| {
        let mut own = cx.again();
        for socket in sockets {
            for rule in RULES {
                if let Check::Socket(check) = rule.check {
                    check(&mut own, socket);
                }
            }
        }
        own.finish()
    });
    let witnesses = cx.witnesses();
    found.extend(parallel::turns(cx.crossing(), |crossing| {
        let mut own = cx.again();
        for route in crossing.iter().filter_map(|i| cx.cross_origin(&witnesses[*i as usize])) {
            for rule in RULES {
                if let Check::CrossOrigin(check) = rule.check {
                    check(&mut own, &route);
                }
            }
        }
        own.finish()
    }));
    let whole = |rule: &Rule| {
        let mut own = cx.again();
        if let Check::Whole(check) = rule.check {
            check(&mut own);
        }
        own.finish()
    };
    let by_rule = if proxy.routes.len() > MANY { parallel::each(RULES, whole) } else { RULES.iter().map(whole).collect() };
    found.extend(by_rule.into_iter().flatten());
    let order: HashMap<&str, usize> = RULES.iter().enumerate().map(|(i, r)| (r.id, i)).collect();
    found.sort_by_key(|f| order.get(f.rule));
    found
}
