//! `websocket/handshake-header-removed`

use super::super::{
    Level,
    context::{Context, Evidence, WebSocket, carries},
    intents::gone,
};
use crate::model::Known;
use crate::probe::handshake::Fault;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let faults = socket.faults();
    let name = if faults.contains(&Fault::NoKey) {
        "Sec-WebSocket-Key"
    } else if faults.contains(&Fault::NoHost) {
        "Host"
    } else {
        return;
    };
    let Some((_, sent)) = socket.sent() else { return };
    // Where the upgrade lines are missing, those rules speak first.
    if socket.evidence == Evidence::Named || !carries(cx.proxy, sent) || faults.contains(&Fault::NoUpgrade) {
        return;
    }
    let hop = cx.proxy.hop(sent.hop);
    let all = hop.client_headers.value == Known::Is(false);
    let remover = sent.remover(name).map(|o| o.span);
    let own = remover.or(cx.written(sent.list, name).map(|op| op.value.origin.span));
    let span = if all { cx.place(hop.client_headers.origin) } else { own };
    let mut f = cx.finding("websocket/handshake-header-removed", Level::Error, span.unwrap_or(sent.span));
    f.confidence = socket.confidence();
    f.message = format!("WebSocket handshakes through {} reach the upstream without `{name}`", cx.title(socket.witness.route));
    f.label = if all {
        "no header of the client is passed on"
    } else if remover.is_some() {
        "taken away here"
    } else {
        "an empty value removes the line"
    }
    .to_owned();
    f.help = format!("remove this line for the route: a server answers a handshake without `{name}` with 400 (RFC 6455 §4.2.1)");
    f.example = Some(socket.example());
    f.intent = span.map(|span| gone(span, &socket.witness, None));
    cx.report(f);
}
