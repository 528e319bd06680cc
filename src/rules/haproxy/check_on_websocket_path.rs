//! `haproxy/check-on-websocket-path`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/check-on-websocket-path", RemarkKind::CheckRefused, Level::Warning, |r, f| {
        f.message = format!("a plain GET to `{}` is no handshake: a WebSocket endpoint answers {} and counts as down", r.what, r.instead);
        f.label = "health check".to_owned();
        f.help =
            "check a path that answers a plain GET with 2xx, or send a handshake: `http-check send meth GET uri … hdr Upgrade websocket \
                  hdr Connection Upgrade hdr Sec-WebSocket-Key … hdr Sec-WebSocket-Version 13` and `http-check expect status 101`"
                .to_owned();
    });
}
