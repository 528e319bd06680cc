//! `response/headers-lost-by-inheritance`

use super::super::{
    Confidence, Level,
    context::{Context, Evidence, Losing, Side, named},
    cors,
};
use crate::model::{Advice, Answers, Goal, HeaderOp, RouteId};
use crate::probe::End;
use std::collections::HashSet;

const RULE: &str = "response/headers-lost-by-inheritance";

/// Lines that browsers heed on whatever they load.
const EVERYWHERE: [&str; 3] = ["cross-origin-resource-policy", "strict-transport-security", "x-content-type-options"];
/// Lines that browsers heed on pages.
const ON_PAGES: [&str; 7] = [
    "content-security-policy",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "feature-policy",
    "permissions-policy",
    "referrer-policy",
    "x-frame-options",
];
/// Lines that no browser of today heeds, or that only tell something about the proxy.
const IDLE: [&str; 8] =
    ["expect-ct", "p3p", "public-key-pins", "server", "x-cache-status", "x-download-options", "x-powered-by", "x-xss-protection"];
/// Ends and parts of paths that hold no pages.
const PARTS: [&str; 32] = [
    "api", "assets", "css", "favicon", "font", "fonts", "gif", "graphql", "ico", "images", "img", "jpeg", "jpg", "js", "json", "lib",
    "libs", "map", "media", "mjs", "png", "rpc", "scripts", "static", "styles", "svg", "ttf", "wasm", "webp", "woff", "woff2", "xml",
];

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let sockets = cx.sockets();
    let upgraded: HashSet<RouteId> =
        sockets.iter().filter(|s| s.evidence != Evidence::Named && named(&s.witness.path)).map(|s| s.witness.route).collect();
    for mut loss in cx.losses(Side::Answer, |op| !cors::speaks_of_origins(&op.name)) {
        loss.routes.retain(|r| serves(r) && !upgraded.contains(&r.witness.route) && r.lines.iter().any(|op| matters(op, r)));
        let Some(level) = loss.routes.iter().map(|r| level(cx, r)).max() else { continue };
        let mut f = cx.finding(RULE, level, loss.at);
        f.confidence = Confidence::Likely;
        cx.tell_loss(&mut f, &loss, ["it is not sent", "they are not sent"], "with answers of");
        f.help = cx.advice(Advice::KeepInherited, "repeat the lost lines behind this list").to_owned();
        f.example =
            loss.routes.first().map(|r| format!("{} {} HTTP/1.1, Host: {}", r.witness.request.method, r.witness.path, r.witness.host));
        f.intent = cx.must_keep(&loss, Goal::AnswerHas);
        if let Some(intent) = &mut f.intent {
            intent.assumes = Some("that these lines suit the answers here too is only guessed".to_owned());
        }
        cx.report(f);
    }
}

/// Whether something is served here that headers of a whole site are about: no redirect, no text of the proxy's own.
fn serves(r: &Losing) -> bool {
    matches!(r.branch.end, End::Relayed | End::Served)
}

/// Whether what is lost makes a difference here.
fn matters(op: &HeaderOp, r: &Losing) -> bool {
    !is_one_of(op, &IDLE) && (has_pages(r) || is_one_of(op, &EVERYWHERE))
}

/// A warning where a page goes without what was to protect it, whatever happens; who repeats some of those lines has thought of them.
fn level(cx: &Context<'_>, r: &Losing) -> Level {
    let protects = |op: &HeaderOp| is_one_of(op, &EVERYWHERE) || is_one_of(op, &ON_PAGES);
    let chosen = r.lacking.iter().any(|l| cx.proxy.list(*l).ops.iter().any(protects));
    let meant = r.lines.iter().any(|op| protects(op) && op.on == Answers::All);
    if has_pages(r) && meant && !chosen { Level::Warning } else { Level::Hint }
}

/// Whether browsers may get pages here, as far as the path says.
fn has_pages(r: &Losing) -> bool {
    !r.witness.path.split(['/', '.', '_', '-']).any(|part| PARTS.contains(&&*part.to_ascii_lowercase()))
}

fn is_one_of(op: &HeaderOp, names: &[&str]) -> bool {
    names.iter().any(|n| op.name.eq_ignore_ascii_case(n))
}
