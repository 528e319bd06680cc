//! `haproxy/mixed-server-alpn`

use super::super::{Confidence, Level, context::Context};
use crate::model::{Known, Mixing};
use crate::source::Span;
use std::collections::BTreeMap;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut found: BTreeMap<Span, Mixing> = BTreeMap::new();
    for socket in cx.sockets().iter() {
        let Some((_, sent)) = socket.sent() else { continue };
        if let Some(fact) = cx.proxy.hop(sent.hop).mixing
            && let Known::Is(mixing) = fact.value
        {
            found.insert(fact.origin.span, mixing);
        }
    }
    for (span, mixing) in found {
        let mut f = cx.finding("haproxy/mixed-server-alpn", Level::Warning, span);
        f.confidence = Confidence::Likely;
        f.message = match mixing {
            Mixing::EachOther => "WebSocket and plain requests to this server make each other fail",
            Mixing::UpgradesRefused => "WebSockets of HTTP/2 clients are refused once a plain request went to this server",
        }
        .to_owned();
        f.label = "offers HTTP/2 and HTTP/1.1".to_owned();
        f.help =
            "send WebSocket to a backend of its own with `alpn http/1.1` (or without `alpn`), or offer only `http/1.1` here; `ws h1` is \
                  enough up to HAProxy 3.2"
                .to_owned();
        cx.report(f);
    }
}
