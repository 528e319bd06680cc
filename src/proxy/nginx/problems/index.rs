//! Where to look: the context of each directive, and directives by name, so that no check goes through all of them for one.

use crate::proxy::nginx::conf::{Conf, Context, DirId};
use rustc_hash::FxHashMap;

/// The directives of a configuration, sorted.
pub(super) struct Index<'a> {
    contexts: Vec<Context>,
    /// In the order of reading; names in the order of their first use. Lines of data have no names.
    groups: Vec<Vec<DirId>>,
    by_name: FxHashMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    pub(super) fn of(conf: &'a Conf) -> Self {
        let all = conf.all();
        let mut contexts: Vec<Context> = Vec::with_capacity(all.size_hint().0);
        // What is inside a directive; a parent comes before its children.
        let mut inside: Vec<Context> = Vec::with_capacity(all.size_hint().0);
        let mut groups: Vec<Vec<DirId>> = Vec::new();
        // A name may be spelt in several ways: with quotes, with escapes.
        let mut by_spelling: FxHashMap<u32, usize> = FxHashMap::default();
        let mut by_name: FxHashMap<&str, usize> = FxHashMap::default();
        for id in all {
            let name = conf.name(id);
            let here = conf.parent(id).map_or(conf.context, |p| inside[p.0 as usize]);
            contexts.push(here);
            inside.push(if conf.is_block(id) { here.inside(name.text) } else { here });
            if here == Context::Free {
                continue;
            }
            let group = *by_spelling.entry(name.spelling).or_insert_with(|| {
                *by_name.entry(name.text).or_insert_with(|| {
                    groups.push(Vec::new());
                    groups.len() - 1
                })
            });
            groups[group].push(id);
        }
        Self { contexts, groups, by_name }
    }

    /// The context of a directive, by what is around it.
    pub(super) fn context(&self, id: DirId) -> Context {
        self.contexts[id.0 as usize]
    }

    /// All directives of a name.
    pub(super) fn named(&self, name: &str) -> &[DirId] {
        self.by_name.get(name).map_or(&[], |group| &self.groups[*group])
    }

    /// All directives, those of one name together.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[DirId]> {
        self.groups.iter().map(Vec::as_slice)
    }
}
