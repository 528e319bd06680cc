//! For every route one request that provably arrives there.

use super::machine::{Assume, Branch, run};
use super::request;
use regex_syntax::hir::{Class, Hir, HirKind};

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
                let hosts = candidates(proxy, arm.test, ANY_HOST, "");
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
    let mut pending = vec![(table, String::new())];
    while let Some((table, base)) = pending.pop() {
        for arm in &proxy.table(table).arms {
            let paths = candidates(proxy, arm.test, "/", &base);
            if let Some(nested) = arm.nested {
                pending.push((nested, paths.first().cloned().unwrap_or_default()));
            }
            if found[arm.go.at()].is_some() {
                continue;
            }
            for path in paths {
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

/// Texts that may satisfy a test on host or path; `base` is a path that leads to the table.
fn candidates(proxy: &Proxy, test: CondId, any: &str, base: &str) -> Vec<String> {
    let Cond::Test(Atom { of, is, .. }) = proxy.cond(test) else { return vec![any.to_owned()] };
    let path = *of != Subject::Host;
    match is {
        Matcher::Is(list) => list.iter().map(ToString::to_string).collect(),
        Matcher::Starts(list) if path => list.iter().flat_map(|p| [p.to_string(), format!("{p}x"), format!("{p}/")]).collect(),
        Matcher::Starts(list) => list.iter().map(|p| format!("{p}test")).collect(),
        Matcher::Ends(list) => list.iter().map(|t| format!("x{t}")).collect(),
        Matcher::Regex(id) if path => {
            let base = base.trim_end_matches('/');
            texts_of(&proxy.pattern(*id).text)
                .into_iter()
                .flat_map(|t| {
                    let own = t.starts_with('/').then(|| t.clone());
                    own.into_iter().chain([format!("{base}/{}", t.trim_start_matches('/')), format!("{base}/a{t}"), format!("{base}{t}/")])
                })
                .collect()
        }
        Matcher::Regex(id) => texts_of(&proxy.pattern(*id).text).into_iter().flat_map(|t| [t.clone(), format!("a{t}")]).collect(),
        _ => vec![any.to_owned()],
    }
}

/// Texts that an expression matches somewhere in; they are run before they are believed. Expressions with look-around are
/// beyond this and have none.
pub fn texts_of(regex: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(regex) else { return Vec::new() };
    let mut out = example(&hir, 0);
    out.truncate(4);
    out
}

/// Short texts of an expression, the first alternative first.
fn example(hir: &Hir, depth: u32) -> Vec<String> {
    if depth > 50 {
        return Vec::new();
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(l) => vec![String::from_utf8_lossy(&l.0).into_owned()],
        HirKind::Class(Class::Unicode(class)) => {
            let liked = ['a', '1', 'A', '-', '/'].into_iter().find(|c| class.ranges().iter().any(|r| r.start() <= *c && *c <= r.end()));
            liked
                .or_else(|| class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start))
                .map(|c| c.to_string())
                .into_iter()
                .collect()
        }
        HirKind::Class(Class::Bytes(class)) => class.ranges().first().map(|r| char::from(r.start()).to_string()).into_iter().collect(),
        HirKind::Repetition(r) => {
            let one = example(&r.sub, depth + 1);
            let times = r.min.min(20) as usize;
            if times == 0 {
                std::iter::once(String::new()).chain(one).take(2).collect()
            } else {
                one.into_iter().take(2).map(|t| t.repeat(times)).collect()
            }
        }
        HirKind::Capture(c) => example(&c.sub, depth + 1),
        HirKind::Alternation(parts) => parts.iter().flat_map(|p| example(p, depth + 1)).take(4).collect(),
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                let tails = example(part, depth + 1);
                all = all.iter().flat_map(|h| tails.iter().map(move |t| format!("{h}{t}"))).take(4).collect();
            }
            all
        }
    }
}
