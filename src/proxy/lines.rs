//! Lines of a text, for whoever writes into it: where they begin and end, and how they are indented.

use crate::model::Edit;
use crate::source::{SourceMap, Span};

/// A length of time as nginx and HAProxy read it.
pub(super) fn time(milliseconds: u64) -> String {
    if milliseconds.is_multiple_of(1000) { format!("{}s", milliseconds / 1000) } else { format!("{milliseconds}ms") }
}

/// The lines of all files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a>(pub(super) &'a SourceMap);

impl<'a> Lines<'a> {
    /// The bytes of the file around an offset, and the offset in them, and that of the file.
    pub(super) fn around(self, at: u32) -> Option<(&'a [u8], usize, u32)> {
        let (_, file) = self.0.file_at(at)?;
        Some((file.bytes(), (at - file.base()) as usize, file.base()))
    }

    /// Global offset of the first byte of a line.
    pub(super) fn start(self, at: u32) -> Option<u32> {
        let (bytes, local, base) = self.around(at)?;
        let start = bytes[..local].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        Some(base + start as u32)
    }

    /// Global offset behind a line, its end included, and whether it has one.
    pub(super) fn end(self, at: u32) -> Option<(u32, bool)> {
        let (bytes, local, base) = self.around(at)?;
        Some(match bytes[local..].iter().position(|b| *b == b'\n') {
            Some(i) => (base + (local + i + 1) as u32, true),
            None => (base + bytes.len() as u32, false),
        })
    }

    /// The line end that is used near an offset.
    pub(super) fn mark(self, at: u32) -> &'static str {
        let crlf = self.end(at).is_some_and(|(end, _)| self.0.bytes(Span::between(at, end)).ends_with(b"\r\n"));
        let crlf = crlf || self.start(at).is_some_and(|s| s >= 2 && self.0.bytes(Span::between(s - 2, s)) == b"\r\n");
        if crlf { "\r\n" } else { "\n" }
    }

    /// The white space before a place, if nothing else stands before it on its line.
    pub(super) fn indent(self, at: u32) -> Option<String> {
        let before = self.0.text(Span::between(self.start(at)?, at));
        before.bytes().all(|b| b == b' ' || b == b'\t').then_some(before)
    }

    /// Lines below the one that holds a place; they bring their own indentation.
    pub(super) fn below(self, at: u32, lines: &[String]) -> Option<Edit> {
        let mark = self.mark(at);
        let (end, broken) = self.end(at)?;
        let text: String = lines.iter().flat_map(|l| [l.as_str(), mark]).collect();
        let text = if broken { text } else { format!("{mark}{}", text.trim_end_matches(['\r', '\n'])) };
        Some(Edit { span: Span { start: end, len: 0 }, text })
    }

    /// Takes out what stands in a span, with its line if nothing else stands there.
    pub(super) fn without(self, span: Span) -> Option<Edit> {
        let (end, _) = self.end(span.end())?;
        let rest = self.0.bytes(Span::between(span.end(), end));
        let first = self.indent(span.start).is_some();
        let span = if first && rest.trim_ascii().is_empty() {
            Span::between(self.start(span.start)?, end)
        } else if first && rest.trim_ascii_start().starts_with(b"#") {
            // The comment takes its place.
            Span::between(span.start, end - rest.trim_ascii_start().len() as u32)
        } else {
            span
        };
        Some(Edit { span, text: String::new() })
    }
}
