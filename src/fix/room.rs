//! The configurations of one dialect as they stand, with what is to be said of them.

use crate::audit::{Report, audit};
use crate::config::Settings;
use crate::proxy::{Dialect, Reading, Site};
use crate::source::{FileId, Files};
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
    pub(super) report: Report,
}

impl Room {
    pub(super) fn read(&self, mut files: Files) -> State {
        let sites = self.dialect.read(&mut files, &self.given, &self.reading);
        let report = audit(files.map(), self.dialect, &sites, &self.settings);
        State { files, sites, report }
    }

    /// The same room with only what belongs to some configurations, and their numbers in it.
    pub(super) fn only(&self, state: &State, sites: &[usize]) -> Self {
        let belongs = |id: &FileId| sites.iter().any(|s| state.sites[*s].files().contains(id));
        Self { given: self.given.iter().copied().filter(belongs).collect(), ..self.clone() }
    }
}
