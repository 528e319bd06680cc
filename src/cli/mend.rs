//! `hoplint check --fix` and `--diff`

use super::analyse::{Analysis, analyse, may_edit};
use super::args::Check;
use super::report::finish;
use super::{CLEAN, FOUND, WRONG};
use crate::audit::settle;
use crate::config::Settings;
use crate::fix::{Entry, add_ignores, mend};
use crate::output::{self, Look, corrections};
use crate::source::{Change, Files, Roots, write_all};

pub(super) fn run(args: &Check, settings: &Settings, look: Look, actions: bool) -> Result<u8, String> {
    if args.fix && args.paths.iter().any(|p| p == "-") {
        return Err("standard input cannot be corrected in place; --diff shows what would change".to_owned());
    }
    let Analysis { files, mut report, rooms } = analyse(args, settings.clone())?;
    let roots = Roots::of(&if args.paths.is_empty() { vec![".".to_owned()] } else { args.paths.clone() });
    let mut after = files.with_texts(&std::collections::BTreeMap::new()).map_err(|e| e.to_string())?;
    let mut findings = Vec::new();
    let mut found = None;
    let (mut applied, mut refused): (Vec<Entry>, Vec<Entry>) = (Vec::new(), Vec::new());
    for room in &rooms {
        let may = |id| if args.diff { Ok(()) } else { may_edit(&files, &roots, id) };
        let Some(done) = mend(room, &after, &may, args.unsafe_fixes) else { return Err("the corrected text is too large".to_owned()) };
        after = done.files;
        found = Some(done.findings);
        applied.extend(done.applied);
        refused.extend(done.refused);
    }
    // Corrections in one room leave places in another where they are only if they are read again.
    match (found, &rooms[..]) {
        (Some(found), [_]) => findings = found,
        _ => rooms.iter().for_each(|room| findings.extend(room.findings(&after))),
    }
    let changes = changes(&files, &after);
    if args.diff {
        output::to_stdout(look.colour, |out| corrections::diff(out, &changes, look.colour)).map_err(|e| e.to_string())?;
        output::to_stderr(&corrections::summary(&applied, &refused, "would correct"));
        return Ok(if changes.is_empty() { CLEAN } else { FOUND });
    }
    if let Err((path, why)) = write_all(&changes) {
        output::to_stderr(&format!("error: {path}: {why}"));
        return Ok(WRONG);
    }
    output::to_stderr(&corrections::summary(&applied, &refused, "corrected"));
    report.findings = findings;
    settle(&mut report.findings);
    finish(args, settings, &after, report, look, actions)
}

/// `hoplint check --add-ignore`
pub(super) fn ignore(args: &Check, settings: &Settings, reason: &str) -> Result<u8, String> {
    if reason.trim().is_empty() || reason.contains(['\n', '\r', '#']) {
        return Err("the reason is one line of text without `#`".to_owned());
    }
    if args.paths.iter().any(|p| p == "-") {
        return Err("standard input cannot be changed in place".to_owned());
    }
    let Analysis { files, report, rooms } = analyse(args, settings.clone())?;
    let roots = Roots::of(&if args.paths.is_empty() { vec![".".to_owned()] } else { args.paths.clone() });
    let mut after = files.with_texts(&std::collections::BTreeMap::new()).map_err(|e| e.to_string())?;
    let (mut silenced, mut refused) = (0, Vec::new());
    for room in &rooms {
        let done = add_ignores(room, &after, &|id| may_edit(&files, &roots, id), reason.trim()).ok_or("the text is too large")?;
        after = done.files;
        silenced += done.silenced;
        refused.extend(done.refused);
    }
    if let Err((path, why)) = write_all(&changes(&files, &after)) {
        output::to_stderr(&format!("error: {path}: {why}"));
        return Ok(WRONG);
    }
    output::to_stderr(&format!("{} silenced", output::count(silenced, "finding")));
    for (place, rule, why) in &refused {
        output::to_stderr(&format!("  left: {place}: {rule}: {why}"));
    }
    for (path, reason) in &report.unreadable {
        output::to_stderr(&format!("error: {path}: {reason}"));
    }
    Ok(if !report.unreadable.is_empty() {
        WRONG
    } else if refused.is_empty() {
        CLEAN
    } else {
        FOUND
    })
}

/// Files whose text is another now. Parts of a dump and standard input have their names only.
fn changes(before: &Files, after: &Files) -> Vec<Change> {
    let files = before.map().files().zip(after.map().files());
    files
        .filter(|((_, old), (_, new))| old.bytes() != new.bytes())
        .map(|((id, old), (_, new))| Change {
            path: before.on_disk(id).unwrap_or(old.name()).to_owned(),
            before: old.bytes().to_vec(),
            after: new.bytes().to_vec(),
        })
        .collect()
}
