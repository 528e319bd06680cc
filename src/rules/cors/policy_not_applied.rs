//! `cors/policy-not-applied`

use super::super::{Level, Related, context::Context};
use crate::model::{Kind, RemarkKind};

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    for r in cx.proxy.remarks.clone().into_iter().filter(|r| r.kind == RemarkKind::CorsNotApplied) {
        let mut f = cx.finding("cors/policy-not-applied", Level::Error, r.span);
        f.message = "nothing applies this CORS policy: answers go without its headers, and preflights go upstream".to_owned();
        f.label = format!("`{}` names no CORS engine on the way of these requests", r.what);
        if r.meant() == Some(&r.what) {
            f.label = "not the kind of settings that the CORS engine reads".to_owned();
        }
        f.related = r.related.iter().map(|(span, message)| Related { span: *span, message: message.clone() }).collect();
        f.help = match r.meant() {
            Some(name) => format!("write `{name}`: that is what the engine here goes by"),
            None => "add the engine that applies it in front of whatever refuses requests, or drop the policy".to_owned(),
        };
        f.intent = Some(cx.must_hold(&r, &[Kind::CrossOrigin, Kind::Preflight]));
        cx.report(f);
    }
}
