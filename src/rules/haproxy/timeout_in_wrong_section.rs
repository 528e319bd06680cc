//! `haproxy/timeout-in-wrong-section`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/timeout-in-wrong-section", RemarkKind::NoEffect, Level::Warning, |r, f| {
        f.message = format!("`{}` has no effect: it belongs in a {}", r.what, r.instead);
        f.label = "ignored here".to_owned();
        f.help = format!("move it to each {} that it is meant for, or to `defaults`", r.instead);
    });
}
