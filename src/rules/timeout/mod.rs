//! Clocks.

pub(super) mod hard_limit;
pub(super) mod idle_below_heartbeat;
pub(super) mod stream_cut;
pub(super) mod zero;

/// Milliseconds for people.
fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}
