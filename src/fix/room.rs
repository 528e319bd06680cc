//! The configurations of one dialect as they stand, with what is to be said of them.

use crate::audit::audit;
use crate::config::Settings;
use crate::proxy::{Dialect, Reading, Site};
use crate::rules::Finding;
use crate::source::{FileId, Files};
use std::collections::BTreeMap;
use std::fmt;

/// Which files are read, and how.
#[derive(Clone)]
pub struct Room {
    /// The dialect.
    pub dialect: &'static dyn Dialect,
    /// The files that were given.
    pub given: Vec<FileId>,
    /// What people said about them.
    pub reading: Reading,
    /// What people said about the rest.
    pub settings: Settings,
    /// Only findings in these files are wanted; none: in all.
    pub only: Option<Vec<FileId>>,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("dialect", &self.dialect.name()).field("given", &self.given).finish_non_exhaustive()
    }
}

/// A room, read and audited.
pub(super) struct State {
    pub(super) files: Files,
    pub(super) sites: Vec<Box<dyn Site>>,
    pub(super) findings: Vec<Finding>,
}

/// The same, lent.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) files: &'a Files,
    pub(super) sites: &'a [Box<dyn Site>],
    pub(super) findings: &'a [Finding],
}

impl State {
    pub(super) fn view(&self) -> View<'_> {
        View { files: &self.files, sites: &self.sites, findings: &self.findings }
    }
}

impl Room {
    pub(super) fn read(&self, mut files: Files) -> State {
        let sites = self.dialect.read(&mut files, &self.given, &self.reading);
        let mut findings = audit(files.map(), self.dialect, &sites, &self.settings).findings;
        if let Some(only) = &self.only {
            findings.retain(|f| files.map().file_at(f.span.start).is_some_and(|(id, _)| only.contains(&id)));
        }
        State { files, sites, findings }
    }

    /// What is to be said of texts as they are now.
    pub fn findings(&self, files: &Files) -> Vec<Finding> {
        files.with_texts(&BTreeMap::new()).map(|files| self.read(files).findings).unwrap_or_default()
    }

    /// The same room with only what belongs to some configurations.
    pub(super) fn part(&self, view: View<'_>, sites: &[usize]) -> Self {
        let belongs = |id: &FileId| sites.iter().any(|s| view.sites[*s].files().contains(id));
        Self { given: self.given.iter().copied().filter(belongs).collect(), ..self.clone() }
    }
}
