//! nginx's semantics, undone into the route model: phases into the order of execution, inheritance into settings in force,
//! built-in behaviour into implied steps and implied header operations. Sources: the nginx documentation, and what was
//! measured (ids in brackets are conformance cases).

mod handlers;
mod locations;
mod policy;
mod rewrite;
mod servers;
mod settings;
mod shared;
mod stream;
mod turn;
mod upstreams;
mod vars;

pub(super) use turn::turn;

use super::conf::{Conf, Context, DirId, is_template};
use crate::model::{
    BlockId, ClocksId, Comment, Era, Expr, ExprId, Fact, HeaderList, HopId, How, Limit, ListId, MapId, PatternId, Pick, Proxy, Reason,
    RouteId, Scope, Seat, Slot, Step, Table, TableId, Text, UpstreamId, Why,
};
use crate::proxy::nginx::releases::MODERN_UPSTREAMS;
use crate::source::Span;
use rustc_hash::FxHashMap;
use settings::Settings;
use shared::Known;
use std::collections::HashMap;

/// What a variable's name means.
#[derive(Clone, Copy)]
enum Meaning {
    Slot(Slot),
    Map(MapId, ExprId),
    Opaque(Why),
}

pub(super) struct Lower<'a> {
    conf: &'a Conf,
    era: &'a Era,
    p: Proxy,
    meanings: FxHashMap<String, Meaning>,
    /// Texts with variables that mean the same wherever they stand; forgotten when a variable is declared.
    texts: FxHashMap<Text, ExprId>,
    /// Whether what was read last has to do with the place where it stands.
    placed: bool,
    exprs: Known<ExprId>,
    hops: Known<HopId>,
    /// Regular expressions without named groups, by case and text.
    patterns: [FxHashMap<Text, PatternId>; 2],
    /// The first unread include of each block that may hold settings: its place and path.
    holes: HashMap<Option<DirId>, (Span, String)>,
    upstreams: FxHashMap<String, UpstreamId>,
    /// Names that many clocks have.
    clock_names: [Text; 3],
    /// Clocks by the limits that they have, and whether they are those of CGI.
    clocks: FxHashMap<(Fact<Limit>, Fact<Limit>, bool), ClocksId>,
    /// Where a path without its final slash is redirected to.
    slashed: Option<ExprId>,
    /// Base of every outgoing list.
    implied: ListId,
    /// Forgets the groups of a regular expression.
    forgetting: Option<BlockId>,
    /// Outgoing list of handlers that pass the request as it is.
    unchanged: ListId,
    /// The same for CGI, where that gets a host of nginx's.
    cgi: Option<ListId>,
    /// Lines of every upstream that clients do not get.
    hidden: ListId,
    modern: bool,
    outside: Option<Why>,
    /// Directives right inside `http`.
    http_dirs: Vec<DirId>,
    /// Scopes that comments speak of.
    seats: FxHashMap<DirId, Option<Seat>>,
    named: FxHashMap<&'a str, RouteId>,
    /// The location table of the server at hand.
    table: TableId,
    /// The rewrite phase of the server at hand, which an internal redirect goes through again; `rewrite … last` does not.
    server_rewrites: BlockId,
    /// Room for lists of directives and of steps, so that not every block needs its own.
    spare: Vec<Vec<DirId>>,
    steps: Vec<Step>,
    /// Length of what the location at hand matched, for `proxy_pass` with a URI part.
    drop: u32,
    /// Files' worth of text around everything.
    whole: Span,
}

/// Lowers one configuration for one era.
pub(super) fn lower(conf: &Conf, era: &Era, whole: Span) -> Proxy {
    let mut p = Proxy::new("nginx", super::advice::words);
    // The eleventh internal redirect is one too many.
    p.jumps = 11;
    let mut lower = Lower {
        conf,
        era,
        p,
        meanings: FxHashMap::default(),
        texts: FxHashMap::default(),
        placed: false,
        exprs: Known::default(),
        hops: Known::default(),
        patterns: Default::default(),
        holes: HashMap::new(),
        upstreams: FxHashMap::default(),
        clock_names: ["proxy_read_timeout", "uwsgi_read_timeout", "proxy_connect_timeout"].map(Text::from),
        clocks: FxHashMap::default(),
        slashed: None,
        implied: ListId(0),
        forgetting: None,
        unchanged: ListId(0),
        cgi: None,
        hidden: ListId(0),
        modern: era.since(MODERN_UPSTREAMS),
        outside: None,
        http_dirs: Vec::new(),
        seats: conf.comments.iter().flat_map(|c| [c.within, c.next, c.trailing_of]).flatten().map(|d| (d, None)).collect(),
        named: FxHashMap::default(),
        table: TableId(0),
        server_rewrites: BlockId(0),
        spare: Vec::new(),
        steps: Vec::new(),
        drop: 0,
        whole,
    };
    lower.p.reserve(conf.all().filter(|d| conf.is_block(*d)).count());
    lower.run();
    lower.p
}

impl<'a> Lower<'a> {
    fn run(&mut self) {
        for (block, span, path) in self.conf.holes.iter().filter(|h| !harmless(&h.2)) {
            self.holes.entry(*block).or_insert((*span, path.clone()));
        }
        let context = self.conf.context;
        self.p.fragment = context != Context::Main;
        let noun = "file";
        let root = self.p.add_scope(Scope {
            parent: None,
            span: Span { start: self.whole.start, len: 0 },
            body: self.whole,
            noun,
            name: "".into(),
        });
        if self.p.fragment {
            self.outside = Some(self.p.doubt(Reason::OutsideFile, self.whole, "this is a fragment: what surrounds it is not known"));
        }
        self.implied = self.implied_headers(root);
        self.unchanged = self.p.add_list(HeaderList { seat: root, base: None, ops: Vec::new(), displaced: None, open: None });
        self.hidden = self.hidden_headers(root, &[]);
        let base = self.defaults(root);
        let top: Vec<DirId> = self.conf.top().collect();
        match context {
            Context::Main => {
                for id in &top {
                    match self.name(*id) {
                        "http" => self.http(*id, root, &base),
                        "stream" => self.stream(Some(*id), root, &base),
                        _ => {}
                    }
                }
            }
            Context::Http => self.http_body(&top, root, &base),
            Context::Server => self.loose_server(&top, root, &base),
            Context::Stream => self.stream(None, root, &base),
            Context::Location => self.loose_location(&top, root, &base),
            _ => {}
        }
        self.comments(root);
    }

    fn http(&mut self, id: DirId, parent: Seat, base: &Settings) {
        let seat = self.scope(id, parent);
        let children: Vec<DirId> = self.conf.children(id).collect();
        self.names(&children);
        let settings = self.settings(base, Some(id), &children, seat);
        self.http_settings(&children, seat, &settings);
    }

    fn http_body(&mut self, children: &[DirId], seat: Seat, base: &Settings) {
        self.names(children);
        let settings = self.settings(base, None, children, seat);
        self.http_settings(children, seat, &settings);
    }

    /// What variables mean, wherever they are used.
    fn names(&mut self, children: &[DirId]) {
        self.variables(children);
        for s in children.iter().filter(|c| self.name(**c) == "server").copied().collect::<Vec<_>>() {
            self.declare_slots(s);
        }
    }

    fn http_settings(&mut self, children: &[DirId], seat: Seat, settings: &Settings) {
        self.http_dirs = children.iter().copied().filter(|c| !self.conf.is_block(*c)).collect();
        self.upstream_blocks(children, seat);
        let servers: Vec<DirId> = children.iter().copied().filter(|c| self.name(*c) == "server").collect();
        self.servers(&servers, seat, settings);
    }

    fn name(&self, id: DirId) -> &'a str {
        self.conf.name(id).text
    }

    fn arg(&self, id: DirId, n: usize) -> Option<&'a str> {
        self.conf.args(id).get(n).map(|w| w.text)
    }

    /// The directives of a block; to be given back to [`Self::done`].
    fn children(&mut self, id: DirId) -> Vec<DirId> {
        let mut list = self.spare.pop().unwrap_or_default();
        list.extend(self.conf.children(id));
        list
    }

    fn done(&mut self, mut list: Vec<DirId>) {
        list.clear();
        self.spare.push(list);
    }

    fn span(&self, id: DirId) -> Span {
        self.conf.span(id)
    }

    /// The scope of a block.
    fn scope(&mut self, id: DirId, parent: Seat) -> Seat {
        let dir = self.conf.get(id);
        let noun: &'static str = match dir.name.text {
            "http" => "http",
            "server" => "server",
            "location" => "location",
            "if" => "if",
            "limit_except" => "limit_except",
            "upstream" => "upstream",
            "map" => "map",
            _ => "block",
        };
        let name: Text = if noun == "server" {
            let names = self.conf.children(id).find(|c| self.name(*c) == "server_name");
            names.and_then(|n| self.conf.args(n).first()).map(|w| w.shared()).unwrap_or_default()
        } else if let Some([word]) = dir.args.exactly() {
            word.shared()
        } else {
            let mut name = String::new();
            for (i, word) in dir.args.iter().enumerate() {
                name.push_str(if i == 0 { "" } else { " " });
                name.push_str(word.text);
            }
            name.into()
        };
        let body = dir.body.map_or(dir.span, |b| dir.span.to(b));
        let seat = self.p.add_scope(Scope { parent: Some(parent), span: dir.span, body, noun, name });
        if let Some(wanted) = self.seats.get_mut(&id) {
            *wanted = Some(seat);
        }
        seat
    }

    fn fact<T: Copy>(&self, value: T, id: DirId, seat: Seat) -> Fact<T> {
        Fact::is(value, How::Written, self.span(id), seat)
    }

    fn empty_table(&mut self, pick: Pick, miss: BlockId, seat: Seat) -> TableId {
        self.p.add_table(Table { pick, arms: Vec::new(), miss, open: None, seat })
    }

    /// Why more settings may stand in a block than were read.
    fn hole_in(&mut self, block: Option<DirId>) -> Option<Why> {
        let (span, path) = self.holes.get(&block)?;
        if is_template(path) {
            return Some(self.p.doubt(Reason::Template, *span, format!("`{path}` is filled in later")));
        }
        let note = format!("`{path}` was not read");
        Some(self.p.doubt(Reason::MissingFile, *span, note))
    }

    fn opaque(&mut self, reason: Reason, span: Span, note: &str) -> ExprId {
        self.placed = true;
        let why = self.p.doubt(reason, span, note);
        self.expr(Expr::Opaque { why, full: false })
    }

    fn comments(&mut self, root: Seat) {
        for c in &self.conf.comments {
            let text = c.text.trim();
            if !text.contains("hoplint:") {
                continue;
            }
            let of = |d: Option<DirId>| d.and_then(|d| self.seats.get(&d).copied().flatten());
            let target = c.trailing_of.or(c.next);
            let about = target.map(|d| {
                let dir = self.conf.get(d);
                dir.body.map_or(dir.span, |b| dir.span.to(b))
            });
            let within = of(c.within).or(Some(root));
            self.p.comments.push(Comment { span: c.span, text: text.to_owned(), within, next: of(target), about });
        }
    }
}

/// Files that every package ships and that hold nothing about routes.
pub(super) fn harmless(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    matches!(file, "mime.types" | "fastcgi_params" | "fastcgi.conf" | "uwsgi_params" | "scgi_params" | "koi-utf" | "koi-win" | "win-utf")
}
