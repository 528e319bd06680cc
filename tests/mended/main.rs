//! What corrections promise, over configurations put together at random from pieces that rules speak of: whatever stands beside
//! it, a correction reads, is gone, brings nothing, and is all that changes.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod envoy;
mod haproxy;
mod nginx;

use hoplint::{
    audit::audit,
    config::Settings,
    fix::{Mended, Room, mend},
    model::{Era, Kind, Proxy},
    probe::{Aspect, Essence, Machine, trial, witnesses},
    proxy::{Reading, dialect},
    rules::Finding,
    source::Files,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// How a text is laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// What an indentation is made of.
    pub step: &'static str,
    crlf: bool,
    /// Whether the last line ends.
    ended: bool,
}

pub(crate) fn layout(steps: &'static [&'static str], ended: impl Strategy<Value = bool>) -> impl Strategy<Value = Layout> {
    (proptest::sample::select(steps), any::<bool>(), ended).prop_map(|(step, crlf, ended)| Layout { step, crlf, ended })
}

/// How many texts are tried: few, for each is read and audited many times; `PROPTEST_CASES` says how many instead.
pub(crate) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(16)
}

/// Lines with their depths.
pub(crate) fn text(lines: &[(usize, String)], layout: Layout) -> String {
    let brk = if layout.crlf { "\r\n" } else { "\n" };
    let mut out = String::new();
    for (i, (depth, line)) in lines.iter().enumerate() {
        if i > 0 {
            out.push_str(brk);
        }
        out.push_str(&layout.step.repeat(*depth));
        out.push_str(line);
    }
    if layout.ended { out + brk } else { out }
}

/// Everything that is promised of one text; how many corrections were made in it, unsafe ones included.
pub(crate) fn promises(proxy: &str, name: &str, text: &str) -> usize {
    let mut files = Files::new();
    let id = files.add(name, text.as_bytes().to_vec()).unwrap();
    let reading = Reading { context: None, explicit: true, together: false };
    let room = Room { dialect: dialect(proxy).unwrap(), given: vec![id], reading, settings: Settings::default(), only: None };
    let before = room.findings(&files);
    let mut made = 0;
    for unsafe_too in [false, true] {
        let mended = mend(&room, &files, &|_| Ok(()), unsafe_too).unwrap();
        let after = String::from_utf8(mended.files.map().file(id).bytes().to_vec()).unwrap();
        let context = || format!("{proxy}, unsafe: {unsafe_too}\n{text}\n--- becomes ---\n{after}\n{:?}", mended.applied);
        assert_eq!(mended.applied.is_empty(), text == after, "{}", context());
        // It reads, once more changes nothing, and read from its text it is the same.
        let again = mend(&room, &mended.files, &|_| Ok(()), unsafe_too).unwrap();
        assert!(again.applied.is_empty() && again.changed.is_empty(), "not idempotent: {:?}\n{}", again.applied, context());
        assert_eq!(again.findings.len(), mended.findings.len(), "read differently\n{}", context());
        nothing_new(&before, &mended, &context);
        kept(text, &after, &context);
        if !unsafe_too {
            others_stay(&room, &before, &files, &mended, &context);
        }
        made = mended.applied.len();
    }
    made
}

/// No rule speaks more often, none speaks louder, and of each rule that was heeded fewer are left.
fn nothing_new(before: &[Finding], mended: &Mended, context: &dyn Fn() -> String) {
    let count = |all: &[Finding]| {
        let mut n: BTreeMap<&str, (usize, Option<hoplint::rules::Level>)> = BTreeMap::new();
        for f in all {
            let e = n.entry(f.rule).or_default();
            *e = (e.0 + 1, e.1.max(Some(f.level)));
        }
        n
    };
    let (was, is) = (count(before), count(&mended.findings));
    for (rule, (n, level)) in &is {
        let old = was.get(rule).copied().unwrap_or_default();
        assert!(*n <= old.0 && *level <= old.1, "{rule} is new\n{}", context());
    }
    let gone: BTreeSet<&str> = mended.applied.iter().map(|e| e.rule).collect();
    for rule in gone {
        let left = is.get(rule).map_or(0, |n| n.0);
        assert!(was.get(rule).is_none_or(|old| left < old.0), "{rule} is still there\n{}", context());
    }
}

/// Comments, line ends, the end of the text and lines that nobody spoke of.
fn kept(text: &str, after: &str, context: &dyn Fn() -> String) {
    let comments = |t: &str| {
        t.lines().filter_map(|l| l.find("# keep").or_else(|| l.find("# stay")).map(|i| l[i..].trim_end().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(comments(text), comments(after), "comments\n{}", context());
    let crlf = text.contains("\r\n");
    assert_eq!(after.matches("\r\n").count(), if crlf { after.matches('\n').count() } else { 0 }, "line ends\n{}", context());
    assert_eq!(text.ends_with('\n'), after.ends_with('\n'), "the end\n{}", context());
    // Comment lines, and lines that no correction is about, stay to the letter and in order; what is written adds comments.
    let marked = |t: &str| {
        t.lines().filter(|l| l.trim_start().starts_with('#') || l.contains("# stay")).map(|l| l.trim_end().to_owned()).collect::<Vec<_>>()
    };
    let (old, new) = (marked(text), marked(after));
    let mut rest = new.iter();
    let lost = old.iter().find(|l| !rest.any(|n| n == *l));
    assert!(lost.is_none(), "{lost:?} is lost or moved\n{}", context());
}

/// A request that no correction was asked for fares as before, whatever it is.
fn others_stay(room: &Room, before: &[Finding], files: &Files, mended: &Mended, context: &dyn Fn() -> String) {
    let lower = |files: &Files| -> Proxy {
        let mut files = files.with_texts(&BTreeMap::new()).unwrap();
        let sites = room.dialect.read(&mut files, &room.given, &room.reading);
        sites[0].lower(&Era::new(*room.dialect.versions().last().unwrap()))
    };
    let (old, new) = (lower(files), lower(&mended.files));
    let (old_machine, new_machine) = (Machine::new(&old), Machine::new(&new));
    // Places that some intent is about.
    let rules: BTreeSet<&str> = mended.applied.iter().map(|e| e.rule).collect();
    let mut meant = BTreeSet::new();
    let mut anywhere = false;
    for f in before.iter().filter(|f| rules.contains(f.rule)) {
        let Some(intent) = &f.intent else { continue };
        anywhere |= intent.trials.is_empty();
        for t in &intent.trials {
            meant.extend(trial::send(&old_machine, t.kind, &t.request).iter().filter_map(|b| b.routes.last().map(|r| old.route(*r).seat)));
        }
    }
    for w in witnesses(&old_machine) {
        for kind in [Kind::Plain, Kind::CrossOrigin, Kind::Preflight, Kind::Handshake] {
            let Some(request) = w.ask(kind, trial::ORIGIN) else { continue };
            let was = trial::send(&old_machine, kind, &request);
            let is = trial::send(&new_machine, kind, &request);
            // A redirect that the proxy adds by itself belongs to the scope that it is added for.
            if was.iter().filter_map(|b| b.routes.last()).any(|r| meant.contains(&old.route(*r).seat)) {
                continue;
            }
            assert_eq!(was.len(), is.len(), "{kind:?} to {}\n{}", w.path, context());
            for (a, b) in was.iter().zip(&is) {
                let mut differs = Essence::of(&old, a).differs(&Essence::of(&new, b));
                // How connections to servers are kept is nothing that anybody sees.
                differs.retain(|d| *d != Aspect::Connection);
                assert!(differs.is_empty(), "{kind:?} to {} (anywhere: {anywhere}): {differs:?}\n{}", w.path, context());
            }
        }
    }
    // The audit says the same of it as of any other text.
    let mut fresh = Files::new();
    let id = fresh.add(mended.files.map().file(room.given[0]).name(), mended.files.map().file(room.given[0]).bytes().to_vec()).unwrap();
    let sites = room.dialect.read(&mut fresh, &[id], &room.reading);
    let found = audit(fresh.map(), room.dialect, &sites, &room.settings).findings;
    assert_eq!(found.len(), mended.findings.len(), "read afresh\n{}", context());
}
