//! Cross-origin requests (the Fetch standard).

pub(super) mod duplicate_origin;
pub(super) mod error_without_headers;
pub(super) mod foreign_origin_allowed;
pub(super) mod headers_lost;
pub(super) mod headers_lost_on_jump;
pub(super) mod malformed_origin;
pub(super) mod missing_vary;
pub(super) mod policy_not_applied;
pub(super) mod preflight_incomplete;
pub(super) mod wildcard_with_credentials;

use super::context::{Context, is_cors, line};
use crate::model::{Expr, HeaderOp, Known};
use crate::probe::{Branch, Val};

/// The operation that made the line that allows an origin, and its value.
fn allowed<'a>(cx: &'a Context<'_>, b: &Branch) -> Option<(&'a HeaderOp, String)> {
    let line = line(b, "access-control-allow-origin")?;
    let (Val::Is(value), Some(origin)) = (&line.value, line.origin) else { return None };
    let op = cx.allowing(origin.span)?;
    (!value.is_empty()).then(|| (op, value.to_string()))
}

/// Whether the value is the same for every request.
fn constant(cx: &Context<'_>, op: &HeaderOp) -> bool {
    matches!(op.value.value, Known::Is(e) if matches!(cx.proxy.expr(e), Expr::Text(_)))
}

/// Whether a line of this name belongs to what other origins are told.
pub(super) fn speaks_of_origins(name: &str) -> bool {
    is_cors(name) || name.eq_ignore_ascii_case("vary")
}
