//! Typed reading of a settings file, in which every complaint has its place.

use crate::source::Span;
use crate::yaml::{NodeId, Style, Tree};

/// What is wrong at a place of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The bytes.
    pub span: Span,
    /// One sentence.
    pub message: String,
    /// What to write instead; may be empty.
    pub help: String,
}

/// Reads values and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) tree: &'a Tree,
    pub(super) complaints: Vec<Complaint>,
}

impl Reader<'_> {
    pub(super) fn complain(&mut self, at: NodeId, message: impl Into<String>, help: impl Into<String>) {
        self.complaints.push(Complaint { span: self.tree.span(at), message: message.into(), help: help.into() });
    }

    /// The entries of a map by their keys; others than the known ones are complained about, and so is a second one.
    pub(super) fn map(&mut self, at: NodeId, what: &str, known: &[&str]) -> Vec<(String, NodeId)> {
        let mut out: Vec<(String, NodeId)> = Vec::new();
        for (key, name, value) in self.pairs(at, what) {
            if !known.contains(&name.as_str()) {
                self.complain(key, format!("`{name}` is no key of {what}"), format!("known are {}", known.join(", ")));
            } else if out.iter().any(|(n, _)| *n == name) {
                self.complain(key, format!("`{name}` is said twice"), "");
            } else {
                out.push((name, value));
            }
        }
        out
    }

    /// Key, its text and the value of each entry.
    pub(super) fn pairs(&mut self, at: NodeId, what: &str) -> Vec<(NodeId, String, NodeId)> {
        if !self.tree.is_map(at) {
            if !self.is_nothing(at) {
                self.complain(at, format!("{what} is not a map"), "write `key: value`");
            }
            return Vec::new();
        }
        let entries = self.tree.entries(at).to_vec();
        entries.iter().map(|e| (e.key, self.tree.text(e.key).unwrap_or_default().to_owned(), e.value)).collect()
    }

    /// The items of a list; a single text counts as one.
    pub(super) fn items(&mut self, at: NodeId, what: &str) -> Vec<NodeId> {
        if self.tree.is_list(at) {
            return self.tree.items(at).to_vec();
        }
        if self.tree.is_map(at) {
            self.complain(at, format!("{what} is not a list"), "write `[a, b]`");
            return Vec::new();
        }
        if self.is_nothing(at) { Vec::new() } else { vec![at] }
    }

    /// Whether nothing is written there.
    fn is_nothing(&self, at: NodeId) -> bool {
        self.tree.text(at).is_some_and(|t| t.is_empty() || t == "null" || t == "~") && self.tree.is_plain(at)
    }

    pub(super) fn text(&mut self, at: NodeId, what: &str) -> Option<String> {
        let text = self.tree.text(at).map(ToOwned::to_owned);
        if text.as_ref().is_none_or(String::is_empty) {
            self.complain(at, format!("{what} is not a text"), "");
            return None;
        }
        text
    }

    /// A text that a function understands.
    pub(super) fn parsed<T>(&mut self, at: NodeId, what: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(at, what)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.complain(at, wrong, "");
                None
            }
        }
    }
}

impl Tree {
    /// Whether a scalar stands without quotes. Aliases are followed.
    pub(super) fn is_plain(&self, at: NodeId) -> bool {
        matches!(self.node(self.resolve(at)).kind, crate::yaml::Kind::Scalar { style: Style::Plain, .. })
    }
}
