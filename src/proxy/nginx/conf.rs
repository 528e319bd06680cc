//! A configuration with its includes spliced in, as nginx reads it, in one flat arena.

use super::syntax::{self, Fault, Kind, NONE, Token, Tree};
use super::templates;
use crate::model::{Problem, ProblemKind, Text};
use crate::source::{FileId, Files, Span};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A directive of a [`Conf`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct DirId(pub u32);

/// A block of directives; none is the top of the root file.
pub type Block = Option<DirId>;

/// A word, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text; equal words share it.
    pub text: Text,
    /// Its bytes, quotes included.
    pub span: Span,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// Whether a template fills a part of it in later.
    pub opaque: bool,
}

/// A directive.
#[derive(Clone, Debug)]
pub struct Dir {
    /// Its name.
    pub name: Word,
    /// Its arguments.
    pub args: Box<[Word]>,
    /// From the name to the `;` or to the `{`, which is included.
    pub span: Span,
    /// `{ … }`, for blocks.
    pub body: Option<Span>,
    /// The enclosing block.
    pub parent: Option<DirId>,
    /// The include that brought it, the innermost.
    pub included_at: Option<Span>,
    /// The file it stands in.
    pub file: FileId,
    children: Vec<DirId>,
}

/// A comment and what stands around it.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Its bytes.
    pub span: Span,
    /// Without `#`.
    pub text: String,
    /// The block around it.
    pub within: Option<DirId>,
    /// The next directive of the same block.
    pub next: Option<DirId>,
    /// The directive that ends on its line.
    pub trailing_of: Option<DirId>,
}

/// What a block is, as far as directives are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// The whole file.
    Main,
    /// `events`
    Events,
    /// `http`
    Http,
    /// `server` in `http`
    Server,
    /// `location`
    Location,
    /// `upstream` in `http`
    Upstream,
    /// `if` in a server
    IfInServer,
    /// `if` in a location
    IfInLocation,
    /// `limit_except`
    LimitExcept,
    /// `stream`
    Stream,
    /// `server` in `stream`
    StreamServer,
    /// `upstream` in `stream`
    StreamUpstream,
    /// `mail` and its servers
    Mail,
    /// `map`, `types`, `geo`, …: data, not directives
    Free,
    /// The block of a module that hoplint does not know
    Foreign,
}

impl Context {
    /// The context that a person names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "main" => Self::Main,
            "http" => Self::Http,
            "server" => Self::Server,
            "location" => Self::Location,
            "stream" => Self::Stream,
            "events" => Self::Events,
            "upstream" => Self::Upstream,
            _ => return None,
        })
    }

    /// The context inside a block of that name.
    pub fn inside(self, block: &str) -> Self {
        match (self, block) {
            // What belongs to another module means there what it wants to.
            (Self::Foreign, _) => Self::Foreign,
            (_, "http") => Self::Http,
            (_, "events") => Self::Events,
            (_, "stream") => Self::Stream,
            (_, "mail") => Self::Mail,
            (_, "map" | "types" | "geo" | "split_clients" | "charset_map" | "match") => Self::Free,
            (Self::Mail, _) => Self::Mail,
            (Self::Stream, "server") => Self::StreamServer,
            (Self::Stream, "upstream") => Self::StreamUpstream,
            (_, "server") => Self::Server,
            (_, "upstream") => Self::Upstream,
            (_, "location") => Self::Location,
            (Self::Server | Self::IfInServer, "if") => Self::IfInServer,
            (_, "if") => Self::IfInLocation,
            (_, "limit_except") => Self::LimitExcept,
            _ => Self::Foreign,
        }
    }
}

/// A root file with everything that it includes.
#[derive(Debug)]
pub struct Conf {
    /// The root.
    pub root: FileId,
    /// All files read, the root first.
    pub files: Vec<FileId>,
    /// What the root is: a whole configuration, or a fragment of that block.
    pub context: Context,
    /// All comments.
    pub comments: Vec<Comment>,
    /// What nginx would refuse on reading.
    pub problems: Vec<Problem>,
    /// Includes that could not be read and lines of a template: the block, the place, its text. Whatever is not written in the
    /// block is unknown.
    pub holes: Vec<(Option<DirId>, Span, String)>,
    /// Whether template tags were seen.
    pub templated: bool,
    dirs: Vec<Dir>,
    top: Vec<DirId>,
}

impl Conf {
    /// Directives at the top.
    pub fn top(&self) -> impl Iterator<Item = DirId> + '_ {
        self.top.iter().copied()
    }

    /// Directives of a block, includes spliced in.
    pub fn children(&self, of: DirId) -> impl Iterator<Item = DirId> + '_ {
        self.get(of).children.iter().copied()
    }

    /// Directives of a block or of the top, includes spliced in.
    pub fn inside(&self, block: Block) -> impl Iterator<Item = DirId> + '_ {
        let list = block.map_or(&self.top, |b| &self.get(b).children);
        list.iter().copied()
    }

    /// The file that holds the body of a block.
    pub fn file_of(&self, block: Block) -> FileId {
        block.map_or(self.root, |b| self.get(b).file)
    }

    /// A directive.
    pub fn get(&self, id: DirId) -> &Dir {
        &self.dirs[id.0 as usize]
    }

    /// All directives, in the order of reading.
    pub fn all(&self) -> impl Iterator<Item = DirId> + use<> {
        (0..self.dirs.len() as u32).map(DirId)
    }
}

/// Whether a file looks like nginx configuration, by its content.
pub fn claims(name: &str, head: &[u8]) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let tree = syntax::parse(head);
    let names: Vec<&[u8]> = tree
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(i, _)| tree.words(i as u32).next())
        .map(|t| &head[t.start as usize..t.end as usize])
        .collect();
    let block = |n: &[u8]| matches!(n, b"server" | b"http" | b"location" | b"upstream" | b"events" | b"stream");
    let blocks = tree.nodes.iter().enumerate().filter(|(_, n)| n.block).filter_map(|(i, _)| tree.words(i as u32).next());
    let known_block = blocks.clone().any(|t| block(&head[t.start as usize..t.end as usize]));
    let line = |n: &[u8]| {
        matches!(
            n,
            b"proxy_pass"
                | b"proxy_set_header"
                | b"server_name"
                | b"add_header"
                | b"listen"
                | b"include"
                | b"fastcgi_param"
                | b"root"
                | b"proxy_http_version"
                | b"proxy_read_timeout"
                | b"worker_processes"
                | b"return"
                | b"map"
        )
    };
    let known_lines = names.iter().filter(|n| line(n)).count();
    // A template is of the language that its name has without the template's own end.
    let written = [".j2", ".jinja", ".jinja2", ".erb", ".tmpl", ".tpl", ".template", ".in"].iter().find_map(|end| name.strip_suffix(end));
    let suffix = written.unwrap_or(name).rsplit('.').next().unwrap_or_default();
    let by_name = file.contains("nginx")
        || name.contains("nginx/")
        || matches!(suffix, "conf" | "nginx" | "vhost")
        || name.contains("sites-")
        || name.contains("conf.d/");
    let code = matches!(
        suffix,
        "rs" | "js"
            | "ts"
            | "go"
            | "c"
            | "h"
            | "java"
            | "py"
            | "css"
            | "scss"
            | "json"
            | "md"
            | "html"
            | "php"
            | "lua"
            | "sh"
            | "tf"
            | "hcl"
            | "proto"
            | "cpp"
            | "yaml"
            | "yml"
            | "toml"
            | "xml"
            | "txt"
    );
    let broken = tree.errors.len() > names.len() / 2 + 2;
    !code && !broken && (known_block && known_lines > 0 || by_name && (known_block || known_lines > 0) && !names.is_empty())
}

/// Reads a configuration. It never fails: what is wrong is in [`Conf::problems`].
pub fn read(files: &mut Files, root: FileId, forced: Option<Context>) -> Conf {
    let dir = files.dir(root);
    let mut r = Read {
        files,
        dir,
        conf: Conf {
            root,
            files: vec![root],
            context: Context::Main,
            comments: Vec::new(),
            problems: Vec::new(),
            holes: Vec::new(),
            templated: false,
            dirs: Vec::new(),
            top: Vec::new(),
        },
        trees: HashMap::new(),
        words: HashMap::new(),
        open: vec![root],
        reported: HashSet::new(),
        listed: HashSet::from([root]),
        fragment: false,
    };
    let tree = r.tree(root);
    let context = forced.unwrap_or_else(|| detect(&tree, r.files.map().file(root).bytes()));
    r.conf.context = context;
    r.fragment = context != Context::Main;
    r.splice(root, None, None);
    r.conf
}

/// What a file is, by the directives at its top.
fn detect(tree: &Tree, bytes: &[u8]) -> Context {
    let names: Vec<(&[u8], bool)> = tree
        .children(NONE)
        .filter_map(|n| tree.words(n).next().map(|t| (&bytes[t.start as usize..t.end as usize], tree.nodes[n as usize].block)))
        .collect();
    let has = |list: &[&str]| names.iter().any(|(n, _)| list.iter().any(|l| l.as_bytes() == *n));
    if has(&["http", "events", "stream", "mail", "worker_processes", "load_module", "daemon", "pid"]) {
        return Context::Main;
    }
    if has(&["server", "upstream", "map", "log_format", "limit_req_zone", "limit_conn_zone", "proxy_cache_path", "geo", "split_clients"]) {
        let servers: Vec<u32> = tree
            .children(NONE)
            .filter(|n| tree.words(*n).next().is_some_and(|t| &bytes[t.start as usize..t.end as usize] == b"server"))
            .collect();
        let inside = |n: u32, name: &[u8]| {
            tree.children(n).any(|c| tree.words(c).next().is_some_and(|t| &bytes[t.start as usize..t.end as usize] == name))
        };
        let http =
            servers.iter().any(|s| inside(*s, b"location") || inside(*s, b"server_name") || inside(*s, b"root") || inside(*s, b"return"));
        let stream = servers.iter().any(|s| inside(*s, b"proxy_pass"));
        return if stream && !http { Context::Stream } else { Context::Http };
    }
    if has(&["location", "server_name", "listen", "ssl_certificate", "if", "rewrite"]) {
        return Context::Server;
    }
    if has(&[
        "proxy_pass",
        "proxy_set_header",
        "fastcgi_pass",
        "fastcgi_param",
        "uwsgi_pass",
        "try_files",
        "alias",
        "proxy_http_version",
        "proxy_read_timeout",
    ]) {
        return Context::Location;
    }
    if names.is_empty() { Context::Main } else { Context::Http }
}

struct Read<'a> {
    files: &'a mut Files,
    dir: String,
    conf: Conf,
    trees: HashMap<FileId, Rc<Tree>>,
    /// Words as they are written: what they stand for, and whether a template fills a part in.
    words: HashMap<Box<[u8]>, (Text, bool)>,
    open: Vec<FileId>,
    reported: HashSet<FileId>,
    listed: HashSet<FileId>,
    fragment: bool,
}

impl Read<'_> {
    fn tree(&mut self, file: FileId) -> Rc<Tree> {
        if let Some(t) = self.trees.get(&file) {
            return t.clone();
        }
        let tree = Rc::new(syntax::parse(self.files.map().file(file).bytes()));
        self.trees.insert(file, tree.clone());
        tree
    }

    fn add(&mut self, dir: Dir) -> DirId {
        let id = DirId(self.conf.dirs.len() as u32);
        let parent = dir.parent;
        self.conf.dirs.push(dir);
        match parent {
            Some(p) => self.conf.dirs[p.0 as usize].children.push(id),
            None => self.conf.top.push(id),
        }
        id
    }

    /// Puts the directives of a file into a block.
    fn splice(&mut self, file: FileId, parent: Option<DirId>, included_at: Option<Span>) {
        let tree = self.tree(file);
        let base = self.files.map().file(file).base();
        self.conf.templated |= tree.templated;
        if self.reported.insert(file) {
            self.report_errors(&tree, base);
        }
        // Blocks are entered with an explicit stack: nesting is as deep as the text says.
        let mut ids: Vec<Option<DirId>> = vec![None; tree.nodes.len()];
        for (i, node) in tree.nodes.iter().enumerate() {
            let within = if node.parent == NONE { parent } else { ids[node.parent as usize].or(parent) };
            let mut words = tree.words(i as u32);
            let token = |t: u32| tree.tokens.get(t as usize).copied();
            let head_end = token(node.head_end);
            let Some(name) = words.next() else {
                continue;
            };
            let mut word = |t: Token| word(&mut self.words, self.files.map().file(file).bytes(), base, t);
            let name = word(name);
            let args: Box<[Word]> = words.map(word).collect();
            let last = args.last().map_or(name.span, |w| w.span);
            let span = head_end.map_or(name.span.to(last), |t| name.span.to(Span::between(base + t.start, base + t.end)));
            let body = node.block.then(|| {
                let start = head_end.map_or(span.start, |t| base + t.start);
                let end = token(node.close).map_or_else(|| self.files.map().file(file).span().end(), |t| base + t.end);
                Span::between(start, end)
            });
            let is_include = &*name.text == "include" && body.is_none() && args.len() == 1;
            let id = self.add(Dir { name, args, span, body, parent: within, included_at, file, children: Vec::new() });
            ids[i] = Some(id);
            if is_include {
                self.include(id, within);
            }
        }
        if tree.templated {
            for gap in templates::gaps(&tree, self.files.map().file(file).bytes()) {
                let within = if gap.within == NONE { parent } else { ids[gap.within as usize].or(parent) };
                let span = Span::between(base + gap.start, base + gap.end);
                let text = self.files.map().text(span);
                self.conf.holes.push((within, span, text));
            }
        }
        self.comments(&tree, file, base, &ids, parent);
    }

    fn comments(&mut self, tree: &Tree, file: FileId, base: u32, ids: &[Option<DirId>], parent: Option<DirId>) {
        let bytes = self.files.map().file(file).bytes();
        let mut found = Vec::new();
        for (i, t) in tree.tokens.iter().enumerate().filter(|(_, t)| t.kind == Kind::Comment) {
            let text = &bytes[t.start as usize..t.end as usize];
            // Others say nothing to hoplint.
            if !text.windows(8).any(|w| w == b"hoplint:") {
                continue;
            }
            found.push((i as u32, *t, String::from_utf8_lossy(&text[1..]).trim_end().to_owned()));
        }
        for (at, t, text) in found {
            let first = |n: &syntax::Node| n.words.0;
            let within = tree
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, n)| n.block && n.head_end != NONE && n.head_end < at && (n.close == NONE || n.close > at))
                .map(|(i, _)| i)
                .next_back();
            let inside = within.map_or(NONE, |w| w as u32);
            let next = tree.nodes.iter().enumerate().find(|(_, n)| n.parent == inside && first(n) != NONE && first(n) > at).map(|(i, _)| i);
            let line = bytes[..t.start as usize].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1) as u32;
            let trailing = tree
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, n)| n.head_end != NONE && n.head_end < at && tree.tokens[n.head_end as usize].start >= line)
                .map(|(i, _)| i)
                .next_back();
            let id = |i: Option<usize>| i.and_then(|i| ids[i]);
            self.conf.comments.push(Comment {
                span: Span::between(base + t.start, base + t.end),
                text,
                within: id(within).or(parent),
                next: id(next),
                trailing_of: id(trailing),
            });
        }
    }

    fn problem(&mut self, kind: ProblemKind, certain: bool, span: Span, message: String, help: &str) -> &mut Problem {
        self.conf.problems.push(Problem { kind, certain, span, message, help: help.to_owned(), related: Vec::new() });
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
            self.problem(kind, certain, span, message, help);
        }
    }

    fn include(&mut self, id: DirId, within: Option<DirId>) {
        let (span, arg) = {
            let dir = self.conf.get(id);
            (dir.span, dir.args[0].clone())
        };
        if arg.opaque {
            self.conf.holes.push((within, span, arg.text.to_string()));
            return;
        }
        let path = self.resolve(&arg.text);
        if arg.text.contains(['*', '?', '[']) {
            for found in self.files.glob(&path) {
                self.include_file(&found, id, within, span);
            }
            return;
        }
        self.include_file(&path, id, within, span);
    }

    /// Relative to the directory of the main file, never to the including one `[file-include-relative]`.
    fn resolve(&self, path: &str) -> String {
        if path.starts_with('/') || self.dir.is_empty() { path.to_owned() } else { format!("{}/{path}", self.dir) }
    }

    fn include_file(&mut self, path: &str, id: DirId, within: Option<DirId>, span: Span) {
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
                    let word = self.conf.get(id).args[0].span;
                    self.problem(ProblemKind::IncludeNotFound, false, word, format!("`{path}` could not be read: {e}"), "nginx does not start without it; the path is relative to the directory of the main file. `--include-map FROM=TO` says where it lies");
                }
                return;
            }
        };
        if let Some(at) = self.open.iter().position(|f| *f == file) {
            let word = self.conf.get(id).args[0].span;
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

fn word(known: &mut HashMap<Box<[u8]>, (Text, bool)>, bytes: &[u8], base: u32, token: Token) -> Word {
    let raw = &bytes[token.start as usize..token.end as usize];
    let (text, opaque) = match known.get(raw) {
        Some(word) => word.clone(),
        None => {
            let decoded = syntax::decode(raw, token.kind);
            let text: Text = String::from_utf8_lossy(&decoded).into();
            let opaque = is_template(&text);
            known.insert(raw.into(), (text.clone(), opaque));
            (text, opaque)
        }
    };
    Word { text, span: Span::between(base + token.start, base + token.end), quoted: token.kind == Kind::Quoted, opaque }
}

/// `{{ }}`, `{% %}`, `<% %>`, `@NAME@`, `%%NAME%%`, `${NAME}` in capitals: filled in before nginx sees it.
pub(super) fn is_template(text: &str) -> bool {
    let capitals = |s: &str| {
        !s.is_empty()
            && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && s.bytes().any(|b| b.is_ascii_uppercase())
    };
    let between = |open: &str, close: &str| text.split(open).skip(1).any(|part| part.find(close).is_some_and(|end| capitals(&part[..end])));
    text.contains("{{") && text.contains("}}")
        || text.contains("{%") && text.contains("%}")
        || text.contains("<%") && text.contains("%>")
        || between("${", "}")
        || between("@", "@")
        || between("%%", "%%")
        || between("<", ">")
        || between("{", "}") && !text.contains('\\')
}
