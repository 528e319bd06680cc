//! Everything that Envoy refuses, reads over or never reads, in the texts of one configuration.

use super::conf::{Conf, Text};
use super::input::{BOOTSTRAP, CLUSTER, DISCOVERY, LISTENER, ROUTES, Role, Unit, resources};
use super::json;
use super::schema::{Finding, Strictness, nearest, schema, walk};
use super::semantic;
use super::view::View;
use super::yaml::{Fault, NodeId, Tree};
use crate::model::ProblemKind;
use crate::source::{Files, Span};
use std::collections::HashMap;

/// All findings, in the order of the text.
pub(super) fn find(conf: &Conf, files: &Files) -> Vec<Finding> {
    let mut out = Vec::new();
    for text in &conf.texts {
        faults(text, &mut out);
        if !json(text, files, &mut out) {
            continue;
        }
        let sound = text.tree.errors.is_empty();
        if let Some(f) = foreign(text) {
            out.push(f);
            continue;
        }
        for unit in &text.units {
            repeated(&text.tree, unit.node, &mut out);
            if let Some(strictness) = strictness(unit.role)
                && (sound || text.tree.is_map(unit.node))
            {
                // Of a broken text the rest is not seen.
                let strictness = Strictness { complete: strictness.complete && sound, ..strictness };
                out.extend(walk(&text.tree, unit.node, &unit.message, strictness));
                if strictness.complete {
                    out.extend(meaning(View::new(&text.tree, unit.node), unit));
                }
            }
        }
        never_read(text, &mut out);
        empty(text, &mut out);
    }
    out.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
    out.dedup();
    out
}

/// What becomes of a fault where a text is read; none where nobody reads it again.
fn strictness(role: Role) -> Option<Strictness> {
    Some(match role {
        Role::Bootstrap => Strictness {
            unknown_is_fatal: true,
            bad_value_is_fatal: true,
            complete: true,
            unknown_effect: "Envoy refuses the file",
            bad_effect: "Envoy refuses the file",
        },
        Role::Discovery => Strictness {
            unknown_is_fatal: false,
            bad_value_is_fatal: true,
            complete: true,
            unknown_effect: "Envoy reads over it in a discovery file, as if it were not there",
            bad_effect: "Envoy rejects this update and keeps what it had",
        },
        Role::Bare => Strictness {
            unknown_is_fatal: false,
            bad_value_is_fatal: true,
            complete: false,
            unknown_effect: "Envoy refuses it in a bootstrap and reads over it elsewhere",
            bad_effect: "Envoy refuses it wherever it stands",
        },
        Role::Patch => Strictness {
            unknown_is_fatal: false,
            bad_value_is_fatal: false,
            complete: false,
            unknown_effect: "the patch has no such effect",
            bad_effect: "the control plane cannot read the patch",
        },
        Role::Dump => return None,
    })
}

fn finding(kind: ProblemKind, certain: bool, span: Span, message: String, help: &str) -> Finding {
    Finding { kind, certain, span, message, help: help.to_owned(), related: Vec::new(), remedy: None, until: None }
}

/// What contradicts itself in well-formed messages.
fn meaning(view: View<'_>, unit: &Unit) -> Vec<Finding> {
    match &*unit.message {
        BOOTSTRAP => semantic::bootstrap(view),
        DISCOVERY => resources(view)
            .into_iter()
            .flat_map(|(name, body)| match name.as_str() {
                LISTENER => semantic::listener(body),
                CLUSTER => semantic::cluster(body),
                ROUTES => semantic::routes(body),
                _ => Vec::new(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// What is wrong with the text itself.
fn faults(text: &Text, out: &mut Vec<Finding>) {
    for e in &text.tree.errors {
        // Rendered, a template may well be valid.
        if text.tree.templated && matches!(e.fault, Fault::Syntax | Fault::Unterminated) {
            continue;
        }
        let (kind, help) = match e.fault {
            Fault::Syntax | Fault::Encoding => (ProblemKind::UnexpectedToken, "mend the YAML: Envoy reads nothing of this file"),
            Fault::Unterminated => (ProblemKind::Unterminated, "close it: Envoy reads nothing of this file"),
            Fault::UnknownAnchor => (ProblemKind::UndefinedName, "define the anchor before the alias"),
            Fault::Cycle => (ProblemKind::BadValue, "Envoy crashes on an alias that contains itself"),
            Fault::CollectionKey => (ProblemKind::WrongType, "write a text as key"),
        };
        out.push(finding(kind, true, e.span, e.message.clone(), help));
    }
}

/// A map that has no field of a bootstrap at all is something else altogether: one finding says so.
fn foreign(text: &Text) -> Option<Finding> {
    let unit = text.units.first().filter(|u| u.role == Role::Bootstrap)?;
    let id = schema().find(BOOTSTRAP)?;
    let entries = text.tree.entries(unit.node);
    let known = |key: NodeId| {
        text.tree
            .text(key)
            .is_none_or(|k| schema().field(id, k).is_some() || nearest(k, schema().fields(id).iter().map(|f| f.name)).is_some())
    };
    if entries.is_empty() || entries.iter().any(|e| known(e.key)) {
        return None;
    }
    let message = "no field of a bootstrap stands in this file: Envoy refuses it".to_owned();
    Some(finding(
        ProblemKind::MissingBlock,
        true,
        text.tree.span(entries[0].key),
        message,
        "write `static_resources`, or name the file that has it",
    ))
}

/// Envoy wants a map.
fn empty(text: &Text, out: &mut Vec<Finding>) {
    if text.tree.documents().iter().all(Option::is_none) && text.tree.errors.is_empty() {
        let message = "nothing stands in this file: Envoy refuses it".to_owned();
        let help = "write at least `static_resources`";
        out.push(finding(ProblemKind::MissingBlock, true, Span { start: text.tree.span.start, len: 0 }, message, help));
    }
}

/// `.json` is read by stricter rules. Whether they are kept.
fn json(text: &Text, files: &Files, out: &mut Vec<Finding>) -> bool {
    if !text.name.to_ascii_lowercase().ends_with(".json") || text.embedded || text.tree.all().any(|n| text.tree.is_opaque(n)) {
        return true;
    }
    let Some((from, to, what)) = json::foreign(files.map().bytes(text.tree.span)) else { return true };
    let base = text.tree.span.start;
    let message = format!("JSON does not know {what}: Envoy reads a `.json` file as JSON and refuses it");
    let span = Span::between(base + from as u32, base + to as u32);
    out.push(finding(ProblemKind::UnexpectedToken, true, span, message, "write JSON, or name the file `.yaml`"));
    false
}

/// Keys that stand twice in a map: the last counts.
fn repeated(tree: &Tree, within: NodeId, out: &mut Vec<Finding>) {
    let whole = tree.span(within);
    for id in tree.all().filter(|id| whole.holds(tree.span(*id)) && tree.node(*id).parent.is_some() || *id == within) {
        // Tags may choose between the two.
        if !tree.is_map(id) || tree.resolve(id) != id || tree.has_hole(id) {
            continue;
        }
        let mut last: HashMap<&str, NodeId> = HashMap::new();
        for e in tree.entries(id).iter().rev() {
            let Some(key) = tree.text(e.key) else { continue };
            if let Some(kept) = last.get(key) {
                let message = format!("`{key}` is written twice: Envoy takes the last and drops this one without a word");
                let mut f = finding(ProblemKind::DuplicateDirective, false, tree.span(e.key), message, "keep one of them");
                f.related.push((tree.span(*kept), "this one counts".to_owned()));
                out.push(f);
            } else {
                last.insert(key, e.key);
            }
        }
    }
}

/// Documents behind the first.
fn never_read(text: &Text, out: &mut Vec<Finding>) {
    let first = text.units.iter().map(|u| u.role).next();
    if !matches!(first, Some(Role::Bootstrap | Role::Discovery)) {
        return;
    }
    let roots = text.tree.documents();
    let read = roots.first().copied().flatten();
    if read.is_none() || text.units.iter().all(|u| Some(u.node) != read) {
        return;
    }
    for root in roots.iter().skip(1).flatten() {
        let at = text.tree.entries(*root).first().map_or(*root, |e| e.key);
        let message = "Envoy reads the first document of a file only: this one has no effect".to_owned();
        out.push(finding(ProblemKind::NeverRead, false, text.tree.span(at), message, "move it into a file of its own, or join the two"));
    }
}
