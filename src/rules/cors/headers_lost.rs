//! `cors/headers-lost-by-inheritance`

use super::super::{
    Confidence, Level, Related,
    context::{Context, CrossOrigin, is_cors, line, serves},
};
use crate::model::{Advice, HeaderOp, Kind};
use crate::probe::{Branch, End, Witness};

const RULE: &str = "cors/headers-lost-by-inheritance";

pub(in crate::rules) fn check(cx: &mut Context<'_>, route: &CrossOrigin<'_>) {
    if !serves(&route.plain) {
        return;
    }
    for b in &route.plain {
        lost(cx, b, &route.origin, route.witness, Kind::CrossOrigin);
    }
    for b in &route.preflight {
        // Only an answer of the proxy's own: what the upstream adds is not known.
        if b.end == End::Answered && b.status.is_some_and(|s| (200..300).contains(&s)) {
            lost(cx, b, &route.origin, route.witness, Kind::Preflight);
        }
    }
}

fn lost(cx: &mut Context<'_>, b: &Branch, origin: &str, w: &Witness, kind: Kind) {
    let (method, level) = if kind == Kind::Preflight { ("OPTIONS", Level::Error) } else { ("GET", Level::Warning) };
    let Some(list) = b.policy.map(|p| cx.proxy.policy(p).answer) else { return };
    if b.answer_open.is_some() || line(b, "access-control-allow-origin").is_some() || cx.speaks(list) {
        return;
    }
    let Some(behind) = cx.displaced(list).into_iter().find(|l| cx.speaks(*l)) else { return };
    let Some(first) = cx.proxy.list(list).ops.first() else { return };
    let mut f = cx.finding(RULE, level, first.value.origin.span);
    f.confidence = if level == Level::Error && b.guesses.is_empty() { Confidence::Certain } else { Confidence::Likely };
    let scope = cx.proxy.title(cx.proxy.list(list).seat);
    f.message = format!("`{scope}` drops the inherited `Access-Control-*` headers");
    f.label = "this list replaces the inherited one as a whole".to_owned();
    for op in &cx.proxy.list(behind).ops {
        if is_cors(&op.name) {
            f.related.push(Related { span: op.value.origin.span, message: format!("`{}` is set here, and lost below", op.name) });
        }
    }
    f.help = cx.advice(Advice::KeepInherited, "repeat the inherited lines beside this one").to_owned();
    f.example = Some(format!("{method} {} HTTP/1.1, Origin: {origin}", w.path));
    let behind: Vec<HeaderOp> = cx.proxy.list(behind).ops.iter().filter(|op| super::speaks_of_origins(&op.name)).cloned().collect();
    f.intent = cx.must_answer(w, &[kind], b, &["Access-Control-Allow-Origin"], &behind, origin);
    cx.report(f);
}
