//! Writes corrected files: as a whole or not at all, and never over a change that somebody else made meanwhile.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Folders whose files may be written: what a person named.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Of paths as they were named. A file stands for the folder that it lies in.
    pub fn of(paths: &[String]) -> Self {
        let root = |p: &String| {
            let real = std::fs::canonicalize(p).ok()?;
            if real.is_dir() { Some(real) } else { real.parent().map(Path::to_path_buf) }
        };
        Self(paths.iter().filter_map(root).collect())
    }

    /// Whether a file lies in one of them, links followed.
    pub fn hold(&self, path: &str) -> bool {
        std::fs::canonicalize(path).is_ok_and(|real| self.0.iter().any(|root| real.starts_with(root)))
    }
}

/// A file to be written.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its path, as it was read.
    pub path: String,
    /// What was read.
    pub before: Vec<u8>,
    /// What is to stand there.
    pub after: Vec<u8>,
}

/// Writes all changes. Links are followed; several names of one file are one file. Each file is replaced in one step and
/// keeps its permissions.
///
/// # Errors
/// The first file that could not be written and why. Nothing is written when one of them was changed since it was read.
pub fn write_all(changes: &[Change]) -> Result<usize, (String, String)> {
    let mut real: BTreeMap<PathBuf, &Change> = BTreeMap::new();
    for change in changes {
        let fail = |why: String| (change.path.clone(), why);
        let path = std::fs::canonicalize(&change.path).map_err(|e| fail(e.to_string()))?;
        if std::fs::read(&path).map_err(|e| fail(e.to_string()))? != change.before {
            return Err(fail("it was changed since it was read; nothing was written".to_owned()));
        }
        if let Some(other) = real.insert(path, change)
            && other.after != change.after
        {
            return Err(fail(format!("{} is the same file, but would read differently; nothing was written", other.path)));
        }
    }
    for (path, change) in &real {
        replace(path, &change.after).map_err(|e| (change.path.clone(), e.to_string()))?;
    }
    Ok(real.len())
}

/// Puts a file in the place of another, in one step.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let meta = std::fs::metadata(path)?;
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".hoplint-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    keep_owner(&meta, file.path())?;
    file.as_file().set_permissions(meta.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|e| e.error)
}

/// Gives the new file to the owner of the old one.
#[cfg(unix)]
fn keep_owner(old: &std::fs::Metadata, new: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let made = std::fs::metadata(new)?;
    if (made.uid(), made.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    chown(new, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &std::fs::Metadata, _: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &Path, before: &str, after: &str) -> Change {
        Change { path: path.to_string_lossy().into_owned(), before: before.into(), after: after.into() }
    }

    #[test]
    fn a_file_that_changed_meanwhile_stays_and_so_do_the_others() {
        let dir = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for p in [&a, &b] {
            std::fs::write(p, "old").unwrap_or_else(|e| panic!("{e}"));
        }
        let wrong = write_all(&[change(&a, "old", "new"), change(&b, "older", "new")]);
        assert!(wrong.is_err_and(|(path, _)| path.ends_with('b')));
        assert_eq!(std::fs::read_to_string(&a).ok().as_deref(), Some("old"));
        assert!(matches!(write_all(&[change(&a, "old", "new")]), Ok(1)));
        assert_eq!(std::fs::read_to_string(&a).ok().as_deref(), Some("new"));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_links_stay_links_and_two_names_are_one_file() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let (real, link) = (dir.path().join("available"), dir.path().join("enabled"));
        std::fs::write(&real, "old").and_then(|()| symlink(&real, &link)).unwrap_or_else(|e| panic!("{e}"));
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap_or_else(|e| panic!("{e}"));
        assert!(matches!(write_all(&[change(&real, "old", "new"), change(&link, "old", "new")]), Ok(1)));
        assert_eq!(std::fs::read_to_string(&real).ok().as_deref(), Some("new"));
        assert!(std::fs::symlink_metadata(&link).is_ok_and(|m| m.file_type().is_symlink()));
        assert_eq!(std::fs::metadata(&real).map(|m| m.permissions().mode() & 0o777).ok(), Some(0o640));
        let roots = Roots::of(&[real.to_string_lossy().into_owned()]);
        assert!(roots.hold(&link.to_string_lossy()) && !roots.hold("/"));
        assert_eq!(std::fs::read_dir(dir.path()).map(Iterator::count).ok(), Some(2), "no temporary file is left");
    }
}
