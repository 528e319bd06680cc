//! Writes into YAML and JSON the way the text around is written: block or flow, with or without quotes, in its columns.

use crate::model::Edit;
use crate::proxy::envoy::scalar::camel_case;
use crate::proxy::envoy::yaml::{Entry, Kind, NodeId, Tree};
use crate::proxy::lines::Lines;
use crate::source::Span;

/// Something to write.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// A bool, as it is written in both.
    Bool(bool),
    /// Fields in order.
    Map(Vec<(String, Self)>),
    /// Items.
    List(Vec<Self>),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn map<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Map(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// On one line; as JSON if quotes are wanted.
    fn flow(&self, json: bool) -> String {
        match self {
            Self::Text(t) if json || !is_plain(t) => format!("\"{t}\""),
            Self::Text(t) => t.clone(),
            Self::Bool(b) => b.to_string(),
            Self::Map(fields) => {
                let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{}: {}", key(k, json), v.flow(json))).collect();
                if json { format!("{{{}}}", fields.join(", ")) } else { format!("{{ {} }}", fields.join(", ")) }
            }
            Self::List(items) => format!("[{}]", items.iter().map(|i| i.flow(json)).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Lines of a block at an indentation, behind `head` (a key, a dash) on the first of them.
    fn block(&self, head: &str, indent: &str, out: &mut Vec<String>) {
        // Nothing below is deeper than the three levels that corrections write.
        match self {
            Self::Map(fields) if head.ends_with('-') => {
                let inner = format!("{indent}  ");
                for (i, (name, value)) in fields.iter().enumerate() {
                    let before = if i == 0 { format!("{head} {}:", key(name, false)) } else { format!("{inner}{}:", key(name, false)) };
                    value.block(&before, &inner, out);
                }
            }
            Self::Map(fields) => {
                out.push(head.to_owned());
                let inner = format!("{indent}  ");
                for (name, value) in fields {
                    value.block(&format!("{inner}{}:", key(name, false)), &inner, out);
                }
            }
            Self::List(items) => {
                out.push(head.to_owned());
                for item in items {
                    item.block(&format!("{indent}-"), indent, out);
                }
            }
            Self::Text(_) | Self::Bool(_) => out.push(format!("{head} {}", self.flow(false))),
        }
    }
}

fn key(name: &str, json: bool) -> String {
    if json || name.starts_with('@') { format!("\"{name}\"") } else { name.to_owned() }
}

/// Whether a string may stand without quotes, in block and flow style.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'_' | b'-')) && !text.is_empty()
}

/// A tree and its text.
#[derive(Clone, Copy)]
pub(super) struct Pen<'a> {
    pub(super) tree: &'a Tree,
    pub(super) lines: Lines<'a>,
}

impl Pen<'_> {
    /// The entry of a field, in either spelling.
    pub(super) fn field(self, map: NodeId, name: &str) -> Option<Entry> {
        self.tree.entry(map, name).or_else(|| self.tree.entry(map, &camel_case(name)))
    }

    /// Whether a collection is written with brackets; its own node, no alias.
    fn is_flow(self, id: NodeId) -> Option<bool> {
        match self.tree.node(id).kind {
            Kind::Map { flow, .. } | Kind::List { flow, .. } => Some(flow),
            _ => None,
        }
    }

    /// White space as wide as what stands before a key on its line: spaces and the dashes of list items.
    fn column(self, at: u32) -> Option<String> {
        let before = self.lines.0.text(Span::between(self.lines.start(at)?, at));
        before.bytes().all(|b| matches!(b, b' ' | b'-')).then(|| before.replace('-', " "))
    }

    /// Whether names are quoted around here.
    fn is_json(self, map: NodeId) -> bool {
        self.tree.entries(map).first().is_some_and(|e| self.lines.0.bytes(self.tree.span(e.key)).starts_with(b"\""))
    }

    /// Behind the line that a node ends on.
    fn below(self, node: Span, lines: &[String]) -> Option<Edit> {
        let last = if node.len > 0 && self.lines.0.bytes(node).ends_with(b"\n") { node.end() - 1 } else { node.end() };
        self.lines.below(last, lines)
    }

    /// A field behind another one of the same map; one of that name that is there makes it refuse.
    pub(super) fn insert(self, map: NodeId, after: Entry, name: &str, value: &Value) -> Option<Edit> {
        if self.field(map, name).is_some() {
            return None;
        }
        let first = self.tree.span(self.tree.entries(map).first()?.key);
        let end = self.tree.span(after.key).to(self.tree.span(after.value));
        if self.is_flow(map)? {
            let json = self.is_json(map);
            let text = format!("{}: {}", key(name, json), value.flow(json));
            let gap = match self.lines.indent(self.tree.span(after.key).start) {
                Some(indent) => format!("{}{indent}", self.lines.mark(first.start)),
                None => " ".to_owned(),
            };
            return Some(Edit { span: Span { start: end.end(), len: 0 }, text: format!(",{gap}{text}") });
        }
        let indent = self.column(first.start)?;
        let mut lines = Vec::new();
        value.block(&format!("{indent}{}:", key(name, false)), &indent, &mut lines);
        self.below(end, &lines)
    }

    /// Another field, on one line, instead of one that stands on one line.
    pub(super) fn exchange(self, map: NodeId, old: Entry, name: &str, value: &Value) -> Option<Edit> {
        let json = self.is_json(map);
        let span = self.tree.span(old.key).to(self.tree.span(old.value));
        let scalar = matches!(self.tree.node(old.value).kind, Kind::Scalar { opaque: false, .. });
        let line = scalar && !self.lines.0.bytes(span).contains(&b'\n');
        line.then(|| Edit { span, text: format!("{}: {}", key(name, json), value.flow(json)) })
    }

    /// One more item at the end of a list, or before the first.
    pub(super) fn push(self, list: NodeId, value: &Value, first: bool) -> Option<Edit> {
        let items = self.tree.items(list);
        let span = self.tree.span(list);
        let beside = if first { items.first() } else { items.last() };
        if self.is_flow(list)? {
            let json = self.lines.0.bytes(span).contains(&b'"') && beside.is_some_and(|i| self.is_json(*i));
            let text = value.flow(json);
            return Some(match beside {
                None => Edit { span: Span { start: span.start + 1, len: 0 }, text },
                Some(i) if first => Edit { span: Span { start: self.tree.span(*i).start, len: 0 }, text: format!("{text}, ") },
                Some(i) => Edit { span: Span { start: self.tree.span(*i).end(), len: 0 }, text: format!(", {text}") },
            });
        }
        let beside = self.tree.span(*beside?);
        let indent = self.dash(beside.start)?;
        let mut lines = Vec::new();
        value.block(&format!("{indent}-"), &indent, &mut lines);
        if first {
            let mark = self.lines.mark(beside.start);
            let text: String = lines.iter().flat_map(|l| [l.as_str(), mark]).collect();
            return Some(Edit { span: Span { start: self.lines.start(beside.start)?, len: 0 }, text });
        }
        self.below(beside, &lines)
    }

    /// The indentation of an item's dash, if nothing else stands before it.
    fn dash(self, item: u32) -> Option<String> {
        let before = self.lines.0.text(Span::between(self.lines.start(item)?, item));
        let indent = before.trim_end().strip_suffix('-')?;
        indent.bytes().all(|b| b == b' ').then(|| indent.to_owned())
    }

    /// The whole of an item: its lines, or with one comma beside it.
    pub(super) fn item(self, list: NodeId, item: NodeId) -> Option<Span> {
        let items = self.tree.items(list);
        let at = items.iter().position(|i| *i == item)?;
        let span = self.tree.span(item);
        if self.is_flow(list)? {
            return Some(match (at.checked_sub(1).map(|b| items[b]), items.get(at + 1)) {
                (Some(before), _) => Span::between(self.tree.span(before).end(), span.end()),
                (None, Some(next)) => Span::between(span.start, self.tree.span(*next).start),
                (None, None) => span,
            });
        }
        self.dash(span.start)?;
        let last = if self.lines.0.bytes(span).ends_with(b"\n") { span.end() - 1 } else { span.end() };
        Some(Span::between(self.lines.start(span.start)?, self.lines.end(last)?.0))
    }

    /// Takes an item out; the last one goes with the key of its list.
    pub(super) fn remove_item(self, list: NodeId, item: NodeId) -> Option<Edit> {
        if self.tree.items(list).len() > 1 {
            return Some(Edit { span: self.item(list, item)?, text: String::new() });
        }
        let map = self.tree.node(list).parent?;
        let entry = self.tree.entry_of(list)?;
        self.remove(map, entry)
    }

    /// Takes a field out.
    pub(super) fn remove(self, map: NodeId, entry: Entry) -> Option<Edit> {
        let entries = self.tree.entries(map);
        let at = entries.iter().position(|e| e.key == entry.key)?;
        let whole = |e: &Entry| self.tree.span(e.key).to(self.tree.span(e.value));
        let span = whole(&entry);
        let gone = if self.is_flow(map)? {
            match (at.checked_sub(1).map(|b| &entries[b]), entries.get(at + 1)) {
                (Some(before), _) => Span::between(whole(before).end(), span.end()),
                (None, Some(next)) => Span::between(span.start, self.tree.span(next.key).start),
                (None, None) => span,
            }
        } else {
            // The first field of an item stands behind its dash.
            self.lines.indent(span.start)?;
            let last = if self.lines.0.bytes(span).ends_with(b"\n") { span.end() - 1 } else { span.end() };
            Span::between(self.lines.start(span.start)?, self.lines.end(last)?.0)
        };
        Some(Edit { span: gone, text: String::new() })
    }

    /// Puts an item of a list in front of an earlier one.
    pub(super) fn hoist(self, list: NodeId, item: NodeId, before: NodeId) -> Option<Vec<Edit>> {
        if self.is_flow(list)? {
            return None;
        }
        let (from, to) = (self.item(list, item)?, self.item(list, before)?);
        let mark = self.lines.mark(to.start);
        let mut text = self.lines.0.text(from);
        if !text.ends_with('\n') {
            text.push_str(mark);
        }
        (to.start < from.start)
            .then(|| vec![Edit { span: Span { start: to.start, len: 0 }, text }, Edit { span: from, text: String::new() }])
    }

    /// A text in quotes instead of a collection written on one line.
    pub(super) fn replace(self, flow: NodeId, text: &str) -> Option<Edit> {
        let whole = self.is_flow(flow)? && !self.tree.has_hole(flow);
        whole.then(|| Edit { span: self.tree.span(flow), text: format!("\"{text}\"") })
    }

    /// Another text for a scalar, in its quotes.
    pub(super) fn respell(self, scalar: NodeId, text: &str) -> Option<Edit> {
        let Kind::Scalar { opaque: false, .. } = self.tree.node(scalar).kind else { return None };
        let span = self.tree.span(scalar);
        let quote = match self.lines.0.bytes(span).first() {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => "",
        };
        Some(Edit { span, text: format!("{quote}{text}{quote}") })
    }
}
