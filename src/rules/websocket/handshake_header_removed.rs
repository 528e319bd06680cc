//! `websocket/handshake-header-removed`

use super::super::{
    Level,
    context::{Context, Evidence, WebSocket, carries},
    intents::gone,
};
use crate::model::{How, Known};
use crate::probe::{Line, Sent, handshake::Fault};

const KEY: &str = "Sec-WebSocket-Key";

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let faults = socket.faults();
    let Some((_, sent)) = socket.sent() else { return };
    let (name, without) = if faults.contains(&Fault::NoKey) || foreign(sent) {
        (KEY, "the client's ")
    } else if faults.contains(&Fault::NoHost) {
        ("Host", "")
    } else {
        return;
    };
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
    f.message = format!("WebSocket handshakes through {} reach the upstream without {without}`{name}`", cx.title(socket.witness.route));
    f.label = if all {
        "no header of the client is passed on"
    } else if remover.is_some() {
        "taken away here"
    } else {
        "an empty value removes the line"
    }
    .to_owned();
    f.help = if foreign(sent) {
        "remove this line for the route: the proxy puts a key of its own there, and a client refuses the answer to another key than \
         its own (RFC 6455 §4.1)"
            .to_owned()
    } else {
        format!("remove this line for the route: a server answers a handshake without `{name}` with 400 (RFC 6455 §4.2.1)")
    };
    f.example = Some(socket.example());
    f.intent = span.map(|span| gone(span, &socket.witness, None));
    cx.report(f);
}

/// Whether the proxy answers for a key that the client had, and that was taken away.
fn foreign(sent: &Sent) -> bool {
    let made = |key: &Line| key.origin.is_some_and(|o| o.how == How::Implied);
    sent.remover(KEY).is_some() && sent.values(KEY).any(made)
}
