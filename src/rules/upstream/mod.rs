//! What reaches the upstream, whatever the request is for.

pub(super) mod duplicate_header;
pub(super) mod headers_lost;
pub(super) mod keepalive_defeated;
