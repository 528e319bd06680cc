//! `envoy/no-router`

use super::super::{Level, context::Context, intents::intent};
use crate::model::{Because, Goal, How, Kind, Origin, Role, Seat};
use crate::probe::{End, Witness, trial};
use crate::source::Span;
use std::collections::BTreeMap;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    let mut places: BTreeMap<Span, Vec<Witness>> = BTreeMap::new();
    for w in cx.witnesses().iter() {
        let branches = cx.plain(w);
        if let Some(first) = branches.first().filter(|_| branches.iter().all(|b| b.end == End::Hangs)) {
            places.entry(first.ended_at).or_default().push(w.clone());
        }
    }
    for (span, witnesses) in places {
        let mut f = cx.finding("envoy/no-router", Level::Error, span);
        f.message = "no request is ever answered: the filters end without a router".to_owned();
        f.label = "nothing forwards here, and Envoy does not say so".to_owned();
        f.help = "end `http_filters` with `envoy.filters.http.router`".to_owned();
        let ended = Because { role: Role::Gate, origin: Origin { how: How::Written, span, seat: Seat::ROOT }, value: String::new() };
        f.intent = witnesses.split_first().map(|(first, others)| {
            let mut wanted = intent(Goal::Forwards, first, &[Kind::Plain], vec![ended], trial::ORIGIN);
            wanted.trials.extend(others.iter().flat_map(|w| intent(Goal::Forwards, w, &[Kind::Plain], Vec::new(), trial::ORIGIN).trials));
            wanted
        });
        cx.report(f);
    }
}
