//! `haproxy/http-condition-in-tcp`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/http-condition-in-tcp", RemarkKind::NotSeen, Level::Warning, |r, f| {
        f.message = format!("`{}` is asked before a request is there: this section passes bytes (`{}`)", r.what, r.instead);
        f.label = "not true unless the request has arrived by chance".to_owned();
        f.help = "write `mode http` in this section and its backends; or wait for the request: `tcp-request inspect-delay 5s` and \
                  `tcp-request content accept if HTTP`"
            .to_owned();
    });
}
