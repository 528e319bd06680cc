//! Configurations of a folder that is no part of this repository: what a proxy accepts, it still accepts after all corrections,
//! and a second run changes nothing.
//!
//! `HOPLINT_CORPUS=FOLDER cargo test --test live -- --ignored --nocapture corpus`. The folder has `<dialect>_labels.tsv` with a
//! header and the columns `file` and, among others, `accepted`; files are named relative to the folder. HAProxy and Envoy are
//! asked here; nginx's files seldom stand by themselves: with `HOPLINT_CORPUS_OUT=FOLDER` the corrected files are written there,
//! under the same names, to be asked for by whatever labelled the originals.

use super::accepted::{changes, copy, corrected, exchange};
use super::cases::declared;
use super::proxies::{Release, Staged};
use hoplint::fix::mend;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// Files that were labelled as accepted.
    pub labelled: usize,
    /// Those of them that are accepted here and now; all of them where nobody is asked.
    pub accepted: usize,
    /// Those of them that corrections change.
    pub changed: usize,
    /// Corrections made in them.
    pub corrections: usize,
    pub failures: Vec<String>,
}

/// Tries all files of a proxy that were accepted.
pub(crate) fn run(release: &Release, folder: &Path, out: Option<&Path>) -> Numbers {
    let labels = fs::read_to_string(folder.join(format!("{}_labels.tsv", release.dialect()))).unwrap();
    let mut rows = labels.lines().map(|l| l.split('\t').collect::<Vec<_>>());
    let at = rows.next().unwrap().iter().position(|c| *c == "accepted").unwrap();
    let files: Vec<String> = rows.filter(|r| r.get(at) == Some(&"yes")).map(|r| r[0].to_owned()).collect();
    let numbers = Mutex::new(Numbers { labelled: files.len(), ..Numbers::default() });
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = one(release, folder, file, out);
                    let mut n = numbers.lock().unwrap();
                    match done {
                        Ok(None) => {}
                        Ok(Some(corrections)) => {
                            n.accepted += 1;
                            n.changed += usize::from(corrections > 0);
                            n.corrections += corrections;
                        }
                        Err(why) => n.failures.push(format!("{file}: {why}")),
                    }
                }
            });
        }
    });
    numbers.into_inner().unwrap()
}

/// How many corrections were made; none: the proxy does not take the file here.
fn one(release: &Release, folder: &Path, file: &str, out: Option<&Path>) -> Result<Option<usize>, String> {
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    // `dialect/repository/path`: the others of the repository may be included.
    let repository: PathBuf = Path::new(file).components().take(2).collect();
    copy(&folder.join(&repository), &scratch.path().join(&repository)).map_err(|e| e.to_string())?;
    let main = scratch.path().join(file);
    let staged = Staged::of(main.clone());
    let asked = release.dialect() != "nginx";
    if asked && !release.check(&staged)?.accepted {
        return Ok(None);
    }
    let (room, mended) = corrected(release.dialect(), &main, declared())?;
    exchange(&changes(&mended)).map_err(|e| e.to_string())?;
    if let Some(out) = out {
        // The file itself, and what it includes as far as that changed.
        let changed = mended.changed.iter().filter_map(|id| mended.files.on_disk(*id)).map(PathBuf::from);
        for path in std::iter::once(main.clone()).chain(changed) {
            let Ok(name) = path.strip_prefix(scratch.path()) else { continue };
            let target = out.join(name);
            fs::create_dir_all(target.parent().unwrap()).map_err(|e| e.to_string())?;
            fs::copy(&path, target).map_err(|e| e.to_string())?;
        }
    }
    if mended.changed.is_empty() {
        return Ok(Some(0));
    }
    let again = mend(&room, &mended.files, &|_| Ok(()), true).ok_or("too large")?;
    if !again.changed.is_empty() {
        return Err(format!("a second run changes it: {:?}", again.applied));
    }
    if asked {
        let said = release.check(&staged)?;
        if !said.accepted {
            return Err(format!("refused: {}\n{:?}", said.text, mended.applied));
        }
    }
    Ok(Some(mended.applied.len()))
}
