//! The `hoplint` program: everything is in the library.

fn main() -> std::process::ExitCode {
    hoplint::cli::run()
}
