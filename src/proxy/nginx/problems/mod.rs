//! What nginx would refuse, beyond the lexical grammar: by its own table of directives, and by what the directives check
//! themselves. Found once for a configuration; what depends on the release says so.

mod arguments;
mod index;
mod listen;
mod locations;
mod names;
mod rewrite;
mod unknown;
mod upstreams;
mod values;

use super::conf::{Args, Conf, Context, Dir, DirId, Word};
use super::directives::table;
use crate::model::{Era, Problem, ProblemKind, Version};
use crate::source::{SourceMap, Span};
use index::Index;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;

/// A problem, and the releases that have it.
#[derive(Clone, Debug)]
pub struct Found {
    problem: Problem,
    only: Only,
}

/// The releases of a problem.
#[derive(Clone, Copy, Debug)]
enum Only {
    /// All of them.
    Always,
    /// Those before that one.
    Before(Version),
    /// That one and later ones.
    Since(Version),
}

impl Found {
    /// The problem, if the release has it.
    pub fn at(&self, era: &Era) -> Option<&Problem> {
        let holds = match self.only {
            Only::Always => true,
            Only::Before(v) => !era.since(v),
            Only::Since(v) => era.since(v),
        };
        holds.then_some(&self.problem)
    }
}

/// Everything that nginx would refuse at some release. `told`: a person named the context of the root.
pub fn find(conf: &Conf, map: &SourceMap, told: bool) -> Vec<Found> {
    let index = Index::of(conf);
    let mut check = Check {
        conf,
        map,
        index: &index,
        guessed: conf.context != Context::Main && !told,
        sure: !conf.templated,
        unended: BTreeSet::new(),
        groups: HashMap::new(),
        found: Vec::new(),
    };
    for block in check.http_blocks("upstream") {
        if let Some(name) = conf.args(block).first() {
            check.groups.entry(name.text).or_insert(block);
        }
    }
    check.directives();
    check.duplicates();
    check.locations();
    check.listens();
    check.upstreams();
    check.names();
    check.missing_events(told);
    check.found
}

/// Contexts that a directive may be in.
#[derive(Clone, Copy)]
struct Candidates {
    all: [Context; 2],
    count: usize,
}

impl Candidates {
    const fn any() -> Self {
        Self { all: [Context::Main; 2], count: 0 }
    }

    const fn one(context: Context) -> Self {
        Self { all: [context; 2], count: 1 }
    }

    const fn either(one: Context, other: Context) -> Self {
        Self { all: [one, other], count: 2 }
    }
}

impl Deref for Candidates {
    type Target = [Context];

    fn deref(&self) -> &[Context] {
        &self.all[..self.count]
    }
}

struct Check<'a> {
    conf: &'a Conf,
    map: &'a SourceMap,
    index: &'a Index<'a>,
    /// The root is a fragment, and where it belongs was worked out from its text.
    guessed: bool,
    /// No template decides what is there.
    sure: bool,
    /// Directives that swallowed the next line: their words are not their own.
    unended: BTreeSet<DirId>,
    /// `upstream` blocks by name.
    groups: HashMap<&'a str, DirId>,
    found: Vec<Found>,
}

impl<'a> Check<'a> {
    fn dir(&self, id: DirId) -> Dir<'a> {
        self.conf.get(id)
    }

    fn name(&self, id: DirId) -> &'a str {
        self.conf.name(id).text
    }

    fn args(&self, id: DirId) -> Args<'a> {
        self.conf.args(id)
    }

    fn context(&self, id: DirId) -> Context {
        self.index.context(id)
    }

    /// What the table knows of a directive.
    fn entry(&self, id: DirId) -> Option<(usize, &'static table::Entry)> {
        let i = usize::from(self.conf.name(id).named().entry?);
        Some((i, &table::DIRECTIVES[i]))
    }

    fn children(&self, of: DirId) -> impl Iterator<Item = DirId> + use<'a> {
        self.conf.children(of)
    }

    /// Directives of a name right inside a block, or at the top.
    fn inside(&self, of: Option<DirId>, name: &'a str) -> impl Iterator<Item = DirId> + use<'a> {
        let conf = self.conf;
        conf.inside(of).filter(move |c| conf.name(*c).text == name)
    }

    /// All contexts that a directive may be in: more than one where the surroundings of a fragment were guessed. Empty: any.
    fn candidates(&self, id: DirId) -> Candidates {
        let Some(parent) = self.conf.parent(id) else {
            return if self.guessed { Candidates::any() } else { Candidates::one(self.conf.context) };
        };
        if self.guessed && self.conf.parent(parent).is_none() {
            match self.name(parent) {
                "if" => return Candidates::either(Context::IfInServer, Context::IfInLocation),
                "server" => return Candidates::either(Context::Server, Context::StreamServer),
                "upstream" => return Candidates::either(Context::Upstream, Context::StreamUpstream),
                _ => {}
            }
        }
        Candidates::one(self.context(id))
    }

    /// Whether everything that the configuration consists of was read.
    fn complete(&self) -> bool {
        self.conf.context == Context::Main && self.sure && !self.conf.holes.iter().any(|h| !super::lower::harmless(&h.2))
    }

    fn report(&mut self, kind: ProblemKind, certain: bool, span: Span, message: String, help: impl Into<String>) -> &mut Found {
        let problem = Problem { kind, certain: certain && self.sure, span, message, help: help.into(), related: Vec::new(), remedy: None };
        self.found.push(Found { problem, only: Only::Always });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// A value that nginx refuses.
    fn bad_value(&mut self, word: Word<'_>, message: String, help: impl Into<String>) -> &mut Found {
        self.report(ProblemKind::BadValue, true, word.span, message, help)
    }

    /// A main file has an `events` block, even an empty one `[file-no-events]`.
    fn missing_events(&mut self, told: bool) {
        let bare = |name: &str| name.trim_start_matches(unknown::BOM) == "events";
        if self.conf.context != Context::Main || !self.complete() || self.conf.top().any(|d| bare(self.name(d))) {
            return;
        }
        let start = self.map.file(self.conf.root).span().start;
        let span = self.conf.top().next().map_or(Span { start, len: 0 }, |d| self.conf.name(d).span);
        // That it is the main file is a guess, unless somebody said so.
        self.report(
            ProblemKind::MissingBlock,
            told,
            span,
            "there is no `events` block".to_owned(),
            "nginx does not start with this as its main file: add `events { }`, which may be empty",
        );
    }

    /// What may stand once in a block stands there again; includes count `[file-dup-include]`.
    fn duplicates(&mut self) {
        if !self.sure {
            return;
        }
        // For each directive of the table: the block in which it was seen last, and where.
        let mut seen: Vec<Option<(Option<DirId>, DirId)>> = vec![None; table::DIRECTIVES.len()];
        let conf = self.conf;
        let blocks = conf.all().filter(|b| conf.is_block(*b)).map(Some);
        for block in std::iter::once(None).chain(blocks) {
            for id in conf.inside(block) {
                let Some((i, entry)) = self.entry(id) else { continue };
                let context = self.context(id);
                if !entry.forms.iter().any(|f| f.once && f.fits(context)) {
                    continue;
                }
                match seen[i] {
                    Some((b, first)) if b == block => self.duplicate(id, first, &format!("`{}` may stand only once here", self.name(id))),
                    _ => seen[i] = Some((block, id)),
                }
            }
        }
    }

    fn duplicate(&mut self, id: DirId, first: DirId, message: &str) {
        let (first, dir) = (self.dir(first).span, self.dir(id));
        let (span, included) = (dir.span, dir.included_at);
        let found = self.report(ProblemKind::DuplicateDirective, true, span, message.to_owned(), "remove one of the two");
        found.problem.related.push((first, "it stands here already".to_owned()));
        if let Some(at) = included.filter(|at| *at != span) {
            found.problem.related.push((at, "included here".to_owned()));
        }
    }
}
