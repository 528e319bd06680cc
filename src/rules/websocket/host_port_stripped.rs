//! `websocket/host-port-stripped`

use super::super::{
    Confidence, Level,
    context::{Context, WebSocket},
};
use crate::model::{Advice, How};
use crate::probe::{Credentials, Val, handshake};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !super::wanted(cx, socket) {
        return;
    }
    let w = &socket.witness;
    let Some(port) = super::port_of(cx, w.listener).filter(|p| !super::usual(p)) else { return };
    // Clients from elsewhere come through something in front, whose port nobody knows.
    if local(&cx.proxy.listeners[w.listener].at) {
        return;
    }
    // Reached on a usual port as well, clients come that way.
    let on_usual = (0..cx.proxy.listeners.len()).filter(|l| super::port_of(cx, *l).is_some_and(|p| super::usual(&p))).any(|l| {
        let there = cx.shake(&handshake::ask(l, &w.host, &w.path), Credentials::Valid);
        there.iter().any(|b| b.routes.contains(&w.route))
    });
    if on_usual {
        return;
    }
    let asked = format!("{}:{port}", w.host);
    let branches = cx.shake(&handshake::ask(w.listener, &asked, &w.path), Credentials::Valid);
    let Some(sent) = branches.iter().find_map(|b| b.sent.as_ref()).filter(|s| s.open.is_none()) else { return };
    let Some(line) = sent.values("host").last() else { return };
    let (Val::Is(value), Some(origin)) = (&line.value, line.origin) else { return };
    if origin.how != How::Written || !value.eq_ignore_ascii_case(&w.host) {
        return;
    }
    let mut f = cx.finding("websocket/host-port-stripped", Level::Hint, origin.span);
    f.confidence = Confidence::Likely;
    f.message = format!("{} is reached on port {port}, and the upstream gets `Host` without it", cx.title(w.route));
    f.label = "drops the port that the client named".to_owned();
    f.help = format!(
        "{}: a server that compares `Origin` with `Host` refuses browsers with 403 otherwise. Nothing is lost if clients come in on \
         80 or 443, through a load balancer or a mapped port",
        cx.advice(Advice::KeepHostPort, "keep the port")
    );
    f.example = Some(format!("{}, Host: {asked}, Origin: http://{asked}", socket.example()));
    f.intent = cx.must_send_host(socket, Some(origin), &asked);
    cx.report(f);
}

/// Whether only this machine reaches an address.
fn local(at: &str) -> bool {
    ["127.", "localhost:", "[::1]", "unix:"].iter().any(|p| at.starts_with(p))
}
