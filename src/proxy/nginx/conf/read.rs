//! Reading: files into one arena, each include in its place.

use super::claim::detect;
use super::words::{Place, Spellings};
use super::{Block, Conf, Context, DirId, Reading, Record, comments};
use crate::model::{Problem, ProblemKind, Remedy};
use crate::parallel;
use crate::proxy::nginx::syntax::{self, Fault, NONE, Tree};
use crate::proxy::nginx::templates;
use crate::source::{FileId, Files, Span};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// Reads a configuration. It never fails: what is wrong is in [`Conf::problems`].
pub fn read(files: &mut Files, root: FileId, forced: Option<Context>) -> Conf {
    let mut shared = Shared::default();
    let context = shared.context(files, root, forced);
    let mut conf = shared.read(files, root, context);
    shared.spellings.close();
    conf.spellings = Arc::new(shared.spellings);
    conf
}

/// Reads configurations that may have files in common. A file that a whole configuration includes is judged there, with what
/// surrounds it; it is not read by itself.
pub fn read_all(files: &mut Files, roots: &[FileId], forced: Option<Context>) -> Vec<Conf> {
    let mut shared = Shared::default();
    shared.parse(files, roots);
    let contexts: Vec<Context> = roots.iter().map(|root| shared.context(files, *root, forced)).collect();
    let mut confs: Vec<Option<Conf>> = roots.iter().map(|_| None).collect();
    let mut included: HashSet<FileId> = HashSet::new();
    for whole in [true, false] {
        for (i, root) in roots.iter().enumerate() {
            if (contexts[i] == Context::Main) == whole && (whole || !included.contains(root)) {
                let conf = shared.read(files, *root, contexts[i]);
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

/// What several configurations have in common.
#[derive(Default)]
struct Shared {
    trees: HashMap<FileId, Rc<Tree>>,
    spellings: Spellings,
}

impl Shared {
    fn tree(&mut self, files: &Files, file: FileId) -> Rc<Tree> {
        let tree = self.trees.entry(file).or_insert_with(|| Rc::new(syntax::parse(files.map().file(file).bytes())));
        Rc::clone(tree)
    }

    /// Parses many files, on all processors.
    fn parse(&mut self, files: &Files, all: &[FileId]) {
        let trees = parallel::many(all, |f| Some(syntax::parse(files.map().file(*f).bytes())));
        self.trees.extend(all.iter().copied().zip(trees.into_iter().map(Rc::new)));
    }

    fn context(&mut self, files: &Files, root: FileId, forced: Option<Context>) -> Context {
        forced.unwrap_or_else(|| detect(&self.tree(files, root), files.map().file(root).bytes()))
    }

    fn read(&mut self, files: &mut Files, root: FileId, context: Context) -> Conf {
        let tree = self.tree(files, root);
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
                places: Vec::new(),
                dirs: Vec::with_capacity(tree.nodes.len()),
                readings: Vec::new(),
                first: NONE,
                by_start: OnceLock::new(),
            },
            shared: self,
            last: Vec::with_capacity(tree.nodes.len()),
            last_at_top: NONE,
            open: vec![root],
            reported: HashSet::new(),
            listed: HashSet::from([root]),
            fragment: context != Context::Main,
        };
        read.splice(root, None, None);
        read.conf
    }
}

struct Read<'a> {
    files: &'a mut Files,
    shared: &'a mut Shared,
    dir: String,
    conf: Conf,
    /// The last directive of each block so far, and at the top.
    last: Vec<u32>,
    last_at_top: u32,
    /// Files that are being read, outermost first.
    open: Vec<FileId>,
    reported: HashSet<FileId>,
    listed: HashSet<FileId>,
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

    /// The places of a node's words.
    fn words(&mut self, tree: &Tree, node: u32, file: FileId) -> (u32, u32) {
        let source = self.files.map().file(file);
        let (bytes, base) = (source.bytes(), source.base());
        let first = self.conf.places.len();
        let mut end = u32::MAX;
        for token in tree.words(node) {
            let begins_line = end < token.start && bytes[end as usize..token.start as usize].contains(&b'\n');
            end = token.end;
            let raw = &bytes[token.start as usize..token.end as usize];
            let place = self.shared.spellings.place(raw, token.kind, base + token.start, begins_line);
            self.conf.places.push(place);
        }
        (first as u32, (self.conf.places.len() - first) as u32)
    }

    /// Puts the directives of a file into a block.
    fn splice(&mut self, file: FileId, parent: Block, included_at: Option<Span>) {
        let tree = self.shared.tree(self.files, file);
        let whole = self.files.map().file(file).span();
        let base = whole.start;
        self.conf.templated |= tree.templated;
        if self.reported.insert(file) {
            self.report_errors(&tree, base);
        }
        let reading = self.conf.readings.len() as u32;
        self.conf.readings.push(Reading { file, included_at });
        let around = parent.map_or(NONE, |p| p.0);
        // Blocks are entered with an explicit stack: nesting is as deep as the text says.
        let mut ids: Vec<u32> = vec![NONE; tree.nodes.len()];
        let outer = |ids: &[u32], node: u32| if node == NONE || ids[node as usize] == NONE { around } else { ids[node as usize] };
        for (i, node) in tree.nodes.iter().enumerate() {
            let within = outer(&ids, node.parent);
            let words = self.words(&tree, i as u32, file);
            if words.1 == 0 {
                continue;
            }
            let place = |n: u32| self.conf.places[(words.0 + n) as usize];
            let (name, last) = (place(0), place(words.1 - 1));
            self.shared.spellings.name(name);
            let token = |t: u32| tree.tokens.get(t as usize).map(|t| base + t.end);
            let end = token(node.head_end).unwrap_or_else(|| self.shared.spellings.word(last).span.end());
            let close = if node.block { token(node.close).unwrap_or(whole.end()) } else { NONE };
            let id = self.add(words, (end, close), within, reading);
            ids[i] = id;
            if words.1 == 2 && !node.block && self.shared.spellings.word(name).text == "include" {
                self.include(last, Span::between(name.start(), end), (within != NONE).then_some(DirId(within)));
            }
        }
        let block = |id: u32| (id != NONE).then_some(DirId(id));
        if tree.templated {
            for gap in templates::gaps(&tree, self.files.map().file(file).bytes()) {
                let span = Span::between(base + gap.start, base + gap.end);
                let text = self.files.map().text(span);
                self.conf.holes.push((block(outer(&ids, gap.within)), span, text));
            }
        }
        for found in comments::find(&tree, self.files.map().file(file).bytes()) {
            let id = |node: u32| if node == NONE { None } else { block(ids[node as usize]) };
            self.conf.comments.push(super::Comment {
                span: Span::between(base + found.start, base + found.end),
                text: found.text,
                within: id(found.within).or(parent),
                next: id(found.next),
                trailing_of: id(found.trailing_of),
            });
        }
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
        let path = self.resolve(&text);
        if text.contains(['*', '?', '[']) {
            for found in self.files.glob(&path) {
                self.include_file(&found, at, within, span);
            }
            return;
        }
        self.include_file(&path, at, within, span);
    }

    /// Relative to the directory of the main file, never to the including one `[file-include-relative]`.
    fn resolve(&self, path: &str) -> String {
        if path.starts_with('/') || self.dir.is_empty() { path.to_owned() } else { format!("{}/{path}", self.dir) }
    }

    fn include_file(&mut self, path: &str, word: Span, within: Block, span: Span) {
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
                return;
            }
        };
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
