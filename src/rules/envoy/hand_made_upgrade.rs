//! `envoy/hand-made-upgrade`

use super::super::{Level, context::Context, intents::header};
use crate::model::{Goal, HeaderOp, How, Intent, Kind, Trial, Verb};
use crate::probe::trial;
use crate::source::Span;
use std::collections::BTreeMap;

/// Lines that make a handshake, and that Envoy forwards by itself.
const LINES: &[&str] = &["upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept"];

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    let mut found: BTreeMap<Span, (String, HeaderOp)> = BTreeMap::new();
    for list in cx.proxy.policies.iter().map(|p| p.outgoing) {
        for op in &cx.proxy.list(list).ops {
            let HeaderOp { name, value, .. } = op;
            if value.origin.how == How::Written && LINES.iter().any(|l| name.eq_ignore_ascii_case(l)) {
                found.insert(value.origin.span, (name.to_string(), op.clone()));
            }
        }
    }
    let others: Vec<HeaderOp> = found.values().map(|(_, op)| op.clone()).collect();
    for (span, (name, op)) in found {
        let removes = op.verb == Verb::Remove;
        let level = if removes { Level::Error } else { Level::Warning };
        let mut f = cx.finding("envoy/hand-made-upgrade", level, span);
        if removes {
            f.message = format!("without `{name}` a WebSocket handshake never reaches its server as one");
            f.label = "this line is a part of the handshake".to_owned();
            f.help = "do not remove it; to refuse upgrades leave `upgrade_configs` out".to_owned();
        } else {
            f.message = format!("Envoy forwards `{name}` of a handshake by itself: this one is added to every request");
            f.label = "the server gets it twice in a handshake, and in plain requests as well".to_owned();
            f.help = "delete it and allow the upgrade with `upgrade_configs: [{upgrade_type: websocket}]` on the route; nginx needs such \
                      lines, Envoy does not"
                .to_owned();
        }
        f.intent = Some(wanted(cx, &op, &others));
        cx.report(f);
    }
}

/// Without the line handshakes pass, and plain requests ask for nothing; elsewhere nobody knows what it was for.
fn wanted(cx: &Context<'_>, op: &HeaderOp, others: &[HeaderOp]) -> Intent {
    let (span, removes) = (op.value.origin.span, op.verb == Verb::Remove);
    let mut trials = Vec::new();
    for w in cx.witnesses().iter() {
        let policy = cx.proxy.policy(cx.proxy.route(w.route).policy);
        if !cx.proxy.list(policy.outgoing).ops.iter().any(|o| o.value.origin.span == span) {
            continue;
        }
        let kind = if removes { Kind::Handshake } else { Kind::Plain };
        trials.extend(w.ask(kind, trial::ORIGIN).map(|request| Trial { kind, request }));
    }
    let goal = if removes { Goal::Upgrades } else { Goal::UpgradesOnly };
    match op.name.to_ascii_lowercase().as_str() {
        "upgrade" | "connection" if !trials.is_empty() => {
            // What stands beside it was written for the same purpose.
            let alike = |o: &&HeaderOp| {
                o.verb == op.verb && o.value.origin.seat == op.value.origin.seat && LINES[..2].contains(&&*o.name.to_ascii_lowercase())
            };
            Intent { goal, trials, because: others.iter().filter(alike).map(header).collect(), assumes: None, site: 0 }
        }
        _ => Intent { goal: Goal::Gone(span), trials: Vec::new(), because: vec![header(op)], assumes: None, site: 0 },
    }
}
