//! Every claim of the rule pages against the real proxies: what is called broken breaks, what is called fixed works.
//!
//! `HOPLINT_LIVE=1 cargo test --test live -- --nocapture` runs it; the proxies must be installed then (Envoy's binary may be
//! named by `HOPLINT_ENVOY`). Everything listens on 127.0.0.1 and ends with the test.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod accept;
mod accepted;
mod backend;
mod client;
mod corpus;
mod pages;
mod probe;
mod proxies;
mod sites;
mod snippets;
mod trial;
mod wire;

#[path = "../support/cases.rs"]
mod cases;
#[path = "../support/page.rs"]
mod page;

use backend::{Backend, Events, Manner};
use client::Request;
use proxies::{Ground, Release, Skip, installed, releases};
use std::{io::Write, time::Duration};
use trial::Proof;

/// Goes past the test runner, which would keep it to itself when the test passes.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether the proxies shall be run.
fn wanted() -> bool {
    let wanted = std::env::var_os("HOPLINT_LIVE").is_some_and(|v| v == "1");
    if !wanted {
        say("live tests skipped: set HOPLINT_LIVE=1");
    }
    wanted
}

/// How many bad examples of a proxy are to be shown by requests at least, and how many corrections: fewer means that they were
/// not found. The installed release has some of its own; what is about old defaults of nginx is no fault of its newest ones.
fn floors(release: &Release) -> (usize, usize) {
    match release.dialect() {
        "nginx" if release.installed => (76, 61),
        "nginx" => (72, 56),
        "haproxy" => (29, 19),
        "envoy" => (23, 14),
        other => panic!("no floor for {other}: count its examples"),
    }
}

/// Says the numbers of one kind of examples, and what was not shown.
fn tell(what: &str, tally: &pages::Tally, shown: &str) {
    let of = |proof| tally.number(&proof);
    let (mut unseen, mut skipped) = (0, 0);
    let mut why = String::new();
    for (proof, n) in &tally.proofs {
        match proof {
            Proof::Unseen(reason) => {
                unseen += n;
                why.push_str(&format!("\n  nothing visible, {n}: {reason}"));
            }
            Proof::Skipped(Skip(reason)) => {
                skipped += n;
                why.push_str(&format!("\n  skipped, {n}: {reason}"));
            }
            _ => {}
        }
    }
    let accepted = of(Proof::Accepted);
    let accepted = if accepted > 0 { format!(", accepted and nothing sent: {accepted}") } else { String::new() };
    say(&format!(
        "{what}: {} on {} pages, {shown} by requests: {}, by the proxy's own check: {}, nothing visible: {unseen}{accepted}, skipped: \
         {skipped}, failed: {}{why}",
        tally.all(),
        tally.pages.len(),
        of(Proof::Requests),
        of(Proof::Check),
        tally.failures.len(),
    ));
}

/// Every bad example fails as its page says, every good one works; and every bad example that hoplint corrects works after that,
/// and the proxy takes what was written.
#[test]
fn every_example_and_every_correction_does_as_its_page_says() {
    if !wanted() {
        return;
    }
    let all: Vec<&Release> = releases().iter().collect();
    let tallies = pages::run(&all);
    let mut failures = Vec::new();
    for (release, of) in all.into_iter().zip(&tallies) {
        tell(&format!("{release}: bad examples"), &of.bad, "fault shown");
        tell(&format!("{release}: good examples"), &of.good, "shown to work");
        tell(&format!("{release}: corrected"), &of.corrected, "before/after proven");
        let (bad, corrected) = floors(release);
        for (tally, floor) in [(&of.bad, bad), (&of.corrected, corrected)] {
            if tally.number(&Proof::Requests) < floor {
                failures.push(format!("{release}: at least {floor} are to be shown by requests"));
            }
        }
        failures.extend([&of.bad, &of.good, &of.corrected].into_iter().flat_map(|t| t.failures.iter().cloned()));
    }
    failures.extend(pages::unused(&tallies).into_iter().map(|why| format!("nothing is unseen because of this: {why}")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What a proxy takes, it still takes after all corrections.
#[test]
fn what_is_accepted_stays_accepted() {
    if !wanted() {
        return;
    }
    for room in hoplint::proxy::DIALECTS {
        let of: Vec<&Release> = releases().iter().filter(|r| r.dialect() == room.name()).collect();
        let all = accepted::run(&of, &cases::recorded(room.name())).unwrap_or_else(|why| panic!("{why}"));
        for (release, accepted::Numbers { accepted, changed }) in of.iter().zip(all) {
            say(&format!("{release}: {accepted} recorded configurations accepted, {changed} corrected, all of them still accepted"));
            assert!(accepted > 100, "only {accepted} are accepted: the check is not the right one");
        }
    }
}

/// The same of a folder outside of this repository.
#[test]
#[ignore = "needs a folder of labelled configurations: see `corpus.rs`"]
fn what_is_accepted_in_a_corpus_stays_accepted() {
    let folder = std::env::var_os("HOPLINT_CORPUS").expect("HOPLINT_CORPUS names a folder");
    let out = std::env::var_os("HOPLINT_CORPUS_OUT").map(std::path::PathBuf::from);
    let mut failures = Vec::new();
    for room in hoplint::proxy::DIALECTS {
        let n = corpus::run(installed(room.name()), folder.as_ref(), out.as_deref());
        say(&format!(
            "{}: {} labelled as accepted, {} of them accepted here, {} changed by {} corrections, {} failed",
            room.name(),
            n.labelled,
            n.accepted,
            n.changed,
            n.corrections,
            n.failures.len()
        ));
        failures.extend(n.failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What `hoplint snippet` writes for a release is accepted there, and works.
#[test]
fn every_snippet_works() {
    if !wanted() {
        return;
    }
    for release in releases() {
        let (tried, cannot) = snippets::run(release).unwrap_or_else(|why| panic!("{why}"));
        say(&format!("{release}: {tried} snippets accepted and tried"));
        for why in &cannot {
            say(&format!("  not for it: {why}"));
        }
        assert!(tried + cannot.len() >= 7, "{tried}");
    }
}

/// What the runners say is what the proxies do: a refused configuration is refused, and a tunnel is one.
#[test]
fn every_proxy_checks_and_forwards() {
    if !wanted() {
        return;
    }
    for release in releases() {
        let (good, bad) = match release.dialect() {
            "nginx" => (include_str!("proxies/nginx.conf"), "location / { no_such_directive on; }\n"),
            "haproxy" => (include_str!("proxies/haproxy.cfg"), "frontend f\n  no such keyword\n"),
            _ => (include_str!("proxies/envoy.yaml"), "static_resources:\n  no_such_field: 1\n"),
        };
        let backend = Backend::start(Manner::default());
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground::new(dir.path(), &backend);
        let staged = release.stage(bad, &ground).unwrap();
        assert!(!release.check(&staged).unwrap().accepted, "{release}");
        let staged = release.stage(good, &ground).unwrap();
        let said = release.check(&staged).unwrap();
        assert!(said.accepted, "{release}: {}", said.text);
        let running = release.serve(&staged, dir.path()).unwrap();
        let at = staged.listener(None).unwrap();
        let mut opened = client::open(at, &Request::handshake("/ws/", "example.test"));
        assert!(opened.socket.as_mut().is_some_and(client::echoes), "{release}: {opened:?}");
        assert_eq!(backend.seen().len(), 1);
        drop(running);
        assert!(!client::holds(opened.socket.as_mut().unwrap(), Duration::from_secs(5)), "it ends with its runner");
        say(&format!("{release} checks and forwards"));
    }
}

#[test]
fn the_samples_do_as_their_reports_say() {
    if wanted() {
        let tried = sites::nginx_samples();
        say(&format!("nginx samples: {tried} claims tried"));
        assert!(tried >= 14, "{tried}");
    }
}

/// The backend is the judge of everything else: each line of a handshake counts.
#[test]
fn the_backend_is_strict() {
    let backend = Backend::start(Manner::default());
    let at = backend.address();
    let good = Request::handshake("/ws", "example.test");
    let mut opened = client::open(at, &good);
    assert!(client::echoes(opened.socket.as_mut().unwrap()));
    let wrong = [("Upgrade", "h2c"), ("Connection", "keep-alive"), ("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Version", "8")];
    for (name, value) in wrong {
        let opened = client::open(at, &good.clone().with(name, value));
        assert_eq!((opened.status, opened.socket.is_none()), (Some(426), true), "{name}");
    }
    let mut post = good.clone();
    post.method = "POST".into();
    assert_eq!(client::open(at, &post).status, Some(426));
    let tolerated = good.with("Connection", "keep-alive, upgrade").with("Upgrade", "WebSocket");
    assert_eq!(client::open(at, &tolerated).status, Some(101));
    assert_eq!(client::ask(at, &Request::get("/", "example.test")).unwrap().head.status(), Some(200));
    assert_eq!(backend.seen().len(), 8);
}

#[test]
fn the_backend_sends_heartbeats_and_events() {
    let beat = Duration::from_millis(100);
    let backend = Backend::start(Manner { heartbeat: Some(beat), events: Some(Events::Watched), ..Manner::default() });
    let mut socket = client::open(backend.address(), &Request::handshake("/", "x")).socket.unwrap();
    assert!(client::holds(&mut socket, beat * 4) && client::echoes(&mut socket));
    let answer = client::listen(backend.address(), &Request::get("/", "x"), &|| backend.hear()).unwrap();
    assert!(backend.heard_in_time());
    assert!(String::from_utf8_lossy(&answer.body).contains("data: 3"));
}

#[test]
fn the_client_judges_as_browsers_do() {
    let origin = "https://app.example.com";
    let ask = |headers: &[(&str, &str)], status| {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let backend = Backend::start(Manner { status: Some(status), headers, ..Manner::default() });
        let request = Request::preflight("/", "x", origin, "authorization,content-type");
        client::preflight_check(&client::ask(backend.address(), &request).unwrap().head, &request)
    };
    let all = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", "GET, PUT"),
        ("Access-Control-Allow-Headers", "Content-Type, Authorization"),
    ];
    assert_eq!(ask(&all, 204), Ok(()));
    assert!(ask(&all, 302).is_err());
    for left_out in 0..all.len() {
        let some: Vec<_> = all.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, h)| *h).collect();
        assert!(ask(&some, 204).is_err(), "{left_out}");
    }
    assert!(ask(&[all[0], all[0], all[1], all[2]], 204).is_err());
    assert!(ask(&[("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true"), all[1], all[2]], 204).is_err());
    assert!(ask(&[all[0], all[1], ("Access-Control-Allow-Headers", "*")], 204).is_err(), "the wildcard does not cover Authorization");
    assert!(ask(&[all[0], ("Access-Control-Allow-Methods", "put"), all[2]], 204).is_err(), "methods are case-sensitive");
}
