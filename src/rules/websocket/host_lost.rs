//! `websocket/host-lost`

use super::super::{
    Confidence, Level,
    context::{Context, WebSocket},
};
use crate::model::{Advice, Expr, How, Known, Subject, Wire};
use crate::probe::Val;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !super::wanted(cx, socket) {
        return;
    }
    let Some((_, sent)) = socket.sent() else { return };
    let hop = cx.proxy.hop(sent.hop);
    // To a server of somebody else, over TLS, its own name is right; other wires have no such line.
    if sent.open.is_some() || hop.tls != Some(false) || !matches!(hop.wire.value, Known::Is(Wire::H10 | Wire::H11)) {
        return;
    }
    let mut lines = sent.values("host");
    let (Some(line), None) = (lines.next(), lines.next()) else { return };
    let Val::Is(value) = &line.value else { return };
    if line.origin.is_none_or(|o| o.how != How::Implied) || value.eq_ignore_ascii_case(&socket.witness.host) {
        return;
    }
    // Whether the server compares at all is not known: most do not. A name that was set and got lost was meant.
    let mut f = cx.finding("websocket/host-lost", Level::Hint, sent.span);
    f.confidence = Confidence::Likely;
    f.message = format!(
        "through {} the upstream gets `Host: {value}`: a server that compares `Origin` with `Host` refuses every browser with 403",
        cx.title(socket.witness.route)
    );
    f.label = format!("`Host` is not set for this route; {} sends the upstream's name by itself", cx.proxy.dialect);
    // A list further out had it.
    if let Some(op) = cx.displaced(sent.list).into_iter().find_map(|l| cx.written(l, "host"))
        && !matches!(op.value.value, Known::Is(e) if matches!(cx.proxy.expr(e), Expr::Read(Subject::UpstreamAuthority)))
    {
        f.level = Level::Warning;
        cx.relate(&mut f, op.value.origin, "set here, and lost below: this list replaces the inherited one as a whole");
    }
    f.help = format!("{}. Tornado and gorilla compare by default", cx.advice(Advice::KeepHost, "pass the name that the client asked for"));
    f.example = Some(format!("{}, Origin: https://{}", socket.example(), socket.witness.host));
    f.intent = cx.must_send_host(socket, None, &super::asked(cx, &socket.witness));
    cx.report(f);
}
