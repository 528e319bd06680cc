//! Every recorded configuration that the real proxy accepts is still accepted after all corrections.

use super::cases::{mains, room};
use super::proxies::{self, Installed};
use hoplint::fix::{Mended, Room, mend};
use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Makes all corrections in the files of a configuration.
pub(crate) fn in_place(proxy: &dyn Installed, main: &Path) -> Result<(Room, Mended), String> {
    let (files, room) = room(proxy.dialect(), main).ok_or("it cannot be read")?;
    let mended = mend(&room, &files, &|_| Ok(()), true).ok_or("too large")?;
    for id in &mended.changed {
        fs::write(mended.files.on_disk(*id).unwrap(), mended.files.map().file(*id).bytes()).map_err(|e| e.to_string())?;
    }
    Ok((room, mended))
}

/// How many were accepted before, and how many of those were changed.
///
/// # Errors
/// What is refused now.
pub(crate) fn run(proxy: &dyn Installed, cases: &Path) -> Result<(usize, usize), String> {
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    copy(cases, scratch.path()).map_err(|e| e.to_string())?;
    let mains = mains(scratch.path());
    let next = AtomicUsize::new(0);
    let shared = Mutex::new(Ok((0, 0)));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
            scope.spawn(|| {
                while let Some(main) = mains.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = one(proxy, main);
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
fn one(proxy: &dyn Installed, main: &Path) -> Result<Option<bool>, String> {
    let staged = proxies::Staged { main: main.to_owned(), listeners: Vec::new(), args: &[] };
    if !proxies::run(&mut proxy.check(&staged)).is_ok_and(|said| said.accepted) {
        return Ok(None);
    }
    let mended = in_place(proxy, main)?.1;
    if mended.changed.is_empty() {
        return Ok(Some(false));
    }
    let said = proxies::run(&mut proxy.check(&staged))?;
    if !said.accepted {
        return Err(format!("{} is refused after its corrections: {}\n{:?}", main.display(), said.text, mended.applied));
    }
    Ok(Some(true))
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
