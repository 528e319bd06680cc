//! `websocket/headers-lost-on-jump`

use super::super::{
    Confidence, Level, Related,
    context::{Context, WebSocket},
};
use crate::model::Advice;
use crate::probe::handshake::Fault;

const BEHIND_JUMP: &str = "write the lines where the request is answered: what is set beside a jump does not go along with it";

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let Some((_, sent)) = socket.sent() else { return };
    // What stands outside the text might bring the lines back; beside the jump they would be needless then.
    let outside = cx.proxy.fragment && sent.open.is_some() && sent.values("upgrade").next().is_none();
    if !outside && !socket.faults().contains(&Fault::NoUpgrade) {
        return;
    }
    let Some((jump, lines)) = super::left_behind(cx, socket) else { return };
    let mut f = cx.finding("websocket/headers-lost-on-jump", if outside { Level::Warning } else { Level::Error }, jump.span);
    f.confidence = if outside { Confidence::Likely } else { socket.confidence() };
    f.message = format!(
        "WebSocket handshakes through {} fail: the jump leaves its `Upgrade` and `Connection` lines behind",
        cx.title(socket.witness.route)
    );
    f.label = "jumps to a place with a list of its own".to_owned();
    for op in &lines {
        f.related.push(Related { span: op.value.origin.span, message: format!("`{}` is set here, and in force only here", op.name) });
    }
    f.related.push(Related { span: sent.span, message: "forwarded here without them".to_owned() });
    f.help = cx.advice(Advice::WriteBehindJump, BEHIND_JUMP).to_owned();
    f.example = Some(socket.example());
    f.intent = cx.must_upgrade(socket);
    cx.report(f);
}
