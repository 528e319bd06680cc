//! `websocket/authentication-skipped`

use super::super::{Level, Related, context::Context};
use crate::model::{Gate, GateOn};
use crate::probe::{Assume, Branch, Credentials, End, handshake};
use crate::source::Span;
use std::collections::BTreeMap;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    // Nothing asks anybody, or nobody is let through for an upgrade: most configurations.
    let asks = |on: fn(GateOn) -> bool| cx.proxy.gates.iter().any(|g| on(g.on));
    if !asks(|on| on == GateOn::Upgrade) || !asks(refuses) {
        return;
    }
    let assume = Assume { credentials: Credentials::None, ..Assume::default() };
    let mut found: BTreeMap<Span, (Span, Span, String)> = BTreeMap::new();
    for w in cx.witnesses().iter() {
        let plain = cx.run(&crate::probe::request(w.listener, "GET", &w.host, &w.path, &[]), &assume);
        // Without credentials a plain request is refused for certain ...
        let Some(first) = plain.first().and_then(|b| refusing(cx, b)) else { continue };
        if !plain.iter().all(|b| refusing(cx, b).is_some()) {
            continue;
        }
        // ... and one that asks for an upgrade is let through for certain.
        let upgrade = cx.run(&handshake::ask(w.listener, &w.host, &w.path), &assume);
        let through = |b: &Branch| b.sent.is_some() && b.guesses.is_empty() && matches!(b.end, End::Tunnel | End::Relayed);
        if upgrade.is_empty() || !upgrade.iter().all(through) {
            continue;
        }
        let Some(permits) = upgrade[0].gates.iter().map(|g| cx.proxy.gate(g.0)).find(|g| g.on == GateOn::Upgrade) else { continue };
        let route = cx.proxy.scope(cx.proxy.route(w.route).seat).span;
        found.entry(permits.deny.origin.span).or_insert((first.deny.origin.span, route, w.path.to_string()));
    }
    for (span, (gate, route, path)) in found {
        let mut f = cx.finding("websocket/authentication-skipped", Level::Error, span);
        f.message = "whoever asks for an upgrade is not asked for credentials: two header lines open every route behind it".to_owned();
        f.label = "upgrades take a way of their own from here".to_owned();
        f.related.push(Related { span: gate, message: "plain requests must pass this".to_owned() });
        f.related.push(Related { span: route, message: "for example on the way to this route".to_owned() });
        f.help = "put the same check on the way of upgrades. Any request with `Connection: Upgrade` and `Upgrade: websocket` takes it, \
                  whether its path is meant for WebSocket or not"
            .to_owned();
        f.example = Some(format!("GET {path} HTTP/1.1, Connection: Upgrade, Upgrade: websocket, without credentials"));
        cx.report(f);
    }
}

/// Whether a gate of that kind turns away who shows nothing.
const fn refuses(on: GateOn) -> bool {
    matches!(on, GateOn::Credentials | GateOn::Remote | GateOn::Closed)
}

/// The gate that refuses, if one does.
fn refusing<'a>(cx: &'a Context<'_>, b: &Branch) -> Option<&'a Gate> {
    let gate = b.gates.last().filter(|g| !g.1).map(|g| cx.proxy.gate(g.0))?;
    refuses(gate.on).then_some(gate).filter(|_| b.guesses.is_empty())
}
