//! Cross-origin requests (the Fetch standard).

pub(super) mod headers_lost;
pub(super) mod preflight_incomplete;
pub(super) mod wildcard_with_credentials;
