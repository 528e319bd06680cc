//! Which files are one configuration. HAProxy reads what `-f` names: several files, or the `*.cfg` of a directory in byte
//! order. A walk does not know the command line, so files of one directory are taken together only where one of them asks for
//! a section that another one has, and no two of them define the same frontend: alternatives for several machines stay apart.

use super::conf::{self, Conf};
use crate::source::{FileId, Files};
use std::collections::{BTreeMap, BTreeSet};

/// The given files, grouped into configurations, in the order of their first files.
pub(super) fn configurations(files: &Files, given: &[FileId]) -> Vec<Vec<FileId>> {
    let mut by_dir: BTreeMap<String, Vec<FileId>> = BTreeMap::new();
    for id in given {
        by_dir.entry(files.dir(*id)).or_default().push(*id);
    }
    let mut out = Vec::new();
    for ids in by_dir.into_values() {
        let mut ids = ids;
        ids.sort_by(|a, b| files.path(*a).cmp(&files.path(*b)));
        let read = || ids.iter().map(|id| conf::read(files, &[*id])).collect::<Vec<Conf>>();
        if ids.len() > 1 && belong_together(&read()) {
            out.push(ids);
        } else {
            out.extend(ids.into_iter().map(|id| vec![id]));
        }
    }
    out.sort_by_key(|g| g.first().copied());
    out
}

fn belong_together(confs: &[Conf]) -> bool {
    let names = |c: &Conf, nouns: &[&str]| -> BTreeSet<String> {
        c.stmts.iter().filter(|s| nouns.contains(&s.word(0))).map(|s| s.word(1).to_owned()).collect()
    };
    let mut fronts = BTreeSet::new();
    if confs.iter().flat_map(|c| names(c, &["frontend", "listen", "backend"])).any(|n| !fronts.insert(n)) {
        return false;
    }
    let asked = |c: &Conf| -> BTreeSet<String> {
        c.stmts
            .iter()
            .filter(|s| matches!(s.word(0), "use_backend" | "default_backend"))
            .map(|s| s.word(1).to_owned())
            .filter(|n| !n.contains('%'))
            .collect()
    };
    let own: Vec<BTreeSet<String>> = confs.iter().map(|c| names(c, &["backend", "listen"])).collect();
    confs.iter().enumerate().any(|(i, c)| asked(c).iter().any(|n| !own[i].contains(n) && own.iter().any(|o| o.contains(n))))
}
