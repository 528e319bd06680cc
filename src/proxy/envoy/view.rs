//! Reading messages by the names of their fields: either spelling, aliases followed, of duplicates the last, null as unset, a
//! single value as a list of one, wrapped values unwrapped. What a template fills in is found but has no value.

use super::scalar::{self, Scalar};
use super::yaml::{Entry, NodeId, Tree};
use crate::source::Span;
use std::borrow::Cow;

/// A node of a tree, to be read.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its tree.
    pub tree: &'a Tree,
    /// The node as written, perhaps an alias.
    pub id: NodeId,
}

impl<'a> View<'a> {
    /// A node.
    pub const fn new(tree: &'a Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    const fn at(self, id: NodeId) -> Self {
        Self { tree: self.tree, id }
    }

    /// Its bytes where it is written; those of the alias for an alias.
    pub fn span(self) -> Span {
        self.tree.span(self.id)
    }

    /// Whether it is null or left out.
    pub fn is_null(self) -> bool {
        scalar::scalar(self.tree, self.id) == Some(Scalar::Null) && !self.is_opaque()
    }

    /// Whether a template fills it in later.
    pub fn is_opaque(self) -> bool {
        self.tree.is_opaque(self.id)
    }

    /// Whether it is a map.
    pub fn is_map(self) -> bool {
        self.tree.is_map(self.id)
    }

    /// Whether parts of it may be missing: template tags on lines of their own inside.
    pub fn has_hole(self) -> bool {
        self.tree.has_hole(self.id)
    }

    /// The entry of a field, by its name in snake case; either spelling, the last one written, null or not.
    pub fn entry(self, field: &str) -> Option<Entry> {
        let other = scalar::camel_case(field);
        let named = |e: &&Entry| self.tree.text(e.key).is_some_and(|k| k == field || k == other);
        self.tree.entries(self.id).iter().rev().find(named).copied()
    }

    /// The bytes of a field's key.
    pub fn key(self, field: &str) -> Option<Span> {
        self.entry(field).map(|e| self.tree.span(e.key))
    }

    /// The value of a field; none if it is unset or null.
    pub fn field(self, field: &str) -> Option<Self> {
        self.entry(field).map(|e| self.at(e.value)).filter(|v| !v.is_null())
    }

    /// The value at the end of a way of fields.
    pub fn find(self, way: &[&str]) -> Option<Self> {
        way.iter().try_fold(self, |at, field| at.field(field))
    }

    /// The items of a field that is a list: a single value is a list of one, lists inside are opened.
    pub fn list(self, field: &str) -> Vec<Self> {
        self.field(field).map_or_else(Vec::new, Self::items)
    }

    /// The items of a list; a single value is a list of one, lists inside are opened, each once: lists of aliases to lists
    /// would grow without bounds.
    pub fn items(self) -> Vec<Self> {
        let mut out = Vec::new();
        let mut stack = vec![self.id];
        let mut opened = std::collections::HashSet::new();
        while let Some(id) = stack.pop() {
            if self.tree.is_list(id) {
                if opened.insert(self.tree.resolve(id)) {
                    stack.extend(self.tree.items(id).iter().rev());
                }
            } else {
                out.push(self.at(id));
            }
        }
        out
    }

    /// Keys and values of a map field, each key once, with its last value; null values included.
    pub fn pairs(self) -> Vec<(Self, Self)> {
        let entries = self.tree.entries(self.id);
        let mut last: std::collections::HashMap<Option<&str>, usize> = std::collections::HashMap::new();
        for (i, e) in entries.iter().enumerate() {
            last.insert(self.tree.text(e.key), i);
        }
        let kept = entries.iter().enumerate().filter(|(i, e)| last.get(&self.tree.text(e.key)) == Some(i));
        kept.map(|(_, e)| (self.at(e.key), self.at(e.value))).collect()
    }

    /// The text of a key, or of any scalar however it is typed.
    pub fn text(self) -> Option<&'a str> {
        self.tree.text(self.id)
    }

    fn value(self) -> Option<Scalar<'a>> {
        if self.is_opaque() {
            return None;
        }
        match scalar::scalar(self.tree, self.id) {
            // A wrapper may be written as a map.
            None => self.tree.get(self.id, "value").and_then(|v| scalar::scalar(self.tree, v)),
            some => some,
        }
    }

    /// A string field's value.
    pub fn str(self) -> Option<Cow<'a, str>> {
        match self.value()? {
            Scalar::Str(s) => Some(s),
            _ => None,
        }
    }

    /// A bool field's value.
    pub fn bool(self) -> Option<bool> {
        scalar::boolean(&self.value()?)
    }

    /// An unsigned field's value.
    pub fn u64(self) -> Option<u64> {
        u64::try_from(scalar::integer(&self.value()?)?).ok()
    }

    /// A floating point field's value.
    pub fn f64(self) -> Option<f64> {
        scalar::number(&self.value()?)
    }

    /// The name of an enum's value, in upper case; its number as text if it is written so.
    pub fn name(self) -> Option<String> {
        match self.value()? {
            Scalar::Str(s) => Some(s.to_ascii_uppercase()),
            Scalar::Int(n) => Some(n.to_string()),
            _ => None,
        }
    }

    /// Milliseconds of a duration, a started one counting as a whole; none if it is negative.
    pub fn milliseconds(self) -> Option<u64> {
        let nanos = if self.is_map() {
            let part = |name| self.field(name).map_or(Some(0), |v| scalar::integer(&v.value()?));
            part("seconds")?.checked_mul(1_000_000_000)?.checked_add(part("nanos")?)?
        } else {
            scalar::nanoseconds(&self.value()?)?
        };
        u64::try_from(nanos.checked_add(999_999)? / 1_000_000).ok().filter(|_| nanos >= 0)
    }

    /// An `Any`: the name of its message, without the host, and the map that holds its fields. A `TypedStruct` is opened.
    pub fn any(self) -> Option<(Cow<'a, str>, Self)> {
        let url = self.at(self.tree.get(self.id, "@type")?).str()?;
        let name = after_slash(url);
        if matches!(&*name, "xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct") {
            let inner = after_slash(self.field("type_url")?.str()?);
            return Some((inner, self.field("value").unwrap_or(self)));
        }
        Some((name, self))
    }
}

/// What follows the last slash.
fn after_slash(url: Cow<'_, str>) -> Cow<'_, str> {
    match url {
        Cow::Borrowed(s) => Cow::Borrowed(s.rsplit('/').next().unwrap_or(s)),
        Cow::Owned(s) => Cow::Owned(s.rsplit('/').next().unwrap_or(&s).to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::proxy::envoy::yaml::{Source, parse};

    fn with(text: &str, test: impl FnOnce(View<'_>)) {
        let tree = parse(&Source::whole(text.as_bytes(), 0));
        test(View::new(&tree, tree.root().unwrap()));
    }

    #[test]
    fn fields_are_read_in_either_spelling_and_the_last_counts() {
        with("idle_timeout: 1s\nidleTimeout: 2.5s\nn: null\nx: &x {value: 7}\ny: *x\n", |v| {
            assert_eq!(v.field("idle_timeout").unwrap().milliseconds(), Some(2500));
            assert!(v.field("n").is_none() && v.entry("n").is_some());
            assert_eq!(v.field("y").unwrap().u64(), Some(7));
        });
    }

    #[test]
    fn durations_as_maps_and_lists_of_one() {
        with("d: {seconds: 3, nanos: 500000000}\none: a\nmany: [a, [b, [c]], d]\nneg: -1s\n", |v| {
            assert_eq!(v.field("d").unwrap().milliseconds(), Some(3500));
            assert_eq!(v.list("one").len(), 1);
            let all: Vec<_> = v.list("many").iter().map(|i| i.str().unwrap().into_owned()).collect();
            assert_eq!(all, ["a", "b", "c", "d"]);
            assert_eq!(v.field("neg").unwrap().milliseconds(), None);
        });
    }

    #[test]
    fn an_any_names_its_message() {
        with("a: {\"@type\": x/envoy.A, k: 1}\nb: {'@type': h/xds.type.v3.TypedStruct, typeUrl: t/envoy.B, value: {k: 2}}\n", |v| {
            let (name, body) = v.field("a").unwrap().any().unwrap();
            assert_eq!((&*name, body.field("k").unwrap().u64()), ("envoy.A", Some(1)));
            let (name, body) = v.field("b").unwrap().any().unwrap();
            assert_eq!((&*name, body.field("k").unwrap().u64()), ("envoy.B", Some(2)));
        });
    }
}
