//! HAProxy: its tokeniser, its sections, its semantics into the model.

mod advice;
pub mod cond;
pub mod conf;
pub mod duration;
pub mod syntax;

mod fix;
mod group;
mod lower;
mod problems;
mod snippet;

use super::{Dialect, Reading, Site};
use crate::config::Order;
use crate::model::{Correction, Era, Intent, NoFix, Problem, Proxy, Version};
use crate::source::{FileId, Files, SourceMap, Span};
use conf::Conf;

/// The dialect.
#[derive(Debug)]
pub struct Haproxy;

/// Releases that were measured.
const VERSIONS: &[Version] = &[
    Version(2, 0, 0),
    Version(2, 2, 0),
    Version(2, 4, 0),
    Version(2, 6, 12),
    Version(2, 8, 0),
    Version(3, 0, 0),
    Version(3, 2, 0),
    Version(3, 3, 0),
    Version(3, 4, 0),
    Version(3, 5, 0),
];

impl Dialect for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn versions(&self) -> &'static [Version] {
        VERSIONS
    }

    fn claims(&self, name: &str, head: &[u8]) -> bool {
        conf::claims(name, head)
    }

    fn snippet(&self, order: &Order, oldest: Version) -> Result<String, &'static str> {
        snippet::write(order, oldest)
    }

    fn read(&self, files: &mut Files, given: &[FileId], reading: &Reading) -> Vec<Box<dyn Site>> {
        let groups = if reading.together { vec![given.to_vec()] } else { group::configurations(files, given) };
        groups
            .into_iter()
            .filter(|g| !g.is_empty())
            .map(|ids| {
                let whole = files.map().file(ids[0]).span();
                Box::new(HaproxySite { conf: conf::read(files, &ids), whole }) as Box<dyn Site>
            })
            .collect()
    }
}

struct HaproxySite {
    conf: Conf,
    whole: Span,
}

impl Site for HaproxySite {
    fn lower(&self, era: &Era) -> Proxy {
        lower::lower(&self.conf, era, self.whole)
    }

    fn problems(&self, _: &SourceMap, era: &Era) -> Vec<Problem> {
        problems::check(&self.conf, &|(a, b, c)| era.since(Version(a, b, c)))
    }

    fn files(&self) -> &[FileId] {
        &self.conf.files
    }

    fn fix(&self, text: &SourceMap, _: &Proxy, era: &Era, intent: &Intent) -> Result<Vec<Correction>, NoFix> {
        fix::fix(&self.conf, text, era, intent)
    }
}
