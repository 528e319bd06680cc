//! `timeout/hard-limit`

use super::super::{
    Confidence, Level,
    context::{Context, Evidence, WebSocket},
};
use super::seconds;
use crate::model::{How, Kind, Known, Limit, Traffic};
use crate::probe::End;

/// From here on a limit on the whole life of a socket is a policy, not an accident.
const DELIBERATE: u64 = 3_600_000;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    if socket.evidence == Evidence::Named {
        return;
    }
    let opens = socket.branches.iter().any(|b| b.end == End::Tunnel);
    let Some(policy) = socket.policy().filter(|_| opens) else { return };
    let clocks = cx.proxy.clocks_of(cx.proxy.policy(policy).clocks);
    let tunnel = clocks.lifetime.iter().filter(|c| c.on != Traffic::Stream);
    let known = tunnel.filter_map(|c| match c.limit.value {
        Known::Is(Limit::After(ms)) if c.limit.origin.how == How::Written => Some((ms, c)),
        _ => None,
    });
    let Some((limit, clock)) = known.min_by_key(|c| c.0) else { return };
    let level = if limit < DELIBERATE { Level::Warning } else { Level::Hint };
    let mut f = cx.finding("timeout/hard-limit", level, clock.limit.origin.span);
    f.confidence = if level == Level::Hint { Confidence::Likely } else { socket.confidence() };
    let shown = seconds(limit);
    f.message = format!("every WebSocket through {} is cut after {shown}, whatever is sent", cx.title(socket.witness.route));
    f.label = format!("`{}` limits the whole life to {shown}; no heartbeat helps", clock.name);
    f.help = "lift it for this route, or make it long enough and let clients connect again at their own time".to_owned();
    f.example = Some(socket.example());
    f.intent = socket.sent().and_then(|(b, _)| cx.must_live_on(&socket.witness, Kind::Handshake, b));
    cx.report(f);
}
