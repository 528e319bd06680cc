//! What to write instead of a comment that speaks to hoplint: without a rule, with another one, or not at all.

use super::lines::{line_of, line_span};
use crate::model::{Correction, Edit};
use crate::source::{SourceMap, Span};

/// A comment that ignores findings, taken apart.
pub(super) struct Parts<'a> {
    map: &'a SourceMap,
    /// From its mark to where it ends, or where a comment on the comment begins.
    own: Span,
    /// Whether a comment on the comment follows.
    goes_on: bool,
    /// What stands between the brackets, in order.
    pub(super) rules: Vec<Span>,
    /// Right behind the brackets.
    behind: u32,
}

impl<'a> Parts<'a> {
    /// `None` if the bytes are no such comment.
    pub(super) fn of(map: &'a SourceMap, comment: Span) -> Option<Self> {
        let bytes = map.bytes(comment);
        let said = bytes.iter().position(|b| *b != b'#')?;
        let next = bytes[said..].iter().position(|b| *b == b'#').map(|at| said + at);
        let text = bytes[..next.unwrap_or(bytes.len())].trim_ascii_end();
        let open = said + text[said..].iter().position(|b| *b == b'[')? + 1;
        let close = open + text[open..].iter().position(|b| *b == b']')?;
        let mut rules = Vec::new();
        let mut at = open;
        for part in text[open..close].split(|b| *b == b',') {
            let blank = part.len() - part.trim_ascii_start().len();
            let name = part.trim_ascii();
            if !name.is_empty() {
                rules.push(Span { start: comment.start + (at + blank) as u32, len: name.len() as u32 });
            }
            at += part.len() + 1;
        }
        let own = Span { start: comment.start, len: next.unwrap_or(text.len()) as u32 };
        Some(Self { map, own, goes_on: next.is_some(), rules, behind: comment.start + close as u32 + 1 })
    }

    /// Takes the whole comment away: with its line where nothing else stands there, otherwise with the blanks before it.
    pub(super) fn without_all(&self) -> Option<Correction> {
        let (_, file) = self.map.file_at(self.own.start)?;
        let line = line_span(file, line_of(file, self.own.start - file.base()));
        let head = self.map.bytes(Span::between(line.start, self.own.start));
        let code = head.trim_ascii_end().len() as u32;
        let span = if self.goes_on {
            self.own
        } else if code == 0 {
            Span::between(line.start, line.end().min(file.span().end()))
        } else if head.trim_ascii_end() == b"\xEF\xBB\xBF" {
            Span::between(self.own.start, line.end().min(file.span().end()))
        } else {
            Span::between(line.start + code, self.own.end())
        };
        Some(Correction::of(vec![Edit { span, text: String::new() }], "remove the comment".to_owned(), None))
    }

    /// Takes one of several rules away, together with the comma that it no longer needs; `gone` says which ones go.
    pub(super) fn without(&self, rule: usize, gone: &[bool]) -> Option<Correction> {
        if gone.iter().all(|g| *g) {
            return self.without_all();
        }
        let own = *self.rules.get(rule)?;
        let stays_before = gone.iter().take(rule).any(|g| !g);
        let span = if stays_before {
            Span::between(self.rules.get(rule.checked_sub(1)?)?.end(), own.end())
        } else {
            Span::between(own.start, self.rules.get(rule + 1)?.start)
        };
        Some(Correction::of(vec![Edit { span, text: String::new() }], format!("remove `{}` from the comment", self.map.text(own)), None))
    }

    /// Writes another rule in the place of one.
    pub(super) fn instead(&self, rule: usize, name: &str) -> Option<Correction> {
        let span = *self.rules.get(rule)?;
        Some(Correction::of(
            vec![Edit { span, text: name.to_owned() }],
            format!("write `{name}` instead of `{}`", self.map.text(span)),
            None,
        ))
    }

    /// A place for the reason.
    pub(super) fn with_reason(&self) -> Correction {
        let end = self.own.start + self.map.bytes(self.own).trim_ascii_end().len() as u32;
        let edit = Edit { span: Span::between(self.behind, end), text: " -- …".to_owned() };
        Correction::of(vec![edit], "say why, in place of the dots".to_owned(), None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// What a correction of the one comment in a text makes of it.
    fn after(text: &str, correct: impl Fn(&Parts<'_>) -> Option<Correction>) -> String {
        let mut map = SourceMap::default();
        map.add("first", b"x\n".to_vec()).unwrap();
        let id = map.add("own", text.as_bytes().to_vec()).unwrap();
        let start = text.find('#').unwrap();
        let len = text[start..].find('\n').unwrap_or(text.len() - start);
        let base = map.file(id).base();
        let parts = Parts::of(&map, Span { start: base + start as u32, len: len as u32 }).unwrap();
        let edit = correct(&parts).unwrap().edits.remove(0);
        let at = (edit.span.start - base) as usize;
        format!("{}{}{}", &text[..at], edit.text, &text[at + edit.span.len as usize..])
    }

    #[test]
    fn a_comment_goes_with_its_line_or_without_it() {
        let all = |text: &str| after(text, |p| p.without(0, &[true]));
        assert_eq!(all("a;\n  # hoplint: ignore[x/y] -- z\nb;\n"), "a;\nb;\n");
        assert_eq!(all("a;\r\n\t# hoplint: ignore[x/y] -- z\r\nb;\r\n"), "a;\r\nb;\r\n");
        assert_eq!(all("a;  # hoplint: ignore[x/y] -- z\nb;\n"), "a;\nb;\n");
        assert_eq!(all("a;\t# hoplint: ignore[x/y] -- z\r\nb;\n"), "a;\r\nb;\n");
        assert_eq!(all("a; # hoplint: ignore[x/y]"), "a;");
        assert_eq!(all("a;\n# hoplint: ignore[x/y]"), "a;\n");
        assert_eq!(all("\u{feff}# hoplint: ignore[x/y]\nb;\n"), "\u{feff}b;\n");
        assert_eq!(all("a; # hoplint: ignore[x/y] -- z # the owner is Ü\nb;\n"), "a; # the owner is Ü\nb;\n");
    }

    #[test]
    fn one_of_several_rules_goes_with_its_comma() {
        let one = |rule: usize, gone: &[bool]| after("# hoplint: ignore[a/a, b/b,c/c ,] -- z\n", |p| p.without(rule, gone));
        assert_eq!(one(0, &[true, false, false]), "# hoplint: ignore[b/b,c/c ,] -- z\n");
        assert_eq!(one(1, &[false, true, false]), "# hoplint: ignore[a/a,c/c ,] -- z\n");
        assert_eq!(one(2, &[false, false, true]), "# hoplint: ignore[a/a, b/b ,] -- z\n");
        assert_eq!(one(1, &[true, true, false]), "# hoplint: ignore[a/a, c/c ,] -- z\n");
        assert_eq!(one(1, &[true, true, true]), "");
    }

    #[test]
    fn a_rule_is_respelt_and_a_reason_has_its_place() {
        assert_eq!(after("a; # hoplint: ignore[ a/b ]\n", |p| p.instead(0, "a/c")), "a; # hoplint: ignore[ a/c ]\n");
        let reason = |text: &str| after(text, |p| Some(p.with_reason()));
        assert_eq!(reason("# hoplint: ignore[a/b]\r\nb;"), "# hoplint: ignore[a/b] -- …\r\nb;");
        assert_eq!(reason("# hoplint: ignore[a/b] --  \n"), "# hoplint: ignore[a/b] -- …  \n");
    }

    #[test]
    fn what_is_no_such_comment_has_no_parts() {
        let mut map = SourceMap::default();
        for text in ["", "##", "# a", "# hoplint: ignore[a", "# hoplint: ignore # [a]", "# ]["] {
            let id = map.add("f", text.as_bytes().to_vec()).unwrap();
            let span = map.file(id).span();
            assert!(Parts::of(&map, span).is_none(), "{text}");
        }
    }
}
