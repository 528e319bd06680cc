//! `routing/condition-never-true`

use super::super::{Level, context::Context};
use crate::model::Cond;
use crate::source::Span;
use std::collections::BTreeSet;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let never: BTreeSet<Span> = cx
        .proxy
        .conds
        .iter()
        .filter_map(|c| match c {
            Cond::Never(span) => Some(*span),
            _ => None,
        })
        .collect();
    for span in never {
        let mut f = cx.finding("routing/condition-never-true", Level::Error, span);
        f.message = "this condition is never true: what it guards is never done".to_owned();
        f.label = cx.words("read as one word, not as a comparison", &[("haproxy", "never true")]);
        f.help = cx.words(
            "put spaces around the operator: `if ($a = \"b\")`",
            &[(
                "haproxy",
                "write what it depends on behind `if` or `unless`. In a rule on answers the request is gone: keep what is needed with \
                 `http-request set-var(txn.origin) req.hdr(origin)` and test `{ var(txn.origin) -m found }`",
            )],
        );
        cx.report(f);
    }
}
