//! One example on one release: as it is written, and as hoplint corrects it.
//!
//! hoplint is asked about that release. An example that is about another one (`target=`) is run where hoplint says the same of it
//! for both, and one that is about all of them where its fault is one of this release.

use super::{
    backend::{Backend, Manner},
    page::Example,
    probe::Probe,
    proxies::{Ground, Release, Skip},
};
use hoplint::{audit::Report, model::Version, source::Span};
use std::collections::BTreeSet;

/// Rules whose fault shows neither in an answer nor in a word of the proxy, all of them or those of one proxy, and why.
pub(crate) const UNSEEN: &[(&str, &str)] = &[
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

/// An example, with everything that its page says about it.
pub(crate) struct Trial<'a> {
    pub release: &'a Release,
    pub rule: String,
    /// As it is written: about the releases that the page says.
    pub page: Example,
    /// The same, about this release.
    example: Example,
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

impl<'a> Trial<'a> {
    pub(crate) fn new(release: &'a Release, rule: &str, page: Example) -> Self {
        let mut example = page.clone();
        example.words.retain(|w| !w.starts_with("target="));
        example.words.push(format!("target={}", release.version));
        Self { release, rule: rule.to_owned(), page, example }
    }

    pub(crate) fn probe(&self) -> Option<Probe<'_>> {
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

    /// Why it says nothing about this release.
    fn misfit(&self) -> Option<String> {
        let Self { release, rule, page, example } = self;
        let (said, here) = (page.audit().1, example.audit().1);
        match page.target() {
            Some(target) if all(&said) != all(&here) => {
                Some(format!("it is about {target}, and hoplint says something else for {}", release.version))
            }
            None if !page.is_clean() && !here.findings.iter().any(|f| f.rule == *rule) => {
                Some(format!("the fault of {rule} is one of other releases"))
            }
            _ => self.release_words(),
        }
    }

    /// Words about the releases on which the proof, not the fault, is to be had.
    fn release_words(&self) -> Option<String> {
        let since = self.page.attribute("since")?;
        let first: Version = since.parse().unwrap();
        (self.release.version < first).then(|| format!("shown since {since} only"))
    }

    /// The example as it is written.
    pub(crate) fn shown(&self) -> Result<Proof, String> {
        let Self { rule, example, .. } = self;
        if let Some(why) = self.misfit() {
            return Ok(Proof::Skipped(Skip(why)));
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
    pub(crate) fn corrected(&self, before: &Proof) -> Option<Result<Proof, String>> {
        let Self { rule, example, .. } = self;
        let kind = example.attribute("fix").filter(|kind| *kind != "none" && !example.is_clean())?;
        if matches!(before, Proof::Skipped(_)) {
            return Some(Ok(before.clone()));
        }
        // What is made for this release, and what is made for all.
        let mut texts = BTreeSet::new();
        for of in [Some(&self.page).filter(|p| p.target().is_none()), Some(example)].into_iter().flatten() {
            let (mended, text) = of.mended(kind == "unsafe", Some(rule));
            if mended.applied.is_empty() {
                return Some(Err(format!("nothing is corrected: {:?}", mended.refused)));
            }
            texts.insert(text);
        }
        let proofs = texts.iter().map(|text| self.works(before, text).map_err(|why| format!("{why}\n{text}")));
        proofs.reduce(Result::and)
    }

    /// A corrected text.
    fn works(&self, before: &Proof, text: &str) -> Result<Proof, String> {
        let attempt = |probe| self.attempt(&Attempt { text, refused: false, probe, mended: true });
        let unseen = || self.unseen().ok_or_else(|| "nothing shows what its correction does: say in UNSEEN why".to_owned());
        match (before, self.probe()) {
            (Proof::Requests, Some(probe)) => match probe.mended() {
                Some("same") => attempt(Some((&probe, &probe.expect))).map(|_| Proof::Unseen(SAME)),
                Some(works) if works != probe.expect => attempt(Some((&probe, works))),
                _ => Err(format!("it shows {} before its correction: say with `corrected=` what it shows after", probe.expect)),
            },
            (Proof::Check, _) => attempt(None).map(|_| Proof::Check),
            _ if bare(text) == bare(&self.example.text) => attempt(None).and_then(|_| unseen()).map(Proof::Unseen),
            _ => Err("the correction changes what the proxy reads, and nothing shows it".into()),
        }
    }

    /// What shows that a text does as it shall.
    fn attempt(&self, of: &Attempt<'_>) -> Result<Proof, String> {
        let Self { release, rule, example, .. } = self;
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
            descriptors: example.attribute("descriptors").map(|n| n.parse().unwrap()),
            ..Ground::new(dir.path(), &upstreams)
        };
        let staged = match release.stage(of.text, &ground) {
            Ok(staged) => staged,
            Err(why) => return Ok(Proof::Skipped(why)),
        };
        let said = release.check(&staged)?;
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
            let said = release.gives_up(&staged)?;
            return if said.accepted { Err("it starts".into()) } else { Ok(Proof::Check) };
        }
        let Some((probe, expect)) = of.probe else { return Ok(Proof::Accepted) };
        ground.tls = false;
        ground.faster = faster;
        let staged = release.stage(of.text, &ground).map_err(|Skip(why)| why)?;
        let _running = release.serve(&staged, dir.path())?;
        probe.shows(expect, &staged, &upstreams, faster)?;
        Ok(Proof::Requests)
    }
}

/// What a proxy reads of a text: no comments, no empty lines.
fn bare(text: &str) -> Vec<&str> {
    text.lines().map(|l| l.split('#').next().unwrap_or_default().trim_end()).filter(|l| !l.is_empty()).collect()
}

/// Everything that is said.
fn all(report: &Report) -> BTreeSet<(&str, &str, Span, &str)> {
    report.findings.iter().map(|f| (f.rule, f.level.word(), f.span, &*f.message)).collect()
}
