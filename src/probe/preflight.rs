//! Would a browser accept the answer to a preflight? (Fetch, "CORS-preflight fetch" and "CORS check")

use super::machine::{Assume, Branch, Credentials, run};
use super::request;
use crate::model::{Proxy, Request};

/// A preflight for a PUT with `Authorization` and `Content-Type`, as a browser sends it.
pub fn ask(listener: usize, host: &str, target: &str, origin: &str) -> Request {
    request(
        listener,
        "OPTIONS",
        host,
        target,
        &[("Origin", origin), ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "authorization,content-type")],
    )
}

/// Sends a preflight; it never carries credentials.
pub fn probe(proxy: &Proxy, listener: usize, host: &str, target: &str, origin: &str) -> Vec<Branch> {
    run(proxy, &ask(listener, host, target, origin), &Assume { credentials: Credentials::None, ..Assume::default() })
}

/// A plain GET from a page of another origin.
pub fn cross_origin(proxy: &Proxy, listener: usize, host: &str, target: &str, origin: &str) -> Vec<Branch> {
    run(proxy, &request(listener, "GET", host, target, &[("Origin", origin)]), &Assume::default())
}
