//! The two reports in XML: JUnit and Checkstyle.

use std::io::{self, Write};

use super::{count, place::Place};
use crate::{
    audit::Report,
    rules::{Finding, Level},
    source::SourceMap,
};

/// Text inside an attribute or an element. What XML 1.0 cannot hold becomes a replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Findings by file, in the order in which files first occur.
fn by_file<'a>(map: &'a SourceMap, report: &'a Report) -> Vec<(&'a str, Vec<(&'a Finding, Place<'a>)>)> {
    let mut out: Vec<(&str, Vec<_>)> = Vec::new();
    for f in &report.findings {
        let Some(place) = Place::of(map, f.span) else { continue };
        match out.last_mut() {
            Some((file, list)) if *file == place.file => list.push((f, place)),
            _ => out.push((place.file, vec![(f, place)])),
        }
    }
    out
}

/// Prints a JUnit report: a finding that fails the run is a failed test, another one a skipped one, and a clean run is one test
/// that passed. It keeps to the attributes that Jenkins' schema knows (`junit-10.xsd` of its xUnit plugin).
///
/// # Errors
/// What the writer reports.
pub(super) fn junit(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    let total = (report.findings.len() + report.unreadable.len()).max(1);
    let failed = |list: &mut dyn Iterator<Item = &Finding>| list.filter(|f| report.fails(f)).count();
    let (failures, errors) = (failed(&mut report.findings.iter()), report.unreadable.len());
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="hoplint" tests="{total}" failures="{failures}" errors="{errors}">"#)?;
    for (file, list) in by_file(map, report) {
        let n = list.len();
        let failures = failed(&mut list.iter().map(|(f, _)| *f));
        writeln!(out, r#"  <testsuite name="{}" tests="{n}" failures="{failures}" errors="0" skipped="{}">"#, escape(file), n - failures)?;
        for (f, p) in list {
            let name = format!("{} at {}:{}", f.rule, p.line, p.column);
            let class = file.trim_end_matches(".conf").trim_end_matches(".cfg");
            writeln!(out, r#"    <testcase name="{}" classname="{}">"#, escape(&name), escape(class))?;
            let text = format!("{file}:{}:{}: {}: {}\n{}", p.line, p.column, f.level.word(), f.message, f.help);
            let (text, message) = (escape(text.trim_end()), escape(&f.message));
            if report.fails(f) {
                writeln!(out, r#"      <failure type="{}" message="{message}">{text}</failure>"#, f.level.word())?;
            } else {
                writeln!(out, r#"      <skipped type="{}" message="{message}">{text}</skipped>"#, f.level.word())?;
            }
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if !report.unreadable.is_empty() {
        let n = report.unreadable.len();
        writeln!(out, r#"  <testsuite name="unreadable" tests="{n}" failures="0" errors="{n}">"#)?;
        for (path, reason) in &report.unreadable {
            writeln!(out, r#"    <testcase name="{0}" classname="{0}"><error message="{1}"/></testcase>"#, escape(path), escape(reason))?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if report.findings.is_empty() && errors == 0 {
        writeln!(out, r#"  <testsuite name="hoplint" tests="1" failures="0" errors="0">"#)?;
        writeln!(out, r#"    <testcase name="{} checked" classname="hoplint"/>"#, count(report.files, "file"))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// Prints a Checkstyle report.
///
/// # Errors
/// What the writer reports.
pub(super) fn checkstyle(out: &mut dyn Write, map: &SourceMap, report: &Report) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<checkstyle version="4.3">"#)?;
    for (file, list) in by_file(map, report) {
        writeln!(out, r#"  <file name="{}">"#, escape(file))?;
        for (f, p) in list {
            let severity = match f.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Hint => "info",
            };
            writeln!(
                out,
                r#"    <error line="{}" column="{}" severity="{severity}" message="{}" source="hoplint.{}"/>"#,
                p.line,
                p.column,
                escape(&f.message),
                escape(&f.rule.replace('/', "."))
            )?;
        }
        writeln!(out, "  </file>")?;
    }
    for (path, reason) in &report.unreadable {
        writeln!(out, r#"  <file name="{}">"#, escape(path))?;
        writeln!(
            out,
            r#"    <error line="1" severity="error" message="could not be read: {}" source="hoplint.unreadable"/>"#,
            escape(reason)
        )?;
        writeln!(out, "  </file>")?;
    }
    writeln!(out, "</checkstyle>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_an_attribute() {
        assert_eq!(escape("a<b>&\"'\n\u{1}"), "a&lt;b&gt;&amp;&quot;&apos;&#10;\u{fffd}");
    }
}
