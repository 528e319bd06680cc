//! Reading files, each once, by the path that the configuration writes.

use super::{FileId, SourceMap, Span, TooLarge, config_maps, markdown};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is none.
    #[error("no such file")]
    NotFound,
    /// It is a directory.
    #[error("it is a directory")]
    IsDirectory,
    /// The system says no.
    #[error("{0}")]
    Unreadable(String),
    /// More than the address space holds.
    #[error("more than 4 GiB of configuration in one run")]
    TooLarge,
    /// It holds NUL bytes.
    #[error("not a text file (NUL bytes)")]
    Binary,
}

/// Where a path of the target machine lies in this tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludeMap {
    /// `/etc/nginx`
    pub from: String,
    /// `./nginx`
    pub to: String,
}

/// All files of a run, and how paths are found.
#[derive(Debug, Default)]
pub struct Files {
    map: SourceMap,
    by_path: FxHashMap<String, FileId>,
    /// Files on disk by where they really are: a link or an include map may name one of them a second time.
    by_real_path: FxHashMap<OsString, FileId>,
    paths: BTreeMap<FileId, String>,
    maps: Vec<IncludeMap>,
    /// Names inside a dump, in its order; then nothing is read from disk.
    dump: Vec<String>,
    /// Read from disk, so that it could be written there.
    on_disk: BTreeSet<FileId>,
    /// Parts of other files.
    excerpts: BTreeSet<FileId>,
    /// What a walk has read already, by path.
    seen: FxHashMap<String, Vec<u8>>,
    /// Where directories really are.
    real_dirs: FxHashMap<String, Option<PathBuf>>,
}

impl Files {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Paths of the target machine are looked for elsewhere.
    pub fn with_include_maps(maps: Vec<IncludeMap>) -> Self {
        Self { maps, ..Self::default() }
    }

    /// The text.
    pub fn map(&self) -> &SourceMap {
        &self.map
    }

    /// Takes in text that lies in no file.
    ///
    /// # Errors
    /// [`TooLarge`] when the address space is used up.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<FileId, TooLarge> {
        let id = self.map.add(name, bytes)?;
        let path = normalise(name).into_owned();
        self.by_path.entry(path.clone()).or_insert(id);
        self.paths.insert(id, path);
        Ok(id)
    }

    /// The path of a file.
    pub fn path(&self, id: FileId) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    /// The directory of a file, empty for the current one.
    pub fn dir(&self, id: FileId) -> String {
        self.path(id)
            .and_then(|p| p.rsplit_once('/'))
            .map_or_else(String::new, |(d, _)| if d.is_empty() { "/".to_owned() } else { d.to_owned() })
    }

    /// Where a path lies, after the include maps.
    fn place<'p>(&self, path: &'p str) -> Cow<'p, str> {
        let path = normalise(path);
        let fits = |m: &&IncludeMap| {
            let from = m.from.trim_end_matches('/');
            path.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self.maps.iter().filter(fits).max_by_key(|m| m.from.len()) {
            Some(m) => {
                let there = format!("{}{}", m.to.trim_end_matches('/'), &path[m.from.trim_end_matches('/').len()..]);
                normalise(&there).into_owned().into()
            }
            None => path,
        }
    }

    /// Takes in texts that a walk has read whole, so that they are not read again.
    pub fn seen(&mut self, texts: impl IntoIterator<Item = (String, Vec<u8>)>) {
        self.seen.extend(texts.into_iter().map(|(path, bytes)| (normalise(&path).into_owned(), bytes)));
    }

    /// Where a file really is, links followed.
    fn real(&mut self, place: &str) -> Option<OsString> {
        // A walk takes no links.
        if !self.seen.contains_key(place) && std::fs::symlink_metadata(place).ok()?.is_symlink() {
            return Some(std::fs::canonicalize(place).ok()?.into_os_string());
        }
        let (dir, name) = match place.rsplit_once('/') {
            None => (".", place),
            Some(("", name)) => ("/", name),
            Some(parts) => parts,
        };
        if !self.real_dirs.contains_key(dir) {
            self.real_dirs.insert(dir.to_owned(), std::fs::canonicalize(dir).ok());
        }
        Some(self.real_dirs.get(dir)?.as_ref()?.join(name).into_os_string())
    }

    /// Reads a file, once.
    ///
    /// # Errors
    /// Says why it could not be read.
    pub fn read(&mut self, path: &str) -> Result<FileId, ReadError> {
        let place = self.place(path);
        if let Some(id) = self.by_path.get(&*place) {
            return Ok(*id);
        }
        if !self.dump.is_empty() {
            return Err(ReadError::NotFound);
        }
        let place = place.into_owned();
        let real = self.real(&place);
        if let Some(id) = real.as_ref().and_then(|r| self.by_real_path.get(r)).copied() {
            self.by_path.insert(place, id);
            return Ok(id);
        }
        let read = self.seen.remove(&place).map_or_else(|| std::fs::read(&place), Ok);
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(ReadError::NotFound),
            Err(_) if Path::new(&place).is_dir() => return Err(ReadError::IsDirectory),
            Err(e) => return Err(ReadError::Unreadable(e.to_string())),
        };
        if memchr::memchr(0, &bytes[..bytes.len().min(8192)]).is_some() {
            return Err(ReadError::Binary);
        }
        let id = self.map.add(place.clone(), bytes).map_err(|_| ReadError::TooLarge)?;
        self.by_path.insert(place.clone(), id);
        self.by_real_path.extend(real.map(|r| (r, id)));
        self.paths.insert(id, place);
        self.on_disk.insert(id);
        Ok(id)
    }

    /// Files that a shell pattern names, in byte order of their names; in a dump, in its order. Dot files are skipped.
    pub fn glob(&mut self, pattern: &str) -> Vec<String> {
        let place = self.place(pattern);
        let Ok(matcher) = globset::GlobBuilder::new(&place).literal_separator(true).backslash_escape(true).build() else {
            return Vec::new();
        };
        let matcher = matcher.compile_matcher();
        let visible = |p: &str| !p.rsplit('/').next().unwrap_or(p).starts_with('.');
        if !self.dump.is_empty() {
            return self.dump.iter().filter(|p| matcher.is_match(p) && visible(p)).cloned().collect();
        }
        let fixed = place.split(['*', '?', '[']).next().unwrap_or_default();
        let (root, below) = match fixed.rfind('/') {
            None => (".", 0),
            Some(0) => ("/", 1),
            Some(slash) => (&fixed[..slash], slash),
        };
        let slashes = place[below..].matches('/').count();
        let depth = if root == "." { slashes + 1 } else { slashes.max(1) };
        let mut out: Vec<String> = walkdir::WalkDir::new(root)
            .max_depth(depth)
            .follow_links(true)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|e| !e.file_type().is_dir())
            .map(|e| normalise(&e.path().to_string_lossy()).into_owned())
            .filter(|p| matcher.is_match(p) && visible(p))
            .collect();
        out.sort_unstable();
        out
    }

    /// Splits an `nginx -T` dump into the files that it prints, under their original names. Includes are then found in the
    /// dump only. The first of them is the root; `None` if the text is no dump.
    ///
    /// # Errors
    /// [`TooLarge`] when the address space is used up.
    pub fn split_dump(&mut self, id: FileId) -> Result<Option<FileId>, TooLarge> {
        let text = self.map.file(id).bytes();
        let mark: &[u8] = b"# configuration file ";
        let told = |l: &&[u8]| !l.trim_ascii().is_empty() && !l.starts_with(b"nginx: ");
        // Most files say in their first line that they are none.
        if !text.split(|b| *b == b'\n').find(told).is_some_and(|l| l.starts_with(mark)) {
            return Ok(None);
        }
        let text = text.to_vec();
        let mut heads = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive(|b| *b == b'\n') {
            let trimmed = line.trim_ascii_end();
            if let Some(name) = trimmed.strip_prefix(mark).and_then(|l| l.strip_suffix(b":")) {
                heads.push((at, at + line.len(), String::from_utf8_lossy(name).into_owned()));
            }
            at += line.len();
        }
        if heads.first().is_none_or(|first| text[..first.0].split(|c| *c == b'\n').any(|l| told(&l))) {
            return Ok(None);
        }
        let mut root = None;
        for (i, (_, body, name)) in heads.iter().enumerate() {
            let end = heads.get(i + 1).map_or(text.len(), |h| h.0);
            // The line end behind each file is the dump's own.
            let bytes = &text[*body..end];
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let file = self.add(name, bytes.to_vec())?;
            self.dump.push(normalise(name).into_owned());
            root = root.or(Some(file));
        }
        Ok(root)
    }

    /// The fenced blocks of a Markdown file that `wanted` says of their info strings, each as a file of the same name in which
    /// everything else is blank, so that its spans are those of the Markdown.
    ///
    /// # Errors
    /// [`TooLarge`] when the address space is used up.
    pub fn split_markdown(&mut self, id: FileId, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(FileId, String)>, TooLarge> {
        let (name, text) = (self.map.file(id).name().to_owned(), self.map.file(id).bytes().to_vec());
        let mut out = Vec::new();
        for fence in markdown::fences(&text).into_iter().filter(|f| wanted(&f.info)) {
            out.push((self.excerpt(&name, &text, &(fence.start..fence.end))?, fence.info));
        }
        Ok(out)
    }

    /// The texts of ConfigMaps in a manifest that `wanted` says of their keys and bytes, in the same way, with their keys.
    ///
    /// # Errors
    /// [`TooLarge`] when the address space is used up.
    pub fn split_config_maps(
        &mut self,
        id: FileId,
        wanted: &dyn Fn(&str, &[u8]) -> bool,
    ) -> Result<Vec<(FileId, String, Range<usize>)>, TooLarge> {
        let (name, text) = (self.map.file(id).name().to_owned(), self.map.file(id).bytes().to_vec());
        let mut out = Vec::new();
        for (key, at) in config_maps(&text).into_iter().filter(|(key, at)| wanted(key, &text[at.clone()])) {
            out.push((self.excerpt(&name, &text, &at)?, key, at));
        }
        Ok(out)
    }

    /// A part of a text as a file of the same name.
    fn excerpt(&mut self, name: &str, text: &[u8], part: &Range<usize>) -> Result<FileId, TooLarge> {
        let file = self.map.add(name, markdown::masked(text, part))?;
        self.paths.insert(file, normalise(name).into_owned());
        self.excerpts.insert(file);
        Ok(file)
    }

    /// Whether a file is a part of another one: what it lacks may stand elsewhere.
    pub fn is_excerpt(&self, id: FileId) -> bool {
        self.excerpts.contains(&id)
    }

    /// The same files with other texts in some of them; ids stay what they are, and nothing that was read is read again.
    ///
    /// # Errors
    /// [`TooLarge`] when the address space is used up.
    pub fn with_texts(&self, texts: &BTreeMap<FileId, Vec<u8>>) -> Result<Self, TooLarge> {
        let mut map = SourceMap::default();
        for (id, file) in self.map.files() {
            map.add(file.name(), texts.get(&id).map_or(file.bytes(), Vec::as_slice).to_vec())?;
        }
        Ok(Self {
            map,
            by_path: self.by_path.clone(),
            by_real_path: self.by_real_path.clone(),
            paths: self.paths.clone(),
            maps: self.maps.clone(),
            dump: self.dump.clone(),
            on_disk: self.on_disk.clone(),
            excerpts: self.excerpts.clone(),
            seen: FxHashMap::default(),
            real_dirs: FxHashMap::default(),
        })
    }

    /// The path on disk that a file was read from; none for standard input and for parts of a dump.
    pub fn on_disk(&self, id: FileId) -> Option<&str> {
        self.on_disk.contains(&id).then(|| self.path(id)).flatten()
    }

    /// The name and text of a whole span, for messages.
    pub fn text(&self, span: Span) -> String {
        self.map.text(span)
    }
}

/// `./a//b/../c` as `a/c`: by text alone, without looking at links.
fn normalise(path: &str) -> Cow<'_, str> {
    let below = path.strip_prefix('/').unwrap_or(path);
    if path == "/" || !below.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    let absolute = path.starts_with('/');
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    if absolute { format!("/{joined}").into() } else { joined.into() }
}

/// Reads a whole text file, for settings.
///
/// # Errors
/// What the system says.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

/// Writes a whole file, in place of what is there.
///
/// # Errors
/// What the system says.
pub fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}
