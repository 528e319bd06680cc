//! `capacity/few-connections`

use super::super::{
    Confidence, Level, Related,
    context::{Context, Evidence},
};
use crate::model::{How, Known, Over, UpstreamId, Wire};
use crate::source::Span;
use std::collections::BTreeMap;

/// Fewer sockets than this are used up by a handful of browser tabs.
const FEW: u64 = 100;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut routes: BTreeMap<UpstreamId, Span> = BTreeMap::new();
    for socket in cx.sockets().iter().filter(|s| s.evidence != Evidence::Named) {
        for sent in socket.branches.iter().filter_map(|b| b.sent.as_ref()) {
            // Over HTTP/2 many sockets share one connection.
            let shares = cx.proxy.hop(sent.hop).wire.value == Known::Is(Wire::H2);
            if let Some(group) = sent.upstream.filter(|_| !shares) {
                routes.entry(group).or_insert(sent.span);
            }
        }
    }
    for (group, route) in routes {
        for cap in &cx.proxy.upstream(group).caps {
            let Known::Is(most) = cap.most.value else { continue };
            if most >= FEW || cap.most.origin.how != How::Written {
                continue;
            }
            let mut f = cx.finding("capacity/few-connections", Level::Warning, cap.most.origin.span);
            f.confidence = Confidence::Likely;
            f.message = format!("at most {most} WebSockets at once reach `{}`", cx.proxy.upstream(group).name);
            f.label = match cap.over {
                Over::Waits => format!("`{}`: the next handshake, and every plain request to these servers, waits for one to end", cap.name),
                Over::Refused => format!("`{}`: the next request is refused", cap.name),
            };
            f.related.push(Related { span: route, message: "WebSockets go there from here".to_owned() });
            f.help = "every WebSocket holds its connection for as long as it lives: allow as many as clients are expected, or give them \
                      servers of their own"
                .to_owned();
            cx.report(f);
        }
    }
}
