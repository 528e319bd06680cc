//! Prints. Nobody else does, and nothing here reads the environment: how it shall look comes in as a [`Look`].

pub mod catalog;
mod concise;
pub mod corrections;
mod excerpt;
pub mod explain;
pub mod full;
mod github;
mod gitlab;
pub mod json;
mod place;
pub mod progress;
mod rdjson;
mod sarif;
mod statistics;
mod text;
pub mod trace;
mod xml;

use crate::{audit::Report, source::SourceMap};
use std::io::{self, Write};
use std::path::Path;

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people: with the lines of the file.
    Full,
    /// One line for each finding.
    Concise,
    /// For programs, version 1.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// GitLab's Code Quality report.
    Gitlab,
    /// JUnit.
    Junit,
    /// Checkstyle.
    Checkstyle,
    /// Reviewdog's diagnostic format.
    Rdjson,
    /// How many findings each rule has.
    Statistics,
}

impl Format {
    /// Prints a report.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn print(self, out: &mut dyn Write, map: &SourceMap, report: &Report, look: Look) -> io::Result<()> {
        match self {
            Self::Full => full::print(out, map, report, look),
            Self::Concise => concise::print(out, map, report),
            Self::Json => json::print(out, map, report),
            Self::Sarif => sarif::print(out, map, report),
            Self::Github => github::print(out, map, report),
            Self::Gitlab => gitlab::print(out, map, report),
            Self::Junit => xml::junit(out, map, report),
            Self::Checkstyle => xml::checkstyle(out, map, report),
            Self::Rdjson => rdjson::print(out, map, report),
            Self::Statistics => statistics::print(out, report),
        }
    }

    /// Whether people read it, so that it may have colours.
    pub const fn for_people(self) -> bool {
        matches!(self, Self::Full | Self::Concise | Self::Statistics)
    }
}

/// Where the pages of the rules live: the package's repository, or nothing while it has none.
pub const DOCS_BASE: &str = env!("CARGO_PKG_REPOSITORY");

/// How a report for people looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Whether to send escape sequences for colours.
    pub colour: bool,
    /// Whether to send escape sequences for links.
    pub links: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Default for Look {
    /// Plain text, 100 columns.
    fn default() -> Self {
        Self { colour: false, links: false, width: 100 }
    }
}

/// The page about a rule: an address, or a path inside the package while it has no address.
pub fn page(rule: &str) -> String {
    if DOCS_BASE.is_empty() { format!("rules/{rule}.md") } else { format!("{}/blob/HEAD/rules/{rule}.md", DOCS_BASE.trim_end_matches('/')) }
}

/// Lets something write to standard output.
///
/// # Errors
/// What the writing reports, except that nobody reads any more: `hoplint check | head` is no fault.
pub fn to_stdout(colour: bool, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let lock = io::stdout().lock();
    if colour {
        // Translates escape sequences for consoles that do not know them.
        quiet_pipe(anstream::AutoStream::new(lock, anstream::ColorChoice::Always), write)
    } else {
        quiet_pipe(lock, write)
    }
}

/// Lets something write into a file, in place of what is there.
///
/// # Errors
/// What the system reports.
pub fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut text = Vec::new();
    write(&mut text)?;
    crate::source::write_file(path, &text)
}

/// Lets something write to standard error. Nothing is left to tell when that fails.
pub fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn quiet_pipe(out: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let done = write(&mut out).and_then(|()| out.flush());
    // What is left in the buffer would be tried again on drop.
    let _ = out.into_parts();
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// `1 file`, `2 files`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_fault() {
        let long = |out: &mut dyn Write| out.write_all(&vec![b'x'; 100_000]);
        assert!(quiet_pipe(Broken(io::ErrorKind::BrokenPipe), long).is_ok());
        assert!(quiet_pipe(Broken(io::ErrorKind::StorageFull), long).is_err());
        assert!(quiet_pipe(Broken(io::ErrorKind::BrokenPipe), |out| out.write_all(b"x")).is_ok());
        assert!(quiet_pipe(Broken(io::ErrorKind::StorageFull), |out| out.write_all(b"x")).is_err());
    }
}
