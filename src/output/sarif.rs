//! SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), as code scanning services read it.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{
    DOCS_BASE, page,
    place::{Place, uri},
};
use crate::{
    audit::Report,
    model::{Applicability, Fix},
    rules::{Finding, Level, RULES, Related, Rule},
    source::SourceMap,
};

/// Prints the report.
///
/// # Errors
/// What the writer reports.
pub(super) fn print(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    let marks = report.fingerprints(map);
    // Only rules that have something to say are described: the log stays readable.
    let mut rules: Vec<&Rule> = Vec::new();
    for f in &report.findings {
        if let Some(rule) = RULES.iter().find(|r| r.id == f.rule)
            && !rules.iter().any(|known| known.id == rule.id)
        {
            rules.push(rule);
        }
    }
    rules.sort_by_key(|r| r.id);
    let results: Vec<Value> = report.findings.iter().zip(&marks).filter_map(|(f, mark)| result(map, f, mark, &rules)).collect();
    let notifications: Vec<Value> = report
        .unreadable
        .iter()
        .map(|(path, reason)| {
            json!({
                "level": "error",
                "message": { "text": format!("could not be read: {reason}") },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } }],
            })
        })
        .collect();
    let mut document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hoplint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|r| description(r)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": notifications.is_empty(), "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    if DOCS_BASE.starts_with("https://") {
        document["runs"][0]["tool"]["driver"]["informationUri"] = DOCS_BASE.into();
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Hint => "note",
    }
}

fn description(rule: &Rule) -> Value {
    let category = rule.id.split('/').next().unwrap_or_default();
    let mut out = json!({
        "id": rule.id,
        "shortDescription": { "text": sentence(rule.summary) },
        "help": { "text": rule.page, "markdown": rule.page },
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "tags": [category] },
    });
    let address = page(rule.id);
    if address.starts_with("https://") {
        out["helpUri"] = address.into();
    }
    out
}

/// Capital letter and full stop, which readers of the format expect.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let rest = chars.as_str();
    format!("{first}{rest}{}", if rest.ends_with(['.', '!', '?']) { "" } else { "." })
}

fn region(p: &Place<'_>) -> Value {
    json!({
        "startLine": p.line,
        "startColumn": p.column,
        "endLine": p.end_line,
        "endColumn": p.end_column,
        "byteOffset": p.offset,
        "byteLength": p.length,
    })
}

fn physical(p: &Place<'_>) -> Value {
    json!({ "artifactLocation": { "uri": uri(p.file) }, "region": region(p) })
}

fn result(map: &SourceMap, f: &Finding, mark: &str, rules: &[&Rule]) -> Option<Value> {
    let place = Place::of(map, f.span)?;
    let mut text = f.message.clone();
    for more in
        [Some(&f.help), f.example.as_ref().map(|e| format!("Example request: {e}")).as_ref(), f.versions.as_ref()].into_iter().flatten()
    {
        if !more.is_empty() {
            text.push('\n');
            text.push_str(more);
        }
    }
    let related: Vec<Value> = f
        .related
        .iter()
        .filter_map(|Related { span, message }| {
            Some(json!({ "physicalLocation": physical(&Place::of(map, *span)?), "message": { "text": message } }))
        })
        .collect();
    let mut out = json!({
        "ruleId": f.rule,
        "level": level(f.level),
        "message": { "text": text },
        "locations": [{ "physicalLocation": physical(&place) }],
        "partialFingerprints": { "hoplint/v1": mark },
        "properties": { "confidence": f.confidence.word(), "proxy": f.proxy },
    });
    if let Some(i) = rules.iter().position(|r| r.id == f.rule) {
        out["ruleIndex"] = i.into();
    }
    if !related.is_empty() {
        out["relatedLocations"] = related.into();
    }
    // What a person must complete is nothing to apply.
    if let Some(Ok(fix)) = &f.fix
        && fix.applicability != Applicability::ByHand
    {
        out["fixes"] = json!([correction(map, fix)]);
    }
    Some(out)
}

/// One change for each file.
fn correction(map: &SourceMap, fix: &Fix) -> Value {
    let mut files: Vec<(&str, Vec<Value>)> = Vec::new();
    for edit in &fix.edits {
        let Some(place) = Place::of(map, edit.span) else { continue };
        let replacement = json!({ "deletedRegion": region(&place), "insertedContent": { "text": edit.text } });
        match files.iter_mut().find(|(file, _)| *file == place.file) {
            Some((_, list)) => list.push(replacement),
            None => files.push((place.file, vec![replacement])),
        }
    }
    let changes: Vec<Value> =
        files.into_iter().map(|(file, list)| json!({ "artifactLocation": { "uri": uri(file) }, "replacements": list })).collect();
    json!({ "description": { "text": format!("{} ({})", sentence(&fix.title), fix.applicability.word()) }, "artifactChanges": changes })
}
