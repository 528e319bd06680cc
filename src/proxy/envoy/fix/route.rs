//! What a route says of itself: its limits and its upgrades.

use super::pen::{Pen, Value};
use super::{Desk, NO_PLACE, NodeId, Place, Ways, joined};
use crate::model::{Correction, Edit, How, NoFix, Role};

impl Desk<'_> {
    /// The route's own `idle_timeout`: it takes the place of the connection manager's `[t-route-idle-2s]`.
    pub(super) fn idle(&self, milliseconds: u64) -> Ways {
        let value = match milliseconds % 1000 {
            0 => format!("{}s", milliseconds / 1000),
            rest => format!("{}.{rest:03}s", milliseconds / 1000),
        };
        let clock = self.intent.blamed(Role::Clock).next().ok_or(NO_PLACE)?;
        let title = format!("set `idle_timeout: {value}` for the route");
        if clock.value == "idle_timeout" && clock.origin.how == How::Written {
            let written = self.place(clock.origin.span).ok_or(NO_PLACE)?;
            let whole = |id| written.pen.replace(id, &value);
            let edit = written.pen.respell(written.entry.value, &value).or_else(|| whole(written.entry.value)).ok_or(NO_PLACE)?;
            return Ok(vec![Correction::of(vec![edit], title, None)]);
        }
        let at = self.action()?;
        let edit = at.pen.insert(at.map, at.entry, "idle_timeout", &Value::Text(value)).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], title, None)])
    }

    /// Zero means "never" for the limits on a whole stream; on the route it takes the place of the connection manager's
    /// `[t-route-max-stream-duration-0s]`. That of a cluster holds besides, and is changed where it stands.
    pub(super) fn lives_on(&self) -> Ways {
        let at = self.action()?;
        let never = || Value::text("0s");
        let (mut edits, mut names) = (Vec::new(), Vec::new());
        for clock in self.intent.blamed(Role::Clock) {
            let written = self.place(clock.origin.span).filter(|_| clock.origin.how == How::Written);
            let shared = written.is_some_and(|w| std::iter::successors(Some(w), Place::up).any(|p| p.is("common_http_protocol_options")));
            let cluster = shared && written.is_some_and(|w| std::iter::successors(Some(w), Place::up).any(|p| p.is("clusters")));
            let edit = match written {
                Some(w) if !shared || cluster => w.pen.respell(w.entry.value, "0s"),
                _ if clock.value == "timeout" => at.pen.insert(at.map, at.entry, "timeout", &never()),
                _ => {
                    let own = Value::map([("max_stream_duration", never())]);
                    at.pen.insert(at.map, at.entry, "max_stream_duration", &own)
                }
            };
            edits.push(edit.ok_or(NO_PLACE)?);
            names.push(format!("`{}`", clock.value));
        }
        if edits.is_empty() {
            return Err(NO_PLACE);
        }
        let deliberate = self.intent.blamed(Role::Clock).any(|c| c.origin.how == How::Written);
        let caution = deliberate.then(|| "somebody wrote the limit, maybe on purpose, such as to end sessions".to_owned());
        Ok(vec![Correction::of(joined(edits), format!("lift {} for the route", names.join(" and ")), caution)])
    }

    /// `upgrade_configs` inside of the route's action: a connection manager's would open every route `[ws-matrix-*]`.
    pub(super) fn upgrade(&self) -> Ways {
        let at = self.action()?;
        let pen = at.pen;
        let title = "let this route upgrade to WebSocket".to_owned();
        let own = Value::map([("upgrade_type", Value::text("websocket"))]);
        let Some(written) = pen.field(at.map, "upgrade_configs") else {
            let edit = pen.insert(at.map, at.entry, "upgrade_configs", &Value::List(vec![own])).ok_or(NO_PLACE)?;
            return Ok(vec![Correction::of(vec![edit], title, None)]);
        };
        let items = pen.tree.items(written.value);
        let kind = |i: &NodeId| pen.field(*i, "upgrade_type").and_then(|e| pen.tree.text(e.value));
        let edit = match items.iter().find(|i| kind(i).is_some_and(|k| k.eq_ignore_ascii_case("websocket"))) {
            Some(item) => {
                let off = pen.field(*item, "enabled").ok_or(NO_PLACE)?;
                pen.respell(off.value, "true")
            }
            None if pen.tree.is_list(written.value) => pen.push(written.value, &own, false),
            None => None,
        };
        Ok(vec![Correction::of(vec![edit.ok_or(NO_PLACE)?], title, None)])
    }

    /// `ignore_case` in every test that compares `Upgrade` or `Connection` to the letter `[r-header-upgrade-*]`.
    pub(super) fn any_case(&self) -> Ways {
        let mut edits: Vec<Vec<Edit>> = Vec::new();
        for pen in self.pens() {
            for map in pen.tree.all().filter(|id| pen.tree.is_map(*id) && pen.tree.resolve(*id) == *id) {
                let about = pen.field(map, "name").and_then(|e| pen.tree.text(e.value));
                if about.is_some_and(|n| ["upgrade", "connection"].iter().any(|w| n.eq_ignore_ascii_case(w))) {
                    edits.extend(folded(pen, map));
                }
            }
        }
        let fold = |edits: Vec<Edit>| Correction::of(edits, "compare without regard to case".to_owned(), None);
        let mut ways: Vec<Correction> = edits.iter().cloned().map(fold).collect();
        if edits.len() > 1 {
            ways.push(fold(edits.concat()));
        }
        if ways.is_empty() { Err(NoFix::unwritten("what compares the value was not found")) } else { Ok(ways) }
    }

    /// The filter that waits for a whole body is switched off for the route `[f-buffer-route-disabled]`.
    pub(super) fn unbuffered(&self) -> Ways {
        let filter = self.blamed(Role::Gate).ok_or(NO_PLACE)?;
        if filter.is("filters") || filter.is("http_filters") {
            return self.routed();
        }
        let pen = filter.pen;
        let name = pen.field(filter.map, "name").and_then(|e| pen.tree.text(e.value)).ok_or(NO_PLACE)?;
        let kind = pen.field(filter.map, "typed_config").and_then(|e| pen.tree.get(e.value, "@type")).and_then(|t| pen.tree.text(t));
        if !kind.is_some_and(|k| k.ends_with("/envoy.extensions.filters.http.buffer.v3.Buffer")) {
            return Err(NoFix::unsaid("what the script reads the body for is not known"));
        }
        let off = Value::map([
            ("@type", Value::text("type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute")),
            ("disabled", Value::Bool(true)),
        ]);
        let action = self.action()?;
        let route = action.up().ok_or(NO_PLACE)?;
        let edit = match route.pen.field(route.map, "typed_per_filter_config") {
            Some(others) => {
                let last = *route.pen.tree.entries(others.value).last().ok_or(NO_PLACE)?;
                route.pen.insert(route.pen.tree.resolve(others.value), last, name, &off)
            }
            None => route.pen.insert(route.map, route.entry, "typed_per_filter_config", &Value::map([(name, off)])),
        };
        Ok(vec![Correction::of(vec![edit.ok_or(NO_PLACE)?], format!("switch `{name}` off for the route"), None)])
    }
}

/// A header test that takes any case; in the words of older releases it has no such setting.
fn folded(pen: Pen<'_>, test: NodeId) -> Option<Vec<Edit>> {
    if let Some(matcher) = pen.field(test, "string_match") {
        let words = ["exact", "prefix", "suffix", "contains"].iter().find_map(|w| pen.field(matcher.value, w))?;
        return pen.insert(pen.tree.resolve(matcher.value), words, "ignore_case", &Value::Bool(true)).map(|e| vec![e]);
    }
    let (old, word) = [("exact_match", "exact"), ("prefix_match", "prefix"), ("suffix_match", "suffix"), ("contains_match", "contains")]
        .iter()
        .find_map(|(old, word)| Some((pen.field(test, old)?, *word)))?;
    let value = Value::map([(word, Value::text(pen.tree.text(old.value)?)), ("ignore_case", Value::Bool(true))]);
    pen.exchange(test, old, "string_match", &value).map(|e| vec![e])
}
