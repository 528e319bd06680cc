//! Corrections for people: a unified diff of files, the lines that one correction changes, and what became of all of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use similar::{ChangeTag, TextDiff};

use super::count;
use super::text::{clean_line, wrap};
use crate::fix::{Edits, Entry};
use crate::model::{Applicability, Fix};
use crate::source::{Change, SourceMap};

/// How many lines of one correction are shown.
const LINES: usize = 24;
/// How many corrections that were not made are told.
const TOLD: usize = 20;

/// A unified diff.
///
/// # Errors
/// What the writer reports.
pub fn diff(out: &mut dyn Write, changes: &[Change], colour: bool) -> io::Result<()> {
    for change in changes {
        let diff = TextDiff::from_lines(change.before.as_slice(), change.after.as_slice());
        let text = diff.unified_diff().context_radius(3).header(&change.path, &change.path).to_string();
        for line in text.split_inclusive('\n') {
            let style = match line.as_bytes().first() {
                Some(b'+') => "\u{1b}[32m",
                Some(b'-') => "\u{1b}[31m",
                Some(b'@') => "\u{1b}[36m",
                _ => "",
            };
            if colour && !style.is_empty() {
                write!(out, "{style}{}\u{1b}[0m{}", line.trim_end_matches('\n'), if line.ends_with('\n') { "\n" } else { "" })?;
            } else {
                write!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// The lines that a correction changes, with their numbers in the new text; for the report about its finding.
pub(super) fn lines(map: &SourceMap, fix: &Fix, width: usize) -> String {
    let mut out = hanging(&format!("  fix ({}): ", fix.applicability.word()), &fix.title, width);
    for change in &fix.changes {
        out.push_str(&hanging("    but: ", change, width));
    }
    let Some(edits) = Edits::default().with(&fix.edits) else { return out };
    let texts: BTreeMap<_, _> = edits.apply(map);
    let several = texts.len() > 1;
    let mut shown = 0;
    for (id, after) in &texts {
        let file = map.file(*id);
        let own = map.file_at(fix.edits[0].span.start).is_some_and(|(f, _)| f == *id);
        if several || !own {
            out.push_str(&format!("    in {}\n", clean_line(file.name())));
        }
        let diff = TextDiff::from_lines(file.bytes(), after.as_slice());
        for change in diff.iter_all_changes() {
            let (sign, number) = match change.tag() {
                ChangeTag::Equal => continue,
                ChangeTag::Delete => ('-', change.old_index()),
                ChangeTag::Insert => ('+', change.new_index()),
            };
            shown += 1;
            if shown <= LINES {
                let line = String::from_utf8_lossy(change.value());
                let text = clean_line(line.trim_end());
                out.push_str(format!("    {:>4} {sign} {text}", number.unwrap_or_default() + 1).trim_end());
                out.push('\n');
            }
        }
    }
    if shown > LINES {
        out.push_str(&format!("    and {} more\n", count(shown - LINES, "line")));
    }
    out
}

/// A text behind a mark, broken into lines that stand below its beginning.
fn hanging(mark: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(mark.chars().count());
    let text = wrap(&clean_line(text), width.saturating_sub(indent.len()).max(20));
    format!("{mark}{}\n", text.replace('\n', &format!("\n{indent}")))
}

/// What was done, and what was not and why.
pub fn summary(applied: &[Entry], refused: &[Entry], verb: &str) -> String {
    let mut out = format!("{verb} {}", count(applied.len(), "finding"));
    for e in applied {
        if let Ok(fix) = &e.fix {
            out.push_str(&format!("\n  {}: {}: {}", clean_line(&e.place), e.rule, clean_line(&fix.title)));
            for change in &fix.changes {
                out.push_str(&format!("\n    but: {}", clean_line(change)));
            }
        }
    }
    if !refused.is_empty() {
        out.push_str(&format!("\nnot corrected: {}", count(refused.len(), "finding")));
    }
    for e in refused.iter().take(TOLD) {
        let why = match &e.fix {
            Ok(fix) if fix.applicability == Applicability::Unsafe => {
                let first = fix.changes.first().map_or("", String::as_str);
                let more = if fix.changes.len() > 1 { format!(", and {} more", fix.changes.len() - 1) } else { String::new() };
                format!("only with --unsafe-fixes: {first}{more}")
            }
            Ok(fix) if fix.applicability == Applicability::ByHand => format!("only by hand: {}", fix.title),
            Ok(_) => "another correction wants the same place".to_owned(),
            Err(none) => none.why.to_string(),
        };
        out.push_str(&format!("\n  {}: {}: {}", clean_line(&e.place), e.rule, clean_line(&why)));
    }
    if refused.len() > TOLD {
        out.push_str(&format!("\n  and {} more", refused.len() - TOLD));
    }
    out
}
