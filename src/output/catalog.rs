//! The list of all rules.

use std::io::{self, Write};

use serde::Serialize;

use super::{count, page};

/// What the list says about one rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Id of the rule.
    pub id: &'a str,
    /// The gravest level that it reports.
    pub level: &'a str,
    /// What it finds, in one line.
    pub title: &'a str,
    /// The release of hoplint that brought it.
    pub since: &'a str,
}

/// Prints the list for people.
///
/// # Errors
/// What the writer reports.
pub fn text(out: &mut dyn Write, entries: &[Entry<'_>]) -> io::Result<()> {
    let width = entries.iter().map(|e| e.id.len()).max().unwrap_or(0);
    for e in entries {
        writeln!(out, "{:width$}  {:7}  {}", e.id, e.level, e.title)?;
    }
    writeln!(out, "{}; `hoplint explain RULE` tells more about one", count(entries.len(), "rule"))
}

/// Prints the list for programs.
///
/// # Errors
/// What the writer reports.
pub fn json(out: &mut dyn Write, entries: &[Entry<'_>]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        rules: Vec<Rule<'a>>,
    }
    #[derive(Serialize)]
    struct Rule<'a> {
        rule: &'a str,
        level: &'a str,
        title: &'a str,
        since: &'a str,
        url: String,
    }
    let rules = entries.iter().map(|e| Rule { rule: e.id, level: e.level, title: e.title, since: e.since, url: page(e.id) }).collect();
    serde_json::to_writer_pretty(&mut *out, &Document { version: super::json::VERSION, rules })?;
    writeln!(out)
}
