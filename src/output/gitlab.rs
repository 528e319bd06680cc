//! GitLab's Code Quality report (<https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>).

use std::io::{self, Write};

use serde::Serialize;

use super::place::Place;
use crate::{audit::Report, rules::Level, source::SourceMap};

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// Prints the report.
///
/// # Errors
/// What the writer reports.
pub(super) fn print(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    let marks = report.fingerprints(map);
    let found = report.findings.iter().zip(&marks).filter_map(|(f, mark)| {
        let place = Place::of(map, f.span)?;
        Some(Issue {
            description: f.message.clone(),
            check_name: f.rule,
            fingerprint: mark,
            severity: match f.level {
                Level::Error => "critical",
                Level::Warning => "major",
                Level::Hint => "info",
            },
            location: Location { path: place.file, lines: Lines { begin: place.line, end: place.end_line } },
        })
    });
    let unreadable = report.unreadable.iter().map(|(path, reason)| Issue {
        description: format!("could not be read: {reason}"),
        check_name: "unreadable",
        fingerprint: path,
        severity: "blocker",
        location: Location { path, lines: Lines { begin: 1, end: 1 } },
    });
    serde_json::to_writer_pretty(&mut *out, &found.chain(unreadable).collect::<Vec<_>>())?;
    writeln!(out)
}
