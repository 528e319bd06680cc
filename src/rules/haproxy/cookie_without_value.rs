//! `haproxy/cookie-without-value`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/cookie-without-value", RemarkKind::NotSticky, Level::Warning, |r, f| {
        f.message = format!("`{}` makes no client stick: {} is missing", r.what, r.instead);
        f.label = "without effect".to_owned();
        f.help =
            "write `cookie NAME insert indirect nocache` in the backend, and `cookie VALUE` behind each server, a different one for each"
                .to_owned();
    });
}
