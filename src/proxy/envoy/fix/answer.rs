//! Lines of answers, and the engine that answers preflights.

use super::pen::{Pen, Value};
use super::{Desk, NO_PLACE, NodeId, Place, Ways, joined};
use crate::model::{Correction, Edit, NoFix, Role};
use crate::proxy::usual::{HEADERS, METHODS};

impl Desk<'_> {
    /// `Vary` for the level that lets origins in: beside the line that does so, or beside the engine's policy `[cors-vary]`.
    pub(super) fn answer_has(&self, names: &[String]) -> Ways {
        let line = self.blamed(Role::Header).ok_or(NO_PLACE)?;
        if let Some(meant) = self.intent.blamed(Role::Instead).next() {
            let value = line.pen.field(line.map, "value").ok_or(NO_PLACE)?;
            let edit = line.pen.respell(value.value, &meant.value).ok_or(NO_PLACE)?;
            return Ok(vec![Correction::of(vec![edit], format!("send `{}`", meant.value), None)]);
        }
        if !names.iter().all(|n| n.eq_ignore_ascii_case("vary")) {
            return Err(NoFix::unsaid("what the answer lacks has no value to take"));
        }
        let edit = Self::varying(line).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], "send `Vary: Origin` with it".to_owned(), None)])
    }

    /// `Vary: origin` at the level of a line that lets an origin in, or of a policy.
    pub(super) fn varying(line: Place<'_>) -> Option<Edit> {
        let option = Value::map([("header", Value::map([("key", Value::text("vary")), ("value", Value::text("origin"))]))]);
        let outward = |is: &str| std::iter::successors(Some(line), Place::up).take(8).find(|p| p.is(is)).map(|p| (p.map, p.entry));
        let pen = line.pen;
        if let Some((_, list)) = outward("response_headers_to_add") {
            pen.push(list.value, &option, false)
        } else if let Some((level, policies)) = outward("typed_per_filter_config").or_else(|| outward("cors")) {
            // What an action has no field for stands beside it.
            let action = std::iter::successors(Some(line), Place::up).take(8).find(|p| p.is("route"));
            let action = action.filter(|p| pen.tree.resolve(p.entry.value) == level).map(|p| (p.map, p.entry));
            let (level, policies) = action.unwrap_or((level, policies));
            match pen.field(level, "response_headers_to_add") {
                Some(list) => pen.push(list.value, &option, false),
                None => pen.insert(level, policies, "response_headers_to_add", &Value::List(vec![option])),
            }
        } else {
            None
        }
    }

    /// Fields that the policy lacks; or the engine in front of whatever refuses preflights `[cors-before-*] [cors-after-*]`.
    pub(super) fn preflight(&self) -> Ways {
        if let Some(gate) = self.blamed(Role::Gate) {
            return Self::engine_first(gate);
        }
        let line = self.blamed(Role::Header).ok_or(NO_PLACE)?;
        let mut edits = Vec::new();
        for b in self.intent.blamed(Role::Missing) {
            let (name, value) = match b.value.to_ascii_lowercase().as_str() {
                "access-control-allow-methods" => ("allow_methods", METHODS),
                "access-control-allow-headers" => ("allow_headers", HEADERS),
                _ => return Err(NoFix::unsaid("which origins may ask is not known")),
            };
            edits.push(line.pen.insert(line.map, line.entry, name, &Value::text(value)).ok_or(NO_PLACE)?);
        }
        Ok(vec![Correction::of(joined(edits), "send what a browser asks for in the answer to preflights".to_owned(), None)])
    }

    fn engine_first(gate: Place<'_>) -> Ways {
        let pen = gate.pen;
        let chain = std::iter::successors(Some(gate), Place::up).find(|p| p.is("http_filters")).ok_or(NO_PLACE)?;
        let list = pen.tree.resolve(chain.entry.value);
        let items = pen.tree.items(list);
        let refuses = *items.iter().find(|i| pen.tree.span(**i).holds(pen.tree.span(gate.entry.key))).ok_or(NO_PLACE)?;
        let engine = items.iter().find(|i| {
            let kind = pen.field(**i, "typed_config").and_then(|e| pen.tree.get(e.value, "@type")).and_then(|t| pen.tree.text(t));
            kind.is_some_and(|k| k.ends_with(".http.cors.v3.Cors"))
        });
        let edits = pen.hoist(list, *engine.ok_or(NO_PLACE)?, refuses).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(edits, "put the CORS filter in front of what refuses preflights".to_owned(), None)])
    }

    /// Only the last of several lines of one name stays, or only the first.
    pub(super) fn one_of_two(&self) -> Ways {
        let items = self.items(Role::Header);
        let one = |i: &(Pen<'_>, NodeId, NodeId)| {
            let edit = i.0.remove_item(i.1, i.2)?;
            Some(Correction::of(vec![edit], "keep only one of the two lines".to_owned(), None))
        };
        let ways: Vec<Correction> = items.iter().filter_map(one).collect();
        if ways.is_empty() { Err(NO_PLACE) } else { Ok(ways) }
    }

    /// Without the lines that were made or taken away by hand.
    pub(super) fn without_lines(&self) -> Ways {
        let items = self.items(Role::Header);
        let edit = |(pen, list, item): &(Pen<'_>, NodeId, NodeId)| {
            let gone = items.iter().filter(|i| std::ptr::eq(i.0.tree, pen.tree) && i.1 == *list).count();
            if gone < pen.tree.items(*list).len() {
                return pen.remove_item(*list, *item);
            }
            pen.remove(pen.tree.node(*list).parent?, pen.tree.entry_of(*list)?)
        };
        let edits: Option<Vec<_>> = items.iter().map(edit).collect();
        let edits = edits.filter(|e| !e.is_empty()).ok_or(NO_PLACE)?;
        let name = self.intent.blamed(Role::Header).next().map_or("", |b| b.value.as_str());
        Ok(vec![Correction::of(edits, format!("leave `{name}` to Envoy"), None)])
    }
}
