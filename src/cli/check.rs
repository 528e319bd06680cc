//! `hoplint check`

use super::analyse::{Analysis, analyse, listed};
use super::args::Check;
use super::report::finish;
use super::settings::settings;
use super::{CLEAN, WRONG};
use crate::audit::{Baseline, Entry, Report};
use crate::config::Settings;
use crate::output::{self, Look};
use crate::source::{Files, Older, check_out, read_text};
use std::path::Path;

pub(super) fn run(args: &Check, look: Look, actions: bool) -> Result<u8, String> {
    let Some(args) = &with_listed(args)? else { return Ok(CLEAN) };
    let settings = settings(args, look)?;
    if args.fix || args.diff {
        return super::mend::run(args, &settings, look, actions);
    }
    if let Some(reason) = &args.add_ignore {
        return super::mend::ignore(args, &settings, reason);
    }
    let Analysis { files, mut report, .. } = analyse(args, settings.clone())?;
    if let Some(path) = &args.write_baseline {
        return write_baseline(path, &files, &report);
    }
    if let Some(path) = &settings.baseline {
        let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let baseline = Baseline::parse(&read_text(path).map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
        let root = path.parent().unwrap_or_else(|| Path::new(""));
        let stale = baseline.apply(files.map(), &mut report, |file| !Path::new(file).exists() && !root.join(file).exists());
        say_stale(path, &stale, args.verbose);
    }
    if let Some(commit) = &args.diff_base {
        if args.paths.iter().any(|p| p == "-") {
            return Err("--diff-base needs files, not standard input".to_owned());
        }
        before(commit, args, settings.clone())?.apply(files.map(), &mut report, |_| false);
    }
    let code = finish(args, &settings, &files, report, look, actions);
    // As with the report.
    std::mem::forget(files);
    code
}

/// The arguments with the paths that a list names, as seen from here; nothing when a hook has nothing to hand over.
fn with_listed(args: &Check) -> Result<Option<Check>, String> {
    let mut args = args.clone();
    if let Some(list) = args.files_from.take() {
        args.paths.extend(listed(&list)?);
        if args.paths.is_empty() {
            let why = format!("nothing to check: {} names no file", list.display());
            return if args.skip_unknown { Ok(None) } else { Err(why) };
        }
    }
    // What lies here is named from here, as code scanning and merge requests want it.
    let here = std::env::current_dir().unwrap_or_default();
    for path in &mut args.paths {
        if let Ok(below) = Path::new(&*path).strip_prefix(&here) {
            *path = if below.as_os_str().is_empty() { ".".to_owned() } else { below.to_string_lossy().into_owned() };
        }
    }
    Ok(Some(args))
}

fn write_baseline(path: &Path, files: &Files, report: &Report) -> Result<u8, String> {
    let baseline = Baseline::of(files.map(), report);
    output::to_file(path, |out| out.write_all(baseline.text().as_bytes())).map_err(|e| format!("{}: {e}", path.display()))?;
    for (path, reason) in &report.unreadable {
        output::to_stderr(&format!("error: {path}: {reason}"));
    }
    output::to_stderr(&format!("{}: {} known from now on", path.display(), output::count(baseline.len(), "finding")));
    Ok(if report.unreadable.is_empty() { CLEAN } else { WRONG })
}

fn say_stale(path: &Path, stale: &[Entry], verbose: u8) {
    if stale.is_empty() {
        return;
    }
    let entries = output::count(stale.len(), "finding");
    output::to_stderr(&format!("{}: {entries} in it found no more; write it anew with --write-baseline", path.display()));
    if verbose > 0 {
        for e in stale {
            output::to_stderr(&format!("  gone: {} in {} ({})", e.rule, e.file, e.within));
        }
    }
}

/// What is found in an older state of the repository.
fn before(commit: &str, args: &Check, settings: Settings) -> Result<Baseline, String> {
    let here = std::env::current_dir().map_err(|e| e.to_string())?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    // A temporary folder may be named through a link, which git does not follow.
    let root = scratch.path().canonicalize().map_err(|e| e.to_string())?;
    let older = check_out(&here, commit, &root).map_err(|e| format!("--diff-base: {e}"))?;
    let (quiet, settings) = as_of(&older, args, settings)?;
    // A folder that the change brought: nothing was found there.
    if std::env::set_current_dir(&older.here).is_err() {
        return Ok(Baseline::default());
    }
    let old = analyse(&quiet, settings);
    std::env::set_current_dir(&here).map_err(|e| e.to_string())?;
    // Nothing to check there is nothing found there.
    Ok(old.map(|a| Baseline::of(a.files.map(), &a.report)).unwrap_or_default())
}

/// The same questions, asked of the older state.
fn as_of(older: &Older, args: &Check, mut settings: Settings) -> Result<(Check, Settings), String> {
    let mut quiet = Check { verbose: 0, format: Some(super::args::Format::Concise), output: Vec::new(), ..args.clone() };
    for path in &mut quiet.paths {
        let there = older.path(Path::new(path)).ok_or_else(|| format!("--diff-base: {path} lies outside of the repository"))?;
        *path = there.to_string_lossy().into_owned();
    }
    // Settings speak of places, too. What lies elsewhere is the same then and now.
    settings.root = older.path(&settings.root).unwrap_or(settings.root);
    for map in &mut settings.include_maps {
        if let Some(there) = older.path(Path::new(&map.to)) {
            map.to = there.to_string_lossy().into_owned();
        }
    }
    Ok((quiet, settings))
}
