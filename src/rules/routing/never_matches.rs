//! `routing/never-matches`

use super::super::{Level, context::Context};
use crate::model::{Advice, Atom, Cond, Matcher, PathForm, Pick, Subject};
use crate::source::Span;
use std::collections::BTreeMap;

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    let decodes = cx.proxy.listeners.iter().any(|l| l.intake.path == PathForm::Decoded);
    let mut found: BTreeMap<Span, (String, &str, &str)> = BTreeMap::new();
    for table in cx.proxy.tables.iter().filter(|t| t.pick == Pick::PrefixTree) {
        for arm in &table.arms {
            let Cond::Test(Atom { of: Subject::Path, is: Matcher::Is(texts) | Matcher::Starts(texts), span, .. }) = cx.proxy.cond(arm.test)
            else {
                continue;
            };
            for text in texts {
                let (why, help) = if text.is_empty() || !text.starts_with('/') {
                    ("a path begins with `/`", cx.advice(Advice::WritePath, "begin it with `/`, or make it an expression"))
                } else if text.contains('$') {
                    (
                        "`$` is an ordinary character here, no variable",
                        cx.advice(Advice::WritePattern, "write the text out, or use an expression"),
                    )
                } else if decodes && encoded(text) {
                    ("paths are decoded before they are compared", "write the decoded character, in quotes if need be")
                } else {
                    continue;
                };
                found.insert(*span, (text.to_string(), why, help));
            }
        }
    }
    for (span, (text, why, help)) in found {
        let mut f = cx.finding("routing/never-matches", Level::Warning, span);
        f.message = format!("no request is for `{text}`: {why}");
        f.label = "never chosen".to_owned();
        f.help = help.to_owned();
        cx.report(f);
    }
}

/// Whether a text has a percent-encoded byte that a decoded path does not show.
fn encoded(text: &str) -> bool {
    text.split('%').skip(1).any(|rest| {
        let bytes = rest.as_bytes();
        bytes.len() >= 2 && bytes[0].is_ascii_hexdigit() && bytes[1].is_ascii_hexdigit() && &bytes[..2] != b"25"
    })
}
