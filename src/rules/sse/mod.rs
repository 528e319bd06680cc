//! Server-sent events.

pub(super) mod buffered;
