//! `timeout/stream-cut`

use super::super::{Confidence, Level, context::Context};
use super::seconds;
use crate::model::{How, Kind, Known, Limit, Traffic};
use crate::probe::End;

/// Event streams that live shorter than this are cut while somebody still reads.
const SHORT: u64 = 3_600_000;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    for w in cx.witnesses().iter() {
        let declared = cx.declares_stream(w.route);
        if !declared && !names_a_stream(&w.path) {
            continue;
        }
        let branches = cx.plain(w);
        let relays = !branches.is_empty() && branches.iter().all(|b| b.end == End::Relayed);
        let Some((policy, sent)) = branches.first().and_then(|b| Some((b.policy?, b.sent.as_ref()?))) else { continue };
        if !relays {
            continue;
        }
        let clocks = cx.proxy.clocks_of(cx.proxy.policy(policy).clocks);
        let known = clocks.lifetime.iter().filter(|c| c.on != Traffic::Tunnel).filter_map(|c| match c.limit.value {
            Known::Is(Limit::After(ms)) => Some((ms, c)),
            _ => None,
        });
        let Some((limit, clock)) = known.min_by_key(|c| c.0).filter(|c| c.0 < SHORT) else { continue };
        let origin = clock.limit.origin;
        let level = if declared { Level::Error } else { Level::Hint };
        let mut f = cx.finding("timeout/stream-cut", level, cx.place(origin).unwrap_or(sent.span));
        f.confidence = if declared && branches.iter().all(|b| b.guesses.is_empty()) { Confidence::Certain } else { Confidence::Guess };
        let shown = seconds(limit);
        f.message = format!("event streams through {} are cut after {shown}, however much is sent", cx.title(w.route));
        f.label = match origin.how {
            How::Default(releases) | How::Assumed(releases) => {
                format!("`{}` is not set: {shown} for the whole answer by default, {releases}", clock.name)
            }
            How::Written | How::Implied => format!("`{}` limits the whole answer to {shown}", clock.name),
        };
        f.help = format!("set `{}` to 0 for this route, and limit its silence instead", clock.name);
        f.example = Some(format!("GET {} HTTP/1.1, Accept: text/event-stream", w.path));
        f.intent = branches.first().and_then(|b| cx.must_live_on(w, Kind::Plain, b));
        cx.report(f);
    }
}

/// Path segments that name an event stream.
fn names_a_stream(path: &str) -> bool {
    let names = ["sse", "eventsource", "event-stream"];
    path.split(['/', '.', '-', '_']).any(|part| names.iter().any(|name| part.eq_ignore_ascii_case(name)))
}
