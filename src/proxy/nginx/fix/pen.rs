//! Writes lines the way the file writes them: line ends, indentation, the width of columns, one-line blocks.

use crate::model::Edit;
use crate::proxy::lines::Lines;
use crate::proxy::nginx::conf::{Block, Conf, DirId};
use crate::source::{SourceMap, Span};

/// Knows the text around directives.
#[derive(Clone, Copy)]
pub(super) struct Pen<'a> {
    pub(super) conf: &'a Conf,
    pub(super) map: &'a SourceMap,
}

impl Pen<'_> {
    /// The text of a directive, as it is written.
    pub(super) fn raw(&self, id: DirId) -> String {
        self.map.text(self.conf.get(id).span)
    }

    const fn rows(&self) -> Lines<'_> {
        Lines(self.map)
    }

    /// The white space before a directive that begins its line; none if it does not.
    pub(super) fn indent(&self, id: DirId) -> Option<String> {
        self.rows().indent(self.conf.get(id).span.start)
    }

    /// The last byte of a directive, its block included.
    fn end(&self, id: DirId) -> u32 {
        let dir = self.conf.get(id);
        dir.body.map_or(dir.span.end(), Span::end)
    }

    /// Whether nothing but a comment follows on the line.
    fn ends_line(&self, id: DirId) -> bool {
        let end = self.end(id);
        self.rows().end(end).is_some_and(|(line, _)| {
            let rest = self.map.bytes(Span::between(end, line)).trim_ascii();
            rest.is_empty() || rest.starts_with(b"#")
        })
    }

    /// Lines behind a directive.
    pub(super) fn after(&self, id: DirId, lines: &[String]) -> Option<Edit> {
        let end = self.end(id);
        let Some(indent) = self.indent(id).filter(|_| self.ends_line(id)) else {
            let text = format!(" {}", joined(lines));
            return Some(Edit { span: Span { start: end, len: 0 }, text });
        };
        let brk = self.rows().mark(end);
        let (at, broken) = self.rows().end(end)?;
        let mut text = indented(lines, &indent, brk);
        if !broken {
            text = format!("{brk}{}", text.trim_end_matches(['\r', '\n']));
        }
        Some(Edit { span: Span { start: at, len: 0 }, text })
    }

    /// Lines before a directive.
    pub(super) fn before(&self, id: DirId, lines: &[String]) -> Option<Edit> {
        let at = self.conf.get(id).span.start;
        let Some(indent) = self.indent(id) else {
            let text = format!("{} ", joined(lines));
            return Some(Edit { span: Span { start: at, len: 0 }, text });
        };
        let brk = self.rows().mark(at);
        Some(Edit { span: Span { start: self.rows().start(at)?, len: 0 }, text: indented(lines, &indent, brk) })
    }

    /// Before a directive and the comment right above it.
    pub(super) fn above(&self, id: DirId, lines: &[String]) -> Option<Edit> {
        let mut edit = self.before(id, lines)?;
        if self.indent(id).is_none() {
            return Some(edit);
        }
        let rows = self.rows();
        let (bytes, _, base) = rows.around(edit.span.start)?;
        loop {
            let local = (edit.span.start - base) as usize;
            let previous = bytes[..local.saturating_sub(1)].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
            if local == 0 || !bytes[previous..local].trim_ascii_start().starts_with(b"#") {
                return Some(edit);
            }
            edit.span.start = base + previous as u32;
        }
    }

    /// Whether a comment stands right above a directive.
    pub(super) fn commented(&self, id: DirId) -> bool {
        self.above(id, &[]).is_some_and(|e| self.before(id, &[]).is_some_and(|b| b.span != e.span))
    }

    /// Takes a directive out, with its line if nothing else stands there.
    pub(super) fn delete(&self, id: DirId) -> Option<Edit> {
        let dir = self.conf.get(id);
        let span = dir.body.map_or(dir.span, |b| dir.span.to(b));
        self.rows().without(span)
    }

    /// One step of indentation in a block: what the directives inside have more than the block itself.
    pub(super) fn step(&self, block: Block) -> String {
        let inner = |b: Block| self.conf.inside(b).find_map(|c| self.indent(c));
        let outer = block.and_then(|b| self.indent(b));
        let deeper = |inner: Option<String>, outer: Option<String>| Some(inner?.strip_prefix(outer?.as_str())?.to_owned());
        let own = block.and_then(|_| deeper(inner(block), outer));
        let below =
            || self.conf.inside(block).filter(|c| self.conf.get(*c).body.is_some()).find_map(|c| deeper(inner(Some(c)), self.indent(c)));
        own.or_else(below).filter(|s| !s.is_empty()).unwrap_or_else(|| "    ".to_owned())
    }

    /// A line of a list, in the columns of the lines that are there.
    pub(super) fn line(&self, siblings: &[DirId], name: &str, args: &[&str]) -> String {
        let gap = |a: Span, b: Span| self.map.text(Span::between(a.end(), b.start));
        let plain = |g: &String| !g.is_empty() && g.bytes().all(|b| b == b' ' || b == b'\t');
        let named: Vec<_> = siblings.iter().map(|d| self.conf.get(*d)).filter(|d| d.name.text == name && !d.args.is_empty()).collect();
        let first = named.last().and_then(|d| Some(gap(d.name.span, d.args.first()?.span))).filter(plain).unwrap_or_else(|| " ".to_owned());
        let both = || named.iter().filter_map(|d| Some((d.args.first()?.span, d.args.get(1)?.span)));
        let columns: Vec<u32> = both().map(|(a, b)| b.start - a.start).collect();
        let aligned = columns.len() > 1 && columns.windows(2).all(|w| w[0] == w[1]) && both().any(|(a, b)| gap(a, b).len() > 1);
        let mut out = format!("{name}{first}");
        for (i, arg) in args.iter().enumerate() {
            if i == 1 {
                let width = if aligned { columns[0] as usize } else { 0 };
                let written = args[0].len();
                out.push_str(&" ".repeat(width.saturating_sub(written).max(1)));
            } else if i > 1 {
                out.push(' ');
            }
            out.push_str(arg);
        }
        out.push(';');
        out
    }
}

/// Several lines in one, for blocks that stand on one line.
fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|l| l.split('\n')).map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Lines with an indentation; what is empty stays so.
fn indented(lines: &[String], indent: &str, brk: &str) -> String {
    let mut out = String::new();
    for line in lines.iter().flat_map(|l| l.split('\n')) {
        if !line.is_empty() {
            out.push_str(indent);
            out.push_str(line);
        }
        out.push_str(brk);
    }
    out
}
