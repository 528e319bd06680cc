//! `websocket/http-1.0-upstream`

use super::super::{
    Confidence, Level, Related,
    context::{Context, Evidence, WebSocket},
};
use crate::model::{Advice, Goal};
use crate::probe::handshake::Fault;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let faults = socket.faults();
    let Some((_, sent)) = socket.sent() else { return };
    // Where the upgrade lines themselves are missing, those rules speak; where there is only a name, none of this is sure.
    if !faults.contains(&Fault::TooOld) || socket.evidence == Evidence::Named || faults.contains(&Fault::NoUpgrade) {
        return;
    }
    let wire = cx.proxy.hop(sent.hop).wire;
    let written = cx.place(wire.origin);
    let assumed = wire.origin.how.is_assumed();
    let level = if assumed { Level::Warning } else { Level::Error };
    let mut f = cx.finding("websocket/http-1.0-upstream", level, written.unwrap_or(sent.span));
    f.confidence = if assumed { Confidence::Likely } else { socket.confidence() };
    f.message = format!("WebSocket handshakes through {} reach the upstream over HTTP/1.0", cx.title(socket.witness.route));
    let place = if assumed { " in this file" } else { "" };
    f.label = match wire.origin.how.releases() {
        Some(releases) => format!("no version is set{place}; HTTP/1.0 is the default {releases}"),
        None => "HTTP/1.0 is set here".to_owned(),
    };
    if let Some(op) = cx.written(sent.list, "upgrade") {
        f.related.push(Related { span: op.value.origin.span, message: "`Upgrade` is forwarded here".to_owned() });
    }
    f.help = format!(
        "{}: a server must ignore Upgrade in an HTTP/1.0 request (RFC 9110 §7.8). Tolerant servers exist; strict ones answer 426 or \
         505, or go silent",
        cx.advice(Advice::SpeakHttp11, "set HTTP/1.1")
    );
    f.example = Some(socket.example());
    f.intent = cx.must_upgrade(socket);
    if sent.open.is_some()
        && let Some(intent) = &mut f.intent
    {
        intent.goal = Goal::CarriesUpgrade;
    }
    cx.report(f);
}
