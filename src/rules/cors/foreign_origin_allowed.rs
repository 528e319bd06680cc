//! `cors/foreign-origin-allowed`

use super::super::{
    Level, Related,
    context::{Context, CrossOrigin, line},
};
use super::{allowed, constant};
use crate::model::{Advice, Cond, Expr, Matcher, Proxy};
use crate::probe::{Branch, End};
use crate::source::Span;

/// Nobody's friend.
const FOREIGN: &str = "https://foreign.invalid";
/// A sandboxed page of anybody, or a local file.
const NULL: &str = "null";
/// How many origins of the configuration's own are disguised.
const DISGUISED: usize = 12;

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    let named = cx.named_origins();
    let dynamic = |b: &Branch| allowed(cx, b).is_some_and(|(op, _)| !constant(cx, op));
    if !c.plain.iter().chain(&c.preflight).any(dynamic) {
        return;
    }
    let guests = std::iter::once(FOREIGN.to_owned())
        .chain(named.iter().filter(|n| *n != NULL).take(DISGUISED).flat_map(|n| disguises(n)))
        .chain((!named.iter().any(|n| n == NULL)).then(|| NULL.to_owned()));
    for guest in guests {
        if named.contains(&guest) {
            continue;
        }
        let (plain, preflight) = cx.from_origin(c.witness, &guest);
        let Some(b) = plain.iter().chain(&preflight).find(|b| lets_in(cx, b, &guest)) else { continue };
        speak(cx, c, b, &guest);
        break;
    }
}

/// Whether the page of an origin may read the answer.
fn lets_in(cx: &Context<'_>, b: &Branch, origin: &str) -> bool {
    let read = match b.end {
        End::Relayed | End::Served => true,
        End::Answered => b.status.is_some_and(|s| (200..300).contains(&s)),
        _ => false,
    };
    // What had to be guessed is nobody's fault.
    read && b.guesses.is_empty() && allowed(cx, b).is_some_and(|(op, value)| value == origin && !constant(cx, op))
}

/// Origins of somebody else that look like one's own: longer at the end, longer at the beginning, another letter for a dot.
fn disguises(own: &str) -> Vec<String> {
    let Some((scheme, host)) = own.split_once("://") else { return Vec::new() };
    let name = host.split(':').next().unwrap_or(host);
    let labels: Vec<&str> = name.split('.').collect();
    let mut out = vec![format!("{scheme}://{host}.foreign.invalid")];
    if labels.len() >= 2 && labels.iter().all(|l| !l.is_empty()) && !labels[labels.len() - 1].bytes().all(|b| b.is_ascii_digit()) {
        out.push(format!("{scheme}://foreign{}", labels[labels.len() - 2..].join(".")));
        if labels.len() > 2 {
            out.push(format!("{scheme}://{}.{}", labels[..labels.len() - 1].join("x"), labels[labels.len() - 1]));
        }
    }
    out
}

fn speak(cx: &mut Context<'_>, c: &CrossOrigin<'_>, b: &Branch, guest: &str) {
    let Some((op, _)) = allowed(cx, b) else { return };
    let at = op.value.origin.span;
    let credentials = line(b, "access-control-allow-credentials").filter(|l| l.value.known() == Some("true"));
    let level = if credentials.is_some() { Level::Error } else { Level::Hint };
    let admitted = (guest != FOREIGN).then(|| admits(cx.proxy, guest)).flatten();
    let mut f = cx.finding("cors/foreign-origin-allowed", level, admitted.unwrap_or(at));
    let title = cx.title(c.witness.route);
    let with = if credentials.is_some() { ", with the visitor's cookies" } else { "" };
    f.message = match guest {
        FOREIGN => format!("any site may read answers for {title}{with}: whatever `Origin` is sent is allowed"),
        NULL => format!("sandboxed pages of any site may read answers for {title}{with}: the origin `null` is allowed"),
        _ => format!("`{guest}` may read answers for {title}{with}"),
    };
    f.label = match guest {
        FOREIGN => "allows what the client sends".to_owned(),
        _ => format!("lets `{guest}` in"),
    };
    if admitted.is_some_and(|s| s != at) {
        f.related.push(Related { span: at, message: "and is allowed here".to_owned() });
    }
    if let Some(origin) = credentials.and_then(|l| l.origin) {
        cx.relate(&mut f, origin, "with credentials");
    }
    f.help = cx.advice(Advice::NameOrigins, "allow only origins that are named").to_owned();
    f.example = Some(format!("GET {} HTTP/1.1, Origin: {guest}", c.witness.path));
    cx.report(f);
}

/// The entry or test that an origin passes by.
fn admits(proxy: &Proxy, origin: &str) -> Option<Span> {
    let fits = |is: &Matcher| match is {
        Matcher::Regex(id) => proxy.pattern(*id).regex().is_some_and(|r| r.is_match(origin).unwrap_or(false)),
        Matcher::Is(texts) => texts.iter().any(|t| &**t == origin),
        _ => false,
    };
    let reads = |of: &crate::model::Subject| *of == crate::model::Subject::Header("origin".into());
    for expr in &proxy.exprs {
        if let Expr::Map(map, of) = expr
            && matches!(proxy.expr(*of), Expr::Read(s) if reads(s))
            && let Some(rule) = proxy.map(*map).rules.iter().find(|r| fits(&r.0))
        {
            return Some(rule.2.origin.span);
        }
    }
    proxy.conds.iter().find_map(|c| match c {
        Cond::Test(atom) if !atom.not && reads(&atom.of) && fits(&atom.is) => Some(atom.span),
        _ => None,
    })
}
