//! Reading: files into one arena, each include in its place.

use super::parsed::{Parsed, Shared};
use super::words::Place;
use super::{Block, Conf, Context, DirId, Reading, Record};
use crate::model::{Problem, ProblemKind, Remedy};
use crate::proxy::nginx::syntax::{Fault, NONE, Tree};
use crate::proxy::nginx::templates;
use crate::source::{FileId, Files, Span};
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// Reads a configuration. It never fails: what is wrong is in [`Conf::problems`].
pub fn read(files: &mut Files, root: FileId, forced: Option<Context>) -> Conf {
    let mut shared = Shared::default();
    let context = forced.unwrap_or(shared.parsed(files, root).context);
    let mut conf = put_together(&mut shared, files, root, context);
    shared.spellings.close();
    conf.spellings = Arc::new(shared.spellings);
    conf
}

/// Reads configurations that may have files in common. A file that a whole configuration includes is judged there, with what
/// surrounds it; it is not read by itself.
pub fn read_all(files: &mut Files, roots: &[FileId], forced: Option<Context>) -> Vec<Conf> {
    let mut shared = Shared::default();
    shared.parse(files, roots);
    let contexts: Vec<Context> = roots.iter().map(|root| forced.unwrap_or(shared.parsed(files, *root).context)).collect();
    let mut confs: Vec<Option<Conf>> = roots.iter().map(|_| None).collect();
    let mut included: FxHashSet<FileId> = FxHashSet::default();
    for whole in [true, false] {
        for (i, root) in roots.iter().enumerate() {
            if (contexts[i] == Context::Main) == whole && (whole || !included.contains(root)) {
                let conf = put_together(&mut shared, files, *root, contexts[i]);
                included.extend(conf.files.iter().filter(|_| whole));
                confs[i] = Some(conf);
            }
        }
    }
    let mut confs: Vec<Conf> = confs.into_iter().flatten().collect();
    shared.spellings.close();
    let spellings = Arc::new(shared.spellings);
    for conf in &mut confs {
        conf.spellings = Arc::clone(&spellings);
    }
    confs
}

/// Puts a file together with what it includes.
fn put_together(shared: &mut Shared, files: &mut Files, root: FileId, context: Context) -> Conf {
    let (directives, words) = {
        let parsed = shared.parsed(files, root);
        (parsed.tree.nodes.len(), parsed.words.len())
    };
    let mut read = Read {
        dir: files.dir(root),
        files,
        conf: Conf {
            root,
            files: vec![root],
            context,
            comments: Vec::new(),
            problems: Vec::new(),
            holes: Vec::new(),
            templated: false,
            spellings: Arc::default(),
            places: Vec::with_capacity(words),
            dirs: Vec::with_capacity(directives),
            readings: Vec::new(),
            first: NONE,
            by_start: OnceLock::new(),
        },
        shared,
        last: Vec::with_capacity(directives),
        last_at_top: NONE,
        ids: Vec::with_capacity(directives),
        placed: FxHashMap::default(),
        found: FxHashMap::default(),
        open: vec![root],
        listed: FxHashSet::from_iter([root]),
        fragment: context != Context::Main,
    };
    read.splice(root, None, None);
    read.conf
}

struct Read<'a> {
    files: &'a mut Files,
    shared: &'a mut Shared,
    dir: String,
    conf: Conf,
    /// The last directive of each block so far, and at the top.
    last: Vec<u32>,
    last_at_top: u32,
    /// The directives of the files that are being read, by their nodes.
    ids: Vec<u32>,
    /// The first word of each file.
    placed: FxHashMap<FileId, u32>,
    /// Files that includes name, by the spelling of the name, with their paths.
    found: FxHashMap<u32, (FileId, Rc<str>)>,
    /// Files that are being read, outermost first.
    open: Vec<FileId>,
    listed: FxHashSet<FileId>,
    fragment: bool,
}

impl Read<'_> {
    fn add(&mut self, words: (u32, u32), ends: (u32, u32), parent: u32, reading: u32) -> u32 {
        let id = self.conf.dirs.len() as u32;
        self.conf.dirs.push(Record { words, ends, parent, first: NONE, next: NONE, reading });
        self.last.push(NONE);
        let last = if parent == NONE { &mut self.last_at_top } else { &mut self.last[parent as usize] };
        match std::mem::replace(last, id) {
            NONE if parent == NONE => self.conf.first = id,
            NONE => self.conf.dirs[parent as usize].first = id,
            before => self.conf.dirs[before as usize].next = id,
        }
        id
    }

    /// Where the words of a file are; and whether it is read for the first time.
    fn place(&mut self, file: FileId, parsed: &Parsed) -> (u32, bool) {
        if let Some(known) = self.placed.get(&file) {
            return (*known, false);
        }
        let first = self.conf.places.len() as u32;
        self.conf.places.extend_from_slice(&parsed.words);
        self.placed.insert(file, first);
        (first, true)
    }

    /// Puts the directives of a file into a block.
    fn splice(&mut self, file: FileId, parent: Block, included_at: Option<Span>) {
        let parsed = self.shared.parsed(self.files, file);
        let tree = &parsed.tree;
        let whole = self.files.map().file(file).span();
        let base = whole.start;
        self.conf.templated |= tree.templated;
        let (placed, new) = self.place(file, &parsed);
        if new {
            self.report_errors(tree, base);
        }
        let reading = self.conf.readings.len() as u32;
        self.conf.readings.push(Reading { file, included_at });
        let around = parent.map_or(NONE, |p| p.0);
        // Blocks are entered with an explicit stack: nesting is as deep as the text says.
        let from = self.ids.len();
        self.ids.resize(from + tree.nodes.len(), NONE);
        let id = |read: &Self, node: u32| if node == NONE { NONE } else { read.ids[from + node as usize] };
        let outer = |read: &Self, node: u32| match id(read, node) {
            NONE => around,
            id => id,
        };
        for (i, node) in tree.nodes.iter().enumerate() {
            let within = outer(self, node.parent);
            let (first, count) = parsed.words_of(i);
            if count == 0 {
                continue;
            }
            let (name, last) = (parsed.words[first as usize], parsed.words[(first + count - 1) as usize]);
            let token = |t: u32| tree.tokens.get(t as usize).map(|t| base + t.end);
            let end = token(node.head_end).unwrap_or_else(|| self.shared.spellings.word(last).span.end());
            let close = if node.block { token(node.close).unwrap_or(whole.end()) } else { NONE };
            self.ids[from + i] = self.add((placed + first, count), (end, close), within, reading);
            if count == 2 && !node.block && self.shared.spellings.word(name).text == "include" {
                self.include(last, Span::between(name.start(), end), (within != NONE).then_some(DirId(within)));
            }
        }
        let block = |id: u32| (id != NONE).then_some(DirId(id));
        if tree.templated {
            for gap in templates::gaps(tree, self.files.map().file(file).bytes()) {
                let span = Span::between(base + gap.start, base + gap.end);
                let text = self.files.map().text(span);
                let within = block(outer(self, gap.within));
                self.conf.holes.push((within, span, text));
            }
        }
        for found in &parsed.comments {
            let comment = super::Comment {
                span: Span::between(base + found.start, base + found.end),
                text: found.text.clone(),
                within: block(id(self, found.within)).or(parent),
                next: block(id(self, found.next)),
                trailing_of: block(id(self, found.trailing_of)),
            };
            self.conf.comments.push(comment);
        }
        self.ids.truncate(from);
    }

    fn problem(&mut self, kind: ProblemKind, certain: bool, span: Span, message: String, help: &str) -> &mut Problem {
        self.conf.problems.push(Problem { kind, certain, span, message, help: help.to_owned(), related: Vec::new(), remedy: None });
        let last = self.conf.problems.len() - 1;
        &mut self.conf.problems[last]
    }

    fn report_errors(&mut self, tree: &Tree, base: u32) {
        // One template tag can turn a file into anything: what is reported there is only likely.
        let certain = !tree.templated;
        // Behind the first of them nothing is sure any more.
        let shown = if certain { tree.errors.len() } else { tree.errors.len().min(1) };
        for e in &tree.errors[..shown] {
            let span = Span::between(base + e.start, base + e.end);
            let text = self.files.map().text(span);
            let (kind, message, help) = match e.fault {
                Fault::Unexpected => (
                    ProblemKind::UnexpectedToken,
                    format!("unexpected `{text}`"),
                    "a directive must stand before it: remove it, or write the directive",
                ),
                Fault::AfterQuote => (
                    ProblemKind::UnexpectedToken,
                    format!("unexpected `{text}` after a closing quote"),
                    "after a closing quote only white space, `;`, `{` or `)` may follow: quote the whole word",
                ),
                Fault::StrayClose => (
                    ProblemKind::UnexpectedToken,
                    "unexpected `}`: no block is open here".to_owned(),
                    "remove it, or look for a `{` that is missing above",
                ),
                Fault::MissingSemicolon => (
                    ProblemKind::Unterminated,
                    "this directive is not ended with `;` before the block closes".to_owned(),
                    "write `;` behind it",
                ),
                Fault::OpenQuote => (
                    ProblemKind::Unterminated,
                    "this quote is never closed".to_owned(),
                    "close it; everything behind it belongs to this word",
                ),
                Fault::OpenBlock => (
                    ProblemKind::Unterminated,
                    "this block is never closed".to_owned(),
                    "write the missing `}`; each file must be complete by itself",
                ),
                Fault::OpenDirective => {
                    (ProblemKind::Unterminated, "the file ends before this directive does".to_owned(), "write `;` behind it")
                }
                Fault::TooLong => (
                    ProblemKind::TokenTooLong,
                    format!("a token of {} bytes", e.end - e.start),
                    "nginx takes at most 4095 bytes for a word or a comment: split it",
                ),
            };
            // A `;` too many is nothing but that.
            let remedy = (e.fault == Fault::Unexpected && text == ";").then(|| Remedy { span, text: String::new(), guessed: false });
            self.problem(kind, certain, span, message, help).remedy = remedy;
        }
    }

    /// Puts the files that an `include` names in its place.
    fn include(&mut self, place: Place, span: Span, within: Block) {
        let word = self.shared.spellings.word(place);
        let (text, at) = (word.shared(), word.span);
        if word.opaque {
            self.conf.holes.push((within, span, text.to_string()));
            return;
        }
        if let Some((file, path)) = self.found.get(&word.spelling).cloned() {
            self.enter(file, &path, at, within, span);
            return;
        }
        let spelling = word.spelling;
        let path = self.resolve(&text);
        if text.contains(['*', '?', '[']) {
            for found in self.files.glob(&path) {
                self.include_file(&found, at, within, span);
            }
            return;
        }
        if let Some(file) = self.include_file(&path, at, within, span) {
            self.found.insert(spelling, (file, path.into()));
        }
    }

    /// Relative to the directory of the main file, never to the including one `[file-include-relative]`.
    fn resolve(&self, path: &str) -> String {
        if path.starts_with('/') || self.dir.is_empty() { path.to_owned() } else { format!("{}/{path}", self.dir) }
    }

    /// The file, if there is one.
    fn include_file(&mut self, path: &str, word: Span, within: Block, span: Span) -> Option<FileId> {
        let file = match self.files.read(path) {
            Ok(file) => file,
            Err(e) => {
                self.conf.holes.push((within, span, path.to_owned()));
                let packaged = path.rsplit('/').next().is_some_and(|f| {
                    matches!(
                        f,
                        "mime.types"
                            | "fastcgi_params"
                            | "fastcgi.conf"
                            | "proxy_params"
                            | "uwsgi_params"
                            | "scgi_params"
                            | "koi-utf"
                            | "koi-win"
                            | "win-utf"
                    )
                });
                // Outside this tree it may well exist; only a path relative to a whole configuration is surely meant to be here.
                let here = !path.starts_with('/') || !self.dir.is_empty() && path.starts_with(&format!("{}/", self.dir));
                if here && !packaged && !self.fragment && !self.files.is_excerpt(self.conf.root) {
                    self.problem(ProblemKind::IncludeNotFound, false, word, format!("`{path}` could not be read: {e}"), "nginx does not start without it; the path is relative to the directory of the main file. `--include-map FROM=TO` says where it lies");
                }
                return None;
            }
        };
        self.enter(file, path, word, within, span);
        Some(file)
    }

    fn enter(&mut self, file: FileId, path: &str, word: Span, within: Block, span: Span) {
        if let Some(at) = self.open.iter().position(|f| *f == file) {
            let start = self.files.map().file(self.open[at]).span();
            let p = self.problem(
                ProblemKind::IncludeCycle,
                true,
                word,
                format!("`{path}` includes itself"),
                "remove one include of the circle: `nginx -t` crashes on it instead of saying so",
            );
            p.related.push((Span { start: start.start, len: 0 }, "the file that is included again".to_owned()));
            return;
        }
        if self.open.len() > 64 {
            return;
        }
        if self.listed.insert(file) {
            self.conf.files.push(file);
        }
        self.open.push(file);
        self.splice(file, within, Some(span));
        self.open.pop();
    }
}
