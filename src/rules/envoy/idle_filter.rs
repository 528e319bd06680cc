//! `envoy/idle-filter`

use super::super::{Level, context::Context, intents::settled};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    if !super::is_meant(cx) {
        return;
    }
    for r in cx.proxy.remarks.iter().filter(|r| r.kind == RemarkKind::NothingToDo) {
        let mut f = cx.finding("envoy/idle-filter", Level::Hint, r.span);
        f.message = format!("the filter `{}` does nothing: nobody tells it what to do", r.what);
        f.label = "takes part in no request".to_owned();
        f.help = "a CORS filter needs a `CorsPolicy` on a route, a virtual host or the route configuration; a local rate limit needs \
                  `filter_enabled` and `filter_enforced`, which are 0 % by default"
            .to_owned();
        f.intent = Some(settled(r));
        cx.report(f);
    }
}
