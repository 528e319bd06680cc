//! Operations on header lines.

use super::{Lower, Phase, implied::KNOWN_HEADERS, rules::Rule};
use crate::model::{Conv, Expr, ExprId, HeaderOp, How, Pattern, Reason, Subject, Verb};
use crate::proxy::haproxy::conf::Word;
use std::collections::BTreeSet;

impl Lower<'_> {
    /// Operations on headers, if the rule is one.
    pub(super) fn header_ops(&mut self, rule: &Rule<'_>, phase: Phase) -> Option<Vec<HeaderOp>> {
        let span = rule.stmt.span;
        let verb = &*rule.words.first()?.text;
        if !matches!(verb, "set-header" | "add-header" | "del-header" | "replace-header" | "replace-value") {
            return None;
        }
        let name = &*rule.words.get(1)?.text;
        let seat = rule.seat;
        let op = |verb, name: &str, value| Self::op(verb, name, value, None, How::Written, span, seat);
        Some(match verb {
            "set-header" | "add-header" => {
                let value = match rule.words.get(2) {
                    Some(w) => self.format(w, phase, rule.section),
                    None => self.p.text(""),
                };
                vec![op(if verb == "set-header" { Verb::Set } else { Verb::Add }, name, value)]
            }
            "del-header" => {
                let nothing = self.p.text("");
                match rule.words.get(2).filter(|w| &*w.text == "-m").and_then(|_| rule.words.get(3)) {
                    None => vec![op(Verb::Remove, name, nothing)],
                    Some(method) => {
                        let lower = name.to_ascii_lowercase();
                        let regex = fancy_regex::Regex::new(&format!("(?i){name}")).ok();
                        let fits = |h: &str| match &*method.text {
                            "beg" => h.starts_with(&lower),
                            "end" => h.ends_with(&lower),
                            "sub" => h.contains(&lower),
                            "reg" => regex.as_ref().is_some_and(|r| r.is_match(h).unwrap_or(false)),
                            _ => h == lower,
                        };
                        let written = self.written_headers();
                        let known = KNOWN_HEADERS.iter().copied().chain(written.iter().map(String::as_str));
                        known.filter(|h| fits(h)).map(|h| op(Verb::Remove, h, nothing)).collect()
                    }
                }
            }
            _ => {
                let (Some(regex), Some(with)) = (rule.words.get(2), rule.words.get(3)) else { return Some(Vec::new()) };
                let line = self.p.add_expr(Expr::Read(Subject::Line));
                let value = self.replaced(line, regex, with, rule.section, phase);
                vec![op(Verb::Each, name, value)]
            }
        })
    }

    /// Further headers that the configuration speaks of, in lower case.
    fn written_headers(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for stmt in self.sections.iter().flat_map(|s| &s.body) {
            for (i, word) in stmt.words.iter().enumerate() {
                if matches!(&*word.text, "set-header" | "add-header" | "del-header" | "replace-header" | "replace-value" | "hdr") {
                    names.insert(stmt.word(i + 1).to_ascii_lowercase());
                }
                let read = word.text.split("hdr").skip(1).filter_map(|call| call.split_once('(')?.1.split([',', ')']).next());
                names.extend(read.map(str::to_ascii_lowercase));
            }
        }
        names.retain(|n| !KNOWN_HEADERS.contains(&n.as_str()));
        names
    }

    /// A value that a pattern is looked for in; where it matches, the whole of it becomes something else.
    pub(super) fn replaced(&mut self, value: ExprId, regex: &Word, with: &Word, section: usize, phase: Phase) -> ExprId {
        if regex.unknown || with.unknown {
            return self.opaque_expr(Reason::Environment, with.span, "known only where HAProxy runs");
        }
        if !with.text.contains('\\') {
            // Without groups the new text is the value, where the pattern matches.
            let constant = self.format(with, phase, section);
            if let Expr::Text(text) = self.p.expr(constant).clone() {
                let pattern = self.p.add_pattern(Pattern::new(format!("^(?:.*?(?:{}).*)$", regex.text).into(), false, Vec::new()));
                return self.p.add_expr(Expr::Via(Conv::Replace { pattern, with: text, all: false }, value));
            }
            return constant;
        }
        if with.text.contains("%[") {
            return self.opaque_expr(Reason::TooComplex, with.span, "a replacement that is not modelled");
        }
        let text = with.text.replace("%%", "%");
        let whole = if regex.text.starts_with('^') {
            format!("{}.*$", regex.text.trim_end_matches('$'))
        } else {
            format!("^.*?(?:{}).*$", regex.text)
        };
        let pattern = self.p.add_pattern(Pattern::new(whole.into(), false, Vec::new()));
        self.p.add_expr(Expr::Via(Conv::Replace { pattern, with: text.into(), all: false }, value))
    }
}
