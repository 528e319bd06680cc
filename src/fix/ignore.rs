//! Comments that silence what is found now, each with a reason, so that a team begins clean and sees what is new.

use super::{MayEdit, Room};
use crate::audit::suppress::META_RULES;
use crate::rules::Finding;
use crate::source::{FileId, Files};
use std::collections::{BTreeMap, BTreeSet};

/// What became of the comments.
#[derive(Debug)]
pub struct Ignored {
    /// The texts with the comments.
    pub files: Files,
    /// How many findings are silent now.
    pub silenced: usize,
    /// Findings that are not, and why: place, rule and reason.
    pub refused: Vec<(String, &'static str, String)>,
}

/// Puts a comment above the line of every finding. A file in which that does not silence them, or brings something new (a format
/// without comments, the middle of a text), stays as it is.
///
/// None when the texts grow too large.
pub fn add_ignores(room: &Room, files: &Files, may: &MayEdit<'_>, reason: &str) -> Option<Ignored> {
    // What is said about comments is no matter of further comments.
    let found = |files: &Files| {
        let mut found = room.findings(files);
        found.retain(|f| !META_RULES.contains(&f.rule));
        found
    };
    let before = found(files);
    let mut by_file: BTreeMap<FileId, Vec<&Finding>> = BTreeMap::new();
    for f in &before {
        if let Some((id, _)) = files.map().file_at(f.span.start) {
            by_file.entry(id).or_default().push(f);
        }
    }
    let mut refused = Vec::new();
    let mut texts: BTreeMap<FileId, Vec<u8>> = BTreeMap::new();
    for (id, found) in &by_file {
        match may(*id) {
            Ok(()) => {
                texts.insert(*id, commented(files, *id, found, reason));
            }
            Err(why) => refused.extend(found.iter().map(|f| (files.map().place(f.span), f.rule, why.to_owned()))),
        }
    }
    // One file spoils the reading of others; what does not work is taken back until the rest does.
    loop {
        let after = files.with_texts(&texts).ok()?;
        let left = found(&after);
        let count = |list: &[Finding], files: &Files, id: FileId| {
            list.iter().filter(|f| files.map().file_at(f.span.start).is_some_and(|(at, _)| at == id)).count()
        };
        let spoilt: BTreeSet<FileId> = texts.keys().copied().filter(|id| count(&left, &after, *id) > 0).collect();
        if spoilt.is_empty() {
            let silenced = texts.keys().map(|id| by_file[id].len()).sum();
            return Some(Ignored { files: after, silenced, refused });
        }
        for id in spoilt {
            texts.remove(&id);
            let why = "a comment there does not silence it";
            refused.extend(by_file[&id].iter().map(|f| (files.map().place(f.span), f.rule, why.to_owned())));
        }
    }
}

/// The text of a file with a comment above each line that something is found in, indented like it.
fn commented(files: &Files, id: FileId, found: &[&Finding], reason: &str) -> Vec<u8> {
    let file = files.map().file(id);
    let mut lines: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for f in found {
        lines.entry(file.position(f.span.start - file.base()).line).or_default().insert(f.rule);
    }
    let crlf = file.bytes().windows(2).any(|w| w == b"\r\n");
    let mut out = Vec::with_capacity(file.bytes().len() + lines.len() * 80);
    for (i, line) in file.bytes().split_inclusive(|b| *b == b'\n').enumerate() {
        if let Some(rules) = lines.get(&(i as u32 + 1)) {
            let indent = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let rules: Vec<&str> = rules.iter().copied().collect();
            out.extend_from_slice(&line[..indent]);
            out.extend_from_slice(format!("# hoplint: ignore[{}] -- {reason}", rules.join(", ")).as_bytes());
            out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
        }
        out.extend_from_slice(line);
    }
    out
}
