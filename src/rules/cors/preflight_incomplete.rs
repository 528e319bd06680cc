//! `cors/preflight-incomplete`

use super::super::{
    Confidence, Level, Related,
    context::{Context, CrossOrigin, line},
};
use crate::model::Advice;
use crate::probe::{Branch, End, Val};

const RULE: &str = "cors/preflight-incomplete";
/// A correction has to name methods and headers, which nobody told.
const MAY: &str = "which methods and request headers other origins may use is only guessed";
/// Whoever asks for permission by OPTIONS gets an answer that others do not.
const UNASKED: &str = "every OPTIONS request is then answered here, before anything asks for credentials or redirects";

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    let (w, plain, answers) = (c.witness, &c.plain, &c.preflight);
    let list = c.list(cx.proxy);
    // A route that writes CORS headers of its own beside a redirect means other origins to follow it.
    let route = cx.proxy.route(w.route);
    let own = cx.speaks(list) && cx.proxy.list(list).seat == route.seat;
    // The proxy's own redirect (a missing slash) ends at the head of the block; nobody wrote it.
    let head = cx.proxy.scope(route.seat).span;
    let redirected =
        plain.iter().all(|b| b.end == End::Answered && b.status.is_some_and(|s| (300..400).contains(&s)) && b.ended_at != head);
    let intent = c.intent(cx.proxy) || own && redirected;
    // What one branch lacks only counts if every branch that could be taken lacks it.
    let Some(first) = answers.first() else { return };
    if answers.iter().any(|b| b.end != first.end || b.status != first.status) || first.end != End::Answered {
        return;
    }
    let Some(status) = first.status else { return };
    // A document that every method gets needs no preflight: a simple GET reads it.
    let handled = plain.iter().all(|b| b.ended_at != first.ended_at);
    if (200..300).contains(&status) && handled && intent && bare(first) {
        unadorned(cx, c, first);
    } else if (200..300).contains(&status) && handled {
        incomplete(cx, c, first);
    } else if intent && matches!(status, 401 | 403 | 405 | 301 | 302 | 303 | 307 | 308) && plain.iter().all(|b| b.end != End::Served) {
        refused(cx, c, first, status);
    }
}

/// Whether an answer of the proxy's own lets nobody read it.
fn bare(b: &Branch) -> bool {
    b.answer_open.is_none() && line(b, "access-control-allow-origin").is_none()
}

/// An answer that has the status of a permission, and nothing else of it.
fn unadorned(cx: &mut Context<'_>, c: &CrossOrigin<'_>, b: &Branch) {
    // What drops an inherited list has a rule of its own.
    if b.policy.is_some_and(|p| cx.displaced(cx.proxy.policy(p).answer).into_iter().any(|l| cx.speaks(l))) {
        return;
    }
    let mut f = cx.finding(RULE, Level::Error, b.ended_at);
    f.confidence = if b.guesses.is_empty() { Confidence::Certain } else { Confidence::Likely };
    f.message = format!("preflights for {} are answered without any `Access-Control-*` line", cx.title(c.witness.route));
    f.label = "answered here".to_owned();
    let given = c.plain.iter().find_map(|p| line(p, "access-control-allow-origin")).and_then(|l| l.origin);
    if let Some(o) = given {
        f.related.push(Related { span: o.span, message: "other answers get it here, this one does not".to_owned() });
    }
    let usual = "send `Access-Control-Allow-Origin`, `-Methods` and `-Headers` in this answer too";
    f.help = format!("{} (Fetch, CORS-preflight fetch)", cx.advice(Advice::CompletePreflight, usual));
    f.example = Some(format!("OPTIONS {} HTTP/1.1, Origin: {}, Access-Control-Request-Method: PUT", c.witness.path, c.origin));
    f.intent = cx.must_preflight(c.witness, b, &c.origin, given, [MAY, UNASKED]);
    cx.report(f);
}

fn incomplete(cx: &mut Context<'_>, c: &CrossOrigin<'_>, b: &Branch) {
    let (w, origin) = (c.witness, &c.origin);
    let Some(allow) = line(b, "access-control-allow-origin") else { return };
    if b.answer_open.is_some() || matches!(&allow.value, Val::Is(v) if v.is_empty()) {
        return;
    }
    let missing: Vec<&str> = ["Access-Control-Allow-Methods", "Access-Control-Allow-Headers"]
        .into_iter()
        .filter(|name| line(b, &name.to_ascii_lowercase()).is_none())
        .collect();
    if missing.is_empty() {
        return;
    }
    let level = if missing.len() == 2 { Level::Error } else { Level::Warning };
    let mut f = cx.finding(RULE, level, b.ended_at);
    f.confidence = if b.guesses.is_empty() { Confidence::Certain } else { Confidence::Likely };
    f.message = format!("preflights for {} are answered without `{}`", cx.title(w.route), missing.join("` and `"));
    f.label = "answered here".to_owned();
    if let Some(o) = allow.origin {
        f.related.push(Related { span: o.span, message: "`Access-Control-Allow-Origin` is sent with it".to_owned() });
    }
    f.help = format!(
        "send {} in this answer too{} (Fetch, CORS-preflight fetch)",
        missing.iter().map(|m| format!("`{m}`")).collect::<Vec<_>>().join(" and "),
        if missing.len() == 2 { ": without both, every request that needs a preflight is refused by the browser" } else { "" }
    );
    f.example = Some(format!("OPTIONS {} HTTP/1.1, Origin: {origin}, Access-Control-Request-Method: PUT", w.path));
    f.intent = cx.must_preflight(w, b, origin, allow.origin, [MAY, UNASKED]);
    cx.report(f);
}

fn refused(cx: &mut Context<'_>, c: &CrossOrigin<'_>, b: &Branch, status: u16) {
    let (w, origin, list) = (c.witness, &c.origin, c.list(cx.proxy));
    let gate = b.gates.last().filter(|g| !g.1).map(|g| cx.proxy.gate(g.0).deny.origin.span);
    let mut f = cx.finding(RULE, Level::Error, gate.unwrap_or(b.ended_at));
    f.confidence = if b.guesses.is_empty() { Confidence::Certain } else { Confidence::Likely };
    f.message = format!("preflights for {} are answered with {status}", cx.title(w.route));
    f.label = if gate.is_some() { "a preflight never carries credentials and is refused here" } else { "a preflight is answered here" }
        .to_owned();
    if let Some(op) = cx.written(list, "access-control-allow-origin") {
        f.related.push(Related { span: op.value.origin.span, message: "this route is meant for other origins".to_owned() });
    }
    f.help = format!(
        "{}: a browser accepts only a 2xx answer (Fetch, CORS-preflight fetch)",
        cx.advice(
            Advice::AnswerPreflight,
            "answer OPTIONS with 204 and the `Access-Control-*` headers before the request is refused or redirected"
        )
    );
    f.example = Some(format!("OPTIONS {} HTTP/1.1, Origin: {origin}, Access-Control-Request-Method: PUT", w.path));
    let given = c.plain.iter().find_map(|p| line(p, "access-control-allow-origin")).and_then(|l| l.origin);
    f.intent = cx.must_preflight(w, b, origin, given, [MAY, UNASKED]);
    cx.report(f);
}
