//! The model of releases before 1.29.7, made of that of later ones: upstreams are spoken to in another way, nothing else.

use super::settings::connection;
use crate::model::{Era, Expr, ExprId, Fact, HopId, How, ListId, Proxy, Releases, Turn, UpstreamId, Version, Wire};
use crate::proxy::nginx::releases::MODERN_UPSTREAMS;

/// What is otherwise at an earlier release; none if more lies between the two.
pub(in crate::proxy::nginx) fn turn(proxy: &Proxy, from: &Era, to: Version) -> Option<Turn> {
    let between: Vec<Version> = from.asked().into_iter().filter(|v| *v > to && *v <= from.at).collect();
    if between != [MODERN_UPSTREAMS] {
        return None;
    }
    let wires = proxy.hops.iter().zip(0..).filter_map(|(hop, id)| Some((HopId(id), earlier(hop.wire, Wire::H10)?)));
    let close = proxy.exprs.iter().position(|e| matches!(e, Expr::Text(t) if &**t == "close"))?;
    let implied = ListId(0);
    let ops = proxy.list(implied).ops.iter().enumerate().filter(|(_, op)| &*op.name == "Connection");
    let ops = ops.map(|(at, op)| (implied, at, connection(false, ExprId(close as u32), op.value.origin.seat)));
    let reuse = proxy.upstreams.iter().zip(0..).filter_map(|(group, id)| Some((UpstreamId(id), earlier(group.reuse, false)?)));
    Some(Turn { wires: wires.collect(), ops: ops.collect(), reuse: reuse.collect() })
}

/// The default before, where the value is the one since then.
fn earlier<T: Copy>(fact: Fact<T>, value: T) -> Option<Fact<T>> {
    let since = Releases::beside(MODERN_UPSTREAMS, true);
    let before = Releases::beside(MODERN_UPSTREAMS, false);
    let how = match fact.origin.how {
        How::Default(releases) if releases == since => How::Default(before),
        How::Assumed(releases) if releases == since => How::Assumed(before),
        _ => return None,
    };
    Some(Fact::is(value, how, fact.origin.span, fact.origin.seat))
}
