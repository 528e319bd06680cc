//! Reads what was asked for and lets it be audited.

use super::args::Check;
use super::settings::add_targets;
use crate::audit::{Report, audit, settle};
use crate::config::{Settings, mounts};
use crate::fix::{Room, propose};
use crate::output::{self, progress::Progress};
use crate::proxy::{DIALECTS, Dialect, Reading, Site, dialect};
use crate::source::{Discovery, FileId, Files, Roots, config_maps, discover, images_above, is_markdown, read_text, repository};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What was read, and what is to be said of it.
pub(super) struct Analysis {
    pub(super) files: Files,
    pub(super) report: Report,
    /// What was read together.
    pub(super) rooms: Vec<Room>,
}

/// Reads the configurations that the arguments name, from the current directory, and audits them.
///
/// # Errors
/// When nothing is there to be checked.
pub(super) fn analyse(args: &Check, mut settings: Settings) -> Result<Analysis, String> {
    let _sign = Progress::start("checking", args.verbose == 0 && std::io::stderr().is_terminal());
    let mut paths = args.paths.clone();
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    let stdin = paths.iter().any(|p| p == "-");
    let named: Vec<String> = paths.into_iter().filter(|p| p != "-").collect();
    let one_by_one = !named.is_empty() && named.iter().all(|p| !Path::new(p).is_dir());
    let claims = Mutex::new(HashMap::new());
    let judge = |name: &str, head: &[u8]| {
        let room = claimed(args, name, head);
        if let (Some(room), Ok(mut claims)) = (room, claims.lock()) {
            claims.insert(name.to_owned(), room);
        }
        room.is_some() || embedded(args, name, head)
    };
    let mut found = discover(&named, args.markdown, &judge);
    let claims = claims.into_inner().unwrap_or_else(PoisonError::into_inner);
    if one_by_one {
        found.images = images_above(&named);
    }
    add_targets(&mut settings, &found, args.verbose);
    // What people say goes before what container files say.
    let mut maps = mounts(&found.images);
    maps.retain(|m| !settings.include_maps.iter().any(|own| own.from.trim_end_matches('/') == m.from));
    maps.extend(settings.include_maps.iter().cloned());
    let mut files = Files::with_include_maps(maps);
    files.seen(std::mem::take(&mut found.texts));
    found.files.retain(|path| {
        let keep = !settings.excludes(path);
        if !keep && args.verbose > 0 {
            output::to_stderr(&format!("skipped {path}: excluded by the settings"));
        }
        keep
    });
    let mut report = Report { unreadable: found.unreadable.clone(), ..Report::default() };
    let mut given: Vec<(FileId, bool)> = Vec::new();
    let mut judged: HashMap<FileId, &'static dyn Dialect> = HashMap::new();
    if stdin {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| format!("standard input: {e}"))?;
        let name = args.stdin_filename.as_deref().unwrap_or("<stdin>");
        given.push((files.add(name, bytes).map_err(|e| e.to_string())?, true));
    }
    for path in &found.files {
        match files.read(path) {
            Ok(id) => {
                given.push((id, named.contains(path)));
                judged.extend(claims.get(path).map(|room| (id, *room)));
            }
            Err(e) => report.unreadable.push((path.clone(), e.to_string())),
        }
    }
    say(&found, args.verbose);
    let (rooms, unknown) = rooms(args, &mut files, given, &judged)?;
    let names = DIALECTS.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
    let why = format!("not recognised as a configuration of {names}; `--dialect` says which one it is");
    report.unreadable.extend(unknown.into_iter().map(|name| (name, why.clone())));
    if rooms.is_empty() && report.unreadable.is_empty() && !args.skip_unknown {
        return Err(format!("nothing to check: no configuration of {names} was found (`-v` says what was skipped and why)"));
    }
    let roots = Roots::of(&named);
    let mut together = Vec::new();
    for (room, ids, explicit) in rooms.into_values() {
        let reading = Reading { context: args.context.map(|c| c.word().to_owned()), explicit, together: false };
        let mut sites = room.read(&mut files, &ids, &reading);
        let mut elsewhere = Vec::new();
        if one_by_one && args.context.is_none() && sites.iter().any(|s| !s.whole()) {
            elsewhere = around(args, room, &mut files, &named, &mut sites);
        }
        for (sites, only) in [(sites, None), (elsewhere, Some(&ids))] {
            if sites.is_empty() && only.is_some() {
                continue;
            }
            let mut part = audit(files.map(), room, &sites, &settings);
            if let Some(only) = only {
                part.findings.retain(|f| files.map().file_at(f.span.start).is_some_and(|(file, _)| only.contains(&file)));
                part.files = 0;
                part.suppressed = 0;
            }
            let room = Room {
                dialect: room,
                given: if only.is_some() { roots_of(&sites) } else { belonging(&sites, &ids) },
                reading: reading.clone(),
                settings: settings.clone(),
                only: only.cloned(),
            };
            if args.shows_fixes() {
                propose(&room, &files, &sites, &mut part.findings, &|id| may_edit(&files, &roots, id));
            }
            together.push(room);
            report.findings.extend(part.findings);
            report.files += part.files;
            report.suppressed += part.suppressed;
        }
        if one_by_one {
            report.files = report.files.max(ids.len());
        }
    }
    settle(&mut report.findings);
    Ok(Analysis { files, report, rooms: together })
}

/// The first files of configurations.
fn roots_of(sites: &[Box<dyn Site>]) -> Vec<FileId> {
    sites.iter().filter_map(|s| s.files().first().copied()).collect()
}

/// Those files that are part of a configuration.
fn belonging(sites: &[Box<dyn Site>], files: &[FileId]) -> Vec<FileId> {
    let theirs: HashSet<FileId> = sites.iter().flat_map(|s| s.files().iter().copied()).collect();
    files.iter().copied().filter(|f| theirs.contains(f)).collect()
}

/// Whether a file may be changed: it was read from disk, below what was named.
pub(super) fn may_edit(files: &Files, roots: &Roots, id: FileId) -> Result<(), &'static str> {
    match files.on_disk(id) {
        None => Err("this text lies in no file of its own"),
        Some(path) if !roots.hold(path) => Err("the file lies outside of what was named"),
        Some(_) => Ok(()),
    }
}

type Rooms = BTreeMap<&'static str, (&'static dyn Dialect, Vec<FileId>, bool)>;

/// Sorts what was read by dialect; what is `known` was judged on the way. The flag says whether all of it was named one by one. Names of
/// files that are none of any come beside it.
fn rooms(
    args: &Check,
    files: &mut Files,
    given: Vec<(FileId, bool)>,
    known: &HashMap<FileId, &'static dyn Dialect>,
) -> Result<(Rooms, Vec<String>), String> {
    let mut rooms = Rooms::new();
    let mut unknown = Vec::new();
    let mut put = |room: &'static dyn Dialect, id: FileId, explicit: bool| {
        let entry = rooms.entry(room.name()).or_insert_with(|| (room, Vec::new(), explicit));
        entry.1.push(id);
        entry.2 &= explicit;
    };
    for (id, explicit) in given {
        if is_markdown(files.map().file(id).name()) {
            let blocks = files.split_markdown(id, &|info| fenced(args, info).is_some()).map_err(|e| e.to_string())?;
            for (block, info) in blocks {
                if let Some(room) = fenced(args, &info) {
                    // A block is an excerpt: what it lacks may stand elsewhere.
                    put(room, block, false);
                }
            }
            continue;
        }
        if is_manifest(files.map().file(id).name()) {
            let entries = files.split_config_maps(id, &|key, text| entry(args, key, text).is_some()).map_err(|e| e.to_string())?;
            let held = !entries.is_empty();
            for (block, key, at) in entries {
                if let Some(room) = entry(args, &key, &files.map().file(block).bytes()[at]) {
                    put(room, block, false);
                }
            }
            if held {
                continue;
            }
        }
        let id = files.split_dump(id).map_err(|e| e.to_string())?.unwrap_or(id);
        let file = files.map().file(id);
        let head = &file.bytes()[..file.bytes().len().min(64 * 1024)];
        let usual = || DIALECTS.first().copied().filter(|d| !d.rules_out(file.name()));
        let assumed = args.dialect.as_deref().and_then(dialect).or_else(usual);
        let room = known.get(&id).copied().or_else(|| claimed(args, file.name(), head));
        match room.or_else(|| assumed.filter(|_| !args.skip_unknown)) {
            Some(room) => put(room, id, explicit),
            None if args.skip_unknown && args.verbose > 0 => {
                output::to_stderr(&format!("skipped {}: not a configuration of a known proxy by its content", file.name()));
            }
            None if args.skip_unknown => {}
            None => unknown.push(file.name().to_owned()),
        }
    }
    Ok((rooms, unknown))
}

/// The configurations of the repository that include fragments which were named without them. Those fragments are taken out
/// of `sites`: they are judged where they are included.
fn around(
    args: &Check,
    room: &'static dyn Dialect,
    files: &mut Files,
    named: &[String],
    sites: &mut Vec<Box<dyn Site>>,
) -> Vec<Box<dyn Site>> {
    let Some(root) = named.first().and_then(|p| repository(Path::new(p))) else { return Vec::new() };
    // As seen from here, so that names come out as people write them.
    let root =
        std::env::current_dir().ok().and_then(|here| (here == root).then(|| ".".to_owned())).unwrap_or_else(|| root.display().to_string());
    let judge = |name: &str, head: &[u8]| claimed(args, name, head).is_some_and(|d| d.name() == room.name());
    let others: Vec<FileId> = discover(&[root], false, &judge).files.iter().filter_map(|p| files.read(p).ok()).collect();
    let wholes = room.read(files, &others, &Reading { context: None, explicit: false, together: false });
    let fragments: Vec<FileId> = sites.iter().filter(|s| !s.whole()).filter_map(|s| s.files().first().copied()).collect();
    let keep: Vec<_> = wholes.into_iter().filter(|w| w.whole() && fragments.iter().any(|f| w.files().contains(f))).collect();
    let placed = |s: &dyn Site| s.files().first().is_some_and(|f| keep.iter().any(|w| w.files().contains(f)));
    sites.retain(|s| s.whole() || !placed(s.as_ref()));
    keep
}

/// Paths that a file names, one a line; with NUL bytes between them, as `git diff -z` writes them, a path may hold anything.
pub(super) fn listed(list: &Path) -> Result<Vec<String>, String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", list.display());
    let text = if list == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock()).map_err(wrong)?
    } else {
        read_text(list).map_err(wrong)?
    };
    let parts: Vec<&str> =
        if text.contains('\0') { text.split('\0').collect() } else { text.lines().map(|l| l.trim_end_matches('\r')).collect() };
    Ok(parts.into_iter().filter(|l| !l.is_empty()).map(ToOwned::to_owned).collect())
}

/// Whether a file may hold ConfigMaps, by its name; a template is what it will be.
fn is_manifest(name: &str) -> bool {
    let path = Path::new(name);
    let end = |path: &Path| path.extension().unwrap_or_default().to_ascii_lowercase();
    let written = if ["tpl", "tmpl", "j2"].iter().any(|e| end(path) == *e) { path.with_extension("") } else { path.to_path_buf() };
    ["yaml", "yml"].iter().any(|e| end(&written) == *e)
}

/// Whether a file holds a ConfigMap with a configuration.
fn embedded(args: &Check, name: &str, head: &[u8]) -> bool {
    is_manifest(name) && config_maps(head).into_iter().any(|(key, at)| entry(args, &key, &head[at]).is_some())
}

/// The dialect of a text of a ConfigMap. One that reads YAML itself finds its own texts there by itself.
fn entry(args: &Check, key: &str, text: &[u8]) -> Option<&'static dyn Dialect> {
    claimed(args, key, text).filter(|d| !d.reads_manifests())
}

/// The dialect of a fenced block, by the words behind its fence: `nginx`, `yaml envoy`.
fn fenced(args: &Check, info: &str) -> Option<&'static dyn Dialect> {
    let only = args.dialect.as_deref();
    info.split([' ', ',', '{', '}', '.']).find_map(|word| dialect(word).filter(|d| only.is_none_or(|o| o == d.name())))
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
