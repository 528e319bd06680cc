//! Events into the tree.

use super::text::{hide, literal_rows};
use super::{Comment, Entry, Fault, Kind, Node, NodeId, Placement, Source, Style, Tree, YamlError, template_tags};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, options};
use std::collections::HashMap;

/// After so many broken documents the rest is not read.
const MOST_ERRORS: usize = 20;

/// Parses a text. Never fails: the errors are in the tree.
pub fn parse(source: &Source<'_>) -> Tree {
    let tags = template_tags(&source.text);
    let templated = tags.iter().any(|t| !source.text[t.0..].starts_with('$'));
    let hidden = (!tags.is_empty()).then(|| hide(&source.text, &tags));
    let text = hidden.as_ref().map_or(&*source.text, |h| &h.0);
    let mut build = Build {
        source,
        text,
        tags,
        tree: Tree { span: source.span(0, source.text.len()), templated, ..Tree::default() },
        open: Vec::new(),
        pending: Vec::new(),
        anchors: HashMap::new(),
        waiting: 0,
        last: None,
    };
    build.tree.holes = hidden.iter().flat_map(|h| &h.1).map(|(a, b)| source.span(*a, *b)).collect();
    if let Some(at) = source.damage {
        build.error(Fault::Encoding, at, at + 1, "this is not UTF-8".to_owned());
    }
    build.run();
    build.marks();
    build.tree
}

/// A collection that is not closed yet.
struct Frame {
    node: NodeId,
    map: bool,
    flow: bool,
    /// Where its children begin in `pending`.
    children: usize,
    /// Local offset of its first byte.
    start: usize,
}

/// A node that waits for its collection to close, with its local range.
#[derive(Clone, Copy)]
struct Child {
    node: NodeId,
    start: usize,
    end: usize,
}

struct Build<'a> {
    source: &'a Source<'a>,
    /// What the parser sees: tags are hidden, no byte is moved.
    text: &'a str,
    tags: Vec<(usize, usize)>,
    tree: Tree,
    open: Vec<Frame>,
    pending: Vec<Child>,
    anchors: HashMap<usize, NodeId>,
    /// Comments from here on wait for the next node.
    waiting: usize,
    /// The last key, scalar or closed flow collection, and its local end.
    last: Option<(NodeId, usize)>,
}

impl Build<'_> {
    fn run(&mut self) {
        let mut options = options! {
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            bom_inside_document_as_content: true,
            block_scalar_eof_without_line_feed: true,
        };
        options.max_buffered_comment_events = usize::MAX;
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        loop {
            match parser.next_event() {
                Some(Ok((Event::StreamEnd, _))) => break,
                Some(Ok((event, span))) => {
                    let tag = span.tag_span().and_then(|t| t.byte_range());
                    self.event(event, span.byte_range().unwrap_or_default(), tag);
                }
                Some(Err(e)) => {
                    self.fail(&e);
                    if self.tree.errors.len() >= MOST_ERRORS || !matches!(parser.proceed_next_document(), Ok(true)) {
                        break;
                    }
                }
                None => break,
            }
        }
        self.close_all();
    }

    fn event(&mut self, event: Event<'_>, at: std::ops::Range<usize>, tag: Option<std::ops::Range<usize>>) {
        let (start, end) = (at.start, at.end);
        let tag = tag.map(|t| self.source.span(t.start, t.end));
        match event {
            Event::DocumentStart(..) => self.tree.documents.push(None),
            Event::DocumentEnd => self.close_all(),
            Event::Scalar(text, style, anchor, _) => self.scalar(&text, style, anchor, (start, end), tag),
            Event::SequenceStart(style, anchor, _) => self.begin(false, style == StructureStyle::Flow, anchor, start, tag),
            Event::MappingStart(style, anchor, _) => self.begin(true, style == StructureStyle::Flow, anchor, start, tag),
            Event::SequenceEnd | Event::MappingEnd => self.end(end),
            Event::Alias(id) => {
                let mut to = self.anchors.get(&id).copied();
                if to.is_some_and(|t| self.open.iter().any(|f| f.node == t)) {
                    self.error(Fault::Cycle, start, end, "this alias stands inside of the node that it names".to_owned());
                    to = None;
                }
                self.leaf(Kind::Alias { to }, (start, end), 0, tag);
            }
            Event::UnresolvedAlias(name) => {
                self.error(Fault::UnknownAnchor, start, end, format!("there is no anchor `&{name}` before this alias"));
                self.leaf(Kind::Alias { to: None }, (start, end), 0, tag);
            }
            Event::Anchor(id, _) => {
                let span = self.source.span(start, end);
                if let Some(node) = self.anchors.get(&id) {
                    self.tree.nodes[node.at()].anchor = Some(span);
                }
            }
            Event::Comment(_, placement) => self.comment(placement, start, end),
            _ => {}
        }
    }

    fn comment(&mut self, placement: granit_parser::Placement, start: usize, end: usize) {
        let placement = match placement {
            granit_parser::Placement::Above => Placement::Above,
            granit_parser::Placement::Right => Placement::Right,
            _ => Placement::Free,
        };
        let beside = self.last.filter(|(_, e)| placement == Placement::Right && !self.text[(*e).min(start)..start].contains('\n'));
        self.tree.comments.push(Comment {
            span: self.source.span(start, end),
            text: self.source.text[start..end].trim_start_matches('#').into(),
            placement,
            within: self.open.last().map(|f| f.node),
            next: None,
            beside: beside.map(|b| b.0),
        });
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, (start, end): (usize, usize), tag: Option<crate::source::Span>) {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let (mut start, mut end) = (start.min(self.text.len()), end.min(self.text.len()));
        if style == Style::Plain && start == end {
            // A value that is left out stands behind its `:` or `-`, before the comment.
            if self.text[start..].starts_with(':') {
                start += 1;
            }
            let kind = Kind::Scalar { text: "".into(), style, opaque: false };
            return self.leaf(kind, (start, start), anchor, tag);
        }
        if matches!(style, Style::Literal | Style::Folded) {
            end = start + self.text[start..end].trim_end().len();
        }
        let first = self.tags.partition_point(|t| t.1 <= start);
        let opaque = self.tags.get(first).is_some_and(|t| t.0 < end);
        let text: Box<str> = if !opaque {
            text.into()
        } else if style == Style::Literal {
            let rows = literal_rows(text, &self.text[start..end]).unwrap_or_default();
            let mut whole = String::new();
            for (value, row) in text.split_inclusive('\n').zip(rows) {
                let line = row.map_or("", |(from, to)| {
                    let row = &self.source.text[start + from..start + to];
                    row.get(row.len().saturating_sub(value.trim_end_matches('\n').len())..)
                        .filter(|l| !l.trim().is_empty())
                        .unwrap_or(row.trim_start())
                });
                whole.push_str(line);
                whole.push_str(if value.ends_with('\n') { "\n" } else { "" });
            }
            whole.into()
        } else {
            let raw = &self.source.text[start..end];
            let quoted = matches!(style, Style::Single | Style::Double) && raw.len() > 1;
            (if quoted { &raw[1..raw.len() - 1] } else { raw }).into()
        };
        self.leaf(Kind::Scalar { text, style, opaque }, (start, end), anchor, tag);
    }

    fn leaf(&mut self, kind: Kind, (start, end): (usize, usize), anchor: usize, tag: Option<crate::source::Span>) {
        let id = self.add(kind, (start, end), anchor, tag);
        self.announce(id);
        self.last = Some((id, end));
    }

    /// Adds a node to the collection at hand.
    fn add(&mut self, kind: Kind, (start, end): (usize, usize), anchor: usize, tag: Option<crate::source::Span>) -> NodeId {
        let id = NodeId(self.tree.nodes.len() as u32);
        let parent = self.open.last().map(|f| f.node);
        self.tree.nodes.push(Node { span: self.source.span(start, end), kind, parent, anchor: None, tag });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        if parent.is_some() {
            self.pending.push(Child { node: id, start, end });
        } else if let Some(root) = self.tree.documents.last_mut() {
            *root = root.or(Some(id));
        }
        id
    }

    /// Comments that wait stand before this node.
    fn announce(&mut self, id: NodeId) {
        for comment in &mut self.tree.comments[self.waiting..] {
            comment.next = Some(id);
        }
        self.waiting = self.tree.comments.len();
    }

    fn begin(&mut self, map: bool, flow: bool, anchor: usize, start: usize, tag: Option<crate::source::Span>) {
        let start = start.min(self.text.len());
        let item = self.open.last().is_some_and(|f| !f.map);
        let start = if map || flow || self.text[start..].starts_with('-') { start } else { self.first_dash().unwrap_or(start) };
        let kind = if map { Kind::Map { entries: (0, 0), flow } } else { Kind::List { items: (0, 0), flow } };
        let node = self.add(kind, (start, start), anchor, tag);
        // What stands above the first key of a block map speaks of that key.
        if flow || item {
            self.announce(node);
        }
        self.open.push(Frame { node, map, flow, children: self.pending.len(), start });
    }

    /// The first `-` of a list that is not indented below its key.
    fn first_dash(&self) -> Option<usize> {
        let mut at = self.pending.last()?.end;
        loop {
            let rest = self.text.get(at..)?;
            let skip = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ':']).len();
            let rest = &rest[skip..];
            at += skip;
            at += match rest.bytes().next()? {
                b'-' => return Some(at),
                b'#' => rest.find('\n')?,
                b'&' | b'!' => rest.find([' ', '\n'])?,
                _ => return None,
            };
        }
    }

    /// Closes the innermost collection; a block collection ends with its last child.
    fn end(&mut self, close: usize) {
        let Some(frame) = self.open.pop() else { return };
        let close = close.min(self.text.len());
        let mut children: Vec<Child> = self.pending.split_off(frame.children);
        if frame.map && children.len() % 2 == 1 {
            // The text breaks off behind a key.
            let at = children.last().map_or(frame.start, |c| c.end);
            let id = NodeId(self.tree.nodes.len() as u32);
            let kind = Kind::Scalar { text: "".into(), style: Style::Plain, opaque: false };
            self.tree.nodes.push(Node { span: self.source.span(at, at), kind, parent: Some(frame.node), anchor: None, tag: None });
            children.push(Child { node: id, start: at, end: at });
        }
        let from = children.first().map_or(frame.start, |c| c.start.min(frame.start));
        let start = if frame.map && !frame.flow { children.first().map_or(frame.start, |c| c.start) } else { from };
        let last = children.last().map_or(start, |c| c.end);
        let end = if frame.flow { close.max(last) } else { last };
        let kind = if frame.map {
            for pair in children.chunks_exact(2) {
                if !matches!(self.tree.node(pair[0].node).kind, Kind::Scalar { .. } | Kind::Alias { .. }) {
                    self.error(Fault::CollectionKey, pair[0].start, pair[0].end, "a list or a map cannot be a key".to_owned());
                }
                self.tree.entries.push(Entry { key: pair[0].node, value: pair[1].node });
            }
            let n = self.tree.entries.len() as u32;
            Kind::Map { entries: (n - children.len() as u32 / 2, n), flow: frame.flow }
        } else {
            self.tree.items.extend(children.iter().map(|c| c.node));
            let n = self.tree.items.len() as u32;
            Kind::List { items: (n - children.len() as u32, n), flow: frame.flow }
        };
        let node = &mut self.tree.nodes[frame.node.at()];
        node.kind = kind;
        node.span = self.source.span(start, end);
        if frame.flow {
            self.last = Some((frame.node, end));
        }
        if !self.open.is_empty()
            && let Some(child) = self.pending.last_mut()
        {
            child.start = start;
            child.end = end;
        }
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.end(0);
        }
    }

    /// Byte order marks behind the first byte: Envoy's reader takes them for text.
    fn marks(&mut self) {
        for (at, mark) in self.text.match_indices('\u{feff}').filter(|(at, _)| *at > 0).take(16) {
            let span = self.source.span(at, at + mark.len());
            let inside = |n: &Node| matches!(n.kind, Kind::Scalar { .. }) && n.span.holds(span);
            if !self.tree.nodes.iter().any(inside) && !self.tree.comments.iter().any(|c| c.span.holds(span)) {
                self.error(
                    Fault::Encoding,
                    at,
                    at + mark.len(),
                    "a byte order mark inside of the text becomes a part of what follows".to_owned(),
                );
                break;
            }
        }
    }

    fn fail(&mut self, error: &ScanError) {
        let len = self.text.len();
        let mut at = error.marker().byte_offset().unwrap_or(len).min(len);
        let fault = match error.kind() {
            ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::UnexpectedEofBlockSequence
            | ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEof
            | ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnclosedQuotedScalar => Fault::Unterminated,
            _ => Fault::Syntax,
        };
        // At the end of a line it is the last character before it that can be shown.
        while at > 0 && (at == len || !self.text.is_char_boundary(at) || self.text.as_bytes()[at].is_ascii_whitespace()) {
            at -= 1;
        }
        let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
        self.error(fault, at, at + width, error.info());
        self.close_all();
    }

    fn error(&mut self, fault: Fault, from: usize, to: usize, message: String) {
        let span = self.source.span(from, to);
        self.tree.errors.push(YamlError { fault, span, message });
    }
}
