//! The text to parse, and where its bytes lie in the files: an embedded text is cut free of its indentation, and template
//! tags are hidden from the parser without moving a byte.

use super::{Kind, NodeId, Style, Tree};
use crate::source::Span;
use std::borrow::Cow;

/// A text with its place.
#[derive(Debug)]
pub struct Source<'a> {
    pub(super) text: Cow<'a, str>,
    /// Bytes that are not UTF-8, in the text.
    pub(super) damage: Option<usize>,
    /// Local and global offsets of the runs that lie together, ascending.
    runs: Vec<(u32, u32)>,
}

impl<'a> Source<'a> {
    /// A whole file that begins at a global offset.
    pub fn whole(bytes: &'a [u8], base: u32) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Cow::Borrowed(text), damage: None, runs: vec![(0, base)] },
            Err(e) => {
                // One mark for each wrong byte, so that no offset moves.
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    text.extend(chunk.invalid().iter().map(|_| '?'));
                }
                Self { text: Cow::Owned(text), damage: Some(e.valid_up_to()), runs: vec![(0, base)] }
            }
        }
    }

    /// The text inside a literal block scalar, or inside a scalar on one line whose text is its bytes. `raw` are the bytes of the
    /// node's span. None if bytes and text do not correspond one to one.
    pub fn embedded(tree: &Tree, node: NodeId, raw: &[u8]) -> Option<Source<'static>> {
        let n = tree.node(node);
        let Kind::Scalar { text, style, .. } = &n.kind else { return None };
        let raw = std::str::from_utf8(raw).ok()?;
        let owned = Cow::Owned(text.to_string());
        match style {
            Style::Literal => {}
            Style::Folded => return None,
            Style::Plain if raw == &**text => {
                return Some(Source { text: owned, damage: None, runs: vec![(0, n.span.start)] });
            }
            Style::Single | Style::Double if raw.get(1..raw.len().checked_sub(1)?) == Some(text) => {
                return Some(Source { text: owned, damage: None, runs: vec![(0, n.span.start + 1)] });
            }
            _ => return None,
        }
        let mut runs = Vec::new();
        let mut local = 0;
        for (line, row) in text.split_inclusive('\n').zip(literal_rows(text, raw)?) {
            if let Some((_, end)) = row {
                let bare = line.trim_end_matches('\n');
                runs.push((local as u32, n.span.start + end.saturating_sub(bare.len()) as u32));
            }
            local += line.len();
        }
        if runs.is_empty() {
            runs.push((0, n.span.start));
        }
        Some(Source { text: owned, damage: None, runs })
    }

    /// The global offset of a byte of the text.
    fn global(&self, local: usize) -> u32 {
        let i = self.runs.partition_point(|r| r.0 as usize <= local).saturating_sub(1);
        let (from, to) = self.runs[i];
        to + (local as u32).saturating_sub(from)
    }

    /// The global span of a local range; its end is behind its last byte, also where indentation follows.
    pub fn span(&self, from: usize, to: usize) -> Span {
        let start = self.global(from);
        if to <= from { Span { start, len: 0 } } else { Span::between(start, self.global(to - 1) + 1) }
    }
}

/// For each line of a literal block's text the bytes of its row in `raw`, line end excluded; none for blank lines before the
/// first text, which are not in `raw`, and for those behind the last.
pub(super) fn literal_rows(text: &str, raw: &str) -> Option<Vec<Option<(usize, usize)>>> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut rows = raw.split_inclusive('\n');
    let mut begun = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        begun |= !bare.is_empty();
        let Some(row) = begun.then(|| rows.next()).flatten() else {
            out.push(None);
            continue;
        };
        let end = row.trim_end_matches(['\n', '\r']).len();
        if end < bare.len() && !bare.trim().is_empty() {
            return None;
        }
        out.push(Some((at, at + end)));
        at += row.len();
    }
    Some(out)
}

/// Template tags that close on their line (`{{ }}`) or soon (`{% %}`, `<% %>`), and `${NAME}`, in the order of the text.
pub fn template_tags(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i + 1 < bytes.len() {
        let (close, limit): (&[u8], usize) = match &bytes[i..i + 2] {
            b"{{" => (b"}}", 400),
            b"{%" => (b"%}", 2000),
            b"<%" => (b"%>", 2000),
            b"${" if variable(&bytes[i + 2..]).is_some() => {
                let end = i + 2 + variable(&bytes[i + 2..]).unwrap_or(0);
                out.push((i, end));
                i = end;
                continue;
            }
            _ => {
                i += 1;
                continue;
            }
        };
        let body = &bytes[i + 2..bytes.len().min(i + limit)];
        let body = if close == b"}}" { body.split(|b| *b == b'\n').next().unwrap_or_default() } else { body };
        match body.windows(2).position(|w| w == close) {
            Some(n) => {
                out.push((i, i + n + 4));
                i += n + 4;
            }
            None => i += 2,
        }
    }
    out
}

/// The length of `NAME}` or `NAME:-default}`.
fn variable(rest: &[u8]) -> Option<usize> {
    let name = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    if name == 0 || rest[0].is_ascii_digit() {
        return None;
    }
    let close = rest.iter().take(200).position(|b| *b == b'}' || *b == b'\n')?;
    (rest[close] == b'}' && (close == name || matches!(rest[name], b':' | b'-' | b'?' | b'+' | b'='))).then_some(close + 1)
}

/// Hides tags: one on lines of its own becomes blank, one inside a line a word. Returns the blank ones.
pub(super) fn hide(text: &str, tags: &[(usize, usize)]) -> (String, Vec<(usize, usize)>) {
    let mut bytes = text.as_bytes().to_vec();
    let mut holes = Vec::new();
    let mut i = 0;
    while i < tags.len() {
        // All tags of a line together.
        let line = text[..tags[i].0].rfind('\n').map_or(0, |n| n + 1);
        let mut j = i;
        let mut rest = text[line..tags[i].0].trim().to_owned();
        let end = loop {
            let stop = text[tags[j].1..].find('\n').map_or(text.len(), |n| tags[j].1 + n);
            let next = tags.get(j + 1).filter(|t| t.0 < stop);
            rest.push_str(text[tags[j].1..next.map_or(stop, |t| t.0)].trim());
            if next.is_none() {
                break stop;
            }
            j += 1;
        };
        // Inside a comment, or before one, it is no value.
        let alone = rest.is_empty() || rest.starts_with('#');
        for (from, to) in &tags[i..=j] {
            for b in &mut bytes[*from..*to] {
                if *b != b'\n' && *b != b'\r' {
                    *b = if alone { b' ' } else { b'T' };
                } else if !alone {
                    *b = b' ';
                }
            }
        }
        if alone && text[line..tags[i].0].trim().is_empty() {
            holes.push((tags[i].0, tags[j].1.min(end.max(tags[j].1))));
        }
        i = j + 1;
    }
    // Only ASCII was written over whole characters: a tag ends on character boundaries.
    (String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned()), holes)
}
