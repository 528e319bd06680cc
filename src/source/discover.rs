//! Which files of a tree are looked at, and why the others are not.

use crate::parallel;
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
pub fn discover(paths: &[String], markdown: bool, judge: &(dyn Fn(&str, &[u8]) -> bool + Sync)) -> Discovery {
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

fn walk(root: &str, markdown: bool, judge: &(dyn Fn(&str, &[u8]) -> bool + Sync), out: &mut Discovery) {
    let mut paths = Vec::new();
    for entry in ignore::WalkBuilder::new(root).require_git(false).sort_by_file_name(Ord::cmp).build() {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) => paths.push(entry.into_path()),
            Ok(_) => {}
            Err(e) => out.skipped.push((root.to_owned(), e.to_string())),
        }
    }
    for (path, file) in parallel::turns(&paths, |turn| turn.iter().map(|p| (shown(p), look(p, markdown, judge))).collect()) {
        match file {
            Looked::Image(text) => out.images.extend(text.map(|text| (path, text))),
            Looked::Skipped(why) => out.skipped.push((path, why.to_owned())),
            Looked::Unreadable(why) => out.unreadable.push((path, why)),
            Looked::Wanted(whole) => {
                out.texts.extend(whole.map(|text| (path.clone(), text)));
                out.files.push(path);
            }
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What a file of a directory is.
enum Looked {
    /// It says which release is used; none: it is no text.
    Image(Option<String>),
    /// One to look at; its text, if that was read whole.
    Wanted(Option<Vec<u8>>),
    Skipped(&'static str),
    Unreadable(String),
}

fn look(path: &Path, markdown: bool, judge: &(dyn Fn(&str, &[u8]) -> bool + Sync)) -> Looked {
    if is_image(path) {
        return Looked::Image(std::fs::read_to_string(path).ok());
    }
    let name = shown(path);
    if BACKUPS.iter().any(|b| name.ends_with(b)) {
        return Looked::Skipped("a backup by its name");
    }
    let head = match head(path) {
        Ok(head) => head,
        Err(e) => return Looked::Unreadable(e.to_string()),
    };
    if memchr::memchr(0, &head).is_some() {
        Looked::Skipped("not a text file")
    } else if !(markdown && is_markdown(&name) || judge(&name, &head)) {
        Looked::Skipped("not a configuration of a known proxy by its content")
    } else if path.to_str().is_none() {
        // It would be read under another name, and reported under that.
        Looked::Unreadable("its name is not UTF-8".to_owned())
    } else {
        Looked::Wanted((head.len() < HEAD as usize).then_some(head))
    }
}

/// As much of a file as is judged.
fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    // One byte more shows the end at once.
    let size = file.metadata().map_or(0, |m| m.len()).min(HEAD) + 1;
    let mut head = Vec::with_capacity(size as usize);
    file.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
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
