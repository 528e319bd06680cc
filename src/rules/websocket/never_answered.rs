//! `websocket/never-answered`

use super::super::{
    Level, Related,
    context::{Context, Evidence, WebSocket},
};
use crate::probe::End;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if socket.evidence == Evidence::Named {
        return;
    }
    let Some(first) = socket.branches.first() else { return };
    let hangs = socket.branches.iter().all(|b| b.end == End::Hangs);
    // Where nothing is ever answered, that is what is wrong.
    if !hangs || cx.plain(&socket.witness).iter().all(|b| b.end == End::Hangs) {
        return;
    }
    let mut f = cx.finding("websocket/never-answered", Level::Error, first.ended_at);
    f.confidence = socket.confidence();
    f.message = format!("WebSocket handshakes for {} hang: the proxy waits for a body that never ends", cx.title(socket.witness.route));
    f.label = "waits for the whole body before anything is forwarded".to_owned();
    let route = cx.proxy.scope(cx.proxy.route(socket.witness.route).seat).span;
    f.related.push(Related { span: route, message: "on the way of this route".to_owned() });
    f.help = "switch it off for this route, or give upgrades a way of their own that keeps whatever authenticates".to_owned();
    f.example = Some(socket.example());
    f.intent = cx.must_not_wait(socket, first.ended_at);
    cx.report(f);
}
