//! `timeout/idle-below-heartbeat`

use super::super::{
    Confidence, Level, Related,
    context::{Context, WebSocket},
};
use super::seconds;
use crate::model::{Clock, How, Idle, Known, Limit, NoFix};
use crate::probe::idle;

/// Below this a silent socket without a known heartbeat is at risk (DESIGN, "Levels").
const USUAL_HEARTBEAT: u64 = 45_000;
/// Up to this a limit is worth a hint when the heartbeat is unknown.
const WORTH_A_HINT: u64 = 60_000;

/// Enough for the heartbeats that are common (20 s, 25 s), three times over.
const COMFORTABLE: u64 = 75_000;

pub(in crate::rules) fn check(cx: &mut Context<'_>, socket: &WebSocket) {
    let Some((_, sent)) = socket.sent() else { return };
    if !super::super::websocket::wanted(cx, socket) {
        return;
    }
    let Some(clock) = socket.sent().and_then(|(b, _)| idle::tunnel_over(cx.proxy, b)) else { return };
    let Known::Is(Limit::After(limit)) = clock.limit.value else { return };
    if limit == 0 {
        return;
    }
    let origin = clock.limit.origin;
    let written = cx.place(origin);
    let assumed = origin.how.is_assumed();
    let level = match socket.heartbeat {
        Some(beat) if limit <= beat => Level::Error,
        Some(beat) if limit * 2 < beat * 3 => Level::Warning,
        Some(_) => return,
        None if limit < USUAL_HEARTBEAT => Level::Warning,
        None if limit <= WORTH_A_HINT => Level::Hint,
        None => return,
    };
    let level = if assumed && level == Level::Error { Level::Warning } else { level };
    // Where one limit can take the place of all, that is where it is missing.
    let policy = socket.policy().map(|p| cx.proxy.policy(p).clocks).filter(|_| idle_here(cx, socket, clock));
    let missing = policy.and_then(|c| cx.proxy.could_supersede.get(&c)).cloned();
    let at = missing.as_ref().map(|m| m.1).or(written).unwrap_or(sent.span);
    let mut f = cx.finding("timeout/idle-below-heartbeat", level, at);
    f.confidence = if assumed || socket.heartbeat.is_none() { Confidence::Likely } else { socket.confidence() };
    let title = cx.title(socket.witness.route);
    let shown = seconds(limit);
    f.message = match socket.heartbeat {
        Some(beat) if limit <= beat => {
            format!("an idle WebSocket through {title} is cut after {shown}, before its heartbeat of {}", seconds(beat))
        }
        Some(beat) => format!("an idle WebSocket through {title} is cut after {shown}, close to its heartbeat of {}", seconds(beat)),
        None => format!("an idle WebSocket through {title} is cut after {shown}"),
    };
    f.label = match origin.how {
        How::Assumed(releases) => format!("`{}` is not set in this file: {shown} by default, {releases}", clock.name),
        How::Default(releases) => format!("`{}` is not set: {shown} by default, {releases}", clock.name),
        How::Written | How::Implied => format!("`{}` limits the silence to {shown}", clock.name),
    };
    let name = missing.as_ref().map_or(&clock.name, |m| &m.0);
    if let (Some((better, _)), Some(written)) = (&missing, written) {
        f.label = format!("no `{better}` is set for it");
        f.related.push(Related { span: written, message: format!("`{}` limits the silence to {shown}", clock.name) });
    } else if written.is_some() && origin.seat != cx.proxy.route(socket.witness.route).seat {
        f.related.push(Related { span: sent.span, message: "inherited by this route".to_owned() });
    }
    let wanted = socket
        .heartbeat
        .map_or_else(|| format!("`{name}` of at least twice the heartbeat"), |b| format!("`{name} {}s`", (2 * b).div_ceil(1000)));
    f.help = format!(
        "set {wanted} for this route, or let either side send something more often: traffic in either direction winds the clock up again{}",
        if socket.heartbeat.is_none() {
            ". Tell hoplint the heartbeat (`--heartbeat 30s`, or `# hoplint: websocket heartbeat=30s`)"
        } else {
            ""
        }
    );
    f.example = Some(socket.example());
    f.intent = match socket.heartbeat {
        Some(beat) => cx.must_idle(socket, 2 * beat, None),
        None if level == Level::Warning => cx.must_idle(socket, COMFORTABLE, Some("the heartbeat is not known; 25 s are common")),
        // The default is no fault by itself.
        None => {
            f.fix = Some(Err(NoFix::unsaid("the heartbeat is not known")));
            None
        }
    };
    cx.report(f);
}

/// Whether a clock is that of the route itself, not of a further hop.
fn idle_here(cx: &Context<'_>, socket: &WebSocket, clock: &Clock<Idle>) -> bool {
    socket.policy().and_then(|p| idle::tunnel(cx.proxy, p)).is_some_and(|own| std::ptr::eq(own, clock))
}
