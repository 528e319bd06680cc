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

/// How many were accepted before, and how many of those were changed: in what is right for all releases, and in what is right for
/// this one.
///
/// # Errors
/// What is refused now.
pub(crate) fn run(release: &Release, cases: &Path) -> Result<(usize, usize), String> {
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    copy(cases, scratch.path()).map_err(|e| e.to_string())?;
    let mains = mains(scratch.path());
    let next = AtomicUsize::new(0);
    let shared = Mutex::new(Ok((0, 0)));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
            scope.spawn(|| {
                while let Some(main) = mains.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = one(release, main);
                    let mut shared = shared.lock().unwrap();
                    match (&mut *shared, done) {
                        (Ok((accepted, changed)), Ok(Some(is))) => {
                            *accepted += 1;
                            *changed += usize::from(is);
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

/// Whether a configuration is changed, and accepted as before; none: it was not accepted before.
fn one(release: &Release, main: &Path) -> Result<Option<bool>, String> {
    let staged = Staged { main: main.to_owned(), listeners: Vec::new(), args: &[] };
    if !release.check(&staged).is_ok_and(|said| said.accepted) {
        return Ok(None);
    }
    let here = Settings { targets: vec![(release.dialect().to_owned(), release.version)], ..declared() };
    let mut tried = BTreeSet::from([Texts::new()]);
    for settings in [declared(), here] {
        let mended = corrected(release.dialect(), main, settings)?.1;
        let texts = changes(&mended);
        if !tried.insert(texts.clone()) {
            continue;
        }
        let before = exchange(&texts).map_err(|e| e.to_string())?;
        let said = release.check(&staged)?;
        if !said.accepted {
            return Err(format!("{} is refused after its corrections: {}\n{:?}", main.display(), said.text, mended.applied));
        }
        exchange(&before).map_err(|e| e.to_string())?;
    }
    Ok(Some(tried.len() > 1))
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
