//! `routing/shadowed-host`

use super::super::{Level, Related, context::Context};
use crate::model::{Act, Atom, Cond, Matcher, Pick, RouteId};
use crate::source::Span;
use std::collections::{BTreeMap, HashMap};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let mut found: BTreeMap<Span, (Span, String, String)> = BTreeMap::new();
    for listener in &cx.proxy.listeners {
        for step in cx.proxy.block(listener.body) {
            let Act::Dispatch(table) = step.act else { continue };
            let table = cx.proxy.table(table);
            if table.pick != Pick::SpecificHost || table.open.is_some() {
                continue;
            }
            // Whoever takes what nobody else claims gets those requests by another way.
            let fallback = cx.proxy.block(table.miss).iter().find_map(|s| if let Act::Go(r) = s.act { Some(r) } else { None });
            let mut first: HashMap<(u8, &str), (RouteId, Span)> = HashMap::new();
            for arm in &table.arms {
                let Cond::Test(Atom { is, span, .. }) = cx.proxy.cond(arm.test) else { continue };
                let (kind, texts) = match is {
                    Matcher::Is(t) => (0, t),
                    Matcher::Ends(t) => (1, t),
                    Matcher::Starts(t) => (2, t),
                    _ => continue,
                };
                for text in texts {
                    let (route, at) = *first.entry((kind, text)).or_insert((arm.go, *span));
                    if route != arm.go && fallback != Some(arm.go) {
                        found.entry(*span).or_insert_with(|| (at, text.to_string(), listener.at.to_string()));
                    }
                }
            }
        }
    }
    for (span, (at, text, listener)) in found {
        let mut f = cx.finding("routing/shadowed-host", Level::Warning, span);
        f.message = format!("requests for `{text}` on `{listener}` never come here: another host on that address has the name");
        f.label = "ignored".to_owned();
        f.related.push(Related { span: at, message: "the first one takes them".to_owned() });
        f.help = "remove the name from one of the two, or join them".to_owned();
        cx.report(f);
    }
}
