//! Values with `%[expression]` and `%` variables, as header rules and `return` write them.

use super::{Lower, Phase};
use crate::model::{Expr, ExprId, Reason, Subject};
use crate::proxy::haproxy::conf::Word;
use crate::source::Span;

impl Lower<'_> {
    /// The value of a word.
    pub(super) fn format(&mut self, word: &Word, phase: Phase, section: usize) -> ExprId {
        if word.unknown {
            return self.opaque_expr(Reason::Environment, word.span, "known only where HAProxy runs");
        }
        let mut parts: Vec<ExprId> = Vec::new();
        let mut text = String::new();
        let mut rest = &*word.text;
        while let Some(at) = rest.find('%') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                text.push('%');
                rest = after;
                continue;
            }
            // Options such as `%{+Q}[…]` change only how it is written.
            if rest.starts_with('{')
                && let Some(end) = rest.find('}')
            {
                rest = &rest[end + 1..];
            }
            if !text.is_empty() {
                parts.push(self.p.text(&text));
                text.clear();
            }
            if let Some(inner) = rest.strip_prefix('[') {
                let end = closing(inner);
                let sample = inner[..end].to_owned();
                parts.push(self.sample_expr(&sample, phase, section, word.span));
                rest = inner.get(end + 1..).unwrap_or_default();
            } else {
                let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                parts.push(self.short(&rest[..length], word.span));
                rest = &rest[length..];
            }
        }
        text.push_str(rest);
        if !text.is_empty() || parts.is_empty() {
            parts.push(self.p.text(&text));
        }
        if parts.len() == 1 { parts[0] } else { self.p.add_expr(Expr::Join(parts)) }
    }

    /// `%ci` and its kin.
    fn short(&mut self, name: &str, span: Span) -> ExprId {
        let of = match name {
            "ci" => Subject::Client,
            "HM" => Subject::Method,
            "HP" => Subject::Path,
            "HU" => Subject::Onward,
            "HV" => Subject::Protocol,
            "fp" => Subject::Port,
            _ => return self.opaque_expr(Reason::RuntimeState, span, format!("`%{name}` is known only while the proxy runs")),
        };
        self.p.add_expr(Expr::Read(of))
    }
}

/// Where the bracket of an expression closes.
fn closing(text: &str) -> usize {
    let (mut depth, mut quote) = (0i32, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ']') if depth <= 0 => return i,
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
