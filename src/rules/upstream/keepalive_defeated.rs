//! `upstream/keepalive-defeated`

use super::super::{
    Confidence, Finding, Level, Related,
    context::{Context, Sending},
};
use crate::model::{Advice, Because, Expr, Goal, How, Intent, Kind, Known, Origin, Proxy, Role, Trial, UpstreamId, Wire};
use crate::probe::trial;
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// How many groups are shown beside one line that closes the connections of many.
const SHOWN: usize = 3;
/// How many requests a correction is judged by at most.
const TRIALS: usize = 100;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut kept: HashSet<UpstreamId> = HashSet::new();
    let mut causes: Vec<Cause> = Vec::new();
    let mut by_place: HashMap<Span, usize> = HashMap::new();
    for s in cx.sendings() {
        let Some((span, why)) = cause(cx, s).filter(|_| !s.open) else {
            kept.insert(s.upstream);
            continue;
        };
        // Whether TLS is spoken is not known, or nobody wants connections to be kept: nothing is to be said.
        if cx.proxy.hop(s.hop).tls.is_none() || cx.proxy.upstream(s.upstream).reuse.value != Known::Is(true) {
            continue;
        }
        let at = *by_place.entry(span).or_insert_with(|| {
            causes.push(Cause { span, why, sendings: Vec::new(), groups: Vec::new(), seen: HashSet::new() });
            causes.len() - 1
        });
        causes[at].sendings.push(*s);
        if causes[at].seen.insert(s.upstream) {
            causes[at].groups.push(s.upstream);
        }
    }
    for cause in causes {
        speak(cx, cause, &kept);
    }
}

/// A line that closes connections.
struct Cause {
    span: Span,
    why: Why,
    /// The requests that it holds for.
    sendings: Vec<Sending>,
    /// Whose connections, in the order of the routes.
    groups: Vec<UpstreamId>,
    seen: HashSet<UpstreamId>,
}

fn speak(cx: &mut Context<'_>, mut cause: Cause, kept: &HashSet<UpstreamId>) {
    let reuse = |g: &UpstreamId| cx.proxy.upstream(*g).reuse.origin;
    // Nobody wrote what closes: such a group is only then kept in vain when no route keeps its connections.
    cause.groups.retain(|g| reuse(g).span != cause.span || !kept.contains(g));
    let written = |g: &UpstreamId| reuse(g).how == How::Written;
    let level = if cause.groups.iter().any(written) { Level::Warning } else { Level::Hint };
    // Where somebody wrote that connections are to be kept, the others go without saying.
    if level == Level::Warning {
        cause.groups.retain(written);
    }
    let Some(first) = cause.groups.first() else { return };
    let mut f: Finding = cx.finding("upstream/keepalive-defeated", level, cause.span);
    f.confidence = Confidence::Likely;
    let named = format!("`{}`", cx.proxy.upstream(*first).name);
    let names = match cause.groups.len() - 1 {
        0 => named,
        1 => format!("{named} and `{}`", cx.proxy.upstream(cause.groups[1]).name),
        more => format!("{named} and {more} other groups"),
    };
    f.message = format!("connections to {names} are not kept: every plain request opens a new one");
    f.label = cause.why.words(cx);
    if level == Level::Warning {
        for group in cause.groups.iter().take(SHOWN) {
            cx.relate(&mut f, reuse(group), "connections are meant to be kept here");
        }
    }
    let example = cause.sendings[0].at;
    if example != cause.span {
        f.related.push(Related { span: example, message: "for example by this route".to_owned() });
    }
    f.help = cx.advice(Advice::KeepConnections, "send no `Connection` line with plain requests, over HTTP/1.1").to_owned();
    f.intent = wanted(cx, &cause);
    cx.report(f);
}

/// Plain requests to these groups that close for this reason shall close no more.
fn wanted(cx: &Context<'_>, cause: &Cause) -> Option<Intent> {
    let groups: HashSet<UpstreamId> = cause.groups.iter().copied().collect();
    let mut alike = cause.sendings.iter().filter(|s| groups.contains(&s.upstream));
    let first = *alike.next()?;
    let mut because = cx.seats(first.policy?, first.at);
    if let Some(op) = cx.written(first.list, "connection") {
        let entry = op.value.value.is().and_then(|e| entry(cx.proxy, e)).filter(|e| *e == cause.span);
        let origin = entry.map_or(op.value.origin, |span| Origin { span, ..op.value.origin });
        because.push(Because { role: Role::Header, origin, value: op.name.to_string() });
    }
    let wire = cx.proxy.hop(first.hop).wire;
    if wire.value == Known::Is(Wire::H10) {
        because.push(Because { role: Role::Wire, origin: wire.origin, value: "HTTP/1.1".to_owned() });
    }
    let witnesses = cx.witnesses();
    let request = |s: Sending| Some(Trial { kind: Kind::Plain, request: witnesses[s.witness].ask(Kind::Plain, trial::ORIGIN)? });
    let trials = std::iter::once(first).chain(alike.copied()).take(TRIALS).filter_map(request).collect();
    Some(Intent { goal: Goal::KeepsConnection, trials, because, assumes: None, site: 0 })
}

/// Why a connection is closed after a plain request.
#[derive(Clone, Copy)]
enum Why {
    /// The proxy says so by itself.
    Itself,
    /// A line says so.
    Line,
    /// HTTP/1.0 is spoken: somebody wrote it, or it is the default.
    Old(Option<Origin>),
}

impl Why {
    /// What to say beside the place.
    fn words(self, cx: &Context<'_>) -> String {
        let old = "HTTP/1.0 keeps no connections";
        match self {
            Self::Itself => format!("in vain: {} sends `Connection: close` by itself", cx.proxy.dialect),
            Self::Line => "a plain request gets `Connection: close` from here".to_owned(),
            Self::Old(None) => old.to_owned(),
            Self::Old(Some(default)) => {
                let releases = default.how.releases().map_or_else(String::new, |r| format!(" {r}"));
                format!("in vain: {old}, and it is the default{releases}")
            }
        }
    }
}

/// What closes the connection after a plain request.
fn cause(cx: &Context<'_>, sending: &Sending) -> Option<(Span, Why)> {
    let group = cx.proxy.upstream(sending.upstream).reuse.origin.span;
    if sending.closes {
        let origin = sending.closed_by?;
        if origin.how != How::Written {
            return Some((group, Why::Itself));
        }
        let op = cx.written(sending.list, "connection")?;
        let entry = op.value.value.is().and_then(|e| entry(cx.proxy, e));
        return Some((entry.unwrap_or(origin.span), Why::Line));
    }
    let wire = cx.proxy.hop(sending.hop).wire;
    if wire.value != Known::Is(Wire::H10) {
        return None;
    }
    match cx.place(wire.origin) {
        Some(span) => Some((span, Why::Old(None))),
        None if wire.origin.how.is_assumed() => None,
        None => Some((group, Why::Old(Some(wire.origin)))),
    }
}

/// The line of a map that holds when there is no upgrade.
fn entry(proxy: &Proxy, value: crate::model::ExprId) -> Option<Span> {
    let Expr::Map(map, _) = proxy.expr(value) else { return None };
    let map = proxy.map(*map);
    let fact = map.exact.iter().find(|(k, _)| k.is_empty()).map_or(map.default, |e| e.1);
    (fact.origin.how == How::Written).then_some(fact.origin.span)
}
