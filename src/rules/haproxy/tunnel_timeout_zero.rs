//! `haproxy/tunnel-timeout-zero`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/tunnel-timeout-zero", RemarkKind::Unset, Level::Warning, |r, f| {
        f.message = format!("`{} 0` means \"not set\", so {} hold", r.what, r.instead);
        f.label = "not for ever".to_owned();
        f.help = "write `timeout tunnel 24d`, the longest there is, if tunnels may be silent for ever; or take the line out".to_owned();
    });
}
