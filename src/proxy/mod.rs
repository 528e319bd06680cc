//! One room per dialect: recognising it, its lossless syntax, its semantics *into* the model. A further proxy is a folder
//! here and one line in [`DIALECTS`].

pub mod envoy;
pub mod haproxy;
pub mod nginx;

mod lines;
mod usual;

use crate::config::Order;
use crate::model::{Correction, Era, Intent, NoFix, Problem, Proxy, Turn, Version};
use crate::source::{FileId, Files, SourceMap};

/// What a person said about the text that hoplint cannot see in it.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The block a fragment belongs into (`http`, `server`, `location`, `stream`).
    pub context: Option<String>,
    /// Files that were named one by one, not found by a walk.
    pub explicit: bool,
    /// Whether all files are one configuration, as a person says.
    pub together: bool,
}

/// A proxy whose configuration hoplint reads.
pub trait Dialect: Sync {
    /// `nginx`
    fn name(&self) -> &'static str;

    /// Supported releases, ascending; the first is the oldest, the last the newest.
    fn versions(&self) -> &'static [Version];

    /// Whether a file of that name, beginning so, is a configuration of this proxy.
    fn claims(&self, name: &str, head: &[u8]) -> bool;

    /// Whether it finds the texts inside of Kubernetes manifests by itself.
    fn reads_manifests(&self) -> bool {
        false
    }

    /// Whether a file of that name is surely something else: it is read only if somebody names the dialect.
    fn rules_out(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Reads configurations: each root is one, with whatever it includes; files that another one includes are read there.
    fn read(&self, files: &mut Files, given: &[FileId], reading: &Reading) -> Vec<Box<dyn Site>>;

    /// A complete, commented configuration of one route, for all releases from `oldest` on.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn snippet(&self, order: &Order, oldest: Version) -> Result<String, &'static str> {
        let _ = (order, oldest);
        Err("no snippets are written for this proxy yet")
    }
}

/// One configuration, read. Its tree stays in the dialect's room.
pub trait Site: Sync {
    /// Lowers it for one era.
    fn lower(&self, era: &Era) -> Proxy;

    /// What an earlier release has otherwise than the one that this model was made for, if it is only how upstreams are spoken
    /// to. What a lowering for that release would yield must come out, to the last id. None: it takes a lowering of its own.
    fn turn(&self, proxy: &Proxy, from: &Era, to: Version) -> Option<Turn> {
        let _ = (proxy, from, to);
        None
    }

    /// What the proxy would refuse at that version. `text` is what it was read from.
    fn problems(&self, text: &SourceMap, era: &Era) -> Vec<Problem>;

    /// Why the proxy would not start at that version.
    fn refusal(&self, text: &SourceMap, era: &Era) -> Option<Problem> {
        self.problems(text, era).into_iter().find(|p| p.certain)
    }

    /// All files that belong to it, the root first.
    fn files(&self) -> &[FileId];

    /// Whether it stands by itself; otherwise it is a fragment that something else includes.
    fn whole(&self) -> bool {
        true
    }

    /// Ways to bring an intent about, the best first; whether one works is proved elsewhere. `era` is the oldest release
    /// that the text must suit, `proxy` the lowering for it.
    ///
    /// # Errors
    /// Why there is none, in a few words that do not depend on the place.
    fn fix(&self, text: &SourceMap, proxy: &Proxy, era: &Era, intent: &Intent) -> Result<Vec<Correction>, NoFix> {
        let _ = (text, proxy, era, intent);
        Err(NoFix::unwritten("no correction is written for this proxy yet"))
    }
}

/// All dialects.
pub static DIALECTS: &[&dyn Dialect] = &[&nginx::Nginx, &haproxy::Haproxy, &envoy::Envoy];

/// The dialect of a name.
pub fn dialect(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|d| d.name() == name)
}
