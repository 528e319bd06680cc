//! Corrections over all recorded configurations: how many are tried, made and refused, and that they keep their promises.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

use hoplint::{
    config::{Settings, parse_route},
    fix::{Mended, Room, mend},
    model::{Applicability, Fix},
    proxy::{DIALECTS, Reading, dialect},
    source::Files,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Main files of the recorded cases of one proxy.
fn cases(proxy: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(proxy).join("cases");
    let mut out = Vec::new();
    let Ok(entries) = std::fs::read_dir(&root) else { return out };
    for entry in entries {
        let path = entry.unwrap().path();
        let main = ["nginx.conf", "haproxy.cfg", "envoy.yaml"].iter().map(|n| path.join(n)).find(|p| p.exists());
        if let Some(main) = main.filter(|_| path.is_dir()) {
            out.push(main);
        } else if path.extension().is_some_and(|e| e == "conf" || e == "cfg" || e == "yaml") {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// A configuration as it is judged in these tests: every path that looks like one carries WebSocket with a slow heartbeat.
fn room(proxy: &str, path: &Path) -> Option<(Files, Room)> {
    let mut files = Files::new();
    // Some are no text, on purpose.
    let id = files.read(path.to_str().unwrap()).ok()?;
    let settings = Settings { heartbeat: Some(120_000), routes: vec![parse_route("/ws/=websocket").unwrap()], ..Settings::default() };
    let reading = Reading { context: None, explicit: false, together: false };
    Some((files, Room { dialect: dialect(proxy).unwrap(), given: vec![id], reading, settings, only: None }))
}

/// How corrections fared, by rule.
#[derive(Default, Debug)]
struct Tally {
    tried: usize,
    safe: usize,
    with_unsafe: usize,
    /// Findings that a correction could mend without changing anything else, as far as is known: nothing has to be assumed,
    /// and no working correction turned out to change more.
    mendable: usize,
    reasons: BTreeMap<String, usize>,
}

fn count(tallies: &mut BTreeMap<&'static str, Tally>, before: &[hoplint::rules::Finding], safe: &Mended, both: &Mended) {
    for f in before.iter().filter(|f| f.intent.is_some()) {
        let t = tallies.entry(f.rule).or_default();
        t.tried += 1;
    }
    for e in &safe.applied {
        let t = tallies.entry(e.rule).or_default();
        t.safe += 1;
        t.mendable += 1;
    }
    for e in &safe.refused {
        let why = match &e.fix {
            Ok(fix) if fix.applicability == Applicability::Unsafe => {
                format!("unsafe: {}", fix.changes.first().map_or("", |c| c.split(": ").last().unwrap_or(c)))
            }
            Ok(_) => "wants the same place".to_owned(),
            Err(why) => why.clone(),
        };
        let t = tallies.entry(e.rule).or_default();
        // What nobody wrote is no correction that failed.
        t.mendable += usize::from(e.fix.as_ref().is_err_and(|why| !why.starts_with("no correction of this kind")));
        *t.reasons.entry(why).or_default() += 1;
    }
    for e in &both.applied {
        tallies.entry(e.rule).or_default().with_unsafe += 1;
    }
}

/// What corrections promise, looked at from outside.
fn promises(path: &Path, room: &Room, before: &Files, old: &[hoplint::rules::Finding], after: &Mended) {
    let name = path.display();
    // Nothing new: no rule speaks more often than before.
    let number = |findings: &[hoplint::rules::Finding]| {
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
        let all: Vec<PathBuf> = cases(proxy).into_iter().step_by(step).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let shared = std::sync::Mutex::new((&mut tallies, 0));
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
                scope.spawn(|| {
                    while let Some(path) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                        let Some((files, room)) = room(proxy, path) else { continue };
                        let before = room.findings(&files);
                        if before.iter().all(|f| f.intent.is_none()) {
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
        println!("{:42} {:>6} {:>9} {:>7} {:>7}", "rule", "tried", "mendable", "safe", "unsafe");
        let (mut mendable, mut made) = (0, 0);
        for (rule, t) in &tallies {
            println!("{rule:42} {:6} {:9} {:7} {:7}", t.tried, t.mendable, t.safe, t.with_unsafe.saturating_sub(t.safe));
            for (why, n) in &t.reasons {
                println!("{n:12} {why}");
            }
            mendable += t.mendable;
            made += t.safe;
        }
        println!("{proxy}: {made} of {mendable} findings that can be mended safely were");
        if mendable > 0 {
            assert!(made * 10 >= mendable * 8, "fewer than four in five");
        }
    }
}
