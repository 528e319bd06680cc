//! Corrections as edits of lines.

use super::conf::{Conf, Section, Stmt};
use crate::model::{Correction, Edit, Era, Goal, Intent, Role, Version};
use crate::proxy::lines::Lines;
use crate::source::{SourceMap, Span};

type Ways = Result<Vec<Correction>, &'static str>;

const NO_PLACE: &str = "the place of the setting was not found";
const TEMPLATE: &str = "template tags stand in this section";

/// Ways to bring an intent about.
pub(super) fn fix(conf: &Conf, map: &SourceMap, era: &Era, intent: &Intent) -> Ways {
    let (sections, _) = conf.sections(&|(a, b, c)| era.since(Version(a, b, c)));
    let lines = Lines(map);
    match &intent.goal {
        Goal::IdleAtLeast(milliseconds) => idle(&sections, lines, intent, *milliseconds),
        Goal::Upgrades => upgrade(&sections, lines),
        Goal::Gone(span) => Ok(vec![way(vec![lines.without(*span).ok_or(NO_PLACE)?], format!("remove `{}`", map.text(*span)))]),
        Goal::Spelt(span, text) => {
            Ok(vec![way(vec![Edit { span: *span, text: text.clone() }], format!("write `{text}` instead of `{}`", map.text(*span)))])
        }
        _ => Err("no correction of this kind is written for HAProxy"),
    }
}

/// `timeout tunnel` in the backend: it replaces all other limits on an upgraded connection `[t03] [t04]`.
fn idle(sections: &[Section<'_>], lines: Lines<'_>, intent: &Intent, milliseconds: u64) -> Ways {
    let took = intent.because.iter().find(|b| b.role == Role::Took).ok_or(NO_PLACE)?;
    let section = sections.iter().find(|s| s.is_back() && s.head.span == took.origin.span).ok_or(NO_PLACE)?;
    if section.has_hole() {
        return Err(TEMPLATE);
    }
    let value = if milliseconds.is_multiple_of(1000) { format!("{}s", milliseconds / 1000) } else { format!("{milliseconds}ms") };
    let title = format!("set `timeout tunnel {value}`");
    if let Some(stmt) = section.body.iter().rfind(|s| s.word(0) == "timeout" && s.word(1) == "tunnel") {
        let word = stmt.words.get(2).filter(|w| !w.unknown).ok_or(NO_PLACE)?;
        return Ok(vec![way(vec![Edit { span: word.span, text: value }], title)]);
    }
    let plain = |s: &&&Stmt| s.guards.len() == section.head.guards.len() && !s.words.is_empty();
    let above = section.body.iter().filter(plain).rfind(|s| s.word(0) == "timeout").copied().unwrap_or(section.head);
    let indent = section.body.iter().find_map(|s| lines.indent(s.span.start)).unwrap_or_else(|| "    ".to_owned());
    let edit = lines.below(above.span.start, &[format!("{indent}timeout tunnel {value}")]).ok_or(NO_PLACE)?;
    Ok(vec![way(vec![edit], title)])
}

/// HAProxy forwards upgrades by itself; what keeps them from arriving is a rule about their lines `[h01] [h02] [h03]`.
fn upgrade(sections: &[Section<'_>], lines: Lines<'_>) -> Ways {
    let about = |s: &&&Stmt| {
        matches!(s.word(0), "http-request" | "reqidel" | "reqdel")
            && matches!(s.word(1), "del-header" | "set-header" | "replace-header" | "replace-value" | "add-header")
            && ["upgrade", "connection"].iter().any(|n| s.word(2).eq_ignore_ascii_case(n))
    };
    let culprits: Vec<&Stmt> = sections.iter().flat_map(|s| s.body.iter().filter(about).copied()).collect();
    let remove = |which: &[&Stmt]| {
        let edits: Option<Vec<Edit>> = which.iter().map(|s| lines.without(whole(s))).collect();
        let shown: Vec<String> = which.iter().map(|s| format!("`{}`", lines.0.text(s.span))).collect();
        edits.filter(|e| !e.is_empty()).map(|edits| way(edits, format!("remove {}", shown.join(" and "))))
    };
    let mut ways: Vec<Correction> = culprits.iter().filter_map(|one| remove(&[*one])).collect();
    if culprits.len() > 1 {
        ways.extend(remove(&culprits));
    }
    if ways.is_empty() { Err("what changes the handshake's lines was not found") } else { Ok(ways) }
}

fn whole(stmt: &Stmt) -> Span {
    stmt.span
}

fn way(mut edits: Vec<Edit>, title: String) -> Correction {
    edits.sort();
    edits.dedup();
    Correction { edits, title, caution: None }
}
