//! One line for each finding, for editors and for reading many at once: `path:line:column: level[rule] message`.

use std::io::{self, Write};

use super::{full::summary, text::clean_line};
use crate::{audit::Report, source::SourceMap};

/// Prints one line for each finding and the summary.
///
/// # Errors
/// What the writer reports.
pub(super) fn print(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    for f in &report.findings {
        let place = map.place(f.span);
        write!(out, "{}: {}[{}] {}", clean_line(&place), f.level.word(), f.rule, clean_line(&f.message))?;
        if let Some(versions) = &f.versions {
            write!(out, " ({versions})")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(report))
}
