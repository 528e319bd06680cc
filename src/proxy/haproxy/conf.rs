//! A configuration read from its files: statements in order, each with what guards it, and the sections they make.

use super::cond::{self, Truth};
use super::syntax::{self, Fault, Style, Tree, Variable};
use crate::model::{Problem, ProblemKind, Remedy};
use crate::source::{FileId, Files, Span};
use std::collections::HashMap;

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text, quotes and escapes resolved.
    pub text: Box<str>,
    /// Its bytes.
    pub span: Span,
    /// Whether its value depends on something outside: the environment, a template.
    pub unknown: bool,
    /// Whether any part of it is quoted.
    pub quoted: bool,
}

/// A `.if` or `.elif` above a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The predicate.
    pub text: Box<str>,
    /// Its bytes.
    pub span: Span,
    /// Whether the statement is read when the predicate is false.
    pub not: bool,
}

/// One line with words.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Its words; none: a template tag stands there, and anything may come of it.
    pub words: Vec<Word>,
    /// From the first to the last word.
    pub span: Span,
    /// Predicates that must hold.
    pub guards: Vec<Guard>,
    /// Whether it may or may not be read: a guard is not decidable.
    pub maybe: bool,
}

impl Stmt {
    /// A word's text, or nothing.
    pub fn word(&self, n: usize) -> &str {
        self.words.get(n).map_or("", |w| &w.text)
    }
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Its bytes.
    pub span: Span,
    /// Without the mark.
    pub text: String,
    /// The statement beside it, or else the next one.
    pub about: Option<usize>,
}

/// A configuration.
#[derive(Debug, Default)]
pub struct Conf {
    /// Its files, in HAProxy's order.
    pub files: Vec<FileId>,
    /// All statements.
    pub stmts: Vec<Stmt>,
    /// All comments.
    pub comments: Vec<Comment>,
    /// What cannot be read.
    pub problems: Vec<Problem>,
    /// Last lines without a line feed, which is refused since 2.4.
    pub truncated: Vec<Problem>,
    /// Whether template tags were seen.
    pub templated: bool,
    /// Whether it is only a part of a configuration.
    pub fragment: bool,
}

/// Keywords that begin a section.
pub const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "listen",
    "frontend",
    "backend",
    "acme",
    "cache",
    "crt-store",
    "fcgi-app",
    "healthcheck",
    "http-errors",
    "log-forward",
    "log-profile",
    "mailers",
    "namespace_list",
    "peers",
    "program",
    "resolvers",
    "ring",
    "traces",
    "userlist",
    "ruleset",
];

/// A section: its head and what stands in it.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    /// `frontend`
    pub noun: &'static str,
    /// Its name, or nothing.
    pub name: &'a str,
    /// The head.
    pub head: &'a Stmt,
    /// Its statements.
    pub body: Vec<&'a Stmt>,
    /// Its `acl` lines by the name that they define.
    pub acls: HashMap<&'a str, Vec<&'a Stmt>>,
    /// The index of the `defaults` section that it takes its settings from.
    pub defaults: Option<usize>,
    /// The file it stands in.
    pub last: Span,
}

impl Section<'_> {
    /// Whether it takes connections.
    pub fn is_front(&self) -> bool {
        matches!(self.noun, "frontend" | "listen")
    }

    /// Whether it has servers.
    pub fn is_back(&self) -> bool {
        matches!(self.noun, "backend" | "listen")
    }

    /// Whether a template fills in a part of it.
    pub fn has_hole(&self) -> bool {
        self.body.iter().any(|s| s.words.is_empty())
    }
}

impl Conf {
    /// The sections at a release.
    pub fn sections(&self, since: &dyn Fn((u16, u16, u16)) -> bool) -> (Vec<Section<'_>>, Vec<&Stmt>) {
        let mut out: Vec<Section<'_>> = Vec::new();
        let mut before = Vec::new();
        let mut last_defaults = None;
        for stmt in &self.stmts {
            let truth = stmt.guards.iter().fold(Truth::Yes, |all, g| all.and(cond::eval(&g.text, since).negate_if(g.not)));
            if truth == Truth::No {
                continue;
            }
            let first = stmt.word(0);
            let noun = SECTIONS.iter().find(|s| **s == first).copied();
            if let Some(noun) = noun {
                let from = stmt.words.iter().position(|w| &*w.text == "from").and_then(|i| stmt.words.get(i + 1)).map(|w| &*w.text);
                let named = !matches!(noun, "global" | "traces") && stmt.word(1) != "from";
                let defaults = match from {
                    Some(from) => out.iter().rposition(|s| s.noun == "defaults" && s.name == from),
                    None if noun == "defaults" => None,
                    None => last_defaults,
                };
                if noun == "defaults" {
                    last_defaults = Some(out.len());
                }
                out.push(Section {
                    noun,
                    name: if named { stmt.word(1) } else { "" },
                    head: stmt,
                    body: Vec::new(),
                    acls: HashMap::new(),
                    defaults,
                    last: stmt.span,
                });
            } else if stmt.word(0).starts_with('[') && stmt.word(0).ends_with(']') {
                // A scope for other programs: `[haproxy]`.
            } else if let Some(section) = out.last_mut() {
                if stmt.word(0) == "acl" {
                    section.acls.entry(stmt.word(1)).or_default().push(stmt);
                }
                section.body.push(stmt);
                section.last = stmt.span;
            } else {
                before.push(stmt);
            }
        }
        (out, before)
    }
}

/// Whether a text is a HAProxy configuration: it has a section head of its own, or a name that says so and statements.
pub fn claims(name: &str, head: &[u8]) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let named = file.contains("haproxy") || file.rsplit_once('.').is_some_and(|(_, end)| end == "cfg");
    let text = String::from_utf8_lossy(head);
    let (mut own, mut sections, mut known, mut other) = (0, 0, 0, 0);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next().filter(|w| !w.starts_with('#')) else { continue };
        let rest = words.clone().count();
        let bare = !line.trim_end().ends_with(['{', ';', ':', ',']);
        match first {
            "frontend" | "backend" | "listen" if rest >= 1 && bare && !line.contains(['=', '"', ';']) => {
                own += 1;
                sections += 1;
            }
            "global" | "defaults" | "userlist" | "resolvers" | "peers" if rest <= 3 && bare => sections += 1,
            "bind" | "default_backend" | "use_backend" | "acl" | "option" | "timeout" | "http-request" | "http-response" | "balance"
            | "stick-table" | "maxconn" | "daemon"
                if rest >= 1 || first == "daemon" =>
            {
                known += 1;
            }
            "mode" if line.contains("http") || line.contains("tcp") => known += 1,
            "server" if rest >= 2 && bare => known += 1,
            _ => other += 1,
        }
    }
    if named { sections >= 1 && known >= 1 } else { own >= 1 && known >= 2 && (own + known) * 2 > other }
}

/// Reads files as one configuration.
pub fn read(files: &Files, given: &[FileId]) -> Conf {
    let mut conf = Conf { files: given.to_vec(), ..Conf::default() };
    for id in given {
        file(&mut conf, files, *id);
    }
    let has = |nouns: &[&str]| conf.stmts.iter().any(|s| nouns.contains(&s.word(0)));
    conf.fragment = conf.templated || !has(&["global", "defaults"]) || !has(&["frontend", "listen"]);
    conf
}

fn file(conf: &mut Conf, files: &Files, id: FileId) {
    let file = files.map().file(id);
    let (bytes, base) = (file.bytes(), file.span().start);
    let first = syntax::parse(bytes, &Style::default());
    let set = environment(&first);
    let style_of = |name: &str| set.iter().rev().find(|s| s.0 == name).map_or(Variable::Unknown, |s| Variable::Is(s.1.clone()));
    let tree = if set.is_empty() { first } else { syntax::parse(bytes, &Style { variable: &style_of, ..Style::default() }) };
    let mut stack: Vec<Vec<Guard>> = Vec::new();
    let mut waiting: Vec<usize> = Vec::new();
    let from = conf.stmts.len();
    for line in &tree.lines {
        let raw_start = tree.tokens.get(line.tokens.0 as usize).map_or(0, |t| t.start as usize);
        let raw_end = tree.tokens[line.tokens.0 as usize..line.tokens.1 as usize].last().map_or(raw_start, |t| t.end as usize);
        let raw = String::from_utf8_lossy(&bytes[raw_start..raw_end]);
        let template = is_template(&raw);
        conf.templated |= template;
        let mut own = None;
        if !line.broken {
            let mut words: Vec<Word> = tree
                .words(line)
                .iter()
                .map(|w| Word {
                    text: w.text.clone(),
                    span: Span::between(base + w.start, base + w.end),
                    unknown: w.unknown || template && is_template(&w.text) || is_placeholder(&w.text),
                    quoted: w.quoted,
                })
                .collect();
            // In addresses HAProxy replaces variables without quotes too.
            let address = match words.first().map(|w| &*w.text) {
                Some("bind") => words.get_mut(1),
                Some("server") => words.get_mut(2),
                _ => None,
            };
            if let Some(word) = address {
                word.unknown |= word.text.contains('$');
            }
            if template {
                let tag = raw.trim_start();
                if ["{%", "{{", "<%"].iter().any(|t| tag.starts_with(t)) {
                    words.clear();
                } else if let Some(i) = words.iter().position(|w| is_template(&w.text)) {
                    words.truncate(i + 1);
                    words[i].unknown = true;
                }
            }
            let span = words
                .first()
                .map_or(Span::between(base + raw_start as u32, base + raw_end as u32), |w| w.span.to(words.last().unwrap_or(w).span));
            let is_directive = words.first().is_some_and(|w| w.text.starts_with('.') && !w.quoted);
            if is_directive {
                directive(conf, &mut stack, &words, span);
            } else if !words.is_empty() || template {
                let guards: Vec<Guard> = stack.iter().flatten().cloned().collect();
                // A predicate that is none is refused [f14c].
                let maybe = guards.iter().any(|g| cond::eval(&g.text, &|_| true) == Truth::Maybe);
                own = Some(conf.stmts.len());
                conf.stmts.push(Stmt { words, span, guards, maybe });
            }
        }
        if let Some(own) = own {
            for w in waiting.drain(..) {
                conf.comments[w].about = Some(own);
            }
        }
        if let Some(c) = tree.comment(line) {
            let text = String::from_utf8_lossy(&bytes[c.start as usize + 1..c.end as usize]).into_owned();
            if own.is_none() {
                waiting.push(conf.comments.len());
            }
            conf.comments.push(Comment { span: Span::between(base + c.start, base + c.end), text, about: own });
        }
    }
    if !conf.templated {
        faults(conf, &tree, bytes, base);
        let opening = conf.stmts.get(from).filter(|s| !SECTIONS.contains(&s.word(0)));
        if let Some(stmt) = opening
            && from > 0
        {
            let span = stmt.words.first().map_or(stmt.span, |w| w.span);
            let message = format!("`{}` stands before any section of its file", stmt.word(0));
            conf.problems.push(problem(ProblemKind::MisplacedDirective, span, message, "begin each file with a section head"));
        }
    }
}

/// `.if`, `.elif`, `.else`, `.endif`; the others print messages.
fn directive(conf: &mut Conf, stack: &mut Vec<Vec<Guard>>, words: &[Word], span: Span) {
    let head = &*words[0].text;
    let text: String = words[1..].iter().map(|w| &*w.text).collect::<Vec<_>>().join(" ");
    let guard = || Guard { text: text.clone().into_boxed_str(), span, not: false };
    match head {
        ".if" => stack.push(vec![guard()]),
        ".elif" | ".else" => {
            let Some(top) = stack.last_mut() else {
                conf.problems.push(problem(
                    ProblemKind::UnexpectedToken,
                    words[0].span,
                    format!("`{head}` without `.if`"),
                    "remove it, or write the `.if` that it belongs to",
                ));
                return;
            };
            if let Some(last) = top.last_mut() {
                last.not = true;
            }
            if head == ".elif" {
                top.push(guard());
            }
        }
        ".endif" => {
            if stack.pop().is_none() {
                conf.problems.push(problem(
                    ProblemKind::UnexpectedToken,
                    words[0].span,
                    "`.endif` without `.if`".to_owned(),
                    "remove it, or write the `.if` that it belongs to",
                ));
            }
        }
        ".notice" | ".warning" | ".diag" | ".alert" => {}
        _ => conf.problems.push(problem(
            ProblemKind::UnknownDirective,
            words[0].span,
            format!("`{head}` is not a directive"),
            "HAProxy has no include; it reads several files with `-f`. Conditions are `.if`, `.elif`, `.else`, `.endif`",
        )),
    }
}

/// Values that `setenv` gives.
fn environment(tree: &Tree) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for line in &tree.lines {
        if let [verb, name, value] = tree.words(line)
            && &*verb.text == "setenv"
            && !value.unknown
        {
            out.push((name.text.to_string(), value.text.to_string()));
        }
    }
    out
}

pub(super) fn problem(kind: ProblemKind, span: Span, message: String, help: &str) -> Problem {
    Problem { kind, certain: true, span, message, help: help.to_owned(), related: Vec::new(), remedy: None }
}

fn faults(conf: &mut Conf, tree: &Tree, bytes: &[u8], base: u32) {
    for e in &tree.errors {
        let at = (e.at as usize).min(bytes.len().saturating_sub(1)) as u32;
        let span = Span::between(base + at, base + at + u32::from(!bytes.is_empty()));
        let (kind, message, help) = match e.fault {
            Fault::Quote => (
                ProblemKind::Unterminated,
                "a quote that is not closed on its line",
                "close it, or escape it with a backslash: a quote may begin in the middle of a word",
            ),
            Fault::Brace => (ProblemKind::Unterminated, "`${` without `}`", "write `${NAME}` or `${NAME-default}`; `:-` is not known"),
            Fault::Hex => {
                (ProblemKind::UnexpectedToken, "`\\x` without two hexadecimal digits", "write `\\x41`, or `\\\\x` for a backslash")
            }
            Fault::VariableName => (
                ProblemKind::UnexpectedToken,
                "`$` inside double quotes begins no variable",
                "write `\\$`, or use single quotes: nothing is replaced in them",
            ),
            Fault::Expansion => (ProblemKind::UnexpectedToken, "`[` in a variable is not `[*]`", "write `${NAME[*]}`"),
            Fault::TooManyWords => (ProblemKind::WrongArguments, "more than 64 words on one line", "split it into several lines"),
            Fault::Nul => (ProblemKind::UnexpectedToken, "a NUL byte", "remove it"),
            Fault::NoNewline => {
                let end = base + bytes.len() as u32;
                let last = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1) as u32;
                let truncated = problem(
                    ProblemKind::Unterminated,
                    Span::between(base + last, end),
                    "the last line does not end with a line feed".to_owned(),
                    "end the file with a line feed: since 2.4 HAProxy takes such a file for a truncated one",
                );
                // An edit lies within the file: the last letter is written anew.
                let mark = if bytes.windows(2).any(|w| w == b"\r\n") { "\r\n" } else { "\n" };
                let letter =
                    bytes[last as usize..].utf8_chunks().last().filter(|c| c.invalid().is_empty()).and_then(|c| c.valid().chars().last());
                let remedy = letter.map(|c| {
                    let span = Span::between(end - c.len_utf8() as u32, end);
                    Remedy { span, text: format!("{c}{mark}"), guessed: false }
                });
                conf.truncated.push(Problem { remedy, ..truncated });
                continue;
            }
        };
        conf.problems.push(problem(kind, span, message.to_owned(), help));
    }
}

/// Template tags: the text is filled in before HAProxy sees it.
fn is_template(text: &str) -> bool {
    text.contains("{{") && text.contains("}}")
        || text.contains("{%")
        || text.contains("<%") && text.contains("%>")
        || text.contains("<no value>")
        || text.contains("<<") && text.contains(">>")
}

/// `${NAME}` outside of quotes, `@NAME@`, `<NAME>` in capitals: filled in by something before HAProxy.
fn is_placeholder(text: &str) -> bool {
    let capitals =
        |s: &str| s.bytes().any(|b| b.is_ascii_uppercase()) && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let between = |open: &str, close: &str| text.split(open).skip(1).any(|part| part.find(close).is_some_and(|end| capitals(&part[..end])));
    between("@", "@") || between("%%", "%%") || between("<", ">") || between("__", "__")
}
