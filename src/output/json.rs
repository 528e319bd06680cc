//! The report for programs, version 1.
//!
//! Fields may be added within a version; none changes its meaning or goes away.

use std::io::{self, Write};

use serde::Serialize;

use super::page;
use crate::{
    audit::Report,
    rules::{Finding, Level},
    source::{Position, SourceMap, Span},
};

/// The version of the form.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    findings: Vec<Entry<'a>>,
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Entry<'a> {
    rule: &'a str,
    level: &'static str,
    confidence: &'static str,
    message: &'a str,
    help: &'a str,
    url: String,
    proxy: &'a str,
    /// Null for a finding that lies in no file.
    span: Option<Range<'a>>,
    related: Vec<Other<'a>>,
    example: Option<&'a str>,
    versions: Option<&'a str>,
    /// Null when there is none.
    fix: Option<Correction<'a>>,
    /// Why there is none, where one was asked for.
    unmended: Option<&'a str>,
}

#[derive(Serialize)]
struct Correction<'a> {
    applicability: &'static str,
    title: &'a str,
    /// In the order of the text, none overlapping another; offsets are those of the text as it was read.
    edits: Vec<Replacement<'a>>,
    /// What else changes, where it is not safe.
    changes: &'a [String],
}

#[derive(Serialize)]
struct Replacement<'a> {
    span: Option<Range<'a>>,
    text: &'a str,
}

#[derive(Serialize)]
struct Other<'a> {
    span: Option<Range<'a>>,
    message: &'a str,
}

#[derive(Serialize)]
struct Range<'a> {
    file: &'a str,
    start: Place,
    end: Place,
}

#[derive(Serialize)]
struct Place {
    offset: u32,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Summary<'a> {
    files: usize,
    findings: usize,
    errors: usize,
    warnings: usize,
    hints: usize,
    suppressed: usize,
    known: usize,
    /// Findings for which no correction was tried, for it would take too long; `--diff` and `--fix` try.
    untried: usize,
    unreadable: Vec<Unreadable<'a>>,
}

#[derive(Serialize)]
struct Unreadable<'a> {
    path: &'a str,
    reason: &'a str,
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self { offset: position.offset, line: position.line, column: position.column }
    }
}

/// Prints a report for programs.
///
/// # Errors
/// What the writer reports.
pub fn print(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    let document = Document {
        version: VERSION,
        findings: report.findings.iter().map(|f| entry(map, f)).collect(),
        summary: Summary {
            files: report.files,
            findings: report.findings.len(),
            errors: report.count(Level::Error),
            warnings: report.count(Level::Warning),
            hints: report.count(Level::Hint),
            suppressed: report.suppressed,
            known: report.known,
            untried: report.untried(),
            unreadable: report.unreadable.iter().map(|(path, reason)| Unreadable { path, reason }).collect(),
        },
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn entry<'a>(map: &'a SourceMap, finding: &'a Finding) -> Entry<'a> {
    Entry {
        rule: finding.rule,
        level: finding.level.word(),
        confidence: finding.confidence.word(),
        message: &finding.message,
        help: &finding.help,
        url: page(finding.rule),
        proxy: finding.proxy,
        span: range(map, finding.span),
        related: finding.related.iter().map(|r| Other { span: range(map, r.span), message: &r.message }).collect(),
        example: finding.example.as_deref(),
        versions: finding.versions.as_deref(),
        fix: finding.fix.as_ref().and_then(|f| f.as_ref().ok()).map(|fix| Correction {
            applicability: fix.applicability.word(),
            title: &fix.title,
            edits: fix.edits.iter().map(|e| Replacement { span: range(map, e.span), text: &e.text }).collect(),
            changes: &fix.changes,
        }),
        unmended: finding.fix.as_ref().and_then(|f| f.as_ref().err()).map(|none| &*none.why),
    }
}

fn range(map: &SourceMap, span: Span) -> Option<Range<'_>> {
    let (_, file) = map.file_at(span.start)?;
    let start = span.start - file.base();
    // Past the end is the end.
    let end = start.saturating_add(span.len);
    Some(Range { file: file.name(), start: file.position(start).into(), end: file.position(end).into() })
}
