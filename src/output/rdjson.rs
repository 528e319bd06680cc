//! Reviewdog's diagnostic format (<https://github.com/reviewdog/reviewdog/tree/master/proto/rdf>).

use std::io::{self, Write};

use serde::Serialize;

use super::{page, place::Place};
use crate::{
    audit::Report,
    model::Applicability,
    rules::{Finding, Level},
    source::SourceMap,
};

#[derive(Serialize)]
struct Document<'a> {
    source: Source,
    diagnostics: Vec<Diagnostic<'a>>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    message: String,
    location: Location<'a>,
    severity: &'static str,
    code: Code<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Related<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion<'a>>,
}

#[derive(Serialize)]
struct Suggestion<'a> {
    range: Range,
    text: &'a str,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    location: Location<'a>,
}

/// Columns are bytes of the line, from 1; the end is behind the last byte.
#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Code<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Prints the report.
///
/// # Errors
/// What the writer reports.
pub(super) fn print(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    let found = report.findings.iter().filter_map(|f| {
        let related = f.related.iter().filter_map(|r| Some(Related { message: &r.message, location: location(&Place::of(map, r.span)?) }));
        Some(Diagnostic {
            message: if f.help.is_empty() { f.message.clone() } else { format!("{}\n{}", f.message, f.help) },
            location: location(&Place::of(map, f.span)?),
            severity: match f.level {
                Level::Error => "ERROR",
                Level::Warning => "WARNING",
                Level::Hint => "INFO",
            },
            code: Code { value: f.rule, url: Some(page(f.rule)).filter(|p| p.starts_with("https://")) },
            related_locations: related.collect(),
            suggestions: suggestion(map, f).into_iter().collect(),
        })
    });
    let unreadable = report.unreadable.iter().map(|(path, reason)| Diagnostic {
        message: format!("could not be read: {reason}"),
        location: Location { path, range: None },
        severity: "ERROR",
        code: Code { value: "unreadable", url: None },
        related_locations: Vec::new(),
        suggestions: Vec::new(),
    });
    let document = Document { source: Source { name: "hoplint" }, diagnostics: found.chain(unreadable).collect() };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// A reader applies each suggestion by itself, so only a safe correction in one piece, in the finding's own file, is one.
fn suggestion<'a>(map: &SourceMap, f: &'a Finding) -> Option<Suggestion<'a>> {
    let Some(Ok(fix)) = &f.fix else { return None };
    let [edit] = fix.edits.as_slice() else { return None };
    let (own, other) = (map.file_at(f.span.start)?.0, map.file_at(edit.span.start)?.0);
    let fits = fix.applicability == Applicability::Safe && own == other;
    fits.then(|| Some(Suggestion { range: range(&Place::of(map, edit.span)?), text: &edit.text })).flatten()
}

fn range(p: &Place<'_>) -> Range {
    Range {
        start: Position { line: p.line, column: p.bytes_in_line.0 + 1 },
        end: Position { line: p.end_line, column: p.bytes_in_line.1 + 1 },
    }
}

fn location<'a>(p: &Place<'a>) -> Location<'a> {
    Location { path: p.file, range: Some(range(p)) }
}
