//! Texts that a regular expression matches, by its syntax tree.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Texts that an expression matches somewhere in; they are run before they are believed. Expressions with look-around are
/// beyond this and have none.
pub fn texts_of(regex: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(regex) else { return Vec::new() };
    let mut out = example(&hir, 0);
    out.truncate(4);
    out
}

/// Short texts of an expression, the first alternative first.
fn example(hir: &Hir, depth: u32) -> Vec<String> {
    if depth > 50 {
        return Vec::new();
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(l) => vec![String::from_utf8_lossy(&l.0).into_owned()],
        HirKind::Class(Class::Unicode(class)) => {
            let liked = ['a', '1', 'A', '-', '/'].into_iter().find(|c| class.ranges().iter().any(|r| r.start() <= *c && *c <= r.end()));
            liked
                .or_else(|| class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start))
                .map(|c| c.to_string())
                .into_iter()
                .collect()
        }
        HirKind::Class(Class::Bytes(class)) => class.ranges().first().map(|r| char::from(r.start()).to_string()).into_iter().collect(),
        HirKind::Repetition(r) => {
            let one = example(&r.sub, depth + 1);
            let times = r.min.min(20) as usize;
            if times == 0 {
                std::iter::once(String::new()).chain(one).take(2).collect()
            } else {
                one.into_iter().take(2).map(|t| t.repeat(times)).collect()
            }
        }
        HirKind::Capture(c) => example(&c.sub, depth + 1),
        HirKind::Alternation(parts) => parts.iter().flat_map(|p| example(p, depth + 1)).take(4).collect(),
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                let tails = example(part, depth + 1);
                all = all.iter().flat_map(|h| tails.iter().map(move |t| format!("{h}{t}"))).take(4).collect();
            }
            all
        }
    }
}
