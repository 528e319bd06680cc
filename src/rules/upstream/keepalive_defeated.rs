//! `upstream/keepalive-defeated`

use super::super::{Confidence, Finding, Level, Related, context::Context};
use crate::model::{Advice, Because, Expr, Fact, Goal, How, Intent, Kind, Known, PolicyId, Proxy, Role, Trial, UpstreamId, Wire};
use crate::probe::{Branch, Sent, Val, Witness, parallel, trial};
use crate::source::Span;
use std::collections::HashSet;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if cx.proxy.upstreams.iter().all(|u| u.reuse.value != Known::Is(true)) {
        return;
    }
    let mut seen: HashSet<(Span, Span)> = HashSet::new();
    let sendings = sendings(cx);
    let kept: HashSet<UpstreamId> = sendings.iter().filter(|s| s.closes.is_none()).map(|s| s.upstream).collect();
    for Sending { upstream, at, closes, sent, policy, .. } in &sendings {
        let (upstream, at, policy) = (*upstream, *at, *policy);
        let group = cx.proxy.upstream(upstream);
        let reuse = group.reuse;
        let Some((span, label)) = closes.clone().filter(|_| reuse.value == Known::Is(true)) else { continue };
        // Nobody wrote what closes: the group is only then kept in vain when no route keeps its connections.
        let nowhere = span == reuse.origin.span;
        if nowhere && kept.contains(&upstream) || !seen.insert((span, reuse.origin.span)) {
            continue;
        }
        let level = if reuse.origin.how == How::Written { Level::Warning } else { Level::Hint };
        let mut f: Finding = cx.finding("upstream/keepalive-defeated", level, span);
        f.confidence = Confidence::Likely;
        f.message = format!("connections to `{}` are not kept: every plain request opens a new one", group.name);
        f.label = label;
        if reuse.origin.how == How::Written {
            cx.relate(&mut f, reuse.origin, "connections are meant to be kept here");
        }
        if at != span {
            f.related.push(Related { span: at, message: "for example by this route".to_owned() });
        }
        f.help = cx.advice(Advice::KeepConnections, "send no `Connection` line with plain requests, over HTTP/1.1").to_owned();
        f.intent = policy.map(|policy| wanted(cx, policy, sent, &sendings, (span, upstream)));
        cx.report(f);
    }
}

/// Plain requests that close for this reason, and all others to the same servers that nobody keeps, shall close no more.
fn wanted(cx: &Context<'_>, policy: PolicyId, sent: &Sent, all: &[Sending], (span, upstream): (Span, UpstreamId)) -> Intent {
    let mut because = cx.seats(policy, sent.span);
    if let Some(op) = cx.written(sent.list, "connection") {
        let entry = op.value.value.is().and_then(|e| entry(cx.proxy, e)).filter(|e| *e == span);
        let origin = entry.map_or(op.value.origin, |span| crate::model::Origin { span, ..op.value.origin });
        because.push(Because { role: Role::Header, origin, value: op.name.to_string() });
    }
    if cx.proxy.hop(sent.hop).wire.value == Known::Is(Wire::H10) {
        because.push(Because { role: Role::Wire, origin: cx.proxy.hop(sent.hop).wire.origin, value: "HTTP/1.1".to_owned() });
    }
    let alike = |s: &&Sending| s.upstream == upstream && s.closes.as_ref().is_some_and(|c| c.0 == span);
    let request = |s: &Sending| Some(Trial { kind: Kind::Plain, request: s.witness.ask(Kind::Plain, trial::ORIGIN)? });
    Intent { goal: Goal::KeepsConnection, trials: all.iter().filter(alike).filter_map(request).collect(), because, assumes: None, site: 0 }
}

/// A plain request on its way to a group.
struct Sending {
    upstream: UpstreamId,
    /// Where it is forwarded.
    at: Span,
    /// What closes the connection afterwards, and what to say beside it; none: nothing that is known.
    closes: Option<(Span, String)>,
    witness: Witness,
    policy: Option<PolicyId>,
    sent: Sent,
}

/// Plain requests to groups: those that keep their connections, and those that close them for certain.
fn sendings(cx: &Context<'_>) -> Vec<Sending> {
    let of = |w: &Witness, b: &Branch| {
        let sent = b.sent.as_ref()?;
        let upstream = sent.upstream?;
        let closes = cause(cx, sent, cx.proxy.upstream(upstream).reuse).filter(|_| sent.open.is_none());
        // Whether TLS is spoken is not known: nothing is to be said.
        let vague = closes.is_some() && cx.proxy.hop(sent.hop).tls.is_none();
        (!vague).then(|| Sending { upstream, at: sent.span, closes, witness: w.clone(), policy: b.policy, sent: sent.clone() })
    };
    let all = parallel::many(&cx.witnesses(), |w| Some(cx.plain(w).iter().filter_map(|b| of(w, b)).collect::<Vec<_>>()));
    all.into_iter().flatten().collect()
}

/// What closes the connection after a plain request, and what to say beside it.
fn cause(cx: &Context<'_>, sent: &Sent, reuse: Fact<bool>) -> Option<(Span, String)> {
    let closes = |v: &Val| matches!(v, Val::Is(v) if v.split(',').any(|t| t.trim().eq_ignore_ascii_case("close")));
    if let Some(line) = sent.values("connection").find(|l| closes(&l.value)) {
        let origin = line.origin?;
        if origin.how != How::Written {
            return Some((reuse.origin.span, format!("in vain: {} sends `Connection: close` by itself", cx.proxy.dialect)));
        }
        let op = cx.written(sent.list, "connection")?;
        let entry = op.value.value.is().and_then(|e| entry(cx.proxy, e));
        return Some((entry.unwrap_or(origin.span), "a plain request gets `Connection: close` from here".to_owned()));
    }
    let wire = cx.proxy.hop(sent.hop).wire;
    if wire.value != Known::Is(Wire::H10) {
        return None;
    }
    let text = "HTTP/1.0 keeps no connections";
    match cx.place(wire.origin) {
        Some(span) => Some((span, text.to_owned())),
        None if wire.origin.how.is_assumed() => None,
        None => {
            let releases = wire.origin.how.releases().map_or_else(String::new, |r| format!(" {r}"));
            Some((reuse.origin.span, format!("in vain: {text}, and it is the default{releases}")))
        }
    }
}

/// The line of a map that holds when there is no upgrade.
fn entry(proxy: &Proxy, value: crate::model::ExprId) -> Option<Span> {
    let Expr::Map(map, _) = proxy.expr(value) else { return None };
    let map = proxy.map(*map);
    let fact = map.exact.iter().find(|(k, _)| k.is_empty()).map_or(map.default, |e| e.1);
    (fact.origin.how == How::Written).then_some(fact.origin.span)
}
