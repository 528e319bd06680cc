//! `cors/duplicate-origin`

use super::super::{
    Confidence, Level, Related,
    context::{Context, CrossOrigin, is_cors, serves},
    intents::intent,
};
use crate::model::{Advice, Because, Goal, Kind, Origin, Role, Text};
use crate::probe::{Assume, Branch, End, Line, Val};
use crate::source::Span;

const RULE: &str = "cors/duplicate-origin";
const ALLOW: &str = "Access-Control-Allow-Origin";
/// What the upstream is taken to send, in values that no configuration has.
const THEIRS: [(&str, &str); 4] = [
    (ALLOW, "https://upstream.invalid"),
    ("Access-Control-Allow-Credentials", "upstream"),
    ("Access-Control-Allow-Methods", "UPSTREAM"),
    ("Access-Control-Allow-Headers", "upstream"),
];

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    for (kind, branches) in [(Kind::CrossOrigin, &c.plain), (Kind::Preflight, &c.preflight)] {
        for b in branches {
            if let [first, .., last] = lines(b)[..] {
                twice(cx, c, kind, first, last);
            }
        }
    }
    if cx.takes_out() && serves(&c.plain) && c.plain.iter().all(|b| b.end == End::Relayed && lines(b).len() == 1) {
        half_hidden(cx, c);
    }
}

fn lines(b: &Branch) -> Vec<&Line> {
    b.answer.iter().filter(|l| l.name.eq_ignore_ascii_case(ALLOW) && l.value.known() != Some("")).collect()
}

fn twice(cx: &mut Context<'_>, c: &CrossOrigin<'_>, kind: Kind, first: &Line, last: &Line) {
    let (Some(before), Some(at)) = (first.origin, last.origin) else { return };
    let (Val::Is(a), Val::Is(b)) = (&first.value, &last.value) else { return };
    let mut f = cx.finding(RULE, Level::Error, at.span);
    f.message = format!("answers for {} allow an origin twice: browsers refuse that, even with equal values", cx.title(c.witness.route));
    f.label = format!("one more line: `{b}`");
    f.related.push(Related { span: before.span, message: format!("the first one: `{a}`") });
    f.help = format!("send exactly one `{ALLOW}` line; a browser reads two as one list and finds no such origin (Fetch, CORS check)");
    f.example = Some(format!("GET {} HTTP/1.1, Origin: {}", c.witness.path, c.origin));
    let because = [before, at].map(header).to_vec();
    let mut wanted = intent(Goal::AnswersOne(ALLOW.to_owned()), c.witness, &[kind], because, &c.origin);
    wanted.assumes = (a != b).then(|| "which of the two is meant is only guessed".to_owned());
    f.intent = Some(wanted);
    cx.report(f);
}

fn header(origin: Origin) -> Because {
    Because { role: Role::Header, origin, value: ALLOW.to_owned() }
}

/// Other lines of the upstream are taken out, so it does send them; this one is not.
fn half_hidden(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    let lines_of_theirs = THEIRS.iter().map(|(n, v)| (Text::from("*"), (Text::from(*n), Text::from(*v)))).collect();
    let assume = Assume { lines: lines_of_theirs, ..Assume::default() };
    let w = c.witness;
    let request = crate::probe::request(w.listener, "GET", &w.host, &w.path, &[("Origin", &c.origin)]);
    let branches = cx.run(&request, &assume);
    let stays = |b: &Branch, n: &(&str, &str)| b.answer.iter().any(|l| l.origin.is_none() && l.name.eq_ignore_ascii_case(n.0));
    let hidden = |b: &Branch| THEIRS.iter().skip(1).any(|n| !stays(b, n));
    if !branches.iter().all(|b| b.end == End::Relayed && b.answer_open.is_none() && stays(b, &THEIRS[0]) && hidden(b)) {
        return;
    }
    let Some(at) = branches.first().and_then(|b| lines(b).into_iter().find_map(|l| l.origin)) else { return };
    let hiding =
        branches.first().and_then(|b| cx.proxy.policy(b.policy?).relayed).map(|l| cx.proxy.list(l).ops.clone()).unwrap_or_default();
    let mut f = cx.finding(RULE, Level::Warning, at.span);
    f.confidence = Confidence::Likely;
    f.message = format!("the upstream's own `{ALLOW}` is not taken out of answers for {}", cx.title(w.route));
    f.label = "added to whatever the upstream sends".to_owned();
    let spans: Vec<Span> = hiding.iter().filter(|op| is_cors(&op.name)).map(|op| op.value.origin.span).collect();
    for span in spans {
        f.related.push(Related { span, message: "the upstream sends CORS lines: this one is taken out".to_owned() });
    }
    f.help = format!(
        "{}: two lines, even with equal values, are refused by every browser",
        cx.advice(Advice::TakeOut, "take it out as well").replace("{name}", ALLOW)
    );
    f.example = Some(format!("GET {} HTTP/1.1, Origin: {}", w.path, c.origin));
    f.intent = c.plain.first().and_then(|b| {
        let mut because = cx.seats(b.policy?, b.ended_at);
        because.extend(hiding.iter().map(|op| header(op.value.origin)));
        Some(intent(Goal::HidesTheirs(ALLOW.to_owned()), w, &[Kind::CrossOrigin], because, &c.origin))
    });
    cx.report(f);
}
