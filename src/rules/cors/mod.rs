//! Cross-origin requests (the Fetch standard).

pub(super) mod headers_lost;
pub(super) mod preflight_incomplete;
pub(super) mod wildcard_with_credentials;

use super::context::Context;
use crate::model::{Expr, Known, ListId};
use crate::probe::{Branch, End, Line};

/// A page's origin when the configuration names none.
const SOME_ORIGIN: &str = "https://app.example.com";

/// The first line of a header in an answer.
fn line<'a>(branch: &'a Branch, name: &str) -> Option<&'a Line> {
    branch.answer.iter().find(|l| l.name.eq_ignore_ascii_case(name))
}

/// Whether a GET is served here at all: passed on, from files, or a 2xx of the proxy's own.
fn serves(branches: &[Branch]) -> bool {
    !branches.is_empty()
        && branches.iter().all(|b| match b.end {
            End::Relayed | End::Served | End::Tunnel => true,
            End::Answered => b.status.is_some_and(|s| (200..300).contains(&s)),
            _ => false,
        })
}

/// An origin that the configuration itself lets in: a constant one, or a key of the map it asks.
fn own_origin(cx: &Context<'_>, list: ListId) -> String {
    let value = cx.written(list, "access-control-allow-origin").and_then(|op| op.value.value.is());
    let found = value.and_then(|e| match cx.proxy.expr(e) {
        Expr::Text(t) if t.contains("://") => Some(t.to_string()),
        Expr::Map(map, _) => {
            let map = cx.proxy.map(*map);
            map.exact.iter().map(|(k, _)| k).find(|k| k.contains("://")).map(ToString::to_string)
        }
        _ => None,
    });
    found.unwrap_or_else(|| SOME_ORIGIN.to_owned())
}

/// Whether a list names a CORS header.
fn speaks(cx: &Context<'_>, list: ListId) -> bool {
    cx.written(list, "access-control-allow-origin").is_some_and(|op| match op.value.value {
        Known::Is(e) => !matches!(cx.proxy.expr(e), Expr::Text(t) if t.is_empty()),
        Known::Unknown(_) => true,
    })
}
