//! Corrections over all recorded configurations: how many are tried, made and refused, and that they keep their promises. The same
//! of a folder outside of this repository: `HOPLINT_CORPUS=FOLDER cargo test --test fixes -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

use hoplint::{
    config::Settings,
    fix::{Assay, Mended, Room, assay, mend},
    model::{Applicability, Fix, NoFix, Obstacle},
    proxy::DIALECTS,
    rules::{Finding, Rule},
    source::{Files, discover},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

#[path = "support/cases.rs"]
mod cases;
use cases::{declared, mains, recorded, room_under};

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
    /// What became of the others, and of those: how many, and where.
    reasons: BTreeMap<(bool, String), (usize, Vec<String>)>,
}

impl Tally {
    fn left(&mut self, why: (bool, String), place: String) {
        let (number, places) = self.reasons.entry(why).or_default();
        *number += 1;
        if places.len() < SHOWN {
            places.push(place);
        }
    }
}

/// How many places of what a safe correction was missed for are told.
const SHOWN: usize = 4;

/// The rule whose finding a correction would bring.
fn brings(why: &str) -> Option<&'static Rule> {
    hoplint::rules::rule(why.strip_prefix("it would bring `")?.strip_suffix('`')?)
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
            // What it would bring has no correction itself.
            Obstacle::Refused if let Some(why) = brings(&none.why).and_then(|r| r.unmended) => {
                (false, format!("to be said: {why}, or {}", none.why))
            }
            Obstacle::Unwritten | Obstacle::Refused | Obstacle::Untried => (true, format!("{:?}: {}", none.obstacle, none.why)),
        },
        None => match hoplint::rules::rule(rule).and_then(|r| r.unmended) {
            Some(why) => (false, format!("to be said: {why}")),
            None => (true, "nobody wrote it".to_owned()),
        },
    }
}

fn count(tallies: &mut BTreeMap<&'static str, Tally>, before: &[Finding], safe: &Mended, both: &Mended) {
    for f in &safe.findings {
        // Those that ask for a correction are told of by what was refused.
        if f.intent.is_none() {
            let place = safe.files.map().locate(f.span.start).map_or_else(String::new, |(file, at)| format!("{}:{}", file, at.line));
            tallies.entry(f.rule).or_default().left(why(f.fix.as_ref(), f.rule), place);
        }
    }
    for e in &safe.refused {
        tallies.entry(e.rule).or_default().left(why(Some(&e.fix), e.rule), e.place.clone());
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
///
/// # Errors
/// What is not kept.
fn promises(room: &Room, before: &Files, old: &[Finding], after: &Mended) -> Result<(), String> {
    // Nothing new: no rule speaks more often than before.
    let number = |findings: &[Finding]| {
        let mut n: BTreeMap<&str, usize> = BTreeMap::new();
        for f in findings {
            *n.entry(f.rule).or_default() += 1;
        }
        n
    };
    let (was, is) = (number(old), number(&after.findings));
    if let Some((rule, _)) = is.iter().find(|(rule, n)| was.get(*rule).is_none_or(|w| w < n)) {
        return Err(format!("{rule} is new"));
    }
    if old.len() - after.findings.len() < usize::from(!after.applied.is_empty()) {
        return Err("nothing is gone".into());
    }
    // Once more changes nothing, and what reads the result from its text finds the same.
    let again = mend(room, &after.files, &|_| Ok(()), false).ok_or("too large")?;
    if !again.applied.is_empty() || !again.changed.is_empty() {
        return Err(format!("not idempotent: {:?}", again.applied));
    }
    if again.findings.len() != after.findings.len() {
        return Err("read differently".into());
    }
    let secret = before.map().files().find(|(id, f)| !after.changed.contains(id) && f.bytes() != after.files.map().file(*id).bytes());
    secret.map_or(Ok(()), |(_, file)| Err(format!("{} is changed in secret", file.name())))
}

/// How corrections fared in many configurations of a proxy.
#[derive(Default)]
struct Study {
    tallies: BTreeMap<&'static str, Tally>,
    changed: usize,
    failures: Vec<String>,
}

impl Study {
    fn of(proxy: &str, mains: &[PathBuf], settings: &Settings) -> Self {
        let next = AtomicUsize::new(0);
        let study = Mutex::new(Self::default());
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
                scope.spawn(|| {
                    while let Some(path) = mains.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let Some((files, room)) = room_under(proxy, path, settings.clone()) else { continue };
                        let before = room.findings(&files);
                        if before.is_empty() {
                            continue;
                        }
                        let safe = mend(&room, &files, &|_| Ok(()), false).unwrap();
                        let both = mend(&room, &files, &|_| Ok(()), true).unwrap();
                        assert!(safe.applied.iter().all(|e| matches!(&e.fix, Ok(Fix { applicability: Applicability::Safe, .. }))));
                        let kept = [&safe, &both].map(|mended| promises(&room, &files, &before, mended));
                        let mut study = study.lock().unwrap();
                        study.failures.extend(kept.into_iter().filter_map(Result::err).map(|e| format!("{}: {e}", path.display())));
                        study.changed += usize::from(!both.changed.is_empty());
                        count(&mut study.tallies, &before, &safe, &both);
                    }
                });
            }
        });
        study.into_inner().unwrap()
    }

    /// Prints the table; the share of what could be mended, in percent.
    fn tell(&mut self, proxy: &str, number: usize) -> usize {
        println!("{proxy}: {number} configurations, {} of them changed", self.changed);
        println!("{:42} {:>6} {:>6} {:>7} {:>7} {:>9}", "rule", "found", "safe", "unsafe", "missed", "left out");
        let (mut mendable, mut made) = (0, 0);
        for (rule, t) in &mut self.tallies {
            t.missed = t.reasons.iter().filter(|r| r.0.0).map(|r| r.1.0).sum();
            println!("{rule:42} {:6} {:6} {:7} {:7} {:9}", t.found, t.safe, t.with_unsafe, t.missed, t.found - t.safe - t.missed);
            for ((missed, why), (n, places)) in &t.reasons {
                println!("{n:12} {} {why}", if *missed { "MISSED" } else { "      " });
                for place in places.iter().filter(|_| *missed) {
                    println!("{:20}{place}", "");
                }
            }
            mendable += t.safe + t.missed;
            made += t.safe;
        }
        let share = made * 100 / mendable.max(1);
        println!("{proxy}: {made} of {mendable} findings that a safe correction could exist for were mended: {share} %");
        share
    }
}

#[test]
fn corrections_of_the_recorded_configurations_keep_their_promises() {
    for room_of in DIALECTS {
        let proxy = room_of.name();
        // All of them take minutes without optimisation: `HOPLINT_ALL=1` takes them all.
        let step = if std::env::var_os("HOPLINT_ALL").is_some() { 1 } else { 8 };
        let all: Vec<PathBuf> = mains(&recorded(proxy)).into_iter().step_by(step).collect();
        let mut study = Study::of(proxy, &all, &declared());
        let share = study.tell(proxy, all.len());
        assert!(study.failures.is_empty(), "{}", study.failures.join("\n"));
        assert!(share >= 80, "{proxy}: fewer than four in five");
    }
}

/// What is said of corrections that are proved together is what is said of each by itself.
#[test]
fn verdicts_of_a_group_are_those_of_each_alone() {
    for room_of in DIALECTS {
        let proxy = room_of.name();
        let step = if std::env::var_os("HOPLINT_ALL").is_some() { 1 } else { 8 };
        let mut all = Assay::default();
        for path in mains(&recorded(proxy)).into_iter().step_by(step) {
            let Some((files, room)) = room_under(proxy, &path, declared()) else { continue };
            let one = assay(&room, &files);
            all.compared += one.compared;
            all.against += one.against;
            all.unclear += one.unclear;
            all.disputes.extend(one.disputes);
        }
        println!("{proxy}: {} compared, {} of them against; {} unclear", all.compared, all.against, all.unclear);
        assert!(all.disputes.is_empty(), "{proxy}:\n{}", all.disputes.join("\n"));
        assert!(all.against > 0, "{proxy}: nothing was compared");
    }
}

/// Whatever lies in a folder, as a walk finds it: each file by itself, unless another one includes it.
#[test]
#[ignore = "needs a folder, HOPLINT_CORPUS"]
fn corrections_of_a_corpus_keep_their_promises() {
    let folder = std::env::var("HOPLINT_CORPUS").expect("HOPLINT_CORPUS names a folder");
    let mut failures = Vec::new();
    for room_of in DIALECTS {
        let proxy = room_of.name();
        let found = discover(std::slice::from_ref(&folder), false, &|name, head| {
            DIALECTS.iter().find(|d| d.claims(name, head)).is_some_and(|d| d.name() == proxy)
        });
        let mut all: BTreeSet<PathBuf> = found.files.iter().filter_map(|f| std::fs::canonicalize(f).ok()).collect();
        // What another one includes is judged there.
        for path in all.clone() {
            let Some((mut files, room)) = room_under(proxy, &path, Settings::default()) else { continue };
            room.dialect.read(&mut files, &room.given, &room.reading);
            let included = files.map().files().filter(|(id, _)| !room.given.contains(id)).filter_map(|(id, _)| files.on_disk(id));
            for included in included.filter_map(|f| std::fs::canonicalize(f).ok()).filter(|f| *f != path) {
                all.remove(&included);
            }
        }
        let all: Vec<PathBuf> = all.into_iter().collect();
        for (said, settings) in [("as they stand", Settings::default()), ("with declared routes", declared())] {
            let mut study = Study::of(proxy, &all, &settings);
            study.tell(&format!("{proxy}, {said}"), all.len());
            failures.extend(study.failures);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
