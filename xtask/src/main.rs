//! Development tasks. `cargo run -p xtask -- --help` lists them.
fn main() {}
