//! `capacity/few-connections`

use super::super::{
    Confidence, Level, Related,
    context::{Context, Evidence},
};
use crate::model::{Act, How, Known, Over, Step, Target, UpstreamId, Wire};
use crate::source::Span;
use std::collections::BTreeMap;

/// Fewer sockets than this are used up by a handful of browser tabs.
const FEW: u64 = 100;
/// Fewer requests at once than this are a page of pictures.
const VERY_FEW: u64 = 10;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut routes: BTreeMap<UpstreamId, (Span, bool)> = BTreeMap::new();
    for socket in cx.sockets().iter().filter(|s| s.evidence != Evidence::Named) {
        for sent in socket.branches.iter().filter_map(|b| b.sent.as_ref()) {
            // Over HTTP/2 many sockets share one connection.
            let shares = cx.proxy.hop(sent.hop).wire.value == Known::Is(Wire::H2);
            if let Some(group) = sent.upstream.filter(|_| !shares) {
                routes.entry(group).or_insert((sent.span, true));
            }
        }
    }
    // Everything else that a request was shown to reach.
    let forwards = |step: &Step| match &step.act {
        Act::Forward { to: Target::Upstream(group), hop, .. } => Some((*group, *hop, step.span)),
        _ => None,
    };
    for (group, hop, span) in cx.proxy.steps().iter().filter_map(forwards) {
        if cx.proxy.hop(hop).wire.value != Known::Is(Wire::H2) {
            routes.entry(group).or_insert((span, false));
        }
    }
    for (group, (route, socket)) in routes {
        for cap in &cx.proxy.upstream(group).caps {
            let Known::Is(most) = cap.most.value else { continue };
            if most >= if socket { FEW } else { VERY_FEW } || cap.most.origin.how != How::Written {
                continue;
            }
            let level = if socket { Level::Warning } else { Level::Hint };
            let mut f = cx.finding("capacity/few-connections", level, cap.most.origin.span);
            f.confidence = Confidence::Likely;
            let what = if socket { "WebSockets" } else { "requests" };
            f.message = format!("at most {most} {what} at once reach `{}`", cx.proxy.upstream(group).name);
            f.label = match cap.over {
                Over::Waits if socket => {
                    format!("`{}`: the next handshake, and every plain request to these servers, waits for one to end", cap.name)
                }
                Over::Waits => format!("`{}`: the next request waits for one to end", cap.name),
                Over::Refused => format!("`{}`: the next request is refused", cap.name),
            };
            f.related.push(Related { span: route, message: format!("{what} go there from here") });
            f.help = if socket {
                "every WebSocket holds its connection for as long as it lives: allow as many as clients are expected, or give them servers \
                 of their own"
            } else {
                "allow as many as are expected at the busiest moment"
            }
            .to_owned();
            cx.report(f);
        }
    }
}
