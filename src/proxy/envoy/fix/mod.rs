//! Corrections as edits of YAML and JSON. Most settings are replaced as a whole by a more specific level, so that an edit is
//! made on the route itself; lists of header lines add up, whatever their level.

mod answer;
mod filters;
mod pen;
mod route;

use super::conf::Conf;
use super::yaml::{Entry, NodeId};
use crate::model::{Correction, Edit, Goal, Intent, NoFix, Role};
use crate::proxy::lines::Lines;
use crate::source::{SourceMap, Span};
use pen::Pen;

type Ways = Result<Vec<Correction>, NoFix>;

const NO_PLACE: NoFix = NoFix::unwritten("the place of the setting was not found");

/// Ways to bring an intent about.
pub(super) fn fix(conf: &Conf, map: &SourceMap, intent: &Intent) -> Ways {
    let desk = Desk { conf, lines: Lines(map), intent };
    match &intent.goal {
        Goal::IdleAtLeast(milliseconds) => desk.idle(*milliseconds),
        Goal::LivesOn => desk.lives_on(),
        Goal::Upgrades if intent.blamed(Role::Gate).next().is_some() => desk.unbuffered(),
        Goal::Upgrades if intent.blamed(Role::Header).next().is_none() => desk.upgrade(),
        Goal::Upgrades | Goal::UpgradesOnly => desk.without_lines(),
        Goal::Forwards => desk.routed(),
        Goal::AnswerHas(names) => desk.answer_has(names),
        Goal::AnswersOne(_) | Goal::SendsOne(_) => desk.one_of_two(),
        Goal::AnswersPreflight => desk.preflight(),
        Goal::Settled(kind, span) => desk.settle(*kind, *span),
        Goal::Gone(_) => desk.without_lines(),
        Goal::Spelt(span, text) => {
            Ok(vec![Correction::of(vec![Edit { span: *span, text: text.clone() }], format!("write `{text}`"), None)])
        }
        Goal::TakenLike(_) => desk.any_case(),
        Goal::Uncached
        | Goal::CarriesUpgrade
        | Goal::SendsHost
        | Goal::SendsAll(_)
        | Goal::FailureHas(_)
        | Goal::HidesTheirs(_)
        | Goal::ErrandsStayPlain
        | Goal::KeepsConnection
        | Goal::Streams
        | Goal::Waits
        | Goal::Comment { .. } => Err(NoFix::unwritten("no correction of this kind is written for Envoy")),
    }
}

/// Everything that is needed to write one correction.
struct Desk<'a> {
    conf: &'a Conf,
    lines: Lines<'a>,
    intent: &'a Intent,
}

/// A field, and the map that it stands in.
#[derive(Clone, Copy)]
struct Place<'a> {
    pen: Pen<'a>,
    map: NodeId,
    entry: Entry,
}

impl<'a> Desk<'a> {
    fn pens(&self) -> impl Iterator<Item = Pen<'a>> {
        let lines = self.lines;
        self.conf.texts.iter().map(move |t| Pen { tree: &t.tree, lines })
    }

    /// The field whose key begins with these bytes.
    fn place(&self, span: Span) -> Option<Place<'a>> {
        self.pens().filter(|p| p.tree.span.holds(span)).find_map(|pen| {
            pen.tree.all().filter(|id| pen.tree.is_map(*id) && pen.tree.resolve(*id) == *id).find_map(|map| {
                let begins = |e: &&Entry| pen.tree.span(e.key).start == span.start;
                pen.tree.entries(map).iter().find(begins).map(|entry| Place { pen, map, entry: *entry })
            })
        })
    }

    /// The scalar that is exactly these bytes.
    fn scalar(&self, span: Span) -> Option<(Pen<'a>, NodeId)> {
        self.pens().find_map(|pen| pen.tree.all().find(|id| pen.tree.span(*id) == span && pen.tree.text(*id).is_some()).map(|id| (pen, id)))
    }

    fn blamed(&self, role: Role) -> Option<Place<'a>> {
        self.intent.blamed(role).find_map(|b| self.place(b.origin.span))
    }

    /// The field that sends the request to its cluster: in the action of a route, or in a proxy of bytes.
    fn action(&self) -> Result<Place<'a>, NoFix> {
        let mut at = self.blamed(Role::Answered).ok_or(NO_PLACE)?;
        let outer = std::iter::successors(Some(at), Place::up);
        if let Some(route) = outer.take(6).find(|p| p.is("route")) {
            let inside = at.pen.tree.entries(route.entry.value);
            let holds = |e: &&Entry| at.pen.tree.span(e.key).to(at.pen.tree.span(e.value)).holds(at.pen.tree.span(at.entry.key));
            let entry = *inside.iter().find(holds).ok_or(NO_PLACE)?;
            at = Place { map: at.pen.tree.resolve(route.entry.value), entry, ..at };
        }
        Ok(at)
    }

    /// The list items that the lines found at fault are made by.
    fn items(&self, role: Role) -> Vec<(Pen<'a>, NodeId, NodeId)> {
        let mut out: Vec<(Pen<'a>, NodeId, NodeId)> = Vec::new();
        for b in self.intent.blamed(role) {
            let start = self.place(b.origin.span).map(|p| (p.pen, p.map));
            let Some((pen, mut node)) = start.or_else(|| self.scalar(b.origin.span)) else { continue };
            while let Some(parent) = pen.tree.node(node).parent {
                if pen.tree.is_list(parent) {
                    if !out.iter().any(|o| o.2 == node) {
                        out.push((pen, parent, node));
                    }
                    break;
                }
                node = parent;
            }
        }
        out
    }
}

impl Place<'_> {
    /// The field whose value holds this one.
    fn up(&self) -> Option<Self> {
        let tree = self.pen.tree;
        let mut node = self.map;
        loop {
            let parent = tree.node(node).parent?;
            if tree.is_map(parent) {
                let entry = tree.entry_of(node)?;
                return Some(Self { map: parent, entry, ..*self });
            }
            node = parent;
        }
    }

    /// Whether the field is called so.
    fn is(&self, name: &str) -> bool {
        self.pen.field(self.map, name).is_some_and(|e| e.key == self.entry.key)
    }
}

/// Insertions at one place are one.
fn joined(edits: Vec<Edit>) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    for edit in edits {
        match out.iter_mut().find(|o| o.span == edit.span && edit.span.len == 0) {
            Some(other) => other.text.push_str(&edit.text),
            None => out.push(edit),
        }
    }
    out
}
