//! Annotations of GitHub Actions
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).

use std::io::{self, Write};

use super::{full::summary, place::Place};
use crate::{audit::Report, rules::Level, source::SourceMap};

/// Prints one workflow command for each finding, and the summary as an ordinary line.
///
/// # Errors
/// What the writer reports.
pub(super) fn print(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    for f in &report.findings {
        let command = match f.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Hint => "notice",
        };
        let mut at = String::new();
        if let Some(p) = Place::of(map, f.span) {
            at = format!("file={},line={},col={},endLine={},endColumn={},", property(p.file), p.line, p.column, p.end_line, p.end_column);
        }
        let text = if f.help.is_empty() { f.message.clone() } else { format!("{}\n{}", f.message, f.help) };
        writeln!(out, "::{command} {at}title={}::{}", property(f.rule), data(&text))?;
    }
    for (path, reason) in &report.unreadable {
        writeln!(out, "::error file={},title=unreadable::{}", property(path), data(reason))?;
    }
    writeln!(out, "{}", summary(report))
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_cannot_be_left() {
        assert_eq!(data("100% sure\r\n::error::x"), "100%25 sure%0D%0A::error::x");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
