//! Reads what was asked for and lets it be audited.

use super::args::Check;
use super::settings::add_targets;
use crate::audit::{Report, audit, settle};
use crate::config::Settings;
use crate::output;
use crate::proxy::{DIALECTS, Dialect, Reading, dialect};
use crate::source::{Discovery, FileId, Files, discover, read_text};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// What was read, and what is to be said of it.
pub(super) struct Analysis {
    pub(super) files: Files,
    pub(super) report: Report,
}

/// Reads the configurations that the arguments name, from the current directory, and audits them.
///
/// # Errors
/// When nothing is there to be checked.
pub(super) fn analyse(args: &Check, mut settings: Settings) -> Result<Analysis, String> {
    let mut paths = args.paths.clone();
    if let Some(list) = &args.files_from {
        paths.extend(listed(list)?);
        if paths.is_empty() {
            return Err(format!("nothing to check: {} names no file", list.display()));
        }
    }
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    let stdin = paths.iter().any(|p| p == "-");
    let named: Vec<String> = paths.into_iter().filter(|p| p != "-").collect();
    let judge = |name: &str, head: &[u8]| claimed(args, name, head).is_some();
    let found = discover(&named, &judge);
    add_targets(&mut settings, &found, args.verbose);
    let mut files = Files::with_include_maps(settings.include_maps.clone());
    let mut report = Report { unreadable: found.unreadable.clone(), ..Report::default() };
    let mut given: Vec<(FileId, bool)> = Vec::new();
    if stdin {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| format!("standard input: {e}"))?;
        let name = args.stdin_filename.as_deref().unwrap_or("<stdin>");
        given.push((files.add(name, bytes).map_err(|e| e.to_string())?, true));
    }
    for path in &found.files {
        match files.read(path) {
            Ok(id) => given.push((id, named.contains(path))),
            Err(e) => report.unreadable.push((path.clone(), e.to_string())),
        }
    }
    say(&found, args.verbose);
    if given.is_empty() && report.unreadable.is_empty() {
        let names: Vec<&str> = DIALECTS.iter().map(|d| d.name()).collect();
        return Err(format!("nothing to check: no configuration of {} was found (`-v` says what was skipped and why)", names.join(", ")));
    }
    let mut rooms: BTreeMap<&str, (&dyn Dialect, Vec<FileId>, bool)> = BTreeMap::new();
    for (id, explicit) in given {
        let id = files.split_dump(id).map_err(|e| e.to_string())?.unwrap_or(id);
        let file = files.map().file(id);
        let head = &file.bytes()[..file.bytes().len().min(64 * 1024)];
        let room = claimed(args, file.name(), head).or_else(|| DIALECTS.first().copied());
        if let Some(room) = room {
            let entry = rooms.entry(room.name()).or_insert_with(|| (room, Vec::new(), explicit));
            entry.1.push(id);
            entry.2 &= explicit;
        }
    }
    for (room, ids, explicit) in rooms.into_values() {
        let reading = Reading { context: args.context.map(|c| c.word().to_owned()), explicit, together: false };
        let sites = room.read(&mut files, &ids, &reading);
        let part = audit(files.map(), room, &sites, &settings);
        report.findings.extend(part.findings);
        report.files += part.files;
        report.suppressed += part.suppressed;
    }
    settle(&mut report.findings);
    Ok(Analysis { files, report })
}

/// Paths that a file names, one a line.
fn listed(list: &Path) -> Result<Vec<String>, String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", list.display());
    let text = if list == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock()).map_err(wrong)?
    } else {
        read_text(list).map_err(wrong)?
    };
    Ok(text.lines().map(|l| l.trim_end_matches('\r')).filter(|l| !l.is_empty()).map(ToOwned::to_owned).collect())
}

fn claimed(args: &Check, name: &str, head: &[u8]) -> Option<&'static dyn Dialect> {
    let only = args.dialect.as_deref().and_then(dialect);
    DIALECTS.iter().copied().filter(|d| only.is_none_or(|o| o.name() == d.name())).find(|d| d.claims(name, head))
}

fn say(found: &Discovery, verbose: u8) {
    if verbose == 0 {
        return;
    }
    for path in &found.files {
        output::to_stderr(&format!("read {path}"));
    }
    for (path, reason) in &found.skipped {
        output::to_stderr(&format!("skipped {path}: {reason}"));
    }
}
