//! The `hoplint` program: everything is in the library.

/// A run makes many small things on all processors and ends; this takes a third less time for that than what systems bring.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    hoplint::cli::run()
}
