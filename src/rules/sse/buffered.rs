//! `sse/buffered`

use super::super::{Confidence, Level, context::Context};
use crate::model::{Advice, Known, Wire};
use crate::probe::{Branch, End, Witness};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    for w in cx.witnesses().iter() {
        let declared = cx.declares_stream(w.route);
        let half_done = half_done(cx, w.route);
        if !declared && half_done.is_none() && !named(&w.path) {
            continue;
        }
        let level = if declared || half_done.is_some() { Level::Warning } else { Level::Hint };
        for b in cx.plain(w) {
            speak(cx, w, &b, level, half_done);
        }
    }
}

/// Path segments that name an event stream.
fn named(path: &str) -> bool {
    path.split('/').any(|part| ["sse", "eventsource", "event-stream"].iter().any(|name| part.eq_ignore_ascii_case(name)))
}

/// A line that is to stop the buffering, and does not: the proxy heeds it in what the upstream sends, not in what it adds.
fn half_done(cx: &Context<'_>, route: crate::model::RouteId) -> Option<crate::model::Origin> {
    let policy = cx.proxy.policy(cx.proxy.route(route).policy);
    [policy.answer, policy.outgoing].into_iter().find_map(|l| cx.written(l, "x-accel-buffering")).map(|op| op.value.origin)
}

fn speak(cx: &mut Context<'_>, w: &Witness, b: &Branch, level: Level, half_done: Option<crate::model::Origin>) {
    let title = cx.title(w.route);
    let Some(sent) = b.sent.as_ref().filter(|_| b.end == End::Relayed) else { return };
    let hop = cx.proxy.hop(sent.hop);
    if hop.buffered.value != Known::Is(true) {
        return;
    }
    let packed = hop.packed.value == Known::Is(true);
    if !packed && hop.wire.value != Known::Is(Wire::H10) {
        return;
    }
    let cause = if packed { hop.packed.origin } else { hop.buffered.origin };
    let place = cx.place(cause);
    let mut f = cx.finding("sse/buffered", level, place.unwrap_or(sent.span));
    f.confidence = if level == Level::Hint { Confidence::Guess } else { Confidence::Likely };
    f.message = format!("events through {title} arrive only when a buffer is full or the stream ends");
    f.label = match (packed, place) {
        (true, _) => "event streams are compressed, and held back until a block is full".to_owned(),
        (false, Some(_)) => "held back, for the upstream answers over HTTP/1.0".to_owned(),
        (false, None) if cause.how.is_assumed() => {
            "answers over HTTP/1.0 are held back by default, unless set outside this file".to_owned()
        }
        (false, None) => {
            let releases = cause.how.releases().map_or_else(String::new, |r| format!(", {r}"));
            format!("answers over HTTP/1.0 are held back by default{releases}")
        }
    };
    if let Some(origin) = half_done {
        cx.relate(&mut f, origin, "this has no effect here: only the upstream can send it");
    }
    if place.is_some() {
        f.related.push(super::super::Related { span: sent.span, message: "this route".to_owned() });
    }
    f.help = if packed {
        cx.advice(Advice::StreamUncompressed, "do not buffer on this route, or leave `text/event-stream` out of what is compressed")
    } else {
        cx.advice(
            Advice::StreamUnbuffered,
            "speak HTTP/1.1 to the upstream (a chunked answer then passes live), or do not buffer on this route",
        )
    }
    .to_owned();
    f.intent = cx.must_stream(w, b);
    cx.report(f);
}
