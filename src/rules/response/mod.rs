//! What answers carry.

pub(super) mod headers_lost;
