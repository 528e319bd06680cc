//! `websocket/cached-handshake`

use super::super::{
    Confidence, Level, Related,
    context::{Context, WebSocket},
};
use crate::model::Advice;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !super::wanted(cx, socket) {
        return;
    }
    let Some((branch, sent)) = socket.sent() else { return };
    let Some(cached) = &branch.cached else { return };
    // The same key for a plain request: its answer is found.
    let plain = cx.plain(&socket.witness);
    if !plain.iter().any(|b| b.cached.as_ref().is_some_and(|c| c.key == cached.key)) {
        return;
    }
    let mut f = cx.finding("websocket/cached-handshake", Level::Warning, cached.span);
    f.confidence = Confidence::Likely;
    f.message = format!(
        "once an answer to a plain request is cached, WebSocket handshakes for {} are answered with it",
        cx.title(socket.witness.route)
    );
    f.label = "looked into for handshakes too".to_owned();
    f.related.push(Related { span: sent.span, message: "a handshake goes here only while nothing is cached".to_owned() });
    f.help = cx.advice(Advice::PassCacheBy, "let handshakes pass the cache by").to_owned();
    f.example = Some(socket.example());
    f.intent = cx.must_pass_cache(socket);
    cx.report(f);
}
