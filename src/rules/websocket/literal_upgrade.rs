//! `websocket/literal-upgrade`

use super::super::{
    Confidence, Level, Related,
    context::{Context, named},
};
use crate::model::{Expr, Known};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    for socket in cx.sockets().iter() {
        let Some((_, sent)) = socket.sent() else { continue };
        let Some(op) = cx.written(sent.list, "upgrade") else { continue };
        let Known::Is(value) = op.value.value else { continue };
        let Expr::Text(text) = cx.proxy.expr(value) else { continue };
        if !text.eq_ignore_ascii_case("websocket") {
            continue;
        }
        // What nobody but WebSocket clients asks for has no plain requests to spoil.
        let level = if named(&socket.witness.path) { Level::Hint } else { Level::Warning };
        let mut f = cx.finding("websocket/literal-upgrade", level, op.value.origin.span);
        f.confidence = Confidence::Likely;
        f.message = format!("every plain request through {} asks the upstream for an upgrade", cx.title(socket.witness.route));
        f.label = "sent with every request, handshake or not".to_owned();
        if let Some(connection) = cx.written(sent.list, "connection") {
            f.related.push(Related { span: connection.value.origin.span, message: "and `Connection` with it".to_owned() });
        }
        f.help = "forward what the client sent, through a `map $http_upgrade` that knows only `websocket`: with the constant, plain \
                  requests (such as socket.io polling) got 400 or 426 from 7 of 9 servers tried"
            .to_owned();
        f.example = Some(format!("GET {} HTTP/1.1, Host: {}", socket.witness.path, socket.witness.host));
        f.intent = cx.must_only_upgrade(socket, op);
        cx.report(f);
    }
}
