//! `websocket/subrequest-upgrades`

use super::super::{Confidence, Level, Related, context::Context, intents::header};
use crate::model::{Advice, Because, Goal, How, Intent, Kind, Origin, Role, Trial};
use crate::probe::{Branch, Credentials, Line, Sent, Val, handshake};
use crate::source::Span;
use std::collections::HashSet;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut asked: HashSet<Span> = HashSet::new();
    for socket in cx.sockets().iter() {
        if !super::works(cx, socket) {
            continue;
        }
        let w = &socket.witness;
        let asks = |b: &Branch| b.gates.iter().any(|(g, _)| cx.proxy.gate(*g).ask.is_some());
        let branches = if socket.branches.iter().any(asks) {
            cx.shake(&handshake::ask(w.listener, &w.host, &w.path), Credentials::AsSent)
        } else {
            socket.branches.clone()
        };
        for errand in branches.iter().flat_map(|b| &b.errands) {
            let Some(sent) = &errand.sent else { continue };
            let Some(line) = sent.values("upgrade").find(|l| matches!(&l.value, Val::Is(v) if !v.is_empty())) else { continue };
            let request = handshake::ask(w.listener, &w.host, &w.path);
            // One correction serves all that ask so.
            let wanted = asked.insert(errand.span).then(|| wanted(cx, sent, Trial { kind: Kind::Handshake, request }));
            speak(cx, errand.span, (sent, line), &cx.title(w.route), &socket.example(), wanted);
        }
    }
}

fn speak(cx: &mut Context<'_>, at: Span, (sent, line): (&Sent, &Line), title: &str, example: &str, wanted: Option<Intent>) {
    let mut f = cx.finding("websocket/subrequest-upgrades", Level::Warning, at);
    f.confidence = Confidence::Likely;
    f.message = format!("for a handshake through {title} the proxy's own request asks for an upgrade too");
    f.label = "this request is sent beside the client's".to_owned();
    f.related.push(Related { span: sent.span, message: "and goes upstream here".to_owned() });
    if let Some(origin) = line.origin {
        cx.relate(&mut f, origin, "with this line");
    }
    let advice = cx.advice(Advice::NoUpgradeInOwnRequests, "send neither `Upgrade` nor `Connection` where the own request is forwarded");
    f.help = format!("{advice}: if that server accepts the upgrade, the client's connection is closed");
    f.example = Some(example.to_owned());
    f.intent = wanted;
    cx.report(f);
}

/// The own request shall ask for no upgrade, whatever it is made for: every request that it is made beside counts.
fn wanted(cx: &Context<'_>, sent: &Sent, first: Trial) -> Intent {
    let list = cx.proxy.list(sent.list);
    let scope = cx.proxy.scope(list.seat);
    let written = |span, seat, how| Origin { how, span, seat };
    let mut because = vec![
        Because { role: Role::Took, origin: written(scope.span, list.seat, How::Written), value: cx.proxy.title(list.seat) },
        Because { role: Role::Answered, origin: written(sent.span, list.seat, How::Written), value: String::new() },
    ];
    for name in ["upgrade", "connection"] {
        because.extend(cx.written(sent.list, name).map(header));
    }
    let mut trials = vec![first];
    for w in cx.witnesses().iter() {
        let beside = cx.plain(w).iter().flat_map(|b| &b.errands).any(|e| e.sent.as_ref().is_some_and(|s| s.span == sent.span));
        trials.extend(w.ask(Kind::Plain, "").filter(|_| beside).map(|request| Trial { kind: Kind::Plain, request }));
    }
    Intent { goal: Goal::ErrandsStayPlain, trials, because, assumes: None, site: 0 }
}
