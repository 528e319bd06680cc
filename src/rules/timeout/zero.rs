//! `timeout/zero`

use super::super::{Level, context::Context};
use crate::model::{Ending, How, Known, Limit};
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
        cx.report(f);
    }
}
