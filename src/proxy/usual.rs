//! What is written where nobody told what is wanted; corrections that use it are never safe.

/// Methods that APIs usually have.
pub(super) const METHODS: &str = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
/// Request headers that pages usually send to APIs.
pub(super) const HEADERS: &str = "Authorization, Content-Type";
