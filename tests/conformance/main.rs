//! What `hoplint trace` says, cell by cell, against what real proxies did. A cell is one probe at one release.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that reports its numbers")]

mod compare;
mod envoy;
mod found;
mod haproxy;
mod mutation;
mod nginx;
