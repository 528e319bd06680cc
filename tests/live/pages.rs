//! Every example of every rule page against the real proxy, before and after its correction.
//!
//! The proxy's own check must accept it, except where a page of `syntax/` marks an error. A bad example must show its fault
//! besides: by a request, by the proxy's own check (it is refused, or warned of), or be named in [`UNSEEN`]. What hoplint
//! corrects is then corrected, and the same request must show that it works; or the check is content with it.
//!
//! - `probe=KIND:PATH expect=WORD` behind the fence says what is sent. If hoplint reports the page's fault in the example and
//!   names a request, **that** request is sent instead of `PATH`.
//! - Without these words, an error that hoplint demonstrates with a request must show.
//!
//! | kind | sent | words |
//! |---|---|---|
//! | `ws` | a handshake, spelt with `upgrade=`, with `crowd=N` WebSockets open before it | `101`: opened and echoed; `closed`: ended without an echo, opened or not; another status: refused with it; `refused`: not opened; `hangs`: no answer; those of `get` that are about upstreams |
//! | `idle` | a handshake, then nothing but the upstream's pings every `heartbeat=` (or `beat=`, which hoplint is not told); long ones, and all timers written, are shortened alike | `open`, `cut` |
//! | `preflight` | a browser's preflight for a PUT with the headers of `asks=` (a token and JSON) | `complete`, `incomplete` |
//! | `cors` | a GET from `origin=` | `allowed`, `refused` |
//! | `get` | a GET | a status; `hangs`: none within seconds; `header:NAME` or `header:NAME=VALUE` in the answer, `no-header:NAME`; `sent:NAME=VALUE`, `sent:NAME`, `not-sent:NAME` for what the upstream received last; `at:ADDRESS`: the upstream that received it, as the example writes it |
//! | `post` | a POST with `body=BYTES` | a status |
//! | `events` | a GET that the upstream answers with three events, the last when the client has got something or after seconds; with `default=`, with events until seconds behind that limit | `live`, `held`; with `default=` `whole`, `cut` |
//! | `reuse` | two GETs, one after the other | `reused`, `anew`: the connection to the upstream |
//! | `sticky` | GETs of a browser that keeps its cookies | `sticks` to one upstream, `wanders` |
//!
//! `corrected=WORD` is what a corrected example shows, where its kind does not say it (`101`, `open`, `complete`, `allowed`, `live`,
//! `reused`, `sticks`), and never what the bad one shows; but `corrected=same` says that the correction only takes away what had
//! no effect. `default=TIME`: the limit is one that nobody wrote, and is waited for.
//!
//! Further words: `host=`, `origin=`, `method=` (instead of GET), `listener=` (as written in the example), `first=PATH` (a GET
//! comes before), `late` (the request comes some time after the connection), `settles` (it may take seconds until it is so),
//! `upstream=STATUS` (or `down`: nobody listens there; `same-origin`: it refuses pages of other hosts), `plain=STATUS` (of the
//! upstream, to all that is no handshake), `sends=NAME:VALUE` (a line of the upstream's answers), `checks` (servers are asked for
//! their health), `descriptors=N` (as many file descriptors has the proxy to begin with), `check=refused`, `check=warns`,
//! `start=refused`, `target=` (skipped on releases of which hoplint says something else), `since=` (skipped on older releases:
//! what is shown is not the fault alone), `context=`, `needs=` (something that is not installed: skipped).

use super::{
    page::{examples, id},
    proxies::Release,
    trial::{Proof, Trial, UNSEEN},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many examples run at once: those that are busy, and those that mostly wait.
const WORKERS: [usize; 2] = [3, 48];

/// How examples of one kind fared.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub pages: BTreeSet<String>,
    pub proofs: BTreeMap<Proof, usize>,
    pub failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, rule: &str, place: &str, proof: Result<Proof, String>) {
        self.pages.insert(rule.to_owned());
        match proof {
            Ok(proof) => *self.proofs.entry(proof).or_default() += 1,
            Err(why) => self.failures.push(format!("{place}: {why}")),
        }
    }

    /// How many were shown in a way.
    pub(crate) fn number(&self, proof: &Proof) -> usize {
        self.proofs.get(proof).copied().unwrap_or_default()
    }

    pub(crate) fn all(&self) -> usize {
        self.proofs.values().sum::<usize>() + self.failures.len()
    }
}

/// The examples of one release.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// Those that are reported.
    pub bad: Tally,
    /// Those that are not.
    pub good: Tally,
    /// Those of the first that hoplint corrects, before and after.
    pub corrected: Tally,
}

/// Runs all examples on some releases; what came of it, in the order of the releases.
pub(crate) fn run(releases: &[&Release]) -> Vec<Tallies> {
    let trials: Vec<(usize, Trial)> = releases.iter().enumerate().flat_map(|(i, r)| trials(r).into_iter().map(move |t| (i, t))).collect();
    let (waiting, busy): (Vec<_>, Vec<_>) = trials.iter().partition(|(_, t)| t.probe().is_some_and(|p| p.waits()));
    let tallies: Vec<Mutex<Tallies>> = releases.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for (list, workers) in [busy, waiting].into_iter().zip(WORKERS) {
            let shared = std::sync::Arc::new((list, AtomicUsize::new(0)));
            for _ in 0..workers {
                let (shared, tallies) = (std::sync::Arc::clone(&shared), &tallies);
                scope.spawn(move || {
                    while let Some((of, trial)) = shared.0.get(shared.1.fetch_add(1, Ordering::Relaxed)) {
                        let shown = trial.shown();
                        let corrected = shown.as_ref().ok().and_then(|proof| trial.corrected(proof));
                        let place = format!("{}: rules/{}.md:{}", trial.release, trial.rule, trial.page.line);
                        let mut all = tallies[*of].lock().unwrap();
                        let tally = if trial.page.is_clean() { &mut all.good } else { &mut all.bad };
                        tally.add(&trial.rule, &place, shown);
                        if let Some(proof) = corrected {
                            all.corrected.add(&trial.rule, &format!("{place}, corrected"), proof);
                        }
                    }
                });
            }
        }
    });
    tallies.into_iter().map(|t| t.into_inner().unwrap()).collect()
}

/// Every entry of [`UNSEEN`] is needed.
pub(crate) fn unused(of: &[Tallies]) -> Vec<&'static str> {
    let used = |why| of.iter().any(|t| [&t.bad, &t.corrected].iter().any(|t| t.number(&Proof::Unseen(why)) > 0));
    UNSEEN.iter().map(|u| u.1).filter(|why| !used(*why)).collect()
}

fn trials(release: &Release) -> Vec<Trial<'_>> {
    let of = |path: PathBuf| {
        let rule = id(&path);
        let found = examples(&fs::read_to_string(&path).unwrap());
        found.into_iter().filter(|e| e.dialect == release.dialect()).map(move |page| Trial::new(release, &rule, page))
    };
    pages(Path::new("rules")).into_iter().flat_map(of).collect()
}

fn pages(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(pages(&path));
        } else if path.extension().is_some_and(|e| e == "md") {
            out.push(path);
        }
    }
    out.sort();
    out
}
