//! Corrections over all recorded configurations: how many are tried, made and refused, and that they keep their promises.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

use hoplint::{
    fix::{Mended, Room, mend},
    model::{Applicability, Fix, NoFix, Obstacle},
    proxy::DIALECTS,
    rules::Finding,
    source::Files,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[path = "support/cases.rs"]
mod cases;
use cases::{mains, recorded, room};

/// How corrections fared, by rule.
#[derive(Default, Debug)]
struct Tally {
    /// All findings.
    found: usize,
    /// Mended by a safe correction, or along with one.
    safe: usize,
    /// Mended besides when unsafe corrections are wanted as well.
    with_unsafe: usize,
    /// Not mended, and a safe correction might have been: nobody wrote it, it did not stand the proof, or it was not made.
    missed: usize,
    /// What became of the others, and of those.
    reasons: BTreeMap<(bool, String), usize>,
}

/// What became of one finding that was not mended: whether a safe correction could exist for all that is known, and why there is none.
/// Left out is what is proved to change something else, what a person has to say first, and what stands out of sight.
fn why(fix: Option<&Result<Fix, NoFix>>, rule: &str) -> (bool, String) {
    match fix {
        Some(Ok(fix)) if fix.applicability == Applicability::Unsafe => {
            let change = fix.changes.first().map_or("", |c| c.split(": ").last().unwrap_or(c));
            (false, format!("unsafe: {change}"))
        }
        Some(Ok(_)) => (true, "another correction wants the same place".to_owned()),
        Some(Err(none)) => match none.obstacle {
            Obstacle::Unsaid => (false, format!("to be said: {}", none.why)),
            Obstacle::Hidden => (false, format!("out of sight: {}", none.why)),
            Obstacle::Unwritten | Obstacle::Refused | Obstacle::Untried => (true, format!("{:?}: {}", none.obstacle, none.why)),
        },
        None => match hoplint::rules::rule(rule).and_then(|r| r.unmended) {
            Some(why) => (false, format!("to be said: {why}")),
            None => (true, "nobody wrote it".to_owned()),
        },
    }
}

fn count(tallies: &mut BTreeMap<&'static str, Tally>, before: &[Finding], safe: &Mended, both: &Mended) {
    let mut left: BTreeMap<&'static str, usize> = BTreeMap::new();
    for f in &safe.findings {
        *left.entry(f.rule).or_default() += 1;
        // Those that ask for a correction are told of by what was refused.
        if f.intent.is_none() {
            *tallies.entry(f.rule).or_default().reasons.entry(why(f.fix.as_ref(), f.rule)).or_default() += 1;
        }
    }
    for e in &safe.refused {
        *tallies.entry(e.rule).or_default().reasons.entry(why(Some(&e.fix), e.rule)).or_default() += 1;
    }
    for f in before {
        tallies.entry(f.rule).or_default().found += 1;
    }
    for (rule, t) in tallies.iter_mut() {
        let number = |list: &[Finding]| list.iter().filter(|f| f.rule == *rule).count();
        let (was, is, at_last) = (number(before), number(&safe.findings), number(&both.findings));
        t.safe += was - is;
        t.with_unsafe += is.saturating_sub(at_last);
    }
}

/// What corrections promise, looked at from outside.
fn promises(path: &Path, room: &Room, before: &Files, old: &[Finding], after: &Mended) {
    let name = path.display();
    // Nothing new: no rule speaks more often than before.
    let number = |findings: &[Finding]| {
        let mut n: BTreeMap<&str, usize> = BTreeMap::new();
        for f in findings {
            *n.entry(f.rule).or_default() += 1;
        }
        n
    };
    let (was, is) = (number(old), number(&after.findings));
    for (rule, n) in &is {
        assert!(was.get(rule).is_some_and(|w| w >= n), "{name}: {rule} is new");
    }
    let gone = old.len() - after.findings.len();
    assert!(gone >= usize::from(!after.applied.is_empty()), "{name}: nothing is gone");
    // Once more changes nothing, and what reads the result from its text finds the same.
    let again = mend(room, &after.files, &|_| Ok(()), false).unwrap();
    assert!(again.applied.is_empty() && again.changed.is_empty(), "{name}: not idempotent: {:?}", again.applied);
    assert_eq!(again.findings.len(), after.findings.len(), "{name}: read differently");
    for (id, file) in before.map().files() {
        if !after.changed.contains(&id) {
            assert_eq!(file.bytes(), after.files.map().file(id).bytes(), "{name}: changed in secret");
        }
    }
}

#[test]
fn corrections_of_the_recorded_configurations_keep_their_promises() {
    for room_of in DIALECTS {
        let proxy = room_of.name();
        let mut tallies: BTreeMap<&'static str, Tally> = BTreeMap::new();
        // All of them take minutes without optimisation: `HOPLINT_ALL=1` takes them all.
        let step = if std::env::var_os("HOPLINT_ALL").is_some() { 1 } else { 8 };
        let all: Vec<PathBuf> = mains(&recorded(proxy)).into_iter().step_by(step).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let shared = std::sync::Mutex::new((&mut tallies, 0));
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
                scope.spawn(|| {
                    while let Some(path) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                        let Some((files, room)) = room(proxy, path) else { continue };
                        let before = room.findings(&files);
                        if before.is_empty() {
                            continue;
                        }
                        let safe = mend(&room, &files, &|_| Ok(()), false).unwrap();
                        let both = mend(&room, &files, &|_| Ok(()), true).unwrap();
                        assert!(safe.applied.iter().all(|e| matches!(&e.fix, Ok(Fix { applicability: Applicability::Safe, .. }))));
                        promises(path, &room, &files, &before, &safe);
                        promises(path, &room, &files, &before, &both);
                        let mut shared = shared.lock().unwrap();
                        shared.1 += usize::from(!both.changed.is_empty());
                        count(shared.0, &before, &safe, &both);
                    }
                });
            }
        });
        let changed = shared.into_inner().unwrap().1;
        println!("{proxy}: {} configurations, {changed} of them changed", all.len());
        println!("{:42} {:>6} {:>6} {:>7} {:>7} {:>9}", "rule", "found", "safe", "unsafe", "missed", "left out");
        let (mut mendable, mut made) = (0, 0);
        for (rule, t) in &mut tallies {
            t.missed = t.reasons.iter().filter(|r| r.0.0).map(|r| r.1).sum();
            println!("{rule:42} {:6} {:6} {:7} {:7} {:9}", t.found, t.safe, t.with_unsafe, t.missed, t.found - t.safe - t.missed);
            for ((missed, why), n) in &t.reasons {
                println!("{n:12} {} {why}", if *missed { "MISSED" } else { "      " });
            }
            mendable += t.safe + t.missed;
            made += t.safe;
        }
        println!(
            "{proxy}: {made} of {mendable} findings that a safe correction could exist for were mended: {} %",
            made * 100 / mendable.max(1)
        );
        assert!(made * 10 >= mendable * 8, "{proxy}: fewer than four in five");
    }
}
