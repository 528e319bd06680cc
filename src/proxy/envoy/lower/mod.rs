//! Envoy's semantics, undone into the route model: filter chains into steps in the order of execution, three levels of
//! configuration into what holds on each route, built-in behaviour into implied steps. One model serves 1.36 to 1.40. Sources:
//! Envoy's documentation, and what was measured (ids in brackets are conformance cases).

mod auth;
mod chains;
mod clocks;
mod clusters;
mod cors;
mod filters;
mod headers;
mod hosts;
mod listeners;
mod manager;
mod matching;
mod message;
mod overrides;
mod remarks;
mod routes;
mod strings;
mod trees;

use super::conf::Conf;
use super::input::{BOOTSTRAP, Role};
use super::schema::Finding;
use super::yaml::{NodeId, Placement, Tree};
use crate::model::{
    Act, BlockId, Comment, Cond, CondId, Expr, ExprId, Fact, HeaderList, HopId, How, Known, ListId, Origin, Proxy, Reason, Releases,
    Remark, Scope, Seat, Step, Text, UpstreamId, Why, Wire,
};
use crate::source::Span;
use clusters::Cluster;
use message::At;
use std::collections::{BTreeMap, HashMap, HashSet};

struct Lower<'a> {
    conf: &'a Conf,
    /// What makes Envoy reject resources of discovery files.
    faults: Vec<Span>,
    bootstrap: Option<At<'a>>,
    /// The root text: what is said of everything points there.
    whole: Span,
    p: Proxy,
    root: Seat,
    seats: HashMap<(*const Tree, NodeId), Seat>,
    clusters: HashMap<String, Cluster>,
    /// Why further clusters may exist.
    more_clusters: Option<Why>,
    /// Why something outside of the text may be said.
    outside: Option<Why>,
    /// An empty header list.
    nothing: ListId,
    /// Whether a request asks for an upgrade that Envoy heeds.
    upgrades: CondId,
    /// The same, not.
    plain: CondId,
    onward: ExprId,
    conds: HashMap<CondKey, CondId>,
    hops: HashMap<HopKey, HopId>,
    chains: HashMap<chains::ChainKey, BlockId>,
    managers: usize,
    /// By connection manager: whether a request asks for no upgrade that it refuses.
    no_upgrades: HashMap<usize, CondId>,
    /// Route configurations that a listener uses.
    used: HashSet<(*const Tree, NodeId)>,
    /// Where a template fills something in on a line of its own: keys and items may be missing anywhere.
    templated: Option<Span>,
    /// Settings that some connection manager reads, and those that the one at hand does not.
    read: HashSet<Span>,
    unread: BTreeMap<Span, Remark>,
    /// Connection managers with a CORS policy somewhere on their routes.
    with_policy: HashSet<usize>,
    /// Names of filters on the way to clusters.
    further_filters: HashSet<String>,
    /// Base of every list of what goes upstream.
    base: ListId,
}

/// What edges have in common: the cluster, the protocol, and the answer when it cannot be reached.
type HopKey = Option<(UpstreamId, Wire, Option<u16>)>;

/// Conditions that many routes share.
#[derive(PartialEq, Eq, Hash)]
enum CondKey {
    Always,
    Chance,
}

/// Lowers one configuration.
pub(super) fn lower(conf: &Conf, findings: &[Finding]) -> Proxy {
    let mut p = Proxy::new("envoy", super::advice::words);
    let whole = conf.texts.first().map_or_else(Span::default, |t| t.tree.span);
    let start = Span { start: whole.start, len: 0 };
    let root = p.add_scope(Scope { parent: None, span: start, body: whole, noun: "file", name: "".into() });
    p.fragment = conf.fragment;
    let roots = conf.parts();
    let bootstrap = roots.iter().find(|part| &*part.unit.message == BOOTSTRAP).map(|part| At::from(conf.view(part)));
    let nothing = p.add_list(HeaderList { seat: root, base: None, ops: Vec::new(), displaced: None, open: None });
    let upgrades = strings::upgrades(&mut p);
    let plain = p.add_cond(Cond::Not(upgrades));
    let onward = p.add_expr(Expr::Read(crate::model::Subject::Onward));
    let outside = p.fragment.then(|| p.doubt(Reason::OutsideFile, whole, "this is a fragment: what surrounds it is not known"));
    let mut lower = Lower {
        conf,
        faults: findings.iter().filter(|f| f.certain).map(|f| f.span).collect(),
        bootstrap,
        whole,
        p,
        root,
        seats: HashMap::new(),
        clusters: HashMap::new(),
        more_clusters: None,
        outside,
        nothing,
        upgrades,
        plain,
        onward,
        conds: HashMap::new(),
        hops: HashMap::new(),
        chains: HashMap::new(),
        managers: 0,
        no_upgrades: HashMap::new(),
        used: HashSet::new(),
        templated: conf.texts.iter().chain(&conf.hosts).find_map(|t| t.tree.holes.first().copied()),
        read: HashSet::new(),
        unread: BTreeMap::new(),
        with_policy: HashSet::new(),
        further_filters: HashSet::new(),
        base: nothing,
    };
    lower.run();
    lower.p
}

impl<'a> Lower<'a> {
    fn run(&mut self) {
        self.base = self.implied_headers();
        self.clusters();
        self.listeners();
        self.unread_settings();
        for text in self.conf.texts.iter().chain(&self.conf.hosts) {
            self.comments(&text.tree);
        }
    }

    /// Resources that do not stand in the bootstrap; patches are none.
    fn resources(&self, message: &str) -> Vec<At<'a>> {
        let patches: Vec<NodeId> =
            self.conf.texts.iter().flat_map(|t| &t.units).filter(|u| u.role == Role::Patch).map(|u| u.node).collect();
        self.conf.resources(message).into_iter().filter(|v| !patches.contains(&v.id)).map(At::from).collect()
    }

    /// Whether Envoy rejects an update with this resource.
    fn is_rejected(&self, at: At<'a>) -> bool {
        self.faults.iter().any(|f| at.body().holds(*f))
    }

    /// The scope of a message, named so.
    fn scope(&mut self, at: At<'a>, head: Span, noun: &'static str, name: &str, parent: Seat) -> Seat {
        let seat = self.p.add_scope(Scope { parent: Some(parent), span: head, body: at.body(), noun, name: name.into() });
        self.seats.insert(at.id(), seat);
        seat
    }

    fn fact<T: Copy>(value: T, at: At<'a>, seat: Seat) -> Fact<T> {
        Fact::is(value, How::Written, at.span(), seat)
    }

    /// A written value, or why it is not known.
    fn written<T: Copy>(&mut self, value: Option<T>, at: At<'a>, seat: Seat) -> Fact<T> {
        match value {
            Some(value) => Self::fact(value, at, seat),
            None => {
                let why = self.vague(at);
                Fact::unknown(why, at.span(), seat)
            }
        }
    }

    /// Why a value cannot be read.
    fn vague(&mut self, at: At<'a>) -> Why {
        let (reason, note) =
            if at.is_opaque() || at.has_hole() { (Reason::Template, "filled in later") } else { (Reason::TooComplex, "not understood") };
        self.p.doubt(reason, at.span(), note)
    }

    fn default<T: Copy>(value: T, span: Span, seat: Seat) -> Fact<T> {
        Fact::is(value, How::Default(Releases::All), span, seat)
    }

    const fn implied(span: Span, seat: Seat) -> Origin {
        Origin { how: How::Implied, span, seat }
    }

    fn list(&mut self, seat: Seat, ops: Vec<crate::model::HeaderOp>) -> ListId {
        if ops.is_empty() {
            return self.nothing;
        }
        self.p.add_list(HeaderList { seat, base: None, ops, displaced: None, open: None })
    }

    /// An answer of Envoy's own.
    fn respond(status: u16, span: Span, seat: Seat) -> Step {
        let status = Fact { value: Known::Is(status), origin: Self::implied(span, seat) };
        Step { act: Act::Respond { status, location: None, body: None }, span }
    }

    fn always(&mut self) -> CondId {
        let p = &mut self.p;
        *self.conds.entry(CondKey::Always).or_insert_with(|| p.add_cond(Cond::Always))
    }

    /// A share of all requests.
    fn chance(&mut self) -> CondId {
        let p = &mut self.p;
        *self.conds.entry(CondKey::Chance).or_insert_with(|| p.add_cond(Cond::Opaque(Proxy::RUNTIME)))
    }

    fn both(&mut self, parts: Vec<CondId>) -> CondId {
        match parts.as_slice() {
            [] => self.always(),
            [one] => *one,
            _ => self.p.add_cond(Cond::All(parts)),
        }
    }

    fn when(&mut self, test: CondId, then: Vec<Step>, span: Span) -> Step {
        let then = self.p.add_block(then);
        Step { act: Act::When { test, then, other: None }, span }
    }

    fn block(&mut self, steps: Vec<Step>) -> BlockId {
        self.p.add_block(steps)
    }

    fn comments(&mut self, tree: &'a Tree) {
        for c in &tree.comments {
            let text = c.text.trim();
            if !text.contains("hoplint:") {
                continue;
            }
            // The scope that a node begins, or stands in.
            let seat_at = |node: Option<NodeId>, beginning: bool| {
                let first = tree.span(node?).start;
                std::iter::successors(node, |n| tree.node(*n).parent)
                    .take_while(|n| !beginning || tree.span(*n).start == first)
                    .find_map(|n| self.seats.get(&(std::ptr::from_ref(tree), n)).copied())
            };
            let target = match c.placement {
                Placement::Right => c.beside,
                _ => c.next,
            };
            let next = seat_at(target, true);
            let within = seat_at(c.within, false).or(Some(self.root));
            let about = tree.about(c);
            self.p.comments.push(Comment { span: c.span, text: text.to_owned(), within, next, about });
        }
    }
}

/// A name, or where it would stand.
fn title(at: At<'_>) -> (Text, Span) {
    match at.get("name") {
        Some(name) => (name.text().unwrap_or_default().into(), name.span()),
        None => ("".into(), at.span()),
    }
}
