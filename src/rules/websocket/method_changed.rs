//! `websocket/method-changed`

use super::super::{
    Level,
    context::{Context, Evidence, WebSocket, carries},
    intents::gone,
};
use crate::probe::{Val, handshake::Fault};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !socket.faults().contains(&Fault::WrongMethod) {
        return;
    }
    let Some((_, sent)) = socket.sent() else { return };
    if socket.evidence == Evidence::Named || !carries(cx.proxy, sent) {
        return;
    }
    let by = cx.proxy.hop(sent.hop).method.and_then(|m| cx.place(m.origin));
    let mut f = cx.finding("websocket/method-changed", Level::Error, by.unwrap_or(sent.span));
    f.confidence = socket.confidence();
    let method = match &sent.method {
        Val::Is(m) => m.to_string(),
        Val::Unknown { .. } => return,
    };
    f.message = format!("WebSocket handshakes through {} reach the upstream as {method}", cx.title(socket.witness.route));
    f.label = "replaces the client's method".to_owned();
    f.help = "leave the method alone on this route: a handshake is a GET (RFC 6455 §4.1)".to_owned();
    f.example = Some(socket.example());
    f.intent = by.map(|span| gone(span, &socket.witness, None));
    cx.report(f);
}
