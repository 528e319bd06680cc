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
mod proxies;
mod sites;
mod snippets;
mod wire;

#[path = "../support/cases.rs"]
mod cases;
#[path = "../support/page.rs"]
mod page;

use backend::{Backend, Manner};
use client::Request;
use hoplint::model::Version;
use proxies::Ground;
use std::{io::Write, time::Duration};

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

/// How many examples of a proxy are to be checked and probed at least, and the same of corrected ones: fewer means that they
/// were not found.
fn floors(dialect: &str) -> [(usize, usize); 2] {
    match dialect {
        "nginx" => [(205, 104), (63, 48)],
        "haproxy" => [(72, 14), (20, 14)],
        "envoy" => [(68, 14), (15, 11)],
        other => panic!("no floor for {other}: count its examples"),
    }
}

/// Runs examples of every proxy, says the numbers, and collects what failed.
fn every_proxy(what: &str, run: fn(&dyn proxies::Installed, Version) -> pages::Tally, floor: fn(&str) -> (usize, usize)) {
    let mut failures = Vec::new();
    for dialect in hoplint::proxy::DIALECTS.iter().map(|d| d.name()) {
        let proxy = *proxies::ALL.iter().find(|p| p.dialect() == dialect).unwrap();
        let version = proxies::version(proxy).unwrap_or_else(|e| panic!("{dialect} is not installed: {e}"));
        let tally = run(proxy, version);
        let skipped = tally.skipped.values().sum::<usize>();
        say(&format!(
            "{dialect} {version}: {} {what} on {} pages: {} checked, {} of them probed with a request, {skipped} skipped, {} failed",
            tally.examples,
            tally.pages,
            tally.checked,
            tally.sent,
            tally.failures.len(),
        ));
        for (why, n) in &tally.skipped {
            say(&format!("  skipped {n}: {}", why.0));
        }
        assert_eq!(tally.examples, tally.checked + skipped + tally.failures.len());
        let (checked, sent) = floor(dialect);
        if tally.checked < checked || tally.sent < sent {
            failures.push(format!("{dialect}: at least {checked} {what} are to be checked and {sent} probed"));
        }
        failures.extend(tally.failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_example_does_as_its_page_says() {
    if wanted() {
        every_proxy("examples", pages::run, |dialect| floors(dialect)[0]);
    }
}

/// Every bad example that hoplint corrects works after that, and the proxy takes what was written.
#[test]
fn every_correction_works() {
    if wanted() {
        every_proxy("corrected examples", pages::run_corrected, |dialect| floors(dialect)[1]);
    }
}

/// What a proxy takes, it still takes after all corrections.
#[test]
fn what_is_accepted_stays_accepted() {
    if !wanted() {
        return;
    }
    for room in hoplint::proxy::DIALECTS {
        let proxy = *proxies::ALL.iter().find(|p| p.dialect() == room.name()).unwrap();
        let (accepted, changed) = accepted::run(proxy, &cases::recorded(room.name())).unwrap_or_else(|why| panic!("{why}"));
        say(&format!("{}: {accepted} recorded configurations accepted, {changed} corrected, all of them still accepted", room.name()));
        assert!(accepted > 100, "only {accepted} are accepted: the check is not the right one");
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
        let proxy = *proxies::ALL.iter().find(|p| p.dialect() == room.name()).unwrap();
        let n = corpus::run(proxy, folder.as_ref(), out.as_deref());
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

/// What `hoplint snippet` writes is accepted and works. A text for newer releases than the installed one is not tried.
#[test]
fn every_snippet_works() {
    if !wanted() {
        return;
    }
    for room in hoplint::proxy::DIALECTS {
        let proxy = *proxies::ALL.iter().find(|p| p.dialect() == room.name()).unwrap();
        let version = proxies::version(proxy).unwrap_or_else(|e| panic!("{} is not installed: {e}", room.name()));
        let oldest = room.versions()[0];
        let newest = room.versions().iter().copied().filter(|v| *v <= version).max().unwrap_or(oldest);
        for at in [oldest, newest] {
            match snippets::run(proxy, at) {
                Ok(tried) => say(&format!("{} {version}: {tried} snippets for {at} and later accepted and tried", room.name())),
                Err(why) => panic!("{why}"),
            }
        }
    }
}

/// What the runners say is what the proxies do: a refused configuration is refused, and a tunnel is one.
#[test]
fn every_proxy_checks_and_forwards() {
    if !wanted() {
        return;
    }
    for proxy in proxies::ALL {
        let (good, bad) = match proxy.dialect() {
            "nginx" => (include_str!("proxies/nginx.conf"), "location / { no_such_directive on; }\n"),
            "haproxy" => (include_str!("proxies/haproxy.cfg"), "frontend f\n  no such keyword\n"),
            _ => (include_str!("proxies/envoy.yaml"), "static_resources:\n  no_such_field: 1\n"),
        };
        let version = proxies::version(*proxy).unwrap_or_else(|e| panic!("{} is not installed: {e}", proxy.dialect()));
        let backend = Backend::start(Manner::default());
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground { dir: dir.path(), backend: backend.address(), context: None, faster: 1, tls: false, provide: true };
        let staged = proxy.stage(bad, &ground).unwrap();
        assert!(!proxies::run(&mut proxy.check(&staged)).unwrap().accepted, "{}", proxy.dialect());
        let staged = proxy.stage(good, &ground).unwrap();
        let said = proxies::run(&mut proxy.check(&staged)).unwrap();
        assert!(said.accepted, "{}: {}", proxy.dialect(), said.text);
        let running = proxies::serve(*proxy, &staged, dir.path()).unwrap();
        let at = staged.listener(None).unwrap();
        let mut opened = client::open(at, &Request::handshake("/ws/", "example.test"));
        assert!(opened.socket.as_mut().is_some_and(client::echoes), "{} {version}: {opened:?}", proxy.dialect());
        assert_eq!(backend.seen().len(), 1);
        drop(running);
        assert!(!client::holds(opened.socket.as_mut().unwrap(), Duration::from_secs(5)), "it ends with its runner");
        say(&format!("{} {version} checks and forwards", proxy.dialect()));
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
    let backend = Backend::start(Manner { heartbeat: Some(beat), events: Some(beat), ..Manner::default() });
    let mut socket = client::open(backend.address(), &Request::handshake("/", "x")).socket.unwrap();
    assert!(client::holds(&mut socket, beat * 4) && client::echoes(&mut socket));
    let answer = client::ask(backend.address(), &Request::get("/", "x")).unwrap();
    assert!(answer.arrivals.last().unwrap().saturating_sub(answer.arrivals[0]) >= beat, "{:?}", answer.arrivals);
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
