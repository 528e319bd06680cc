//! `websocket/subrequest-upgrades`

use super::super::{Confidence, Level, Related, context::Context};
use crate::model::Advice;
use crate::probe::{Branch, Credentials, Errand, Val, handshake};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    for socket in cx.sockets().iter() {
        if !super::works(cx, socket) {
            continue;
        }
        let w = &socket.witness;
        let asks = |b: &Branch| b.gates.iter().any(|(g, _)| cx.proxy.gate(*g).ask.is_some());
        let branches = if socket.branches.iter().any(asks) {
            cx.shake(&handshake::ask(w.listener, &w.host, &w.path), Credentials::AsSent)
        } else {
            socket.branches.clone()
        };
        for errand in branches.iter().flat_map(|b| &b.errands) {
            speak(cx, errand, &cx.title(w.route), &socket.example());
        }
    }
}

fn speak(cx: &mut Context<'_>, errand: &Errand, title: &str, example: &str) {
    let Some(sent) = &errand.sent else { return };
    let Some(line) = sent.values("upgrade").find(|l| matches!(&l.value, Val::Is(v) if !v.is_empty())) else { return };
    let mut f = cx.finding("websocket/subrequest-upgrades", Level::Warning, errand.span);
    f.confidence = Confidence::Likely;
    f.message = format!("for a handshake through {title} the proxy's own request asks for an upgrade too");
    f.label = "this request is sent beside the client's".to_owned();
    f.related.push(Related { span: sent.span, message: "and goes upstream here".to_owned() });
    if let Some(origin) = line.origin {
        cx.relate(&mut f, origin, "with this line");
    }
    let advice = cx.advice(Advice::NoUpgradeInOwnRequests, "send neither `Upgrade` nor `Connection` where the own request is forwarded");
    f.help = format!("{advice}: if that server accepts the upgrade, the client's connection is closed");
    f.example = Some(example.to_owned());
    cx.report(f);
}
