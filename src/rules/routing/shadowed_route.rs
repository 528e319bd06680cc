//! `routing/shadowed-route`

use super::super::{Level, Related, context::Context};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    for dead in cx.shadowed() {
        let mut f = cx.finding("routing/shadowed-route", Level::Warning, dead.arm);
        f.message = format!("{} is never used: an earlier one takes all of its requests", cx.title(dead.route));
        f.label = "no request comes here".to_owned();
        f.related.push(Related { span: dead.by, message: "this one comes first, and takes them all".to_owned() });
        f.help = "put the more specific one first, or remove it: the first that fits is used".to_owned();
        cx.report(f);
    }
}
