//! How much goes on at once.

pub(super) mod few_connections;
