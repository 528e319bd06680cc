//! How many findings each rule has, most frequent first.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::full::summary;
use crate::{audit::Report, rules::Level};

/// Prints a table and the summary.
///
/// # Errors
/// What the writer reports.
pub(super) fn print(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for f in &report.findings {
        counts.entry(f.rule).or_default()[f.level as usize] += 1;
    }
    let mut rows: Vec<(&str, [usize; 3])> = counts.into_iter().collect();
    rows.sort_by_key(|(rule, n)| (std::cmp::Reverse(n.iter().sum::<usize>()), *rule));
    if !rows.is_empty() {
        writeln!(out, "{:>7} {:>7} {:>7}  rule", "error", "warning", "hint")?;
    }
    for (rule, n) in rows {
        let cell = |level: Level| if n[level as usize] == 0 { String::new() } else { n[level as usize].to_string() };
        writeln!(out, "{:>7} {:>7} {:>7}  {rule}", cell(Level::Error), cell(Level::Warning), cell(Level::Hint))?;
    }
    writeln!(out, "{}", summary(report))
}
