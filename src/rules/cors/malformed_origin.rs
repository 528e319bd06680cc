//! `cors/malformed-origin`

use super::super::{Level, context::Context, intents::intent};
use super::{allowed, constant};
use crate::model::{Because, Goal, Intent, Kind, NoFix, Role};
use crate::source::Span;
use std::collections::BTreeMap;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut found: BTreeMap<Span, (String, &str, String, Option<Intent>)> = BTreeMap::new();
    for c in cx.cross_origin().iter() {
        for b in c.plain.iter().chain(&c.preflight) {
            let Some((op, value)) = allowed(cx, b) else { continue };
            if let Some(wrong) = wrong(&value).filter(|_| constant(cx, op)) {
                // A browser writes an origin without what follows the host; everything else is guesswork.
                let meant = origin(&value).map(|meant| {
                    let because = [(Role::Instead, meant.clone()), (Role::Header, op.name.to_string())];
                    let because = because.map(|(role, value)| Because { role, origin: op.value.origin, value });
                    intent(Goal::AnswerHas(vec![op.name.to_string()]), &c.witness, &[Kind::CrossOrigin], because.to_vec(), &meant)
                });
                found.entry(op.value.origin.span).or_insert_with(|| (value.clone(), wrong, cx.title(c.witness.route), meant));
            }
        }
    }
    for (span, (value, wrong, title, wanted)) in found {
        let mut f = cx.finding("cors/malformed-origin", Level::Error, span);
        f.message = format!("`Access-Control-Allow-Origin: {value}` for {title} fits no origin: {wrong}");
        f.label = "compared with `Origin`, byte for byte".to_owned();
        f.help =
            "send `*`, or the one origin that asked, as the browser writes it (`https://app.example.com`); choose it with a `map` from \
                  `$http_origin` when there are several (Fetch, CORS check)"
                .to_owned();
        if wanted.is_none() {
            f.fix = Some(Err(NoFix::unsaid("which origin is meant is not known")));
        }
        f.intent = wanted;
        cx.report(f);
    }
}

/// The origin that a URL is of, where nothing but its path is too much.
fn origin(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once("://").filter(|(s, _)| matches!(*s, "http" | "https"))?;
    let (host, path) = rest.split_once('/')?;
    (path.is_empty() && !host.is_empty() && !host.contains(['*', ',', ' '])).then(|| format!("{scheme}://{host}"))
}

/// What keeps a value from being `*`, `null` or the serialisation of an origin.
fn wrong(value: &str) -> Option<&'static str> {
    if matches!(value, "*" | "null") {
        return None;
    }
    if value.contains([',', ' ']) {
        return Some("it is a list, and only one value is read");
    }
    if value.contains('*') {
        return Some("`*` stands for nothing within a name");
    }
    let Some((_, rest)) = value.split_once("://") else { return Some("it has no scheme") };
    if rest.contains('/') {
        return Some("an origin ends before the first slash");
    }
    None
}
