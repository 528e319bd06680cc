//! `upstream/duplicate-header`

use super::super::{Confidence, Level, Related, context::Context};
use crate::model::{HeaderList, How};
use crate::probe::{Branch, Line, Val};
use std::collections::HashSet;

/// Lines of which a request has one at most, or whose tokens must not contradict each other.
const SINGLE: [&str; 3] = ["host", "connection", "upgrade"];

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let twice = |l: &HeaderList| SINGLE.iter().any(|n| l.ops.iter().filter(|op| op.name.eq_ignore_ascii_case(n)).count() > 1);
    let lists: HashSet<usize> = (0..cx.proxy.lists.len()).filter(|i| twice(&cx.proxy.lists[*i])).collect();
    if lists.is_empty() {
        return;
    }
    let mut branches: Vec<Branch> = Vec::new();
    for w in cx.witnesses().iter() {
        let policy = cx.proxy.policy(cx.proxy.route(w.route).policy);
        if lists.contains(&policy.outgoing.at()) {
            branches.extend(cx.plain(w));
        }
    }
    branches.extend(cx.sockets().iter().flat_map(|s| s.branches.clone()));
    for b in &branches {
        let Some(sent) = &b.sent else { continue };
        for name in SINGLE {
            let written = |l: &&Line| l.origin.is_some_and(|o| o.how == How::Written);
            let lines: Vec<&Line> = sent.values(name).filter(written).collect();
            let [first, .., last] = lines[..] else { continue };
            speak(cx, name, first, last);
        }
    }
}

fn speak(cx: &mut Context<'_>, name: &str, first: &Line, last: &Line) {
    let (Some(before), Some(at)) = (first.origin, last.origin) else { return };
    // The same value again is one list to whoever joins lines.
    if name != "host" && first.value == last.value
        || matches!((&first.value, &last.value), (Val::Unknown { .. }, _) | (_, Val::Unknown { .. }))
    {
        return;
    }
    let level = if name == "host" { Level::Error } else { Level::Warning };
    let mut f = cx.finding("upstream/duplicate-header", level, at.span);
    f.confidence = if name == "host" { Confidence::Certain } else { Confidence::Likely };
    f.message = format!("the upstream gets two `{}` lines", last.name);
    f.label = "one more line of that name".to_owned();
    f.related.push(Related { span: before.span, message: "the first one".to_owned() });
    f.help = if name == "host" {
        "remove one of them: a server must answer two `Host` lines with 400 (RFC 9112 §3.2); aiohttp, tornado, uvicorn and gorilla do"
    } else {
        "remove one of them: what a server makes of two lines that contradict each other differs from server to server"
    }
    .to_owned();
    cx.report(f);
}
