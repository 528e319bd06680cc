//! `envoy/hand-made-upgrade`

use super::super::{Level, context::Context};
use crate::model::{HeaderOp, How, Verb};
use crate::source::Span;
use std::collections::BTreeMap;

/// Lines that make a handshake, and that Envoy forwards by itself.
const LINES: &[&str] = &["upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept"];

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    let mut found: BTreeMap<Span, (String, bool)> = BTreeMap::new();
    for list in cx.proxy.policies.iter().map(|p| p.outgoing) {
        for op in &cx.proxy.list(list).ops {
            let HeaderOp { verb, name, value, .. } = op;
            if value.origin.how == How::Written && LINES.iter().any(|l| name.eq_ignore_ascii_case(l)) {
                found.insert(value.origin.span, (name.to_string(), *verb == Verb::Remove));
            }
        }
    }
    for (span, (name, removes)) in found {
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
        cx.report(f);
    }
}
