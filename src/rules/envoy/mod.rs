//! What only Envoy does. Like every rule these see the model alone; their words are Envoy's.

pub(super) mod hand_made_upgrade;
pub(super) mod http2_upstream;
pub(super) mod http2_without_key;
pub(super) mod idle_filter;
pub(super) mod no_router;
pub(super) mod unknown_filter_key;
pub(super) mod upgrade_not_enabled;
pub(super) mod upgrade_type;

use super::context::Context;

/// Whether these rules speak of this configuration at all.
fn is_meant(cx: &Context<'_>) -> bool {
    cx.proxy.dialect == "envoy"
}
