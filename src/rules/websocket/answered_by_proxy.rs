//! `websocket/answered-by-proxy`

use super::super::{
    Confidence, Level, Related,
    context::{Context, Evidence, WebSocket, not_enabled},
};
use crate::model::GateOn;
use crate::probe::{Branch, Credentials, End, handshake};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    // A rule of its own speaks of upgrades that nobody enabled.
    if socket.evidence == Evidence::Named || not_enabled(cx.proxy, &socket.branches).is_some() {
        return;
    }
    let Some(first) = socket.branches.first() else { return };
    let own = |b: &Branch| matches!(b.end, End::Answered | End::Served | End::Closed) && !b.conditional;
    let alike = |b: &Branch| own(b) && b.status == first.status && b.ended_at == first.ended_at;
    if !socket.branches.iter().all(alike) || passes_elsewhere(cx, socket) {
        return;
    }
    let title = cx.title(socket.witness.route);
    // A door that is shut on purpose is no accident unless somebody says that clients come this way.
    let shut = first.gates.iter().any(|(g, pass)| !pass && cx.proxy.gate(*g).on == GateOn::Closed);
    if shut && socket.evidence != Evidence::Declared {
        return;
    }
    // Files in the place of a forward: an excerpt may have left the forward out.
    if first.end == End::Served && cx.proxy.fragment && socket.evidence != Evidence::Declared {
        return;
    }
    let gate = first.gates.iter().find(|g| !g.1).map(|g| cx.proxy.gate(g.0).deny.origin.span);
    let mut f = cx.finding("websocket/answered-by-proxy", Level::Error, gate.unwrap_or(first.ended_at));
    f.confidence = if socket.branches.iter().all(|b| b.guesses.is_empty()) { Confidence::Certain } else { Confidence::Likely };
    (f.message, f.label) = match (&first.end, first.status) {
        (End::Closed, _) => {
            (format!("WebSocket handshakes for {title} never reach an upstream: the connection is closed"), "closed here".to_owned())
        }
        (_, Some(s @ 300..400)) => (
            format!("WebSocket handshakes for {title} are redirected with {s}, and no browser follows that"),
            "redirected here, before anything is forwarded".to_owned(),
        ),
        (_, Some(s)) => (
            format!("WebSocket handshakes for {title} are answered with {s} by {} itself", cx.proxy.dialect),
            "answered here, before anything is forwarded".to_owned(),
        ),
        (_, None) => (
            format!("WebSocket handshakes for {title} are answered from files by {} itself", cx.proxy.dialect),
            "nothing is forwarded from here".to_owned(),
        ),
    };
    let route = cx.proxy.route(socket.witness.route);
    let list = cx.proxy.policy(route.policy).outgoing;
    if let Some(op) = cx.written(list, "upgrade").filter(|_| cx.proxy.list(list).seat == route.seat) {
        f.related.push(Related { span: op.value.origin.span, message: "these lines never come into play".to_owned() });
    }
    f.help = "let handshakes through to the upstream before this answer, or move the answer elsewhere: a WebSocket client takes \
              nothing but 101, and follows no redirect (RFC 6455 §4.1, WHATWG WebSockets)"
        .to_owned();
    f.example = Some(socket.example());
    cx.report(f);
}

/// Whether another address of the proxy, or a client of another origin, fares better.
fn passes_elsewhere(cx: &Context<'_>, socket: &WebSocket) -> bool {
    let w = &socket.witness;
    (0..cx.proxy.listeners.len()).any(|listener| {
        let branches = cx.shake(&handshake::ask(listener, &w.host, &w.path), Credentials::Valid);
        branches.iter().any(|b| b.sent.is_some())
    })
}
