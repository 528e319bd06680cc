//! `cors/malformed-origin`

use super::super::{
    Level,
    context::{Context, CrossOrigin},
    intents::intent,
};
use super::{allowed, constant};
use crate::model::{Because, Goal, Kind, NoFix, Role};

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    for b in c.plain.iter().chain(&c.preflight) {
        let Some((op, value)) = allowed(cx, b).filter(|(op, _)| constant(cx, op)) else { continue };
        let Some(wrong) = wrong(&value) else { continue };
        let mut f = cx.finding("cors/malformed-origin", Level::Error, op.value.origin.span);
        f.message = format!("`Access-Control-Allow-Origin: {value}` fits no origin: {wrong}");
        f.label = "compared with `Origin`, byte for byte".to_owned();
        f.help =
            "send `*`, or the one origin that asked, as the browser writes it (`https://app.example.com`); choose it with a `map` from \
                  `$http_origin` when there are several (Fetch, CORS check)"
                .to_owned();
        // A browser writes an origin without what follows the host; everything else is guesswork.
        f.intent = origin(&value).map(|meant| {
            let because = [(Role::Instead, meant.clone()), (Role::Header, op.name.to_string())];
            let because = because.map(|(role, value)| Because { role, origin: op.value.origin, value });
            intent(Goal::AnswerHas(vec![op.name.to_string()]), c.witness, &[Kind::CrossOrigin], because.to_vec(), &meant)
        });
        if f.intent.is_none() {
            f.fix = Some(Err(NoFix::unsaid("which origin is meant is not known")));
        }
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
