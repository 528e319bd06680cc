//! Sections into the model: each `bind` a listener, each frontend a program in the order in which HAProxy runs its rules,
//! each `use_backend` an arm, and for each (frontend, backend) pair a route with the clocks that hold on that pair.

mod acl;
mod answers;
mod edge;
mod edits;
mod fetch;
mod find;
mod format;
mod front;
mod implied;
mod remarks;
mod rules;
mod servers;

use super::conf::{Conf, Section, Stmt};
use crate::model::{
    Act, BlockId, Comment, Cond, CondId, Era, Expr, ExprId, Fact, HeaderList, How, ListId, Proxy, Reason, RouteId, Scope, Seat, Slot, Step,
    Text, UpstreamId, Version, Why,
};
use crate::source::Span;
use std::collections::{BTreeMap, HashMap};

/// Where a rule runs; it decides what its conditions can see.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    /// A request is there.
    Request,
    /// An answer is there, the request is gone.
    Answer,
    /// Bytes are there, nothing waits for them to be a request.
    Bytes,
}

struct Lower<'a> {
    conf: &'a Conf,
    era: &'a Era,
    p: Proxy,
    sections: Vec<Section<'a>>,
    seats: Vec<Seat>,
    /// Scopes of statements, by their first byte.
    places: HashMap<u32, Seat>,
    root: Seat,
    whole: Span,
    /// Backends by name.
    backs: BTreeMap<&'a str, usize>,
    upstreams: HashMap<usize, UpstreamId>,
    /// Named conditions of a section.
    named: HashMap<(usize, Phase, String), CondId>,
    variables: BTreeMap<String, Slot>,
    /// What `capture request header` keeps, in order.
    captures: Vec<Slot>,
    /// Routes by (frontend, backend), for targets that are computed.
    edges: HashMap<(usize, usize), RouteId>,
    pages: Option<BlockId>,
}

/// Lowers a configuration for one era.
pub(super) fn lower(conf: &Conf, era: &Era, whole: Span) -> Proxy {
    let since = |(a, b, c): (u16, u16, u16)| era.since(Version(a, b, c));
    let (sections, _) = conf.sections(&since);
    let mut p = Proxy::new("haproxy", super::advice::words);
    p.each_line = true;
    p.fragment = conf.fragment;
    let head = Span { start: whole.start, len: 0 };
    let root = p.add_scope(Scope { parent: None, span: head, body: whole, noun: "file", name: "".into() });
    let mut lower = Lower {
        conf,
        era,
        p,
        sections,
        seats: Vec::new(),
        places: HashMap::new(),
        root,
        whole,
        backs: BTreeMap::new(),
        upstreams: HashMap::new(),
        named: HashMap::new(),
        variables: BTreeMap::new(),
        captures: Vec::new(),
        edges: HashMap::new(),
        pages: None,
    };
    lower.run();
    lower.p
}

impl Lower<'_> {
    fn run(&mut self) {
        for s in &self.sections {
            let scope =
                Scope { parent: Some(self.root), span: s.head.span, body: s.head.span.to(s.last), noun: s.noun, name: s.name.into() };
            let seat = self.p.add_scope(scope);
            self.seats.push(seat);
            self.places.insert(s.head.span.start, seat);
        }
        for (i, s) in self.sections.iter().enumerate() {
            if s.is_back() && (s.noun == "backend" || !self.backs.contains_key(s.name)) {
                self.backs.insert(s.name, i);
            }
        }
        for i in 0..self.sections.len() {
            if self.sections[i].is_front() {
                self.front(i);
            }
        }
        self.remarks();
        self.comments();
    }

    fn since(&self, a: u16, b: u16, c: u16) -> bool {
        self.era.since(Version(a, b, c))
    }

    /// A scope for one statement, inside its section.
    fn place(&mut self, stmt: &Stmt, noun: &'static str, within: Seat) -> Seat {
        let name: Text = stmt.words.iter().skip(1).map(|w| &*w.text).collect::<Vec<_>>().join(" ").into();
        let seat = self.p.add_scope(Scope { parent: Some(within), span: stmt.span, body: stmt.span, noun, name });
        self.places.insert(stmt.span.start, seat);
        seat
    }

    fn fact<T: Copy>(value: T, span: Span, seat: Seat) -> Fact<T> {
        Fact::is(value, How::Written, span, seat)
    }

    fn implied<T: Copy>(value: T, span: Span, seat: Seat) -> Fact<T> {
        Fact::is(value, How::Implied, span, seat)
    }

    fn opaque(&mut self, reason: Reason, span: Span, note: impl Into<Text>) -> Why {
        self.p.doubt(reason, span, note)
    }

    fn opaque_expr(&mut self, reason: Reason, span: Span, note: impl Into<Text>) -> ExprId {
        let why = self.p.doubt(reason, span, note);
        self.p.add_expr(Expr::Opaque { why, full: false })
    }

    fn list(seat: Seat) -> HeaderList {
        HeaderList { seat, base: None, ops: Vec::new(), displaced: None, open: None }
    }

    fn empty_list(&mut self, seat: Seat) -> ListId {
        let list = Self::list(seat);
        self.p.add_list(list)
    }

    /// A step that is only taken when a condition holds.
    fn when(&mut self, test: CondId, act: Act, span: Span) -> Step {
        if matches!(self.p.cond(test), Cond::Always) {
            return Step { act, span };
        }
        let then = self.p.one(act, span);
        Step { act: Act::When { test, then, other: None }, span }
    }

    /// The variable of a name such as `txn.origin`.
    fn variable(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.variables.get(name) {
            return *slot;
        }
        let slot = self.p.add_slot();
        self.variables.insert(name.to_owned(), slot);
        slot
    }

    fn comments(&mut self) {
        let mut out = Vec::new();
        for c in &self.conf.comments {
            let text = c.text.trim();
            if !text.contains("hoplint:") {
                continue;
            }
            let about = c.about.map(|i| &self.conf.stmts[i]);
            let next = about.and_then(|s| self.places.get(&s.span.start).copied());
            let inside = self.sections.iter().zip(&self.seats).rev().find(|(s, _)| s.head.span.start < c.span.start).map(|(_, seat)| *seat);
            let body = next.map(|s| self.p.scope(s).body);
            let within = inside.or(Some(self.root));
            let about = body.or(about.map(|s| s.span));
            // What is said of a section is said of the routes that it takes part in.
            let mut to: Vec<Option<Seat>> = vec![next];
            if let Some(section) = next.or(within) {
                let routes = self.p.routes.iter().filter(|r| {
                    let back = self.p.policy(r.policy).seat;
                    r.seat != section && (back == section || self.p.scope(r.seat).parent == Some(section))
                });
                to.extend(routes.map(|r| Some(r.seat)));
            }
            for next in to {
                out.push(Comment { span: c.span, text: text.to_owned(), within, next, about });
            }
        }
        self.p.comments = out;
    }
}
