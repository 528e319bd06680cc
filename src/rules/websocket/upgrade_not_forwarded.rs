//! `websocket/upgrade-not-forwarded`

use super::super::{
    Confidence, Related,
    context::{Context, Evidence, WebSocket},
};
use crate::model::Advice;
use crate::probe::handshake::Fault;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let faults = socket.faults();
    let Some((_, sent)) = socket.sent() else { return };
    let wrong = faults.contains(&Fault::WrongUpgrade);
    if !(wrong || faults.contains(&Fault::NoUpgrade)) || super::lost(cx, sent.list).is_some() || super::left_behind(cx, socket).is_some() {
        return;
    }
    let own = cx.written(sent.list, "upgrade");
    let remover = sent.remover("upgrade").map(|o| o.span);
    let span = remover.or(own.map(|op| op.value.origin.span)).unwrap_or(sent.span);
    let mut f = cx.finding("websocket/upgrade-not-forwarded", socket.level(), span);
    let title = cx.title(socket.witness.route);
    f.confidence = if socket.evidence == Evidence::Named { Confidence::Guess } else { socket.confidence() };
    if wrong {
        f.message = format!("WebSocket handshakes through {title} reach the upstream without `Upgrade: websocket`");
        f.label = "this value does not contain `websocket`".to_owned();
    } else if socket.evidence == Evidence::Named {
        f.message = format!("if {title} is a WebSocket route, its handshakes fail: `Upgrade` is not forwarded");
        f.label = if remover.is_some() {
            "the client's line is taken away here".to_owned()
        } else {
            format!("{} removes `Upgrade` from the request here", cx.proxy.dialect)
        };
    } else {
        f.message = format!("WebSocket handshakes through {title} fail: `Upgrade` is not forwarded");
        f.label = if remover.is_some() {
            "the client's line is taken away here"
        } else if own.is_some() {
            "an empty value removes the line"
        } else {
            "`Upgrade` is hop-by-hop and removed on this way"
        }
        .to_owned();
    }
    if let Some(op) = cx.written(sent.list, "connection") {
        f.related.push(Related { span: op.value.origin.span, message: "`Connection` is set here".to_owned() });
    }
    f.help = format!("{}; RFC 9110 §7.8 needs both", cx.advice(Advice::ForwardUpgrade, "forward the client's line beside `Connection`"));
    f.example = Some(socket.example());
    f.intent = cx.must_upgrade(socket);
    cx.report(f);
}
