//! `cors/error-without-headers`

use super::super::{
    Confidence, Level,
    context::{Context, CrossOrigin, line, serves},
    intents::intent,
};
use super::{allowed, constant};
use crate::model::{Advice, Answers, Because, Goal, How, Kind, Request, Role, Verb};
use crate::probe::{Assume, Branch, End, Far, Line};
use crate::source::Span;

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    let w = c.witness;
    if !serves(&c.plain) || c.plain.iter().any(|b| b.end != End::Relayed) {
        return;
    }
    let Some(origin) = c.plain.iter().find_map(|b| allowed(cx, b)).map(|(op, _)| op.value.origin) else { return };
    if c.plain.iter().all(|b| always(cx, b)) {
        return;
    }
    let request = crate::probe::request(w.listener, "GET", &w.host, &w.path, &[("Origin", &c.origin)]);
    let failed = cx.run(&request, &Assume { far: Far::Status(500), ..Assume::default() });
    let bare = failed.iter().all(|b| b.end == End::Relayed && b.answer_open.is_none() && line(b, "access-control-allow-origin").is_none());
    if !bare {
        own_answers(cx, c, origin.span, &request);
        return;
    }
    let mut f = cx.finding("cors/error-without-headers", Level::Warning, origin.span);
    f.confidence = Confidence::Likely;
    f.message = format!(
        "error answers for {} carry no CORS headers: pages see a network error instead of the status",
        cx.title(c.plain.iter().find_map(|b| b.routes.last().copied()).unwrap_or(w.route))
    );
    f.label = "not sent with 4xx and 5xx".to_owned();
    f.help = format!(
        "{}: without it the page cannot tell 401 from a broken network, and cannot read the body (Fetch, CORS check)",
        cx.advice(Advice::SendWithErrors, "send it with every status")
    );
    f.example = Some(format!("GET {} HTTP/1.1, Origin: {}, answered 500 by the upstream", w.path, c.origin));
    // Every line of the answer that is about other origins, so that none is left half.
    f.intent = c.plain.first().and_then(|b| {
        let list = cx.proxy.policy(b.policy?).answer;
        let names: Vec<&str> = cx.proxy.list(list).ops.iter().map(|op| &*op.name).filter(|n| super::speaks_of_origins(n)).collect();
        cx.must_answer(w, &[Kind::CrossOrigin], b, &names, &[], &c.origin)
    });
    cx.report(f);
}

/// Whether the settings in force send the line with every answer, whoever makes it: then errors need not be tried.
fn always(cx: &Context<'_>, b: &Branch) -> bool {
    let Some(policy) = b.policy.map(|p| cx.proxy.policy(p)).filter(|p| p.errors.is_none()) else { return false };
    let op = cx.written(policy.answer, "access-control-allow-origin");
    op.is_some_and(|op| op.on == Answers::All && op.guard.is_none() && op.verb != Verb::Remove && constant(cx, op))
}

/// The errors that the proxy itself answers with, when no server can be reached.
fn own_answers(cx: &mut Context<'_>, c: &CrossOrigin<'_>, span: Span, request: &Request) {
    let refused = cx.run(request, &Assume { far: Far::Refused, ..Assume::default() });
    let bare = refused.iter().all(|b| b.end == End::Failed && b.answer_open.is_none() && line(b, "access-control-allow-origin").is_none());
    let Some(status) = refused.first().and_then(|b| b.status).filter(|_| bare) else { return };
    let mut f = cx.finding("cors/error-without-headers", Level::Hint, span);
    f.confidence = Confidence::Likely;
    f.message = format!(
        "answers that {} makes itself for {} carry no CORS headers: pages see a network error instead of the {status}",
        cx.proxy.dialect,
        cx.title(c.witness.route)
    );
    f.label = "only with answers of servers".to_owned();
    f.help = cx.advice(Advice::SendWithOwnAnswers, "send it with every answer").to_owned();
    f.example = Some(format!("GET {} HTTP/1.1, Origin: {}, with no server to reach", c.witness.path, c.origin));
    f.intent = c.plain.first().and_then(|b| {
        let mut because = cx.seats(b.policy?, b.ended_at);
        let written = |l: &&Line| super::speaks_of_origins(&l.name) && l.origin.is_some_and(|o| o.how == How::Written);
        let lines: Vec<&Line> = b.answer.iter().filter(written).collect();
        because.extend(lines.iter().filter_map(|l| Some(Because { role: Role::Header, origin: l.origin?, value: l.name.to_string() })));
        let names = lines.iter().map(|l| l.name.to_string()).collect();
        Some(intent(Goal::FailureHas(names), c.witness, &[Kind::CrossOrigin], because, &c.origin))
    });
    cx.report(f);
}
