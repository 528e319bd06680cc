//! `envoy/http2-without-key`

use super::super::{
    Confidence, Level, Related,
    context::{Context, Evidence, WebSocket},
};
use crate::model::{ExtendedConnect, Request};
use crate::probe::{Assume, handshake};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !super::is_meant(cx) {
        return;
    }
    let w = &socket.witness;
    let listener = &cx.proxy.listeners[w.listener];
    // Browsers speak HTTP/2 over TLS only; behind another proxy the key may well be there.
    if !listener.tls || listener.intake.extended_connect != Some(ExtendedConnect::Taken) || socket.evidence == Evidence::Named {
        return;
    }
    let plain = handshake::ask(w.listener, &w.host, &w.path);
    let mut headers: Vec<_> = plain.headers.iter().filter(|(n, _)| &**n == "Host").cloned().collect();
    headers.push((":protocol".into(), "websocket".into()));
    headers.push(("sec-websocket-version".into(), "13".into()));
    let request = Request { http: "2".into(), method: "CONNECT".into(), headers, ..plain };
    let branches = cx.run(&request, &Assume::default());
    let keyless = |sent| matches!(handshake::judge(cx.proxy, sent), handshake::Judged::Faulty(f) if f == [handshake::Fault::NoKey]);
    let Some(sent) = branches.iter().find_map(|b| b.sent.as_ref()) else { return };
    if !branches.iter().filter_map(|b| b.sent.as_ref()).all(keyless) {
        return;
    }
    let mut f = cx.finding("envoy/http2-without-key", Level::Warning, sent.span);
    f.confidence = Confidence::Likely;
    f.message = format!("browsers' WebSockets over HTTP/2 to {} reach the server without `Sec-WebSocket-Key`", cx.title(w.route));
    f.label = "an HTTP/1.1 server: a strict one refuses such a handshake".to_owned();
    let head = cx.proxy.scope(listener.seat).span;
    f.related.push(Related { span: head, message: "HTTP/2 clients may open WebSockets here (`allow_connect`)".to_owned() });
    f.help = "leave `allow_connect` out of this listener's connection manager: browsers then open WebSockets over HTTP/1.1. Envoy up \
              to 1.40 makes no key of its own (envoyproxy/envoy#8547, #46959)"
        .to_owned();
    f.example = Some(format!("CONNECT {} HTTP/2, :protocol: websocket, as browsers send it (RFC 8441)", w.path));
    cx.report(f);
}
