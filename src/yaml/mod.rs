//! YAML 1.2, JSON included, as a flat tree whose keys and values know their bytes. Nothing is resolved away: duplicate keys,
//! merge keys, anchors and aliases, tags, scalar styles, comments and further documents all stay visible. Parsing never
//! fails: what could be read is in the tree, with the errors beside it.
//!
//! The event parser behind it is used in [`parse`](mod@self) alone, so that it can be replaced.

mod parse;
mod text;

pub use parse::parse;
pub use text::{Source, template_tags};

use crate::source::Span;

/// A node of a [`Tree`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    const fn at(self) -> usize {
        self.0 as usize
    }
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What a node is. Ranges are into the tree's own vectors; use the accessors of [`Tree`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A single value.
    Scalar {
        /// Unescaped; as written if it is `opaque`.
        text: Box<str>,
        /// How it is written.
        style: Style,
        /// Whether a template fills a part of it in later.
        opaque: bool,
    },
    /// Keys and values.
    Map {
        /// First and behind the last of its entries.
        entries: (u32, u32),
        /// `{ … }`
        flow: bool,
    },
    /// Items.
    List {
        /// First and behind the last of its items.
        items: (u32, u32),
        /// `[ … ]`
        flow: bool,
    },
    /// `*name`
    Alias {
        /// The anchored node; none if the anchor is missing or the alias stands inside of it.
        to: Option<NodeId>,
    },
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its bytes: with the quotes, without anchor, tag and the header of a block scalar. A block collection begins with its first
    /// key (its first `-`) and ends with its last child. A value that is left out is an empty span behind the `:` or `-`.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// The map or list that holds it, as key, value or item.
    pub parent: Option<NodeId>,
    /// `&name`
    pub anchor: Option<Span>,
    /// `!tag`
    pub tag: Option<Span>,
}

/// A key with its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key, mostly a scalar.
    pub key: NodeId,
    /// The value.
    pub value: NodeId,
}

/// Where a comment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// On its own line, directly above something.
    Above,
    /// Behind something on its line.
    Right,
    /// On its own line, apart.
    Free,
}

/// A comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// With the `#`.
    pub span: Span,
    /// Without the `#`.
    pub text: Box<str>,
    /// Where it stands.
    pub placement: Placement,
    /// The innermost map or list that is open there.
    pub within: Option<NodeId>,
    /// The next node in the text: a key, an item or a root.
    pub next: Option<NodeId>,
    /// For [`Placement::Right`]: the last key or scalar on its line.
    pub beside: Option<NodeId>,
}

/// What is wrong with the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Not YAML.
    Syntax,
    /// Something that begins and never ends.
    Unterminated,
    /// `*name` without an anchor of that name before it.
    UnknownAnchor,
    /// `*name` inside the node that `&name` stands on.
    Cycle,
    /// A list or a map as key.
    CollectionKey,
    /// Bytes that are not UTF-8.
    Encoding,
}

/// An error and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct YamlError {
    /// What.
    pub fault: Fault,
    /// Where; for [`Fault::Unterminated`] where it begins.
    pub span: Span,
    /// In the parser's words.
    pub message: String,
}

/// A file, or an embedded text, as nodes.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    entries: Vec<Entry>,
    items: Vec<NodeId>,
    documents: Vec<Option<NodeId>>,
    /// In the order of the text.
    pub comments: Vec<Comment>,
    /// In the order of the text.
    pub errors: Vec<YamlError>,
    /// Template tags on lines of their own: whatever stands there is unknown.
    pub holes: Vec<Span>,
    /// Whether a template engine makes the final text; `${NAME}` alone does not count.
    pub templated: bool,
    /// The whole text.
    pub span: Span,
}

impl Tree {
    /// The roots of all documents; an empty document has none.
    pub fn documents(&self) -> &[Option<NodeId>] {
        &self.documents
    }

    /// The root of the first document.
    pub fn root(&self) -> Option<NodeId> {
        self.documents.first().copied().flatten()
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.at()]
    }

    /// All nodes: children before the collection that holds them come later in the text, parents come first.
    pub fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Its bytes.
    pub fn span(&self, id: NodeId) -> Span {
        self.node(id).span
    }

    /// What an alias stands for; any other node is itself. Never a cycle.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.node(id).kind {
            Kind::Alias { to: Some(to) } => to,
            _ => id,
        }
    }

    /// The entries of a map as written, duplicates included; empty for anything else. Aliases are followed.
    pub fn entries(&self, id: NodeId) -> &[Entry] {
        match self.node(self.resolve(id)).kind {
            Kind::Map { entries: (from, to), .. } => &self.entries[from as usize..to as usize],
            _ => &[],
        }
    }

    /// The items of a list; empty for anything else. Aliases are followed.
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match self.node(self.resolve(id)).kind {
            Kind::List { items: (from, to), .. } => &self.items[from as usize..to as usize],
            _ => &[],
        }
    }

    /// The text of a scalar. Aliases are followed.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.resolve(id)).kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether a template fills this scalar in later. Aliases are followed.
    pub fn is_opaque(&self, id: NodeId) -> bool {
        matches!(self.node(self.resolve(id)).kind, Kind::Scalar { opaque: true, .. })
    }

    /// Whether it is a map. Aliases are followed.
    pub fn is_map(&self, id: NodeId) -> bool {
        matches!(self.node(self.resolve(id)).kind, Kind::Map { .. })
    }

    /// Whether it is a list. Aliases are followed.
    pub fn is_list(&self, id: NodeId) -> bool {
        matches!(self.node(self.resolve(id)).kind, Kind::List { .. })
    }

    /// The entry of a key in exactly this spelling; of duplicates the last, as in Envoy.
    pub fn entry(&self, map: NodeId, key: &str) -> Option<Entry> {
        self.entries(map).iter().rev().find(|e| self.text(e.key) == Some(key)).copied()
    }

    /// The value of a key in exactly this spelling; of duplicates the last.
    pub fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        self.entry(map, key).map(|e| e.value)
    }

    /// The value at the end of a way of keys.
    pub fn find(&self, from: NodeId, way: &[&str]) -> Option<NodeId> {
        way.iter().try_fold(from, |at, key| self.get(at, key))
    }

    /// The entry whose key or value a node is.
    pub fn entry_of(&self, id: NodeId) -> Option<Entry> {
        self.entries(self.node(id).parent?).iter().find(|e| e.key == id || e.value == id).copied()
    }

    /// The whole of what a comment speaks of: the entry or item below it, or the one on whose line it stands.
    pub fn about(&self, comment: &Comment) -> Option<Span> {
        let node = match comment.placement {
            Placement::Above => comment.next?,
            Placement::Right => comment.beside?,
            Placement::Free => return None,
        };
        let whole = match self.entry_of(node) {
            Some(e) => self.span(e.key).to(self.span(e.value)),
            None => self.span(node),
        };
        Some(whole)
    }

    /// Whether a template tag on its own line stands inside of a node: then keys or items may be missing.
    pub fn has_hole(&self, id: NodeId) -> bool {
        let span = self.span(self.resolve(id));
        let first = self.holes.partition_point(|h| h.start < span.start);
        self.holes.get(first).is_some_and(|h| span.holds(*h))
    }

    /// `static_resources.listeners[0].name`: for messages.
    pub fn path(&self, id: NodeId) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut at = id;
        while let Some(parent) = self.node(at).parent {
            if let Some(i) = self.items(parent).iter().position(|i| *i == at) {
                parts.push(format!("[{i}]"));
            } else if let Some(entry) = self.entry_of(at) {
                let key = self.text(entry.key).unwrap_or("?");
                let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                parts.push(if plain { format!(".{key}") } else { format!("[\"{key}\"]") });
            }
            at = parent;
        }
        parts.reverse();
        parts.concat().trim_start_matches('.').to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
