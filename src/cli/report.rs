//! Hands a report over: what is left of it, in the forms that were asked for, and as an exit code.

use super::args::{Check, FailOn, MinConfidence, MinLevel};
use super::{CLEAN, FOUND, WRONG};
use crate::audit::Report;
use crate::config::Settings;
use crate::output::{self, Format, Look};
use crate::rules::{Confidence, Level};
use crate::source::Files;
use clap::ValueEnum;
use std::path::Path;

/// Prints what is wanted, and tells it in a number.
pub(super) fn finish(
    args: &Check,
    settings: &Settings,
    files: &Files,
    mut report: Report,
    look: Look,
    actions: bool,
) -> Result<u8, String> {
    let word = |w: &Option<String>| w.clone().unwrap_or_default();
    let least = args.min_level.or_else(|| MinLevel::from_str(&word(&settings.min_level), true).ok()).map(Level::from);
    let sure = args.min_confidence.or_else(|| MinConfidence::from_str(&word(&settings.min_confidence), true).ok()).map(Confidence::from);
    report.findings.retain(|f| least.is_none_or(|l| f.level >= l) && sure.is_none_or(|c| f.confidence >= c));
    let fail_on = args.fail_on.or_else(|| settings.fail_on.as_deref().and_then(|l| FailOn::from_str(l, true).ok()));
    report.fails_from = fail_on.unwrap_or(FailOn::Error).level();
    print(args, files, &report, look, actions)?;
    let code = if !report.unreadable.is_empty() {
        WRONG
    } else if args.exit_zero {
        CLEAN
    } else if report.findings.iter().any(|f| report.fails(f)) {
        FOUND
    } else {
        CLEAN
    };
    // The process ends here, and what it holds goes with it: taking a large report apart would only take time.
    std::mem::forget(report);
    Ok(code)
}

/// All reports that were asked for: those for files first, so that they are complete when the terminal says something.
fn print(args: &Check, files: &Files, report: &Report, look: Look, actions: bool) -> Result<(), String> {
    let mut wanted: Vec<(Format, Option<&Path>)> = args.output.iter().map(|(f, file)| ((*f).into(), file.as_deref())).collect();
    if wanted.is_empty() {
        let format = if args.statistics {
            Format::Statistics
        } else {
            args.format.map_or(if actions { Format::Github } else { Format::Full }, Into::into)
        };
        wanted.push((format, None));
    }
    wanted.sort_by_key(|(_, file)| file.is_none());
    let mut failed = Ok(());
    for (format, file) in wanted {
        // What cannot be written keeps nobody from reading the others.
        let done = match file {
            Some(path) => output::to_file(path, |out| format.print(out, files.map(), report, Look::default()))
                .map_err(|e| format!("{}: {e}", path.display())),
            None => output::to_stdout(look.colour && format.for_people(), |out| format.print(out, files.map(), report, look))
                .map_err(|e| e.to_string()),
        };
        failed = failed.and(done);
    }
    for (path, reason) in &report.unreadable {
        output::to_stderr(&format!("error: {path}: {reason}"));
    }
    failed
}
