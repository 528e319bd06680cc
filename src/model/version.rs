//! Versions of a proxy, and the eras that the questions of a lowering cut them into.

use std::{cell::RefCell, collections::BTreeSet, fmt, str::FromStr};

/// A release: major, minor, patch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Version(pub u16, pub u16, pub u16);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Version {
    type Err = String;

    /// `1.22` is read as 1.22.0.
    fn from_str(s: &str) -> Result<Self, String> {
        let mut parts = s.trim().trim_start_matches('v').split('.');
        let mut next = |must: bool| match parts.next() {
            Some(p) => p.parse().map_err(|_| format!("`{s}` is not a version like 1.22.1")),
            None if must => Err(format!("`{s}` is not a version like 1.22.1")),
            None => Ok(0),
        };
        let version = Self(next(true)?, next(true)?, next(false)?);
        if parts.next().is_some() { Err(format!("`{s}` is not a version like 1.22.1")) } else { Ok(version) }
    }
}

/// The version a lowering is made for. It records what was asked, so that the answers cut the supported range into eras.
#[derive(Debug)]
pub struct Era {
    /// The version in force.
    pub at: Version,
    asked: RefCell<BTreeSet<Version>>,
}

impl Era {
    /// An era at one version.
    pub const fn new(at: Version) -> Self {
        Self { at, asked: RefCell::new(BTreeSet::new()) }
    }

    /// Whether something that came with `version` is there.
    pub fn since(&self, version: Version) -> bool {
        self.asked.borrow_mut().insert(version);
        self.at >= version
    }

    /// What was asked so far, ascending.
    pub fn asked(&self) -> Vec<Version> {
        self.asked.borrow().iter().copied().collect()
    }
}
