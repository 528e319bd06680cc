//! `haproxy/acl-always-true`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/acl-always-true", RemarkKind::AlwaysHolds, Level::Warning, |r, f| {
        f.message = format!("`{}` is true for every request: lines of one name are alternatives", r.what);
        f.label = "matches everything".to_owned();
        f.help = "give this line another name and use both in the condition: names that stand side by side must all hold".to_owned();
    });
}
