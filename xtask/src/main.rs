//! Development tasks. `cargo run -p xtask -- --help` lists them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for developers")]

mod envoy_schema;

use std::process::ExitCode;

const HELP: &str = "\
cargo run -p xtask -- envoy-schema TABLE.json
    writes src/proxy/envoy/schema/table.tsv from the field table that xtask/envoy/schema_table.py makes
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["envoy-schema", table] => envoy_schema::run(table),
        _ => {
            print!("{HELP}");
            return ExitCode::from(u8::from(!words.is_empty() && words != ["--help"]) * 2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}
