//! `websocket/literal-upgrade`

use super::super::{
    Confidence, Level, Related,
    context::{Context, WebSocket, named},
};
use crate::model::{Advice, How, Origin};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !socket.asks_anyway {
        return;
    }
    let plain = cx.plain(&socket.witness);
    let lines = |name| plain.iter().filter_map(|b| b.sent.as_ref()).flat_map(move |s| s.values(name)).filter_map(|l| Some((l, l.origin?)));
    let constant =
        lines("upgrade").find(|(l, o)| o.how == How::Written && l.value.known().is_some_and(|v| v.eq_ignore_ascii_case("websocket")));
    let Some((_, written)) = constant else { return };
    let origins: Vec<Origin> =
        [Some(written), lines("connection").map(|l| l.1).find(|o| o.how == How::Written)].into_iter().flatten().collect();
    // What nobody but WebSocket clients asks for has no plain requests to spoil.
    let level = if named(&socket.witness.path) { Level::Hint } else { Level::Warning };
    let mut f = cx.finding("websocket/literal-upgrade", level, written.span);
    f.confidence = Confidence::Likely;
    f.message = format!("every plain request through {} asks the upstream for an upgrade", cx.title(socket.witness.route));
    f.label = "sent with every request, handshake or not".to_owned();
    if let Some((_, connection)) = lines("connection").find(|(_, o)| o.how == How::Written) {
        f.related.push(Related { span: connection.span, message: "and `Connection` with it".to_owned() });
    }
    f.help = format!(
        "{}; with the constant, plain requests (such as socket.io polling) got 400 or 426 from 7 of 9 servers tried",
        cx.advice(Advice::UpgradeAsAsked, "forward what the client sent")
    );
    f.example = Some(format!("GET {} HTTP/1.1, Host: {}", socket.witness.path, socket.witness.host));
    f.intent = cx.must_only_upgrade(socket, &origins);
    cx.report(f);
}
