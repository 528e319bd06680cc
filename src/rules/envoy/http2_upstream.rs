//! `envoy/http2-upstream`

use super::super::{
    Confidence, Level,
    context::{Context, Evidence, WebSocket},
};
use crate::model::{Known, Wire};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !super::is_meant(cx) || socket.evidence == Evidence::Named {
        return;
    }
    let Some((branch, sent)) = socket.sent() else { return };
    let wire = cx.proxy.hop(sent.hop).wire;
    // A further hop of this very Envoy was run through.
    if wire.value != Known::Is(Wire::H2) || branch.status.is_some() {
        return;
    }
    let mut f = cx.finding("envoy/http2-upstream", Level::Warning, cx.place(wire.origin).unwrap_or(sent.span));
    f.confidence = Confidence::Likely;
    f.message = format!("WebSockets through {} go upstream as an extended CONNECT over HTTP/2", cx.title(socket.witness.route));
    f.label = "HTTP/2 to these servers".to_owned();
    f.help = "send WebSockets to a cluster that speaks HTTP/1.1. Over HTTP/2 only another Envoy with `allow_connect` answers as \
              clients expect: a server of RFC 8441 sends no `Sec-WebSocket-Accept`, and one that knows no extended CONNECT closes the \
              connection with every request on it"
        .to_owned();
    f.example = Some(socket.example());
    cx.report(f);
}
