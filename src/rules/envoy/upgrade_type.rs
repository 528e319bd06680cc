//! `envoy/upgrade-type`

use super::super::{Level, context::Context};
use crate::model::{Kind, RemarkKind};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    for r in cx.proxy.remarks.iter().filter(|r| r.kind == RemarkKind::NoSuchUpgrade) {
        let mut f = cx.finding("envoy/upgrade-type", Level::Error, r.span);
        f.message = format!("no client asks for an upgrade to `{}`: WebSocket handshakes get 403", r.what);
        f.label = "compared with the whole `Upgrade` line, in any case".to_owned();
        f.help = "write `upgrade_type: websocket`: it is the token on the wire, for ws:// and wss:// alike".to_owned();
        f.intent = Some(cx.must_hold(r, &[Kind::Handshake]));
        cx.report(f);
    }
}
