//! `hoplint check`

use super::args::{Check, FailOn};
use super::{CLEAN, FOUND, WRONG};
use crate::audit::{Report, audit, settle};
use crate::config::{self, Settings, image_targets};
use crate::output::{self, Format, Look};
use crate::proxy::{DIALECTS, Dialect, Reading, dialect};
use crate::rules::{Confidence, Level};
use crate::source::{Discovery, FileId, Files, discover};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

pub(super) fn run(args: &Check, look: Look, actions: bool) -> Result<u8, String> {
    let mut settings = settings(args)?;
    let paths = if args.paths.is_empty() { vec![".".to_owned()] } else { args.paths.clone() };
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
        return Err("nothing to check: no nginx configuration was found (`-v` says what was skipped and why)".to_owned());
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
        let reading = Reading { context: args.context.map(|c| c.word().to_owned()), explicit };
        let sites = room.read(&mut files, &ids, &reading);
        let part = audit(files.map(), room, &sites, &settings);
        report.findings.extend(part.findings);
        report.files += part.files;
        report.suppressed += part.suppressed;
    }
    settle(&mut report.findings);
    let (least, sure) = (args.min_level.map(Level::from), args.min_confidence.map(Confidence::from));
    report.findings.retain(|f| least.is_none_or(|l| f.level >= l) && sure.is_none_or(|c| f.confidence >= c));
    print(args, &files, &report, look, actions)?;
    let fail_on = args.fail_on.or_else(|| settings.fail_on.as_deref().and_then(|l| clap::ValueEnum::from_str(l, true).ok()));
    Ok(if !report.unreadable.is_empty() {
        WRONG
    } else if args.exit_zero {
        CLEAN
    } else if fail_on.unwrap_or(FailOn::Error).fails(report.worst()) {
        FOUND
    } else {
        CLEAN
    })
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
    for (format, file) in wanted {
        let done = match file {
            Some(path) => output::to_file(path, |out| format.print(out, files.map(), report, Look::default()))
                .map_err(|e| format!("{}: {e}", path.display())),
            None => output::to_stdout(look.colour && format.for_people(), |out| format.print(out, files.map(), report, look))
                .map_err(|e| e.to_string()),
        };
        done?;
    }
    for (path, reason) in &report.unreadable {
        output::to_stderr(&format!("error: {path}: {reason}"));
    }
    Ok(())
}

fn claimed(args: &Check, name: &str, head: &[u8]) -> Option<&'static dyn Dialect> {
    let only = args.dialect.as_deref().and_then(dialect);
    DIALECTS.iter().copied().filter(|d| only.is_none_or(|o| o.name() == d.name())).find(|d| d.claims(name, head))
}

/// The settings file, then the options over it.
fn settings(args: &Check) -> Result<Settings, String> {
    let file = match (&args.config, args.isolated) {
        (_, true) => None,
        (Some(path), _) => Some(path.clone()),
        (None, _) => {
            let first = args.paths.iter().find(|p| *p != "-").map_or(".", String::as_str);
            let start = std::path::absolute(Path::new(first)).map_err(|e| e.to_string())?;
            config::find(&start)
        }
    };
    let mut settings = match file {
        Some(path) => config::load(&path).map_err(|e| e.to_string())?,
        None => Settings::default(),
    };
    settings.targets.extend(args.target.iter().cloned());
    settings.heartbeat = args.heartbeat.or(settings.heartbeat);
    settings.routes.extend(args.route.iter().cloned());
    settings.include_maps.extend(args.include_map.iter().cloned());
    for (dialect, _) in &settings.targets {
        if crate::proxy::dialect(dialect).is_none() {
            return Err(format!("target: `{dialect}` is no proxy that hoplint knows"));
        }
    }
    Ok(settings)
}

/// What container files say counts where nobody said anything, and only if they agree.
fn add_targets(settings: &mut Settings, found: &Discovery, verbose: u8) {
    let images = image_targets(&found.images);
    for d in DIALECTS {
        if settings.target(d.name()).is_some() {
            continue;
        }
        let mut own = images.iter().filter(|i| i.0 == d.name());
        if let Some(first) = own.next()
            && own.all(|o| o.1 == first.1)
        {
            if verbose > 0 {
                output::to_stderr(&format!("target {}={} from {}:{}", first.0, first.1, first.2, first.3));
            }
            settings.targets.push((first.0.clone(), first.1));
        }
    }
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
