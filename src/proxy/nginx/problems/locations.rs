//! Locations: modifiers, nesting, the same one twice; and the keys of `map`.

use super::Check;
use crate::model::ProblemKind;
use crate::proxy::nginx::conf::{Context, DirId};
use rustc_hash::FxHashMap;
use std::collections::HashMap;

/// How a location is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Exact,
    Prefix,
    Regex,
    Named,
}

impl<'a> Check<'a> {
    /// All of them.
    pub(super) fn locations(&mut self) {
        for id in self.index.named("map") {
            if self.context(*id) == Context::Http {
                self.keys(*id);
            }
        }
        let mut seen: FxHashMap<(Option<DirId>, bool, &str), DirId> = FxHashMap::default();
        for id in self.index.named("location").iter().copied() {
            let dir = self.dir(id);
            if !matches!(self.context(id), Context::Server | Context::Location) || dir.body.is_none() || dir.args.opaque() {
                continue;
            }
            let Some((way, name)) = self.location(id) else {
                if let Some([modifier, _]) = dir.args.exactly() {
                    let message = format!("`{}` is no modifier of a location", modifier.text);
                    self.report(
                        ProblemKind::BadValue,
                        true,
                        modifier.span,
                        message,
                        "it takes `=`, `^~`, `~` and `~*`; a path with spaces needs quotes",
                    );
                }
                continue;
            };
            self.nesting(id, way, name);
            if way == Way::Regex || !self.sure {
                continue;
            }
            match seen.get(&(dir.parent, way == Way::Exact, name)) {
                Some(first) => self.duplicate(id, *first, &format!("the location `{name}` stands here twice")),
                None => {
                    seen.insert((dir.parent, way == Way::Exact, name), id);
                }
            }
        }
    }

    fn location(&self, id: DirId) -> Option<(Way, &'a str)> {
        let args = self.args(id);
        match args.len() {
            1 => {
                let text = args.first()?.text;
                let behind = |n: usize| text[n..].trim_start();
                Some(match text {
                    _ if text.starts_with("^~") => (Way::Prefix, behind(2)),
                    _ if text.starts_with("~*") => (Way::Regex, behind(2)),
                    _ if text.starts_with('~') => (Way::Regex, behind(1)),
                    _ if text.starts_with('=') => (Way::Exact, behind(1)),
                    _ if text.starts_with('@') => (Way::Named, text),
                    _ => (Way::Prefix, text),
                })
            }
            2 => {
                let way = match args.first()?.text {
                    "=" => Way::Exact,
                    "^~" => Way::Prefix,
                    "~" | "~*" => Way::Regex,
                    _ => return None,
                };
                Some((way, args.last()?.text))
            }
            _ => None,
        }
    }

    /// What may be inside what `[loc-nested-*]`, `[loc-named-nested]`.
    fn nesting(&mut self, id: DirId, way: Way, name: &str) {
        let Some(parent) = self.conf.parent(id).filter(|p| self.name(*p) == "location") else { return };
        let Some((around, outer)) = self.location(parent) else { return };
        let (message, help) = match around {
            _ if way == Way::Named => (format!("the named location `{name}` can only stand right inside a server"), "move it there"),
            Way::Exact => (format!("no location can be inside the exact location `{outer}`"), "move it out, or remove the `=`"),
            Way::Named => (format!("no location can be inside the named location `{outer}`"), "move it out"),
            Way::Prefix if way != Way::Regex && !name.starts_with(outer) => {
                (format!("the location `{name}` lies outside `{outer}`, which is around it"), "write the whole path, or move it out")
            }
            _ => return,
        };
        let (span, related) = (self.dir(id).span, self.dir(parent).span);
        let found = self.report(ProblemKind::MisplacedDirective, true, span, message, help);
        found.problem.related.push((related, "the location around it".to_owned()));
    }

    /// The same key twice in a `map`; keys without regular expression are compared without letter case `[loc-map-dup]`.
    fn keys(&mut self, map: DirId) {
        let mut seen: HashMap<String, DirId> = HashMap::new();
        for id in self.children(map) {
            let key = self.conf.name(id);
            let word = matches!(key.text, "default" | "include" | "hostnames" | "volatile");
            if key.opaque || word && !key.text.starts_with("default") || key.text.starts_with('~') || !self.sure {
                continue;
            }
            let text = key.text.strip_prefix('\\').unwrap_or(key.text).to_ascii_lowercase();
            match seen.get(&text) {
                Some(first) => {
                    let message = format!("the key `{}` stands in this map twice", key.text);
                    self.duplicate(id, *first, &message);
                }
                None => {
                    seen.insert(text, id);
                }
            }
        }
    }
}
