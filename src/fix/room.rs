//! The configurations of one dialect as they stand, with what is to be said of them.

use crate::audit::{Judged, audit, audit_and_keep};
use crate::config::Settings;
use crate::proxy::{Dialect, Reading, Site};
use crate::rules::Finding;
use crate::source::{FileId, Files};
use std::collections::{BTreeMap, HashSet};
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
    /// What is known of each configuration besides.
    pub(super) judged: Vec<Judged>,
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
        let (report, judged) = audit_and_keep(files.map(), self.dialect, &sites, &self.settings);
        let mut state = State { files, sites, findings: report.findings, judged };
        self.narrow(&state.files, &mut state.findings);
        state
    }

    /// What is to be said of texts as they are now.
    pub fn findings(&self, files: &Files) -> Vec<Finding> {
        let Ok(mut files) = files.with_texts(&BTreeMap::new()) else { return Vec::new() };
        let sites = self.dialect.read(&mut files, &self.given, &self.reading);
        let mut findings = audit(files.map(), self.dialect, &sites, &self.settings).findings;
        self.narrow(&files, &mut findings);
        findings
    }

    /// Takes out what is not wanted.
    fn narrow(&self, files: &Files, findings: &mut Vec<Finding>) {
        if let Some(only) = &self.only {
            findings.retain(|f| files.map().file_at(f.span.start).is_some_and(|(id, _)| only.contains(&id)));
        }
    }

    /// The same room with only what belongs to some configurations.
    pub(super) fn part(&self, view: View<'_>, sites: &[usize]) -> Self {
        let files: HashSet<FileId> = sites.iter().flat_map(|s| view.sites[*s].files().iter().copied()).collect();
        let belongs = |id: &FileId| files.contains(id);
        Self { given: self.given.iter().copied().filter(belongs).collect(), ..self.clone() }
    }
}
