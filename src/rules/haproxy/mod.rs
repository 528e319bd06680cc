//! What only HAProxy reads this way. These rules, too, see nothing but the model.

pub(super) mod acl_always_true;
pub(super) mod check_on_websocket_path;
pub(super) mod cookie_without_value;
pub(super) mod default_backend_replaced;
pub(super) mod http_condition_in_tcp;
pub(super) mod limit_missing;
pub(super) mod maxconn_out_of_reach;
pub(super) mod mixed_server_alpn;
pub(super) mod timeout_cut_short;
pub(super) mod timeout_in_wrong_section;
pub(super) mod timeout_without_unit;
pub(super) mod tunnel_timeout_zero;

use super::{Confidence, Finding, Level, Related, context::Context, intents::settled};
use crate::model::{Remark, RemarkKind};

/// One finding for each remark of a kind.
fn each(cx: &mut Context<'_>, id: &'static str, kind: RemarkKind, level: Level, say: impl Fn(&Remark, &mut Finding)) {
    let remarks: Vec<Remark> = cx.proxy.remarks.iter().filter(|r| r.kind == kind).cloned().collect();
    for remark in remarks {
        let mut f = cx.finding(id, level, remark.span);
        f.confidence = Confidence::Likely;
        f.related = remark.related.iter().map(|(span, message)| Related { span: *span, message: message.clone() }).collect();
        f.intent = Some(settled(&remark));
        say(&remark, &mut f);
        cx.report(f);
    }
}
