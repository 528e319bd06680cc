//! `envoy/unknown-filter-key`

use super::super::{Level, Related, context::Context, intents::settled};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    for r in cx.proxy.remarks.clone().into_iter().filter(|r| r.kind == RemarkKind::NobodyReads) {
        let mut f = cx.finding("envoy/unknown-filter-key", Level::Warning, r.span);
        f.message = format!("nothing is called `{}` here: Envoy ignores these settings without a word", r.what);
        f.label = "settings are looked up by this name".to_owned();
        f.related = r.related.iter().map(|(span, message)| Related { span: *span, message: message.clone() }).collect();
        f.help = match r.meant() {
            Some(name) => format!("did you mean `{name}`?"),
            None => "use the `name` of the filter that they are for; it is free, and need not be that of its type".to_owned(),
        };
        f.intent = Some(settled(&r));
        cx.report(f);
    }
}
