//! Is the comparison worth anything? What a prediction rests on is changed, and the prediction must change.

use super::found::{lowered, pairs, request};
use hoplint::model::{Proxy, Request};
use hoplint::probe::{Assume, Branch, Line, run};
use hoplint::source::{Files, Span};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// How many mutations are made.
const MUTATIONS: usize = 200;
const RELEASE: &str = "1.26.3";

/// A recorded request, and its configuration.
struct Probe {
    case: String,
    text: String,
    asked: Request,
}

fn probes() -> Vec<Probe> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/nginx");
    let mut out = Vec::new();
    for line in std::fs::read_to_string(folder.join("expected.jsonl")).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let Ok(text) = std::fs::read_to_string(folder.join(case["config"].as_str().unwrap())) else { continue };
        let Some((_, proxy)) = lowered(&text, RELEASE) else { continue };
        for probe in case["probes"].as_array().into_iter().flatten().filter(|p| p["method"].is_string() && p["host"].is_string()) {
            let mut headers = vec![("Host".to_owned(), probe["host"].as_str().unwrap().to_owned())];
            headers.extend(pairs(&probe["headers"]));
            let mut asked = request(probe["method"].as_str().unwrap(), probe["target"].as_str().unwrap(), &headers);
            let Some(at) = proxy.listeners.iter().position(|l| Some(&*l.at) == probe["listener"].as_str()) else { continue };
            (asked.listener, asked.dial) = (at, hoplint::model::Dial::Fitting);
            out.push(Probe { case: case["id"].as_str().unwrap().to_owned(), text: text.clone(), asked });
        }
    }
    out
}

/// What the outside sees of a request, and which route takes it by name.
fn outcome(text: &str, asked: &Request) -> Option<String> {
    let (_, proxy) = lowered(text, RELEASE)?;
    if asked.listener >= proxy.listeners.len() {
        return None;
    }
    let lines = |lines: &[Line]| lines.iter().map(|l| format!("{}: {:?}", l.name, l.value.known())).collect::<Vec<_>>();
    let of = |b: &Branch| {
        let sent = b.sent.as_ref().map(|s| (s.addresses.clone(), format!("{:?} {:?}", s.method, s.target), lines(&s.headers)));
        let route = b.routes.last().map(|r| proxy.title(proxy.route(*r).seat));
        let body = b.body.as_ref().map(|b| b.known().map(ToOwned::to_owned));
        format!("{:?} {sent:?} {:?} {route:?} {body:?}", b.status, lines(&b.answer))
    };
    Some(run(&proxy, asked, &Assume::default()).iter().map(of).collect::<Vec<_>>().join("\n"))
}

/// The text with some bytes replaced.
fn replaced(files: &Files, text: &str, span: Span, with: &str) -> Option<String> {
    let file = files.map().file_at(span.start)?.1;
    let from = (span.start - file.span().start) as usize;
    let to = from + span.len as usize;
    Some(format!("{}{with}{}", text.get(..from)?, text.get(to..)?))
}

/// The chosen location gets a path that nobody asks for.
fn renamed(files: &Files, proxy: &Proxy, text: &str, branch: &Branch) -> Option<String> {
    let route = branch.routes.iter().rev().find(|r| proxy.scope(proxy.route(**r).seat).noun == "location")?;
    let span = proxy.scope(proxy.route(*route).seat).span;
    // A named one is reached by its name, which stands elsewhere too.
    (!proxy.route(*route).named).then(|| replaced(files, text, span, "location = /nobody/asks/for/this")).flatten()
}

/// A line that made a header of what is sent or answered goes.
fn without_line(files: &Files, text: &str, branch: &Branch) -> Vec<String> {
    let written = branch.sent.iter().flat_map(|s| &s.headers).chain(&branch.answer);
    let spans = written.filter_map(|l| l.origin).filter(|o| o.how == hoplint::model::How::Written).map(|o| o.span);
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_unstable();
    spans.dedup();
    spans.into_iter().filter_map(|s| replaced(files, text, s, "")).map(|t| t.replace("\n        ;", "\n")).collect()
}

/// The first two servers of the request's address change places, where the order decides.
fn swapped(files: &Files, proxy: &Proxy, text: &str, asked: &Request) -> Option<(String, Request)> {
    if text.contains("default_server") || text.matches("listen ").count() != 2 {
        return None;
    }
    let mut servers = proxy.scopes.iter().filter(|s| s.noun == "server");
    let (first, second) = (servers.next()?, servers.next()?);
    let at = |span: Span| {
        let start = files.map().file_at(span.start).map(|f| f.1.span().start).unwrap_or_default();
        ((span.start - start) as usize, (span.start + span.len - start) as usize)
    };
    let ((a, b), (c, d)) = (at(first.body), at(second.body));
    if proxy.listeners.len() != 1 || first.name == second.name {
        return None;
    }
    let text = format!("{}{}{}{}{}", text.get(..a)?, text.get(c..d)?, text.get(b..c)?, text.get(a..b)?, text.get(d..)?);
    let mut asked = asked.clone();
    asked.headers[0].1 = "nobody.invalid".into();
    Some((text, asked))
}

#[test]
fn predictions_rest_on_what_is_written() {
    let mut made: Vec<(&str, String, bool)> = Vec::new();
    let mut pool = Vec::new();
    for p in probes() {
        let (files, proxy) = lowered(&p.text, RELEASE).unwrap();
        let branches = run(&proxy, &p.asked, &Assume::default());
        let [branch] = &branches[..] else { continue };
        if let Some(text) = renamed(&files, &proxy, &p.text, branch) {
            pool.push(("location renamed", p.case.clone(), p.text.clone(), text, p.asked.clone()));
        }
        for text in without_line(&files, &p.text, branch) {
            pool.push(("line deleted", p.case.clone(), p.text.clone(), text, p.asked.clone()));
        }
        if let Some((text, asked)) = swapped(&files, &proxy, &p.text, &p.asked) {
            pool.push(("servers swapped", p.case.clone(), p.text.clone(), text, asked));
        }
    }
    // Swaps are few: they come first. The others are drawn by a linear congruential generator, alike in every run.
    pool.sort_by_key(|m| m.0 == "servers swapped");
    let mut x = 20_261_124u64;
    while made.len() < MUTATIONS && !pool.is_empty() {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let last = pool.len() - 1;
        let swap = pool[last].0 == "servers swapped" && made.len() < MUTATIONS / 3;
        let (kind, case, before, after, asked) = pool.remove(if swap { last } else { (x >> 33) as usize % pool.len() });
        let (Some(a), Some(b)) = (outcome(&before, &asked), outcome(&after, &asked)) else { continue };
        made.push((kind, case, a != b));
    }
    let mut by_kind: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (kind, case, changed) in &made {
        by_kind.entry(kind).or_default()[usize::from(*changed)] += 1;
        if !changed {
            println!("unchanged: {kind} in {case}");
        }
    }
    println!("unchanged and changed: {by_kind:?}");
    assert_eq!(made.len(), MUTATIONS, "mutations");
    assert!(by_kind.len() == 3, "every kind is among them");
    let changed = made.iter().filter(|m| m.2).count();
    assert!(changed * 100 >= MUTATIONS * 95, "only {changed} of {MUTATIONS} predictions changed");
}
