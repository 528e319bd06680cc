//! `websocket/headers-lost-by-inheritance`

use super::super::{
    Confidence, Level, Related,
    context::{Context, Evidence, WebSocket},
};
use crate::probe::handshake::Fault;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let faults = socket.faults();
    let Some((_, sent)) = socket.sent() else { return };
    if !faults.contains(&Fault::NoUpgrade) || !super::meant(cx, socket) {
        return;
    }
    let Some(lines) = super::lost(cx, sent.list) else { return };
    let Some(first) = cx.proxy.list(sent.list).ops.first() else { return };
    let declared = socket.evidence == Evidence::Declared;
    let level = if declared { Level::Error } else { Level::Warning };
    let mut f = cx.finding("websocket/headers-lost-by-inheritance", level, first.value.origin.span);
    f.confidence = if declared { socket.confidence() } else { Confidence::Likely };
    let scope = cx.proxy.title(cx.proxy.list(sent.list).seat);
    f.message = format!("`{scope}` drops the inherited `Upgrade` and `Connection` lines: WebSocket handshakes through it fail");
    f.label = "this list replaces the inherited one as a whole".to_owned();
    for op in &lines {
        f.related.push(Related { span: op.value.origin.span, message: format!("`{}` is set here, and lost below", op.name) });
    }
    f.help = format!(
        "repeat {} beside this line, or keep the whole list in one included file; header lists are inherited only by blocks that have none of their own",
        lines.iter().map(|op| format!("the `{}` line", op.name)).collect::<Vec<_>>().join(" and ")
    );
    f.example = Some(socket.example());
    f.intent = cx.must_upgrade(socket);
    cx.report(f);
}
