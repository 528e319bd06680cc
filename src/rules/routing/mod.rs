//! Which place takes a request.

pub(super) mod condition_never_true;
pub(super) mod never_matches;
pub(super) mod shadowed_host;
pub(super) mod shadowed_route;
