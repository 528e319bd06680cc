//! `websocket/slash-redirect`

use super::super::{
    Confidence, Level,
    context::{Context, WebSocket, named},
};
use crate::model::Advice;
use crate::probe::{Credentials, End, Val, handshake};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let w = &socket.witness;
    let Some(bare) = w.path.strip_suffix('/').filter(|p| p.rsplit('/').next().is_some_and(|last| named(last) && !last.contains('.')))
    else {
        return;
    };
    if !super::wanted(cx, socket) {
        return;
    }
    let branches = cx.shake(&handshake::ask(w.listener, &w.host, bare), Credentials::Valid);
    let redirected = branches.iter().all(|b| {
        let to = b.answer.iter().find(|l| l.name.eq_ignore_ascii_case("location"));
        b.end == End::Answered
            && b.status.is_some_and(|s| (300..400).contains(&s))
            && matches!(to.map(|l| &l.value), Some(Val::Is(to)) if to.ends_with(&*w.path))
    });
    let Some(first) = branches.first().filter(|_| redirected) else { return };
    let mut f = cx.finding("websocket/slash-redirect", Level::Hint, first.ended_at);
    f.confidence = Confidence::Likely;
    let status = first.status.unwrap_or(301);
    f.message = format!("a handshake for `{bare}`, without the slash, is answered with {status} and fails");
    f.label = format!("`{bare}` is redirected to `{}`", w.path);
    let advice = cx.advice(Advice::TakeBothSlashes, "if clients may leave the slash out, take both");
    f.help =
        format!("{}. WebSocket clients do not follow redirects (RFC 6455 §4.1)", advice.replace("{bare}", bare).replace("{path}", &w.path));
    f.example = Some(format!("GET {bare} HTTP/1.1, Host: {}, Upgrade: websocket, Connection: Upgrade", w.host));
    f.intent = cx.must_take(socket, bare);
    cx.report(f);
}
