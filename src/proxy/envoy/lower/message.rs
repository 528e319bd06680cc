//! A node seen as a message of the API, with the key that it stands under: facts point at both.

use crate::model::Limit;
use crate::proxy::envoy::view::View;
use crate::proxy::envoy::yaml::{NodeId, Tree};
use crate::source::Span;
use std::borrow::Cow;

/// A value, and its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    view: View<'a>,
    key: Option<NodeId>,
}

impl<'a> From<View<'a>> for At<'a> {
    fn from(view: View<'a>) -> Self {
        Self { view, key: None }
    }
}

impl<'a> At<'a> {
    /// What makes it the same value as another one.
    pub(super) fn id(self) -> (*const Tree, NodeId) {
        (std::ptr::from_ref(self.view.tree), self.view.tree.resolve(self.view.id))
    }

    /// Its bytes.
    pub(super) fn body(self) -> Span {
        self.view.span()
    }

    /// What a person calls the setting: key and value of a scalar, the key of anything larger.
    pub(super) fn span(self) -> Span {
        let tree = self.view.tree;
        let head =
            |key: NodeId, value: NodeId| if tree.text(value).is_some() { tree.span(key).to(tree.span(value)) } else { tree.span(key) };
        match (self.key, self.text()) {
            (Some(key), _) => head(key, self.view.id),
            (None, Some(_)) => self.body(),
            (None, None) => tree.entries(self.view.id).first().map_or_else(|| self.body(), |e| head(e.key, e.value)),
        }
    }

    /// The bytes of its key.
    pub(super) fn key_span(self) -> Span {
        self.key.map_or_else(|| self.body(), |key| self.view.tree.span(key))
    }

    /// A field by its snake-case name, in either spelling; the last one written, unless it is null.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        let entry = self.view.entry(name)?;
        let found = Self { view: View::new(self.view.tree, entry.value), key: Some(entry.key) };
        (!found.view.is_null()).then_some(found)
    }

    /// The value at the end of a way of fields.
    pub(super) fn find(self, way: &[&str]) -> Option<Self> {
        way.iter().try_fold(self, |at, name| at.get(name))
    }

    /// Whether a template fills it in later.
    pub(super) fn is_opaque(self) -> bool {
        self.view.is_opaque()
    }

    /// Whether keys or items may be missing.
    pub(super) fn has_hole(self) -> bool {
        self.view.has_hole()
    }

    /// The items of a repeated field: a single value is a list of one, lists inside are opened.
    pub(super) fn list(self, name: &str) -> Vec<Self> {
        self.view.list(name).into_iter().map(Self::from).collect()
    }

    /// Keys and values of a map field.
    pub(super) fn entries(self) -> Vec<(&'a str, Self)> {
        let pair = |(key, view): (View<'a>, View<'a>)| Some((key.text()?, Self { view, key: Some(key.id) }));
        self.view.pairs().into_iter().filter_map(pair).collect()
    }

    /// The text of a scalar.
    pub(super) fn text(self) -> Option<&'a str> {
        self.view.text()
    }

    /// The text of a field.
    pub(super) fn str(self, name: &str) -> Option<&'a str> {
        self.get(name)?.text()
    }

    pub(super) fn bool(self, name: &str) -> Option<bool> {
        self.get(name)?.view.bool()
    }

    pub(super) fn number(self) -> Option<u64> {
        self.view.u64()
    }

    /// A duration of which zero means never.
    pub(super) fn limit(self) -> Option<Limit> {
        self.view.milliseconds().map(|ms| if ms == 0 { Limit::Never } else { Limit::After(ms) })
    }

    /// An enum's value in upper case.
    pub(super) fn choice(self, name: &str) -> Option<String> {
        self.get(name)?.view.name()
    }

    /// The message inside an `Any`: its full name, and where its fields stand.
    pub(super) fn any(self) -> Option<(&'a str, Self)> {
        match self.view.any()? {
            (Cow::Borrowed(name), view) => Some((name, Self { view, key: self.key })),
            (Cow::Owned(_), _) => None,
        }
    }

    /// A share of requests in percent; none: not a fraction.
    pub(super) fn percent(self) -> Option<f64> {
        let at = self.get("default_value").unwrap_or(self);
        let most = match at.choice("denominator").as_deref() {
            Some("TEN_THOUSAND" | "1") => 10_000.0,
            Some("MILLION" | "2") => 1_000_000.0,
            _ => 100.0,
        };
        let n = at.get("numerator").map_or(Some(0), Self::number)?;
        #[allow(clippy::cast_precision_loss, reason = "a share")]
        Some(n as f64 * 100.0 / most)
    }
}
