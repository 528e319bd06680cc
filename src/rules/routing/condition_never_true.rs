//! `routing/condition-never-true`

use super::super::{Level, context::Context};
use crate::model::{Advice, Cond};
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
        f.label = "never true".to_owned();
        f.help = cx.advice(Advice::WriteCondition, "write what it depends on").to_owned();
        cx.report(f);
    }
}
