//! `websocket/connection-not-forwarded`

use super::super::{
    Related,
    context::{Context, Evidence, WebSocket},
};
use crate::model::{Advice, Expr, How, Known};
use crate::probe::{Val, handshake::Fault};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let faults = socket.faults();
    let Some((_, sent)) = socket.sent() else { return };
    let upgrade_lost = faults.contains(&Fault::NoUpgrade) || faults.contains(&Fault::WrongUpgrade);
    let wrong = faults.contains(&Fault::WrongConnection);
    if upgrade_lost || !(wrong || faults.contains(&Fault::NoConnection)) || socket.evidence == Evidence::Named {
        return;
    }
    let own = cx.written(sent.list, "connection");
    let remover = sent.remover("connection").map(|o| o.span);
    let span = remover.or(own.map(|op| op.value.origin.span)).unwrap_or(sent.span);
    let mut f = cx.finding("websocket/connection-not-forwarded", socket.level(), span);
    f.confidence = socket.confidence();
    f.message = format!(
        "WebSocket handshakes through {} fail: `Upgrade` is forwarded without `Connection: upgrade`",
        cx.title(socket.witness.route)
    );
    let value = sent.values("connection").last().map(|l| (l.value.clone(), l.origin));
    f.label = match (own, value) {
        _ if remover.is_some() => "the client's line is taken away or replaced here".to_owned(),
        (Some(_), Some((Val::Is(v), _))) => format!("a handshake gets `Connection: {v}` here"),
        (Some(_), _) => "an empty value removes the line".to_owned(),
        (None, Some((Val::Is(v), Some(o)))) if o.how == How::Implied => {
            format!("{} sends `Connection: {v}` by itself", cx.proxy.dialect)
        }
        _ => "no `Connection` line is sent from here".to_owned(),
    };
    if let Some(op) = own
        && let Known::Is(e) = op.value.value
        && let Expr::Map(map, _) = cx.proxy.expr(e)
    {
        let map = cx.proxy.map(*map);
        f.related.push(Related { span: map.span, message: format!("`{}` does not become `upgrade` for a handshake", map.name) });
    }
    if let Some(op) = cx.written(sent.list, "upgrade") {
        f.related.push(Related { span: op.value.origin.span, message: "`Upgrade` is forwarded here".to_owned() });
    }
    f.help = format!(
        "{}; RFC 9110 §7.8: a sender of Upgrade must also send the connection option",
        cx.advice(Advice::ForwardConnection, "send `Connection: upgrade` with it")
    );
    f.example = Some(socket.example());
    f.intent = cx.must_upgrade(socket);
    cx.report(f);
}
