//! `websocket/upgrade-case-sensitive`

use super::super::{
    Confidence, Level,
    context::{Context, WebSocket},
};
use crate::model::{Advice, Expr, Known, Request};
use crate::probe::{Branch, Credentials, handshake};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !cx.tells_letters() || !super::works(cx, socket) {
        return;
    }
    let w = &socket.witness;
    let mut request = handshake::ask(w.listener, &w.host, &w.path);
    for (name, value) in &mut request.headers {
        if name.eq_ignore_ascii_case("upgrade") {
            *value = "WebSocket".into();
        }
    }
    let branches = cx.shake(&request, Credentials::Valid);
    let Some(sent) = branches.iter().find_map(|b| b.sent.as_ref()) else { return };
    if !branches.iter().any(|b| b.routes.contains(&w.route)) {
        elsewhere(cx, socket, &branches, request);
        return;
    }
    if !matches!(handshake::judge(cx.proxy, sent), handshake::Judged::Faulty(f) if f.iter().any(|f| *f != handshake::Fault::TooOld)) {
        return;
    }
    let op = cx.written(sent.list, "connection").or_else(|| cx.written(sent.list, "upgrade"));
    let mut f = cx.finding("websocket/upgrade-case-sensitive", Level::Hint, op.map_or(sent.span, |op| op.value.origin.span));
    f.confidence = Confidence::Likely;
    f.message = format!("through {} only clients that write `websocket` in lower case can connect", cx.title(w.route));
    f.label = "yields nothing for `Upgrade: WebSocket`".to_owned();
    if let Some(Known::Is(value)) = op.map(|op| op.value.value)
        && let Expr::Map(map, _) = cx.proxy.expr(value)
    {
        let map = cx.proxy.map(*map);
        f.related.push(super::super::Related { span: map.span, message: format!("`{}` tells letter cases apart", map.name) });
    }
    f.help = help(cx);
    f.example = Some(format!("GET {} HTTP/1.1, Host: {}, Upgrade: WebSocket, Connection: Upgrade", w.path, w.host));
    f.intent = op.and_then(|op| cx.must_upgrade_as(socket, op, request));
    cx.report(f);
}

/// The value decides where a request goes, and only in lower case.
fn elsewhere(cx: &mut Context<'_>, socket: &WebSocket, branches: &[Branch], request: Request) {
    let w = &socket.witness;
    let span = cx.proxy.scope(cx.proxy.route(w.route).seat).span;
    let mut f = cx.finding("websocket/upgrade-case-sensitive", Level::Hint, span);
    f.confidence = Confidence::Likely;
    f.message = format!("only clients that write `websocket` in lower case are led to {}", cx.title(w.route));
    f.label = "tells letter cases apart".to_owned();
    if let Some(other) = branches.iter().find_map(|b| b.routes.last()) {
        let scope = cx.proxy.scope(cx.proxy.route(*other).seat).span;
        f.related.push(super::super::Related { span: scope, message: "others go here".to_owned() });
    }
    f.help = help(cx);
    f.example = Some(format!("GET {} HTTP/1.1, Host: {}, Upgrade: WebSocket, Connection: Upgrade", w.path, w.host));
    f.intent = cx.must_take_too(socket, request);
    cx.report(f);
}

fn help(cx: &Context<'_>) -> String {
    let advice = cx.advice(Advice::IgnoreCase, "compare without regard to case");
    format!("{advice}: the value is case-insensitive (RFC 6455 §4.2.1). Browsers send lower case")
}
