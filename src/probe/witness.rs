//! For every route one request that provably arrives there.

use super::machine::{Assume, Branch, run};
use super::request;
use crate::model::{Act, Atom, BlockId, Cond, CondId, Matcher, Pick, Proxy, RouteId, Subject, TableId, Text};

/// A request that arrives at a route.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The route.
    pub route: RouteId,
    /// Index of the listener.
    pub listener: usize,
    /// Host header.
    pub host: Text,
    /// Path.
    pub path: Text,
}

/// Used where any host will do.
const ANY_HOST: &str = "hoplint.invalid";

/// One witness for each route that a request can be shown to reach, in the order of the routes.
pub fn witnesses(proxy: &Proxy) -> Vec<Witness> {
    let mut found: Vec<Option<Witness>> = vec![None; proxy.routes.len()];
    for (i, listener) in proxy.listeners.iter().enumerate() {
        for host_table in tables_of(proxy, listener.body) {
            let table = proxy.table(host_table);
            if table.pick != Pick::SpecificHost {
                from_table(proxy, i, ANY_HOST, host_table, &mut found);
                continue;
            }
            for arm in &table.arms {
                let hosts = candidates(proxy, arm.test, ANY_HOST);
                for host in hosts {
                    for inner in tables_of(proxy, proxy.route(arm.go).body) {
                        from_table(proxy, i, &host, inner, &mut found);
                    }
                }
            }
            for inner in tables_of(proxy, table.miss) {
                from_table(proxy, i, ANY_HOST, inner, &mut found);
            }
        }
    }
    found.into_iter().flatten().collect()
}

/// The tables that a block dispatches to.
fn tables_of(proxy: &Proxy, block: BlockId) -> Vec<TableId> {
    let mut out = Vec::new();
    for step in proxy.block(block) {
        match &step.act {
            Act::Dispatch(t) => out.push(*t),
            Act::Go(r) => out.extend(proxy.block(proxy.route(*r).body).iter().filter_map(|s| match &s.act {
                Act::Dispatch(t) => Some(*t),
                _ => None,
            })),
            _ => {}
        }
    }
    out
}

fn from_table(proxy: &Proxy, listener: usize, host: &str, table: TableId, found: &mut [Option<Witness>]) {
    let mut pending = vec![table];
    while let Some(table) = pending.pop() {
        for arm in &proxy.table(table).arms {
            pending.extend(arm.nested);
            if found[arm.go.at()].is_some() {
                continue;
            }
            for path in candidates(proxy, arm.test, "/") {
                let branches = run(proxy, &request(listener, "GET", host, &path, &[]), &Assume::default());
                if arrives(&branches, arm.go) {
                    found[arm.go.at()] = Some(Witness { route: arm.go, listener, host: host.into(), path: path.as_str().into() });
                    break;
                }
            }
        }
    }
}

/// Whether every branch passes through a route.
fn arrives(branches: &[Branch], route: RouteId) -> bool {
    branches.iter().all(|b| b.routes.contains(&route))
}

/// Texts that may satisfy a test on host or path, shortest first.
fn candidates(proxy: &Proxy, test: CondId, any: &str) -> Vec<String> {
    let Cond::Test(Atom { of, is, .. }) = proxy.cond(test) else { return vec![any.to_owned()] };
    let path = *of != Subject::Host;
    match is {
        Matcher::Is(list) => list.iter().map(ToString::to_string).collect(),
        Matcher::Starts(list) if path => list.iter().flat_map(|p| [p.to_string(), format!("{p}x"), format!("{p}/")]).collect(),
        Matcher::Starts(list) => list.iter().map(|p| format!("{p}test")).collect(),
        Matcher::Ends(list) => list.iter().map(|t| format!("x{t}")).collect(),
        Matcher::Regex(id) => {
            let pattern = proxy.pattern(*id);
            literal_of(&pattern.text, path)
        }
        _ => vec![any.to_owned()],
    }
}

/// Texts that the plain part of a regular expression suggests; they are run before they are believed.
fn literal_of(regex: &str, path: bool) -> Vec<String> {
    let body = regex.trim_start_matches('^').trim_end_matches('$');
    let mut plain = String::new();
    let mut chars = body.chars().peekable();
    let mut depth = 0u32;
    let mut skipping = 0u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                if let Some(n) = chars.next() {
                    let n = match n {
                        'd' => '1',
                        'w' => 'a',
                        's' => ' ',
                        other => other,
                    };
                    if skipping == 0 {
                        plain.push(n);
                    }
                }
            }
            '(' => {
                depth += 1;
                if chars.peek() == Some(&'?') {
                    for n in chars.by_ref() {
                        if matches!(n, ':' | '>' | '=' | '!') {
                            break;
                        }
                    }
                }
            }
            ')' => {
                if skipping == depth {
                    skipping = 0;
                }
                depth = depth.saturating_sub(1);
            }
            '|' if depth > 0 && skipping == 0 => skipping = depth,
            '|' if depth > 0 => {}
            '|' => break,
            '[' => {
                let mut first = None;
                for n in chars.by_ref() {
                    if n == ']' && first.is_some() {
                        break;
                    }
                    if first.is_none() {
                        first = Some(n);
                    }
                }
                if skipping == 0 {
                    plain.push(match first {
                        Some('^') | None => 'a',
                        Some(c) => c,
                    });
                }
            }
            '.' if skipping == 0 => plain.push('a'),
            '+' | '?' | '*' | '^' | '$' => {}
            '{' => {
                for n in chars.by_ref() {
                    if n == '}' {
                        break;
                    }
                }
            }
            other if skipping == 0 => plain.push(other),
            _ => {}
        }
    }
    let mut out = vec![plain.clone()];
    if path {
        out.push(format!("/{plain}"));
        out.push(format!("/a{plain}"));
        out.push(format!("{plain}/"));
        out.push(format!("{plain}a"));
    } else {
        out.push(format!("a{plain}"));
    }
    out
}
