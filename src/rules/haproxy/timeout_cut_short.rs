//! `haproxy/timeout-cut-short`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/timeout-cut-short", RemarkKind::Unread, Level::Warning, |r, f| {
        f.message = format!("`{}` is read as {}: what follows the first unit is ignored", r.what, r.instead);
        f.label = format!("read as {}", r.instead);
        f.help = format!("write one number and one unit: us, ms, s, m, h or d, such as `{}`", r.instead);
    });
}
