//! `haproxy/default-backend-replaced`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, "haproxy/default-backend-replaced", RemarkKind::Replaced, Level::Warning, |r, f| {
        f.message = format!("`{}` is never used: `default_backend {}` replaces it", r.what, r.instead);
        f.label = "replaced by a later line".to_owned();
        f.help = "keep one of them; requests are told apart with `use_backend … if …`".to_owned();
    });
}
