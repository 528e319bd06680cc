//! An older state of the repository, through the `git` command.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes all files of a commit of the repository around `dir` below `into`. Returned is the place of `dir` in there.
///
/// Neither the work tree nor the index of the repository is touched.
///
/// # Errors
/// Says what git says.
pub fn check_out(dir: &Path, commit: &str, into: &Path) -> Result<PathBuf, String> {
    let prefix = git(dir, &["rev-parse", "--show-prefix"], None)?;
    let top = git(dir, &["rev-parse", "--show-toplevel"], None)?;
    let top = Path::new(top.trim_end());
    // What begins with a dash is no commit, and git must not take it for an option.
    let tree = git(top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{commit}^{{tree}}")], None)
        .map_err(|_| format!("`{commit}` is no commit of this repository"))?;
    let index = into.join(".hoplint-index");
    git(top, &["read-tree", tree.trim()], Some(&index))?;
    let target = format!("--prefix={}/", into.display());
    git(top, &["checkout-index", "--all", "--force", &target], Some(&index))?;
    Ok(into.join(prefix.trim_end()))
}

fn git(dir: &Path, arguments: &[&str], index: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new("git");
    command.current_dir(dir).args(arguments);
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    let out = command.output().map_err(|e| format!("git: {e}"))?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        Err(format!("git {}: {}", arguments.first().copied().unwrap_or_default(), String::from_utf8_lossy(&out.stderr).trim()))
    }
}
