//! The handshake.

pub(super) mod connection_not_forwarded;
pub(super) mod headers_lost;
pub(super) mod http10_upstream;
pub(super) mod upgrade_not_forwarded;

use super::context::{Context, Evidence, WebSocket};
use crate::model::{HeaderOp, ListId};

/// The list that the one in force replaced and that had upgrade lines, with those lines.
pub(super) fn lost<'a>(cx: &'a Context<'_>, list: ListId) -> Option<Vec<&'a HeaderOp>> {
    if cx.written(list, "upgrade").is_some() {
        return None;
    }
    cx.displaced(list).into_iter().find_map(|l| {
        cx.written(l, "upgrade")?;
        Some(["upgrade", "connection"].iter().filter_map(|n| cx.written(l, n)).collect())
    })
}

/// Whether the route only looks as if it lost lines that were never meant for it: others in the same scope use them.
pub(super) fn meant(cx: &Context<'_>, socket: &WebSocket) -> bool {
    socket.evidence == Evidence::Declared || looks_like_one(&socket.witness.path) || !used_elsewhere(cx, socket)
}

fn looks_like_one(path: &str) -> bool {
    super::context::named(path)
}

fn used_elsewhere(cx: &Context<'_>, socket: &WebSocket) -> bool {
    let Some((_, sent)) = socket.sent() else { return false };
    let behind = cx.displaced(sent.list);
    cx.sockets().iter().any(|s| s.sent().is_some_and(|(_, other)| behind.contains(&other.list)))
}
