//! nginx: its lexical grammar, its includes, its semantics into the model.

mod advice;
pub mod conf;
mod directives;
pub mod duration;
pub mod problems;
pub mod syntax;
pub mod templates;

mod fix;
mod lower;
mod releases;
mod snippet;

use super::{Dialect, Reading, Site};
use crate::config::Order;
use crate::model::{Correction, Era, Intent, NoFix, Problem, Proxy, Turn, Version};
use crate::source::{FileId, Files, SourceMap, Span};
use conf::{Conf, Context};
use std::collections::HashMap;
use std::sync::OnceLock;

/// The dialect.
#[derive(Debug)]
pub struct Nginx;

/// Releases whose behaviour was measured or that change a default.
const VERSIONS: &[Version] = &[
    Version(1, 18, 0),
    Version(1, 22, 1),
    Version(1, 26, 3),
    Version(1, 29, 3),
    Version(1, 29, 6),
    Version(1, 29, 7),
    Version(1, 30, 6),
    Version(1, 31, 5),
];

impl Dialect for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn versions(&self) -> &'static [Version] {
        VERSIONS
    }

    fn claims(&self, name: &str, head: &[u8]) -> bool {
        conf::claims(name, head)
    }

    fn rules_out(&self, name: &str) -> bool {
        conf::rules_out(name)
    }

    fn snippet(&self, order: &Order, oldest: Version) -> Result<String, &'static str> {
        Ok(snippet::write(order, oldest))
    }

    fn read(&self, files: &mut Files, given: &[FileId], reading: &Reading) -> Vec<Box<dyn Site>> {
        let forced = reading.context.as_deref().and_then(Context::named);
        let confs = conf::read_all(files, given, forced);
        // What others include is judged there.
        let mut readers: HashMap<FileId, Vec<usize>> = HashMap::new();
        for (i, conf) in confs.iter().enumerate() {
            for file in &conf.files {
                readers.entry(*file).or_default().push(i);
            }
        }
        let included = |i: usize| {
            let conf = &confs[i];
            readers.get(&conf.root).into_iter().flatten().filter(|j| **j != i).any(|j| {
                confs[*j].context == Context::Main || conf.context != Context::Main && !(conf.files.contains(&confs[*j].root) && *j > i)
            })
        };
        let keep: Vec<bool> = (0..confs.len()).map(|i| !included(i)).collect();
        confs
            .into_iter()
            .zip(keep)
            .filter(|(_, keep)| *keep)
            .map(|(conf, _)| {
                let whole = files.map().file(conf.root).span();
                Box::new(NginxSite { conf, whole, told: forced.is_some(), found: OnceLock::new() }) as Box<dyn Site>
            })
            .collect()
    }
}

struct NginxSite {
    conf: Conf,
    whole: Span,
    /// Whether a person named the context of the root.
    told: bool,
    found: OnceLock<Vec<problems::Found>>,
}

impl Site for NginxSite {
    fn lower(&self, era: &Era) -> Proxy {
        lower::lower(&self.conf, era, self.whole)
    }

    fn turn(&self, proxy: &Proxy, from: &Era, to: Version) -> Option<Turn> {
        lower::turn(proxy, from, to)
    }

    fn problems(&self, text: &SourceMap, era: &Era) -> Vec<Problem> {
        let found = self.found.get_or_init(|| problems::find(&self.conf, text, self.told));
        let own = found.iter().filter_map(|f| f.at(era));
        self.conf.problems.iter().chain(own).cloned().collect()
    }

    fn files(&self) -> &[FileId] {
        &self.conf.files
    }

    fn fix(&self, text: &SourceMap, _: &Proxy, era: &Era, intent: &Intent) -> Result<Vec<Correction>, NoFix> {
        fix::fix(&self.conf, text, era, intent)
    }

    fn whole(&self) -> bool {
        self.conf.context == Context::Main
    }
}
