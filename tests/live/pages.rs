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
//! their health), `check=refused`, `check=warns`, `start=refused`, `target=` (skipped when another release is installed),
//! `context=`, `needs=` (something that is not installed: skipped).

use super::{
    backend::{Backend, Manner},
    page::{Example, examples, id},
    probe::Probe,
    proxies::{self, Ground, Installed, Skip},
};
use hoplint::model::Version;
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
const WORKERS: [usize; 2] = [3, 12];

/// Rules whose fault shows neither in an answer nor in a word of the proxy, all of them or those of one proxy, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("suppression/", "a comment for hoplint alone, which no proxy reads"),
    ("haproxy/limit-missing", "old processes pile up behind reloads"),
    ("haproxy/mixed-server-alpn", "it takes a server that speaks HTTP/2 over TLS"),
    ("envoy/http2-without-key", "it takes a browser that speaks HTTP/2 over TLS"),
    ("syntax/never-read", "what is passed over says nothing, and nothing answers for it"),
];
/// The same of a correction that was tried with requests.
const SAME: &str = "only what had no effect is taken away: requests are answered as before";

/// What showed that an example does as its page says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proof {
    /// An answer, or what arrived upstream.
    Requests,
    /// The proxy's own check, or its refusal to start.
    Check,
    /// Nothing does, and why.
    Unseen(&'static str),
    /// A good one, accepted by the check; nothing was sent.
    Accepted,
    /// It was not run.
    Skipped(Skip),
}

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

/// The examples of one proxy.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// Those that are reported.
    pub bad: Tally,
    /// Those that are not.
    pub good: Tally,
    /// Those of the first that hoplint corrects, before and after.
    pub corrected: Tally,
}

/// An example, with everything that its page says about it.
struct Trial<'a> {
    proxy: &'a dyn Installed,
    version: Version,
    rule: String,
    example: Example,
}

/// Runs all examples of some proxies.
pub(crate) fn run(installed: &[(&dyn Installed, Version)]) -> BTreeMap<&'static str, Tallies> {
    let trials: Vec<Trial> = installed.iter().flat_map(|(proxy, version)| trials(*proxy, *version)).collect();
    let (waiting, busy): (Vec<&Trial>, Vec<&Trial>) = trials.iter().partition(|t| t.probe().is_some_and(|p| p.waits()));
    let tallies: Mutex<BTreeMap<&str, Tallies>> = Mutex::default();
    std::thread::scope(|scope| {
        for (list, workers) in [busy, waiting].into_iter().zip(WORKERS) {
            let shared = std::sync::Arc::new((list, AtomicUsize::new(0)));
            for _ in 0..workers {
                let (shared, tallies) = (std::sync::Arc::clone(&shared), &tallies);
                scope.spawn(move || {
                    while let Some(trial) = shared.0.get(shared.1.fetch_add(1, Ordering::Relaxed)) {
                        let shown = trial.shown();
                        let corrected = shown.as_ref().ok().and_then(|proof| trial.corrected(proof));
                        let place = format!("rules/{}.md:{}", trial.rule, trial.example.line);
                        let mut tallies = tallies.lock().unwrap();
                        let all = tallies.entry(trial.proxy.dialect()).or_default();
                        let tally = if trial.example.is_clean() { &mut all.good } else { &mut all.bad };
                        tally.add(&trial.rule, &place, shown);
                        if let Some(proof) = corrected {
                            all.corrected.add(&trial.rule, &format!("{place}, corrected"), proof);
                        }
                    }
                });
            }
        }
    });
    tallies.into_inner().unwrap()
}

/// Every entry of [`UNSEEN`] is needed.
pub(crate) fn unused(of: &BTreeMap<&'static str, Tallies>) -> Vec<&'static str> {
    let used = |why| of.values().any(|t| [&t.bad, &t.corrected].iter().any(|t| t.number(&Proof::Unseen(why)) > 0));
    UNSEEN.iter().map(|u| u.1).filter(|why| !used(*why)).collect()
}

fn trials(proxy: &dyn Installed, version: Version) -> Vec<Trial<'_>> {
    let of = |path: PathBuf| {
        let rule = id(&path);
        let found = examples(&fs::read_to_string(&path).unwrap());
        found.into_iter().filter(|e| e.dialect == proxy.dialect()).map(move |example| Trial { proxy, version, rule: rule.clone(), example })
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

/// What is tried with a text.
struct Attempt<'a> {
    text: &'a str,
    /// Whether the proxy's check shall refuse it.
    refused: bool,
    /// What shall be seen.
    probe: Option<(&'a Probe<'a>, &'a str)>,
    /// Whether it is what became of a bad example.
    mended: bool,
}

impl Trial<'_> {
    fn probe(&self) -> Option<Probe<'_>> {
        let (_, report) = self.example.audit();
        let finding = report.findings.iter().find(|f| f.rule == self.rule && !self.example.is_clean());
        Probe::of(&self.rule, &self.example, finding)
    }

    fn says(&self, word: &str) -> bool {
        self.example.words.iter().any(|w| w == word)
    }

    fn unseen(&self) -> Option<&'static str> {
        UNSEEN.iter().find(|(rule, _)| self.rule.starts_with(rule)).map(|u| u.1)
    }

    /// The example as it is written.
    fn shown(&self) -> Result<Proof, String> {
        let Self { proxy, version, rule, example } = self;
        if let Some(target) = example.target().filter(|t| (t.0, t.1) != (version.0, version.1)) {
            return Ok(Proof::Skipped(Skip(format!("for {} {}.{}, another than is installed", proxy.dialect(), target.0, target.1))));
        }
        if let Some(needs) = example.attribute("needs") {
            return Ok(Proof::Skipped(Skip(format!("needs {needs}"))));
        }
        let refused = self.says("check=refused") || rule.starts_with("syntax/") && example.marks().iter().any(|m| m.1 == "error");
        let probe = self.probe().filter(|_| !refused);
        let probe = probe.as_ref().map(|p| (p, &*p.expect));
        let proof = self.attempt(&Attempt { text: &example.text, refused, probe, mended: false })?;
        match (proof, self.unseen()) {
            (Proof::Accepted, Some(why)) if !example.is_clean() => Ok(Proof::Unseen(why)),
            (Proof::Accepted, None) if !example.is_clean() => {
                Err("nothing shows its fault: give it a probe, or say in UNSEEN why there is nothing to see".into())
            }
            (proof, _) => Ok(proof),
        }
    }

    /// What hoplint makes of it; none where nothing is corrected. The same is sent as before.
    fn corrected(&self, before: &Proof) -> Option<Result<Proof, String>> {
        let Self { rule, example, .. } = self;
        let kind = example.attribute("fix").filter(|kind| *kind != "none" && !example.is_clean())?;
        if matches!(before, Proof::Skipped(_)) {
            return Some(Ok(before.clone()));
        }
        let (mended, text) = example.mended(kind == "unsafe", Some(rule));
        assert!(!mended.applied.is_empty(), "{rule}: nothing is corrected at line {}", example.line);
        let attempt = |probe| self.attempt(&Attempt { text: &text, refused: false, probe, mended: true });
        let unseen = || self.unseen().ok_or_else(|| "nothing shows what its correction does: say in UNSEEN why".to_owned());
        Some(match (before, self.probe()) {
            (Proof::Requests, Some(probe)) => match probe.mended() {
                Some("same") => attempt(Some((&probe, &probe.expect))).map(|_| Proof::Unseen(SAME)),
                Some(works) if works != probe.expect => attempt(Some((&probe, works))),
                _ => Err(format!("it shows {} before its correction: say with `corrected=` what it shows after", probe.expect)),
            },
            (Proof::Check, _) => attempt(None).map(|_| Proof::Check),
            _ if bare(&text) == bare(&example.text) => attempt(None).and_then(|_| unseen()).map(Proof::Unseen),
            _ => Err("the correction changes what the proxy reads, and nothing shows it".into()),
        })
    }

    /// What shows that a text does as it shall.
    fn attempt(&self, of: &Attempt<'_>) -> Result<Proof, String> {
        let Self { proxy, rule, example, .. } = self;
        let clean = of.mended || example.is_clean();
        let faster = of.probe.map_or(1, |(probe, _)| probe.faster(clean));
        let manner = of.probe.map_or_else(Manner::default, |(probe, _)| probe.manner(faster));
        let upstreams = if example.attribute("upstream") == Some("down") { Backend::absent() } else { Backend::start(manner) };
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut ground = Ground {
            context: example.attribute("context"),
            tls: true,
            provide: !rule.starts_with("syntax/") || clean,
            checks: self.says("checks"),
            ..Ground::new(dir.path(), &upstreams)
        };
        let staged = match proxy.stage(of.text, &ground) {
            Ok(staged) => staged,
            Err(why) => return Ok(Proof::Skipped(why)),
        };
        let said = proxies::run(&mut proxy.check(&staged))?;
        if said.accepted == of.refused {
            return Err(format!("its check {} it: {}", if said.accepted { "accepts" } else { "refuses" }, said.text));
        }
        if of.refused {
            return Ok(Proof::Check);
        }
        if self.says("check=warns") {
            if said.warns() == clean {
                return Err(format!("its check {}: {}", if clean { "warns" } else { "does not warn" }, said.text));
            }
            return Ok(Proof::Check);
        }
        if self.says("start=refused") {
            // It may listen for a moment before it gives up.
            let said = proxies::run(&mut proxy.serve(&staged))?;
            return if said.accepted { Err("it starts".into()) } else { Ok(Proof::Check) };
        }
        let Some((probe, expect)) = of.probe else { return Ok(Proof::Accepted) };
        ground.tls = false;
        ground.faster = faster;
        let staged = proxy.stage(of.text, &ground).map_err(|Skip(why)| why)?;
        let _running = proxies::serve(*proxy, &staged, dir.path())?;
        probe.shows(expect, &staged, &upstreams, faster)?;
        Ok(Proof::Requests)
    }
}

/// What a proxy reads of a text: no comments, no empty lines.
fn bare(text: &str) -> Vec<&str> {
    text.lines().map(|l| l.split('#').next().unwrap_or_default().trim_end()).filter(|l| !l.is_empty()).collect()
}
