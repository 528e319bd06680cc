//! Which files of a tree are looked at, and why the others are not.

use std::io::Read;
use std::path::{Path, PathBuf};

/// What a walk found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Files to look at, in byte order.
    pub files: Vec<String>,
    /// Texts of those that were read whole to judge them.
    pub texts: Vec<(String, Vec<u8>)>,
    /// Named by a person, and cannot be read: path and reason.
    pub unreadable: Vec<(String, String)>,
    /// Not looked at: path and reason.
    pub skipped: Vec<(String, String)>,
    /// Files that say which release of a proxy is used (container files): path and text.
    pub images: Vec<(String, String)>,
}

/// How much of a file is judged.
const HEAD: u64 = 64 * 1024;

/// Ends of names that editors and packages give to copies.
const BACKUPS: &[&str] = &["~", ".bak", ".orig", ".rpmsave", ".rpmnew", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".swp", ".old", ".save"];

/// Files that are named are taken as they are; directories are walked, honouring `.gitignore`, and their files judged by
/// name and content.
///
/// With `markdown`, Markdown files of directories are taken too.
pub fn discover(paths: &[String], markdown: bool, judge: &dyn Fn(&str, &[u8]) -> bool) -> Discovery {
    let mut out = Discovery::default();
    for path in paths {
        let meta = match std::fs::metadata(path) {
            Ok(m) => m,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                out.unreadable.push((path.clone(), "no such file or directory".to_owned()));
                continue;
            }
            Err(e) => {
                out.unreadable.push((path.clone(), e.to_string()));
                continue;
            }
        };
        if meta.is_dir() {
            walk(path, markdown, judge, &mut out);
        } else {
            out.files.push(path.clone());
        }
    }
    out.files.sort_unstable();
    out.files.dedup();
    out
}

fn walk(root: &str, markdown: bool, judge: &dyn Fn(&str, &[u8]) -> bool, out: &mut Discovery) {
    for entry in ignore::WalkBuilder::new(root).require_git(false).sort_by_file_name(Ord::cmp).build() {
        let entry = match entry {
            Ok(e) => e,
            Err(e) => {
                out.skipped.push((root.to_owned(), e.to_string()));
                continue;
            }
        };
        if !entry.file_type().is_some_and(|t| t.is_file()) {
            continue;
        }
        let path = entry.path().to_string_lossy().into_owned();
        if is_image(entry.path()) {
            if let Ok(text) = std::fs::read_to_string(entry.path()) {
                out.images.push((path, text));
            }
            continue;
        }
        if BACKUPS.iter().any(|b| path.ends_with(b)) {
            out.skipped.push((path, "a backup by its name".to_owned()));
            continue;
        }
        let mut head = Vec::new();
        if let Err(e) = std::fs::File::open(entry.path()).and_then(|f| f.take(HEAD).read_to_end(&mut head)) {
            out.unreadable.push((path, e.to_string()));
            continue;
        }
        if head.contains(&0) {
            out.skipped.push((path, "not a text file".to_owned()));
        } else if markdown && is_markdown(&path) || judge(&path, &head) {
            if entry.path().to_str().is_some() {
                if head.len() < HEAD as usize {
                    out.texts.push((path.clone(), head));
                }
                out.files.push(path);
            } else {
                // It would be read under another name, and reported under that.
                out.unreadable.push((path, "its name is not UTF-8".to_owned()));
            }
        } else {
            out.skipped.push((path, "not a configuration of a known proxy by its content".to_owned()));
        }
    }
}

/// The directory of the repository around a path: the nearest one with `.git` in it.
pub fn repository(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find(|d| d.join(".git").exists()).map(Path::to_path_buf)
}

/// Container files beside the given files and above them, up to the root of the repository: path and text.
pub fn images_above(paths: &[String]) -> Vec<(String, String)> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in paths.iter().map(Path::new) {
        let (Some(root), Ok(absolute)) = (repository(path), std::path::absolute(path)) else { continue };
        let above = absolute.ancestors().skip(1).take_while(|d| d.starts_with(&root)).map(Path::to_path_buf);
        folders.extend(above.collect::<Vec<_>>());
    }
    folders.sort_unstable();
    folders.dedup();
    let here = std::path::absolute(".").unwrap_or_default();
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|d| std::fs::read_dir(d).ok())
        .flatten()
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| is_image(p))
        .collect();
    files.sort_unstable();
    let shown = |p: &Path| p.strip_prefix(&here).unwrap_or(p).to_string_lossy().into_owned();
    files.iter().filter_map(|p| Some((shown(p), std::fs::read_to_string(p).ok()?))).collect()
}

/// Whether a file is Markdown, by its name.
pub fn is_markdown(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("md") || e.eq_ignore_ascii_case("markdown"))
}

/// `Dockerfile`, `compose.yaml` and their kin.
fn is_image(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    name.starts_with("dockerfile") || name.ends_with(".dockerfile") || name == "containerfile" || {
        let yaml = path.extension().is_some_and(|e| e == "yml" || e == "yaml");
        yaml && (name.starts_with("docker-compose") || name.starts_with("compose"))
    }
}
