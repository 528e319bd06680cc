//! Clocks.

pub(super) mod idle_below_heartbeat;
pub(super) mod zero;
