//! `cors/missing-vary`

use super::super::{
    Confidence, Level,
    context::{Context, CrossOrigin, serves},
};
use super::{allowed, constant};
use crate::model::{Advice, Because, Kind, Role};
use crate::probe::{Branch, Val};

/// An origin that nobody allows but who allows all.
const OTHER: &str = "https://other.invalid";

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    if !serves(&c.plain) {
        return;
    }
    let Some(b) = c.plain.iter().find(|b| b.answer_open.is_none() && !varies(b)) else { return };
    let Some((op, value)) = allowed(cx, b).filter(|(op, _)| !constant(cx, op)) else { return };
    // Another origin gets another answer.
    let (others, _) = cx.from_origin(c.witness, OTHER);
    if others.iter().any(|o| allowed(cx, o).is_some_and(|(_, v)| v == value)) {
        return;
    }
    // An engine makes the line by itself; who uses it did not leave anything out.
    let engine = cx.proxy.cors.iter().flat_map(|c| &cx.proxy.list(c.lines).ops).any(|o| o.value.origin == op.value.origin);
    let level = if engine { Level::Hint } else { Level::Warning };
    let mut f = cx.finding("cors/missing-vary", level, op.value.origin.span);
    f.confidence = Confidence::Likely;
    f.message = format!(
        "answers for {} differ by `Origin` without saying so: a cache gives one site's answer to another",
        cx.title(c.witness.route)
    );
    f.label = "depends on `Origin`".to_owned();
    f.help = format!(
        "{}, so that browsers, CDNs and caches keep the answers apart (Fetch, CORS protocol and HTTP caches)",
        cx.advice(Advice::SendVary, "send `Vary: Origin` with it")
    );
    f.example = Some(format!("GET {} HTTP/1.1, Origin: {}", c.witness.path, c.origin));
    f.intent = cx.must_answer(c.witness, &[Kind::CrossOrigin], b, &["Vary"], &[], &c.origin).map(|mut wanted| {
        wanted.because.push(Because { role: Role::Header, origin: op.value.origin, value: op.name.to_string() });
        wanted
    });
    cx.report(f);
}

/// Whether the answer says that it depends on the origin, or may say so.
fn varies(b: &Branch) -> bool {
    b.answer.iter().filter(|l| l.name.eq_ignore_ascii_case("vary")).any(|l| match &l.value {
        Val::Is(v) => v.split(',').any(|t| t.trim().eq_ignore_ascii_case("origin") || t.trim() == "*"),
        Val::Unknown { .. } => false,
    })
}
