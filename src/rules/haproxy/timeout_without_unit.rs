//! `haproxy/timeout-without-unit`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/timeout-without-unit", RemarkKind::NoUnit, Level::Warning, |r, f| {
        f.message = format!("`{}` is {}: a number without a unit is milliseconds", r.what, r.instead);
        f.label = format!("read as {}", r.instead);
        f.help = "write the unit: `30s` for seconds, `30ms` if milliseconds are meant".to_owned();
    });
}
