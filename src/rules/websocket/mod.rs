//! The handshake.

pub(super) mod answered_by_proxy;
pub(super) mod authentication_skipped;
pub(super) mod cached_handshake;
pub(super) mod cannot_carry_upgrade;
pub(super) mod connection_not_forwarded;
pub(super) mod handshake_header_removed;
pub(super) mod headers_lost;
pub(super) mod headers_lost_on_jump;
pub(super) mod host_lost;
pub(super) mod host_port_stripped;
pub(super) mod http10_upstream;
pub(super) mod literal_upgrade;
pub(super) mod method_changed;
pub(super) mod never_answered;
pub(super) mod slash_redirect;
pub(super) mod subrequest_upgrades;
pub(super) mod upgrade_case_sensitive;
pub(super) mod upgrade_not_forwarded;

use super::context::{Context, Evidence, WebSocket};
use crate::model::{HeaderOp, Known, ListId, Wire};
use crate::probe::{Jump, Witness, handshake::Fault};

/// The list that the one in force replaced and that had upgrade lines, with those lines.
fn lost<'a>(cx: &'a Context<'_>, list: ListId) -> Option<Vec<&'a HeaderOp>> {
    if cx.written(list, "upgrade").is_some() {
        return None;
    }
    cx.displaced(list).into_iter().find_map(|l| upgrade_lines(cx, l))
}

/// The upgrade lines of a list.
fn upgrade_lines<'a>(cx: &'a Context<'_>, list: ListId) -> Option<Vec<&'a HeaderOp>> {
    cx.written(list, "upgrade")?;
    Some(["upgrade", "connection"].iter().filter_map(|n| cx.written(list, n)).collect())
}

/// The jump that left upgrade lines behind, with those lines.
fn left_behind<'a>(cx: &'a Context<'_>, socket: &WebSocket) -> Option<(Jump, Vec<&'a HeaderOp>)> {
    let (branch, sent) = socket.sent()?;
    if cx.written(sent.list, "upgrade").is_some() {
        return None;
    }
    branch.jumps.iter().find_map(|jump| {
        let list = cx.proxy.policy(jump.left?).outgoing;
        // What is inherited by both is lost by other means.
        if cx.displaced(sent.list).contains(&list) {
            return None;
        }
        upgrade_lines(cx, list).map(|lines| (*jump, lines))
    })
}

/// Whether a handshake arrives whole, but for the protocol's version, where somebody means it to.
fn works(cx: &Context<'_>, socket: &WebSocket) -> bool {
    socket.evidence != Evidence::Named
        && socket.sent().is_some_and(|(_, sent)| super::context::carries(cx.proxy, sent))
        && socket.faults().iter().all(|f| *f == Fault::TooOld)
}

/// Whether handshakes are meant to work here and do, or would if their lines were mended. What else is wrong with such a
/// route shows at once, so that no correction uncovers it.
pub(super) fn wanted(cx: &Context<'_>, socket: &WebSocket) -> bool {
    socket.evidence != Evidence::Named
        && socket.sent().is_some_and(|(_, sent)| {
            let http = super::context::carries(cx.proxy, sent) || cx.proxy.hop(sent.hop).wire.value == Known::Is(Wire::H2);
            http && (lost(cx, sent.list).is_none() || meant(cx, socket))
        })
}

/// Host and port as a client names them that comes in here; the port is left out if it is a usual one.
fn asked(cx: &Context<'_>, w: &Witness) -> String {
    match port_of(cx, w.listener).filter(|p| !usual(p)) {
        Some(port) => format!("{}:{port}", w.host),
        None => w.host.to_string(),
    }
}

fn port_of(cx: &Context<'_>, listener: usize) -> Option<String> {
    let port = cx.proxy.listeners[listener].at.rsplit(':').next()?;
    port.bytes().all(|b| b.is_ascii_digit()).then(|| port.to_owned())
}

fn usual(port: &str) -> bool {
    matches!(port, "80" | "443")
}

/// Whether the route only looks as if it lost lines that were never meant for it: others in the same scope use them.
fn meant(cx: &Context<'_>, socket: &WebSocket) -> bool {
    socket.evidence == Evidence::Declared || super::context::named(&socket.witness.path) || !used_elsewhere(cx, socket)
}

fn used_elsewhere(cx: &Context<'_>, socket: &WebSocket) -> bool {
    let Some((_, sent)) = socket.sent() else { return false };
    let behind = cx.displaced(sent.list);
    behind.iter().any(|list| cx.carries_sockets(*list))
}
