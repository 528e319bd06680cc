//! `hoplint check --fix` and `--diff`

use super::analyse::{Analysis, analyse, may_edit};
use super::args::Check;
use super::check::finish;
use super::{CLEAN, FOUND, WRONG};
use crate::audit::settle;
use crate::config::Settings;
use crate::fix::{Entry, mend};
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
    let (mut applied, mut refused): (Vec<Entry>, Vec<Entry>) = (Vec::new(), Vec::new());
    for room in &rooms {
        let may = |id| if args.diff { Ok(()) } else { may_edit(&files, &roots, id) };
        let Some(done) = mend(room, &after, &may, args.unsafe_fixes) else { return Err("the corrected text is too large".to_owned()) };
        after = done.files;
        applied.extend(done.applied);
        refused.extend(done.refused);
    }
    // Corrections in one room leave places in another where they are only if they are read again.
    for room in &rooms {
        findings.extend(room.findings(&after));
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
