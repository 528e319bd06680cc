//! Envoy: YAML and JSON with the bytes of every key and value, what Envoy's loader makes of them, and what it refuses.

mod advice;
pub mod conf;
mod fix;
pub mod input;
mod json;
mod problems;
pub mod scalar;
pub mod schema;
mod semantic;
mod snippet;
pub mod view;
pub use crate::yaml;

mod lower;

use super::{Dialect, Reading, Site};
use crate::config::Order;
use crate::model::{Correction, Era, Intent, NoFix, Problem, Proxy, Version};
use crate::source::{FileId, Files, SourceMap};
use conf::Conf;

/// The dialect.
#[derive(Debug)]
pub struct Envoy;

/// Releases whose behaviour was measured.
const VERSIONS: &[Version] = &[Version(1, 36, 4), Version(1, 37, 0), Version(1, 38, 3), Version(1, 39, 3), Version(1, 40, 0)];

impl Dialect for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn versions(&self) -> &'static [Version] {
        VERSIONS
    }

    fn claims(&self, name: &str, head: &[u8]) -> bool {
        conf::claims(name, head)
    }

    fn reads_manifests(&self) -> bool {
        true
    }

    fn snippet(&self, order: &Order, _: Version) -> Result<String, &'static str> {
        Ok(snippet::write(order))
    }

    fn read(&self, files: &mut Files, given: &[FileId], reading: &Reading) -> Vec<Box<dyn Site>> {
        let confs = conf::read(files, given, reading.explicit);
        confs.into_iter().map(|conf| Box::new(EnvoySite { findings: problems::find(&conf, files), conf }) as Box<dyn Site>).collect()
    }
}

struct EnvoySite {
    conf: Conf,
    findings: Vec<schema::Finding>,
}

impl Site for EnvoySite {
    fn lower(&self, _era: &Era) -> Proxy {
        lower::lower(&self.conf, &self.findings)
    }

    fn refusal(&self, text: &SourceMap, era: &Era) -> Option<Problem> {
        // A discovery file may be rejected; Envoy starts all the same `[dyn-rds-yaml-error]`.
        let root = self.conf.texts.first().map(|t| t.tree.span);
        self.problems(text, era).into_iter().find(|p| p.certain && root.is_some_and(|r| r.holds(p.span)))
    }

    fn problems(&self, _: &SourceMap, era: &Era) -> Vec<Problem> {
        let holds = |f: &&schema::Finding| f.until.is_none_or(|v| !era.since(v));
        self.findings.iter().filter(holds).cloned().map(schema::Finding::problem).collect()
    }

    fn fix(&self, text: &SourceMap, _: &Proxy, _: &Era, intent: &Intent) -> Result<Vec<Correction>, NoFix> {
        fix::fix(&self.conf, text, intent)
    }

    fn files(&self) -> &[FileId] {
        &self.conf.files
    }
}
