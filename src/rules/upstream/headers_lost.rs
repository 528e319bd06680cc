//! `upstream/headers-lost-by-inheritance`

use super::super::{
    Confidence, Level,
    context::{Context, Losing, Side, own},
    websocket,
};
use crate::model::{Expr, Goal, HeaderOp, Known, RouteId, Wire};
use std::collections::HashSet;

const RULE: &str = "upstream/headers-lost-by-inheritance";

/// Lines by which the upstream knows who asks, and for what: a client may send most of them itself.
const WHO_ASKS: [&str; 12] = [
    "authorization",
    "forwarded",
    "host",
    "remote-user",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-user",
    "x-real-ip",
    "x-remote-user",
];

/// Ends of host names that only a private network knows.
const PRIVATE: [&str; 6] = [".internal", ".local", ".localdomain", ".lan", ".svc", ".test"];

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let sockets = cx.sockets();
    // `websocket/host-lost` speaks of their `Host`.
    let speak: HashSet<RouteId> = sockets.iter().filter(|s| websocket::wanted(cx, s)).map(|s| s.witness.route).collect();
    // Rules of their own speak of these.
    for mut loss in cx.losses(Side::Outgoing, |op| !matches!(&*op.name.to_ascii_lowercase(), "upgrade" | "connection")) {
        for route in &mut loss.routes {
            let spoken_of = speak.contains(&route.witness.route);
            route.lines.retain(|op| !(spoken_of && op.name.eq_ignore_ascii_case("host")));
        }
        loss.routes.retain(|r| !r.lines.is_empty() && speaks_http(cx, r));
        if loss.routes.is_empty() {
            continue;
        }
        let harms = loss.routes.iter().any(|r| ours(cx, r) && r.lines.iter().any(tells_who_asks));
        let mut f = cx.finding(RULE, if harms { Level::Warning } else { Level::Hint }, loss.at);
        f.confidence = Confidence::Likely;
        cx.tell_loss(&mut f, &loss, ["the upstream does not get it", "the upstream does not get them"], "through");
        let upgrade = loss.routes.iter().filter(|r| !speak.contains(&r.witness.route)).find_map(|r| lost_upgrade(cx, r));
        if let Some(op) = upgrade {
            let said = "set here, and lost below too: if WebSockets come this way, their handshakes fail";
            cx.relate(&mut f, op.value.origin, format!("`{}` is {said}", op.name));
        }
        f.help = "repeat the lost lines behind this list, or keep the whole list in one included file: header lists are inherited only by \
                  blocks that have none of their own. A client may send such a line itself, and then its own one arrives"
            .to_owned();
        f.example =
            loss.routes.first().map(|r| format!("{} {} HTTP/1.1, Host: {}", r.witness.request.method, r.witness.path, r.witness.host));
        f.intent = cx.must_keep(&loss, Goal::SendsAll);
        let taken_along = |op: &&HeaderOp| !tells_who_asks(op) || op.name.eq_ignore_ascii_case("host");
        if let Some(intent) = f.intent.as_mut().filter(|_| !harms || loss.lines().iter().any(taken_along)) {
            intent.assumes = Some("that these lines are meant for this upstream too is only guessed".to_owned());
        }
        cx.report(f);
    }
}

/// The upgrade line that went with the others.
fn lost_upgrade<'a>(cx: &'a Context<'_>, r: &Losing) -> Option<&'a HeaderOp> {
    let list = r.branch.sent.as_ref()?.list;
    let here = cx.written(list, "upgrade").is_some();
    cx.displaced(list).into_iter().filter(|_| !here).find_map(|l| cx.written(l, "upgrade"))
}

fn tells_who_asks(op: &HeaderOp) -> bool {
    WHO_ASKS.iter().any(|n| op.name.eq_ignore_ascii_case(n))
}

/// Whether header lines go over the wire as they stand in the list.
fn speaks_http(cx: &Context<'_>, r: &Losing) -> bool {
    let wire = r.branch.sent.as_ref().map(|s| cx.proxy.hop(s.hop).wire.value);
    !matches!(wire, None | Some(Known::Is(Wire::Cgi | Wire::Raw)))
}

/// Whether the upstream is one of the operator's own, as far as its address says, and not taken for another host on purpose.
fn ours(cx: &Context<'_>, r: &Losing) -> bool {
    let Some(sent) = &r.branch.sent else { return false };
    let fixed = own(cx.proxy.list(sent.list), "host").and_then(|op| op.value.value.is()).map(|e| cx.proxy.expr(e));
    !matches!(fixed, Some(Expr::Text(_))) && !sent.addresses.is_empty() && sent.addresses.iter().all(|a| private(a))
}

/// Whether an address is an IP address, a name within a network, or a socket in the file system.
fn private(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    address.starts_with("unix:")
        || host.starts_with('[')
        || !host.contains('.')
        || host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        || PRIVATE.iter().any(|end| host.ends_with(end))
}
