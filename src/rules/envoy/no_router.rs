//! `envoy/no-router`

use super::super::{Level, context::Context};
use crate::probe::End;
use crate::source::Span;
use std::collections::BTreeSet;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    let mut places: BTreeSet<Span> = BTreeSet::new();
    for w in cx.witnesses().iter() {
        let branches = cx.plain(w);
        if let Some(first) = branches.first().filter(|_| branches.iter().all(|b| b.end == End::Hangs)) {
            places.insert(first.ended_at);
        }
    }
    for span in places {
        let mut f = cx.finding("envoy/no-router", Level::Error, span);
        f.message = "no request is ever answered: the filters end without a router".to_owned();
        f.label = "nothing forwards here, and Envoy does not say so".to_owned();
        f.help = "end `http_filters` with `envoy.filters.http.router`".to_owned();
        cx.report(f);
    }
}
