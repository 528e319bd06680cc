//! `websocket/cannot-carry-upgrade`

use super::super::context::{Context, Evidence, WebSocket, carries};
use super::super::{Level, Related};
use crate::model::{Advice, Known, NoFix, Wire};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let Some((_, sent)) = socket.sent() else { return };
    if socket.evidence == Evidence::Named || carries(cx.proxy, sent) {
        return;
    }
    let hop = cx.proxy.hop(sent.hop);
    let http2 = hop.wire.value == Known::Is(Wire::H2);
    // Lines beside a hop that has no use for them may come out of a shared file.
    if !http2 && socket.evidence != Evidence::Declared {
        return;
    }
    let version = cx.place(hop.wire.origin).filter(|_| http2);
    let mut f = cx.finding("websocket/cannot-carry-upgrade", Level::Error, version.unwrap_or(sent.span));
    f.confidence = socket.confidence();
    let title = cx.title(socket.witness.route);
    f.message = format!("WebSocket handshakes through {title} can never succeed: this protocol to the upstream carries no upgrade");
    f.label = if http2 { "HTTP/2 has no `Upgrade`" } else { "no upgrade passes here; a handshake is answered with 502" }.to_owned();
    if version.is_some() {
        f.related.push(Related { span: sent.span, message: "forwarded here".to_owned() });
    }
    if let Some(op) = cx.written(sent.list, "upgrade") {
        f.related.push(Related { span: op.value.origin.span, message: "`Upgrade` is forwarded here".to_owned() });
    }
    f.help = format!(
        "{}: `Upgrade` does not exist in HTTP/2 (RFC 9113 §8.6), FastCGI or gRPC",
        cx.advice(Advice::CarryUpgrades, "speak HTTP/1.1 to the upstream on this route")
    );
    f.example = Some(socket.example());
    f.intent = cx.must_upgrade(socket).filter(|_| http2);
    if !http2 {
        f.fix = Some(Err(NoFix::unsaid("which server takes WebSockets over HTTP is not known")));
    }
    cx.report(f);
}
