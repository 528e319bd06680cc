//! Lets all rules look at a configuration.
//!
//! Most rules look at one route at a time. What is found out of a route for them is thrown away when they have looked: of a
//! configuration with many routes it would be far too much to keep.

use super::{Check, Context, Finding, RULES};
use crate::config::Settings;
use crate::model::Proxy;
use crate::probe::parallel;
use std::collections::HashMap;

/// What the rules say of a configuration: in the order of the rules, and for one rule in that of the routes.
pub fn findings(proxy: &Proxy, settings: &Settings) -> Vec<Finding> {
    let cx = Context::new(proxy, settings);
    let on_socket: Vec<_> = RULES.iter().filter_map(|r| if let Check::Socket(check) = r.check { Some(check) } else { None }).collect();
    let on_origin: Vec<_> = RULES.iter().filter_map(|r| if let Check::CrossOrigin(check) = r.check { Some(check) } else { None }).collect();
    let mut found = parallel::turns(&cx.sockets(), |sockets| {
        let mut own = cx.again();
        for socket in sockets {
            for check in &on_socket {
                check(&mut own, socket);
            }
        }
        own.finish()
    });
    let witnesses = cx.witnesses();
    found.extend(parallel::turns(cx.crossing(), |crossing| {
        let mut own = cx.again();
        for route in crossing.iter().filter_map(|i| cx.cross_origin(&witnesses[*i as usize])) {
            for check in &on_origin {
                check(&mut own, &route);
            }
        }
        own.finish()
    }));
    let look = |check: &fn(&mut Context<'_>)| {
        let mut own = cx.again();
        check(&mut own);
        own.finish()
    };
    let whole: Vec<_> = RULES.iter().filter_map(|r| if let Check::Whole(check) = r.check { Some(check) } else { None }).collect();
    let many = proxy.routes.len() > MANY;
    let by_rule = if many { parallel::each(&whole, look) } else { whole.iter().map(look).collect() };
    found.extend(by_rule.into_iter().flatten());
    let order: HashMap<&str, usize> = RULES.iter().enumerate().map(|(i, r)| (r.id, i)).collect();
    found.sort_by_key(|f| order.get(f.rule));
    found
}

/// Rules look side by side at configurations with more routes than this.
const MANY: usize = 20_000;
