//! Corrections as edits of YAML and JSON, in the style of the route that they stand in.

use crate::model::{Correction, Edit, Goal, How, Intent, Role};
use crate::proxy::lines::Lines;
use crate::source::{SourceMap, Span};

type Ways = Result<Vec<Correction>, &'static str>;

const NO_PLACE: &str = "the place of the setting was not found";

/// Ways to bring an intent about.
pub(super) fn fix(map: &SourceMap, intent: &Intent) -> Ways {
    let lines = Lines(map);
    match &intent.goal {
        Goal::IdleAtLeast(milliseconds) => idle(lines, intent, *milliseconds),
        Goal::Upgrades => {
            let edit = beside_cluster(lines, intent, &Entry::Upgrades).ok_or(NO_PLACE)?;
            Ok(vec![way(edit, "let this route upgrade to WebSocket".to_owned())])
        }
        _ => Err("no correction of this kind is written for Envoy"),
    }
}

/// The route's own `idle_timeout`: it takes the place of the connection manager's `[t-route-idle-2s]`.
fn idle(lines: Lines<'_>, intent: &Intent, milliseconds: u64) -> Ways {
    let value = match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        rest => format!("{}.{rest:03}s", milliseconds / 1000),
    };
    let clock = intent.because.iter().find(|b| b.role == Role::Clock).ok_or(NO_PLACE)?;
    let title = format!("set `idle_timeout: {value}` for the route");
    if clock.value == "idle_timeout" && clock.origin.how == How::Written {
        let text = lines.0.text(clock.origin.span);
        let old = text.rsplit([':', ' ', '"', '\'']).find(|w| !w.is_empty()).ok_or(NO_PLACE)?;
        let at = text.rfind(old).ok_or(NO_PLACE)?;
        let span = Span { start: clock.origin.span.start + at as u32, len: old.len() as u32 };
        return if old.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(vec![way(Edit { span, text: value }, title)])
        } else {
            Err(NO_PLACE)
        };
    }
    if clock.value != "stream_idle_timeout" {
        return Err("another limit than that on silence ends it");
    }
    let edit = beside_cluster(lines, intent, &Entry::Idle(value)).ok_or(NO_PLACE)?;
    Ok(vec![way(edit, title)])
}

/// A field of a route's action.
enum Entry {
    Idle(String),
    Upgrades,
}

impl Entry {
    fn block(&self, indent: &str) -> Vec<String> {
        match self {
            Self::Idle(value) => vec![format!("{indent}idle_timeout: {value}")],
            Self::Upgrades => vec![format!("{indent}upgrade_configs:"), format!("{indent}- upgrade_type: websocket")],
        }
    }

    fn flow(&self, quoted: bool) -> String {
        match (self, quoted) {
            (Self::Idle(value), true) => format!(", \"idle_timeout\": \"{value}\""),
            (Self::Idle(value), false) => format!(", idle_timeout: {value}"),
            (Self::Upgrades, true) => ", \"upgrade_configs\": [{\"upgrade_type\": \"websocket\"}]".to_owned(),
            (Self::Upgrades, false) => ", upgrade_configs: [{ upgrade_type: websocket }]".to_owned(),
        }
    }
}

/// A field beside the `cluster:` that a request leaves by, in the same style.
fn beside_cluster(lines: Lines<'_>, intent: &Intent, entry: &Entry) -> Option<Edit> {
    let span = intent.because.iter().find(|b| b.role == Role::Answered).map(|b| b.origin.span)?;
    let text = lines.0.text(span);
    let quoted = text.starts_with('"');
    if !text.trim_start_matches('"').starts_with("cluster") {
        return None;
    }
    match lines.indent(span.start).filter(|_| !quoted) {
        Some(indent) => lines.below(span.start, &entry.block(&indent)),
        None => Some(Edit { span: Span { start: span.end(), len: 0 }, text: entry.flow(quoted) }),
    }
}

fn way(edit: Edit, title: String) -> Correction {
    Correction { edits: vec![edit], title, caution: None }
}
