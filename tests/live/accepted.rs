//! Every recorded configuration that the real proxy accepts is still accepted after all corrections.

use super::cases::{declared, mains, room_under};
use super::proxies::{Release, Staged};
use hoplint::{
    config::Settings,
    fix::{Mended, Room, mend},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Makes all corrections of a configuration, in memory.
///
/// # Errors
/// When it cannot be read, or grows too large.
pub(crate) fn corrected(dialect: &str, main: &Path, settings: Settings) -> Result<(Room, Mended), String> {
    let (files, room) = room_under(dialect, main, settings).ok_or("it cannot be read")?;
    let mended = mend(&room, &files, &|_| Ok(()), true).ok_or("too large")?;
    Ok((room, mended))
}

/// Texts of files.
type Texts = BTreeMap<PathBuf, Vec<u8>>;

/// The files that corrections change.
pub(crate) fn changes(mended: &Mended) -> Texts {
    mended.changed.iter().map(|id| (mended.files.on_disk(*id).unwrap().into(), mended.files.map().file(*id).bytes().to_vec())).collect()
}

/// Writes files; what stood there before.
pub(crate) fn exchange(texts: &Texts) -> std::io::Result<Texts> {
    let one = |(path, text): (&PathBuf, &Vec<u8>)| {
        let before = fs::read(path)?;
        fs::write(path, text)?;
        Ok((path.clone(), before))
    };
    texts.iter().map(one).collect()
}

/// How the configurations of a proxy fared on one release.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    pub accepted: usize,
    /// Those of them that were changed, in what is right for all releases or in what is right for this one.
    pub changed: usize,
}

/// Tries all of them on some releases of their proxy.
///
/// # Errors
/// What was accepted and is refused now.
pub(crate) fn run(releases: &[&Release], cases: &Path) -> Result<Vec<Numbers>, String> {
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    copy(cases, scratch.path()).map_err(|e| e.to_string())?;
    let mains = mains(scratch.path());
    let next = AtomicUsize::new(0);
    let shared = Mutex::new(Ok(vec![Numbers::default(); releases.len()]));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
            scope.spawn(|| {
                while let Some(main) = mains.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = one(releases, main);
                    let mut shared = shared.lock().unwrap();
                    match (&mut *shared, done) {
                        (Ok(numbers), Ok(done)) => {
                            for (sum, is) in numbers.iter_mut().zip(done) {
                                sum.accepted += usize::from(is.is_some());
                                sum.changed += usize::from(is == Some(true));
                            }
                        }
                        (Ok(_), Err(why)) => *shared = Err(why),
                        _ => {}
                    }
                }
            });
        }
    });
    shared.into_inner().unwrap()
}

/// For each release, whether a configuration is changed, and accepted as before; none: it was not accepted before.
fn one(releases: &[&Release], main: &Path) -> Result<Vec<Option<bool>>, String> {
    let staged = Staged::of(main.to_owned());
    let accepts = |release: &Release| release.check(&staged).is_ok_and(|said| said.accepted);
    let accepted: Vec<bool> = releases.iter().map(|r| accepts(r)).collect();
    let Some(dialect) = releases.iter().zip(&accepted).find_map(|(r, is)| is.then(|| r.dialect())) else {
        return Ok(vec![None; releases.len()]);
    };
    if room_under(dialect, main, declared()).is_none() {
        // No text (a NUL in it, which old releases pass over), and so nothing to correct.
        return Ok(accepted.into_iter().map(|is| is.then_some(false)).collect());
    }
    let for_all = corrected(dialect, main, declared())?.1;
    let mut out = Vec::new();
    for (release, accepted) in releases.iter().zip(accepted) {
        if !accepted {
            out.push(None);
            continue;
        }
        let here = Settings { targets: vec![(dialect.to_owned(), release.version)], ..declared() };
        let mut tried = BTreeSet::from([Texts::new()]);
        for mended in [&for_all, &corrected(dialect, main, here)?.1] {
            let texts = changes(mended);
            if !tried.insert(texts.clone()) {
                continue;
            }
            let before = exchange(&texts).map_err(|e| e.to_string())?;
            let said = release.check(&staged)?;
            if !said.accepted {
                return Err(format!("{release}: {} is refused after its corrections: {}\n{:?}", main.display(), said.text, mended.applied));
            }
            exchange(&before).map_err(|e| e.to_string())?;
        }
        out.push(Some(tried.len() > 1));
    }
    Ok(out)
}

pub(crate) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
