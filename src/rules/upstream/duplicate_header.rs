//! `upstream/duplicate-header`

use super::super::{Confidence, Level, Related, context::Context, intents::intent};
use crate::model::{Because, Goal, HeaderList, How, Kind, Role};
use crate::probe::{Branch, Line, Val, Witness, trial};
use std::collections::HashSet;

/// Lines of which a request has one at most, or whose tokens must not contradict each other.
const SINGLE: [&str; 3] = ["host", "connection", "upgrade"];

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let twice = |l: &HeaderList| SINGLE.iter().any(|n| l.ops.iter().filter(|op| op.name.eq_ignore_ascii_case(n)).count() > 1);
    let lists: HashSet<usize> = (0..cx.proxy.lists.len()).filter(|i| twice(&cx.proxy.lists[*i])).collect();
    if lists.is_empty() {
        return;
    }
    for w in cx.witnesses().iter() {
        let policy = cx.proxy.policy(cx.proxy.route(w.route).policy);
        if lists.contains(&policy.outgoing.at()) {
            look(cx, w, &cx.plain(w));
        }
    }
    for socket in cx.sockets().iter() {
        look(cx, &socket.witness, &socket.branches);
    }
}

fn look(cx: &mut Context<'_>, w: &Witness, branches: &[Branch]) {
    for sent in branches.iter().filter_map(|b| b.sent.as_ref()) {
        for name in SINGLE {
            let written = |l: &&Line| l.origin.is_some_and(|o| o.how == How::Written);
            let lines: Vec<&Line> = sent.values(name).filter(written).collect();
            let [first, .., last] = lines[..] else { continue };
            speak(cx, w, name, first, last);
        }
    }
}

fn speak(cx: &mut Context<'_>, w: &Witness, name: &str, first: &Line, last: &Line) {
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
    let because = [before, at].into_iter().map(|origin| Because { role: Role::Header, origin, value: last.name.to_string() }).collect();
    let mut wanted = intent(Goal::SendsOne(last.name.to_string()), w, &[Kind::Plain], because, trial::ORIGIN);
    wanted.assumes = Some("which of the two is meant is only guessed".to_owned());
    f.intent = Some(wanted);
    cx.report(f);
}
