//! `timeout/zero`

use super::super::{Level, context::Context};
use crate::model::{Because, Ending, Goal, How, Intent, Kind, Known, Limit, Origin, Role, Seat, Trial};
use crate::probe::Witness;
use crate::source::Span;
use std::collections::BTreeSet;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut found: BTreeSet<(Span, String, u16)> = BTreeSet::new();
    for clock in cx.proxy.clocks.iter().flat_map(|c| &c.handshake) {
        let Ending::Answer(status) = clock.ends else { continue };
        if clock.limit.value == Known::Is(Limit::After(0)) && clock.limit.origin.how == How::Written {
            found.insert((clock.limit.origin.span, clock.name.to_string(), status));
        }
    }
    for (span, name, status) in found {
        let mut f = cx.finding("timeout/zero", Level::Error, span);
        f.message = format!("`{name}` of zero: every request through it is answered with {status}");
        f.label = "no time at all, not \"for ever\"".to_owned();
        f.help = format!("write how long to wait, such as `{name} 75s`; there is no value that means \"never\"");
        f.intent = Some(wanted(cx, span, &name));
        cx.report(f);
    }
}

/// Requests through this limit shall be given time. How much, nobody told: for ever is what such a line usually means.
fn wanted(cx: &Context<'_>, span: Span, name: &str) -> Intent {
    let held = |w: &&Witness| {
        let clocks = cx.proxy.clocks_of(cx.proxy.policy(cx.proxy.route(w.route).policy).clocks);
        clocks.handshake.iter().any(|c| c.limit.origin.span == span) && cx.plain(w).iter().any(|b| b.sent.is_some())
    };
    let witnesses = cx.witnesses();
    let trials = witnesses.iter().filter(held).filter_map(|w| Some(Trial { kind: Kind::Plain, request: w.ask(Kind::Plain, "")? }));
    let origin = Origin { how: How::Written, span, seat: Seat::ROOT };
    Intent {
        goal: Goal::Waits,
        trials: trials.collect(),
        because: vec![Because { role: Role::Clock, origin, value: name.to_owned() }],
        assumes: Some("how long to wait is only guessed".to_owned()),
        site: 0,
    }
}
