//! `haproxy/limit-missing`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/limit-missing", RemarkKind::Unlimited, Level::Hint, |r, f| {
        if r.instead.is_empty() {
            f.level = Level::Warning;
            f.message = format!("no `{}` is in force: connections of clients that are gone are kept for ever", r.what);
            f.label = "no limit, and none in its `defaults`".to_owned();
            f.help = "set `timeout client`, such as `timeout client 30s`, here or in `defaults`; `timeout tunnel` of the backend takes its place \
                      in a WebSocket"
                .to_owned();
        } else {
            f.message = format!("without `{}` a reload leaves the old process running as long as a tunnel lives", r.what);
            f.label = format!("tunnels may be silent for {}", r.instead);
            f.help = "set `hard-stop-after` in `global`, such as `hard-stop-after 30m`: each reload otherwise leaves a process behind"
                .to_owned();
        }
    });
}
