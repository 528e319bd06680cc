//! Development tasks. `cargo run -p xtask -- --help` lists them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for developers")]

mod book;
mod differential;
mod envoy_schema;

use std::process::ExitCode;

const HELP: &str = "\
cargo run -p xtask -- book [FOLDER]
    writes the sources of the documents as an mdBook, the pages of the rules among them; into target/book unless said otherwise

cargo run -p xtask -- man [FOLDER]
    writes the manual pages; into target/man unless said otherwise

cargo run -p xtask -- envoy-schema TABLE.json
    writes src/proxy/envoy/schema/table.tsv from the field table that xtask/envoy/schema_table.py makes

cargo run -p xtask -- differential [--count 300] [--seed 1] [--first 0] [--requests 10] 
                            [--nginx PROGRAM | --haproxy PROGRAM | --envoy PROGRAM] [--keep FOLDER]
    random configurations and requests: the real proxy beside `hoplint trace` for its release;
    configurations that are contradicted are kept in FOLDER, and `--first N --count 1` runs the Nth again
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["book"] => book::book("target/book"),
        ["book", folder] => book::book(folder),
        ["man"] => book::man("target/man"),
        ["man", folder] => book::man(folder),
        ["envoy-schema", table] => envoy_schema::run(table),
        ["differential", rest @ ..] => differential::Options::read(rest).and_then(|o| differential::run(&o)),
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
