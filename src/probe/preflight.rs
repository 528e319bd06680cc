//! Would a browser accept the answer to a preflight? (Fetch, "CORS-preflight fetch" and "CORS check")

use super::machine::{Assume, Branch, Credentials, run};
use super::request;
use crate::model::{Proxy, Request};

/// What a browser sends beside Origin to ask for a method and the headers `Authorization` and `Content-Type`.
pub fn lines(method: &str) -> [(&'static str, &str); 2] {
    [("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", "authorization,content-type")]
}

/// A preflight for a PUT with `Authorization` and `Content-Type`, as a browser sends it.
pub fn ask(listener: usize, host: &str, target: &str, origin: &str) -> Request {
    let [method, headers] = lines("PUT");
    request(listener, "OPTIONS", host, target, &[("Origin", origin), method, headers])
}

/// A preflight never carries credentials.
pub fn assume() -> Assume {
    Assume { credentials: Credentials::None, ..Assume::default() }
}

/// Sends a preflight; it never carries credentials.
pub fn probe(proxy: &Proxy, listener: usize, host: &str, target: &str, origin: &str) -> Vec<Branch> {
    run(proxy, &ask(listener, host, target, origin), &assume())
}

/// A plain GET from a page of another origin.
pub fn cross_origin(proxy: &Proxy, listener: usize, host: &str, target: &str, origin: &str) -> Vec<Branch> {
    run(proxy, &request(listener, "GET", host, target, &[("Origin", origin)]), &Assume::default())
}
