//! `websocket/subrequest-upgrades`

use super::super::{
    Confidence, Finding, Level, Related,
    context::Context,
    intents::{TRIALS, header},
};
use crate::model::{Advice, Because, Goal, How, Intent, Kind, Origin, Role, Trial};
use crate::probe::{Branch, Credentials, Line, Sent, Val, handshake, parallel};
use crate::source::Span;
use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut asked: HashSet<Span> = HashSet::new();
    let mut found = Vec::new();
    let beside = LazyCell::new(|| beside(cx));
    for socket in cx.sockets().iter() {
        if !super::works(cx, socket) {
            continue;
        }
        let w = &socket.witness;
        let asks = |b: &Branch| b.gates.iter().any(|(g, _)| cx.proxy.gate(*g).ask.is_some());
        let branches = if socket.branches.iter().any(asks) {
            Cow::from(cx.shake(&handshake::ask(w.listener, &w.host, &w.path), Credentials::AsSent))
        } else {
            Cow::from(&socket.branches)
        };
        for errand in branches.iter().flat_map(|b| &b.errands) {
            let Some(sent) = &errand.sent else { continue };
            let Some(line) = sent.values("upgrade").find(|l| matches!(&l.value, Val::Is(v) if !v.is_empty())) else { continue };
            let request = handshake::ask(w.listener, &w.host, &w.path);
            // One correction serves all that ask so.
            let trial = Trial { kind: Kind::Handshake, request };
            let wanted = asked.insert(errand.span).then(|| wanted(cx, sent, trial, beside.get(&sent.span).map_or(&[], Vec::as_slice)));
            found.push(said(cx, errand.span, (sent, line), &cx.title(w.route), &socket.example(), wanted));
        }
    }
    for f in found {
        cx.report(f);
    }
}

fn said(cx: &Context<'_>, at: Span, (sent, line): (&Sent, &Line), title: &str, example: &str, wanted: Option<Intent>) -> Finding {
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
    f
}

/// Plain requests that the proxy makes one of its own beside, by where that one is forwarded.
fn beside(cx: &Context<'_>) -> HashMap<Span, Vec<Trial>> {
    let each = parallel::many(&cx.witnesses(), |w| {
        let branches = cx.plain(w);
        let places: BTreeSet<Span> = branches.iter().flat_map(|b| &b.errands).filter_map(|e| Some(e.sent.as_ref()?.span)).collect();
        if places.is_empty() { None } else { Some((w.ask(Kind::Plain, "")?, places)) }
    });
    let mut found: HashMap<Span, Vec<Trial>> = HashMap::new();
    for (request, places) in each {
        for place in places {
            let trials = found.entry(place).or_default();
            if trials.len() < TRIALS {
                trials.push(Trial { kind: Kind::Plain, request: request.clone() });
            }
        }
    }
    found
}

/// The own request shall ask for no upgrade, whatever it is made for: every request that it is made beside counts.
fn wanted(cx: &Context<'_>, sent: &Sent, first: Trial, beside: &[Trial]) -> Intent {
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
    let trials = std::iter::once(first).chain(beside.iter().cloned()).collect();
    Intent { goal: Goal::ErrandsStayPlain, trials, because, assumes: None, site: 0 }
}
