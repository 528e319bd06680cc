//! `cors/wildcard-with-credentials`

use super::super::{
    Confidence, Level, Related,
    context::{Context, CrossOrigin, SOME_ORIGIN, line},
    intents::intent,
};
use crate::model::{Because, Goal, Role};

pub(in crate::rules) fn check(cx: &mut Context<'_>, route: &CrossOrigin<'_>) {
    let w = route.witness;
    for b in route.plain.iter().chain(&route.preflight) {
        let (Some(origin), Some(credentials)) = (line(b, "access-control-allow-origin"), line(b, "access-control-allow-credentials"))
        else {
            continue;
        };
        if origin.value.known() != Some("*") || credentials.value.known() != Some("true") {
            continue;
        }
        let (Some(at), Some(beside)) = (origin.origin, credentials.origin) else { continue };
        let mut f = cx.finding("cors/wildcard-with-credentials", Level::Error, at.span);
        f.confidence = if b.guesses.is_empty() { Confidence::Certain } else { Confidence::Likely };
        f.message = format!(
            "answers for {} allow any origin and credentials at once: browsers refuse that",
            cx.title(b.routes.last().copied().unwrap_or(w.route))
        );
        f.label = "any origin".to_owned();
        f.related.push(Related { span: beside.span, message: "with credentials".to_owned() });
        f.help = "name the origins that may send credentials (a `map` from `$http_origin` with anchored patterns, and `Vary: Origin`), \
                  or drop `Access-Control-Allow-Credentials` (Fetch, CORS check)"
            .to_owned();
        f.example = Some(format!("GET {} HTTP/1.1, Origin: {SOME_ORIGIN}, with cookies", w.path));
        let because = vec![Because { role: Role::Header, origin: beside, value: credentials.name.to_string() }];
        let mut wanted = intent(Goal::Gone(beside.span), w, &[], because, SOME_ORIGIN);
        wanted.assumes = Some("requests with credentials stay refused, as they are now; no other origin is named for them".to_owned());
        f.intent = Some(wanted);
        cx.report(f);
    }
}
