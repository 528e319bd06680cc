//! What a run meets that another era has otherwise.

use crate::model::{Answers, HeaderOp, HopId, ListId, Proxy, Turn, Verb};
use std::sync::atomic::{AtomicBool, Ordering};

/// Edges and lists by which requests are sent otherwise in another era.
#[derive(Debug, Default)]
pub(super) struct Differs {
    hops: Vec<bool>,
    lists: Vec<bool>,
    /// Whether any request went its way because of one.
    steered: AtomicBool,
}

impl Differs {
    pub(super) fn of(proxy: &Proxy, turn: &Turn) -> Self {
        let mut hops = vec![false; proxy.hops.len()];
        turn.wires.iter().for_each(|(id, _)| hops[id.at()] = true);
        // A list has its operations from others as well.
        let changed: Vec<&HeaderOp> = turn.ops.iter().filter_map(|(id, at, _)| proxy.list(*id).ops.get(*at)).collect();
        let mut lists = vec![false; proxy.lists.len()];
        if !changed.is_empty() {
            for (i, differs) in lists.iter_mut().enumerate() {
                *differs = changed.iter().any(|op| shows(proxy, ListId(i as u32), op));
            }
        }
        Self { hops, lists, steered: AtomicBool::new(false) }
    }

    pub(super) fn hop(&self, hop: HopId) -> bool {
        self.hops[hop.at()]
    }

    pub(super) fn list(&self, list: ListId) -> bool {
        self.lists[list.at()]
    }

    pub(super) fn steer(&self) {
        self.steered.store(true, Ordering::Relaxed);
    }

    pub(super) fn steered(&self) -> bool {
        self.steered.load(Ordering::Relaxed)
    }
}

/// Whether an operation is one of a list's, and none behind it does away with what it does.
fn shows(proxy: &Proxy, list: ListId, op: &HeaderOp) -> bool {
    let mut shown = false;
    for other in proxy.ops(list) {
        if std::ptr::eq(other, op) {
            shown = true;
        } else if matches!(other.verb, Verb::Set | Verb::Remove)
            && other.guard.is_none()
            && other.on == Answers::All
            && other.name.eq_ignore_ascii_case(&op.name)
        {
            shown = false;
        }
    }
    shown
}
