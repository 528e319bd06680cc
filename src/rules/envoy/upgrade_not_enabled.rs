//! `envoy/upgrade-not-enabled`

use super::super::{
    Confidence, Level,
    context::{Context, Evidence, WebSocket, not_enabled},
};
use crate::model::{How, NoFix};

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if !super::is_meant(cx) {
        return;
    }
    let Some(gate) = not_enabled(cx.proxy, &socket.branches) else { return };
    let origin = gate.deny.origin;
    let switched_off = origin.how == How::Written;
    // Somebody who switches it off for a path means it.
    if switched_off && socket.evidence != Evidence::Declared {
        return;
    }
    let title = cx.title(socket.witness.route);
    let level = if socket.evidence == Evidence::Named { Level::Hint } else { Level::Error };
    let mut f = cx.finding("envoy/upgrade-not-enabled", level, origin.span);
    f.confidence = match socket.evidence {
        Evidence::Named => Confidence::Guess,
        _ => socket.confidence(),
    };
    f.message = format!("WebSocket handshakes for {title} get 403 from Envoy itself");
    f.label = if switched_off { "the upgrade is switched off here" } else { "no `upgrade_configs` allows an upgrade here" }.to_owned();
    f.help = "allow it on the route, inside of `route:`: `upgrade_configs: [{upgrade_type: websocket}]`; on the connection manager it \
              would hold for every route. Nothing else is needed: Envoy forwards `Upgrade` and `Connection` by itself"
        .to_owned();
    f.example = Some(socket.example());
    f.intent = cx.must_allow_upgrade(socket);
    if f.intent.is_none() && socket.evidence != Evidence::Named {
        f.fix = Some(Err(NoFix::hidden("which requests pass what stands before the servers is not known")));
    }
    cx.report(f);
}
