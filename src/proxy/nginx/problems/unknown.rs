//! Names that nginx does not know. Modules may bring any name: only a slip of the pen, or a name that no module can have,
//! is certain.

use super::{Check, Only, table};
use crate::model::{ProblemKind, Remedy};
use crate::proxy::nginx::conf::{Context, DirId};
use crate::proxy::nginx::directives::is_foreign;
use crate::spelling::distance;
use std::collections::BTreeSet;

/// A byte order mark; nginx takes it for a part of the first name `[file-bom-include]`.
pub(super) const BOM: char = '\u{feff}';

/// What is wrong with a name that no module can have, and what to do.
fn impossible(name: &str) -> Option<(String, &'static str)> {
    if name.starts_with(BOM) {
        return Some((
            "a byte order mark stands before the first directive".to_owned(),
            "nginx takes it for a part of the name: save the file as UTF-8 without a byte order mark",
        ));
    }
    if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|m| name.starts_with(m)) {
        return Some((format!("`{name}` is the mark of an unresolved merge"), "decide between the two versions"));
    }
    if name.starts_with("if(") {
        return Some((format!("unknown directive `{name}`"), "write a space between `if` and `(`"));
    }
    if name.contains('}')
        && name
            .trim_end_matches(['/', '$', ')', '+', '*', '?'])
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == ',')
            .starts_with('}')
    {
        return Some((
            format!("unknown directive `{name}`"),
            "a `{` outside quotes ends the word before it: put the whole regular expression in quotes",
        ));
    }
    if name.chars().any(char::is_control) {
        return Some((
            format!("unknown directive `{}`: a control character stands in the name", name.escape_debug()),
            "only space, tab and line ends separate words: remove the character",
        ));
    }
    name.contains(['(', ')', '{', '}', '"', '\'', '\u{a0}'])
        .then(|| (format!("unknown directive `{name}`"), "no module can have a directive of that name: look at the line before it"))
}

impl Check<'_> {
    /// A name that is not in the table.
    pub(super) fn unknown(&mut self, id: DirId, loaded: bool, seen: &mut BTreeSet<String>) {
        let dir = self.dir(id);
        let (name, span) = (dir.name.text, dir.name.span);
        if let Some((message, help)) = impossible(name) {
            self.report(ProblemKind::UnknownDirective, true, span, message, help);
            return;
        }
        if is_foreign(name) {
            return;
        }
        if let Some(near) = self.nearest(id, name) {
            let (message, help) = (format!("unknown directive `{name}`"), format!("did you mean `{near}`?"));
            let remedy = Remedy { span, text: near.to_owned(), guessed: true };
            self.report(ProblemKind::UnknownDirective, true, span, message, help).problem.remedy = Some(remedy);
            return;
        }
        // A placeholder of some kind, or a module that is loaded somewhere: once is enough.
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if loaded || !plain || !seen.insert(name.to_owned()) {
            return;
        }
        self.report(
            ProblemKind::UnknownDirective,
            false,
            span,
            format!("no module of nginx has a directive `{name}`"),
            "nginx refuses it unless a further module brings it; if one is loaded elsewhere, ignore this",
        );
    }

    /// The directive that was meant: one that may stand here and differs by a slip.
    fn nearest(&self, id: DirId, name: &str) -> Option<&'static str> {
        let contexts = self.candidates(id);
        let most = match name.len() {
            0..4 => 0,
            4..8 => 1,
            _ => 2,
        };
        table::DIRECTIVES
            .iter()
            .filter(|e| e.gone.is_none() && (contexts.is_empty() || e.forms.iter().any(|f| contexts.iter().any(|c| f.fits(*c)))))
            .filter_map(|e| {
                let same = e.name.eq_ignore_ascii_case(name);
                let far = if same { 0 } else { near(e.name, name, most)? };
                Some((far, e.name))
            })
            .min()
            .map(|n| n.1)
    }

    /// A name that only some releases know.
    pub(super) fn released(&mut self, id: DirId, entry: &table::Entry) {
        if entry.since.is_none() && entry.gone.is_none() {
            return;
        }
        let (name, span) = (entry.name, self.conf.name(id).span);
        if let Some(since) = entry.since {
            let (message, help) =
                (format!("nginx knows `{name}` only since {since}"), format!("use nginx {since} or later, or remove the line"));
            self.report(ProblemKind::UnknownDirective, true, span, message, help).only = Only::Before(since);
        }
        if let Some(gone) = entry.gone {
            let help = if name == "ssl" { "write `ssl` in the `listen` directive instead" } else { "remove the line" };
            self.report(ProblemKind::UnknownDirective, true, span, format!("nginx {gone} and later do not know `{name}` any more"), help)
                .only = Only::Since(gone);
        }
    }

    /// Whether what is written here is data of a block, not directives.
    pub(super) fn is_data(context: Context) -> bool {
        matches!(context, Context::Free | Context::Foreign | Context::Mail)
    }
}

/// The distance of two names, if it is small enough.
fn near(a: &str, b: &str, most: usize) -> Option<usize> {
    (a.len().abs_diff(b.len()) <= most).then(|| distance(a, b)).filter(|d| *d <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        assert_eq!(near("proxy_pass", "proxy_pass", 2), Some(0));
        assert_eq!(near("proxy_set_header", "proxy_set_headers", 2), Some(1));
        assert_eq!(near("proxy_pass", "porxy_pass", 2), Some(1));
        assert_eq!(near("gzip_types", "brotli_types", 2), None);
    }
}
