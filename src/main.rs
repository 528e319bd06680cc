//! The `hoplint` program: everything is in the library.
fn main() {}
