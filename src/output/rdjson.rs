//! Reviewdog's diagnostic format (<https://github.com/reviewdog/reviewdog/tree/master/proto/rdf>).

use std::io::{self, Write};

use serde::Serialize;

use super::{page, place::Place};
use crate::{
    audit::Report,
    fix::Edits,
    model::Applicability,
    rules::{Finding, Level},
    source::SourceMap,
};

/// How many lines one suggestion may reach over.
const LINES: u32 = 20;

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
    suggestions: Vec<Suggestion>,
}

#[derive(Serialize)]
struct Suggestion {
    range: Range,
    text: String,
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

/// A reader applies each suggestion by itself, so only a safe correction in one piece, in the finding's own file, is one. Edits
/// near each other become one piece, with what stands between them.
fn suggestion(map: &SourceMap, f: &Finding) -> Option<Suggestion> {
    let Some(Ok(fix)) = &f.fix else { return None };
    let (first, last) = (fix.edits.first()?, fix.edits.last()?);
    let span = first.span.to(last.span);
    let (own, file) = map.file_at(f.span.start)?;
    let place = Place::of(map, span)?;
    if fix.applicability != Applicability::Safe || !file.span().holds(span) || place.end_line - place.line > LINES {
        return None;
    }
    let texts = Edits::default().with(&fix.edits)?.apply(map);
    let (before, after) = (file.bytes(), texts.get(&own)?);
    let (start, rest) = ((span.start - file.base()) as usize, (file.span().end() - span.end()) as usize);
    debug_assert!(after.len() >= start + rest && before[..start] == after[..start]);
    let text = String::from_utf8(after.get(start..after.len() - rest)?.to_vec()).ok()?;
    Some(Suggestion { range: range(&place), text })
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
