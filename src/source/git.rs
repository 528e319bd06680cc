//! An older state of the repository, through the `git` command.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An older state of a repository, written out elsewhere.
#[derive(Debug)]
pub struct Older {
    /// The root of the repository.
    top: PathBuf,
    /// Where its older state lies.
    into: PathBuf,
    /// Where the current folder lies in there.
    pub here: PathBuf,
}

impl Older {
    /// Where a path of the repository lies in the older state; relative ones stay what they are. `None`: it lies elsewhere.
    pub fn path(&self, path: &Path) -> Option<PathBuf> {
        if !path.is_absolute() {
            return Some(path.to_path_buf());
        }
        // Git names its root without links; what does not exist any more cannot be asked for its own.
        let real = path.ancestors().find_map(|a| Some(a.canonicalize().ok()?.join(path.strip_prefix(a).ok()?)));
        let inside = real.as_deref().and_then(|r| r.strip_prefix(&self.top).ok()).or_else(|| path.strip_prefix(&self.top).ok())?;
        Some(self.into.join(inside))
    }
}

/// Writes all files of the state that the work tree around `dir` came from, as far as `commit` knows it, below `into`: those of the
/// last commit that both have, so that what others did to `commit` since then is no change of ours.
///
/// Neither the work tree nor the index of the repository is touched.
///
/// # Errors
/// Says what git says.
pub fn check_out(dir: &Path, commit: &str, into: &Path) -> Result<Older, String> {
    let prefix = git(dir, &["rev-parse", "--show-prefix"], None)?;
    let top = git(dir, &["rev-parse", "--show-toplevel"], None)?;
    let top = PathBuf::from(line(&top));
    // What begins with a dash is no commit, and git must not take it for an option.
    let Ok(named) = git(&top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{commit}^{{commit}}")], None) else {
        let shallow = git(&top, &["rev-parse", "--is-shallow-repository"], None).is_ok_and(|s| line(&s) == "true");
        let hint = if shallow { ", of which only the last commits were cloned: fetch more (`fetch-depth: 0`)" } else { "" };
        return Err(format!("`{commit}` is no commit of this repository{hint}"));
    };
    // There is none in common where the history was not cloned.
    let common = git(&top, &["merge-base", "HEAD", line(&named)], None).unwrap_or(named);
    let index = into.join(".hoplint-index");
    git(&top, &["read-tree", line(&common)], Some(&index))?;
    let target = format!("--prefix={}/", into.display());
    git(&top, &["checkout-index", "--all", "--force", &target], Some(&index))?;
    // Whoever looks for the root of the repository finds it there, too.
    std::fs::create_dir_all(into.join(".git")).map_err(|e| format!("{}: {e}", into.display()))?;
    Ok(Older { top, here: into.join(line(&prefix)), into: into.to_path_buf() })
}

/// The only line of an answer. Its blanks may belong to a name.
fn line(answer: &str) -> &str {
    answer.trim_end_matches(['\n', '\r'])
}

fn git(dir: &Path, arguments: &[&str], index: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new("git");
    // Large files are no configuration, and are not to be fetched from anywhere.
    command.current_dir(dir).args(arguments).env("GIT_LFS_SKIP_SMUDGE", "1");
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    let out = command.output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "the program `git` was not found".to_owned(),
        _ => format!("git: {e}"),
    })?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(if said.contains("not a git repository") {
        "the current folder lies in no git repository".to_owned()
    } else {
        format!("git {}: {}", arguments.first().copied().unwrap_or_default(), said.trim())
    })
}
