//! Every example of every rule page against the real proxy.
//!
//! The proxy's own check must accept it, except where a page of `syntax/` marks an error. Then one request is sent, if there is
//! something to see:
//!
//! - `probe=KIND:PATH expect=WORD` behind the fence says what. If hoplint reports the page's fault in the example and names
//!   a request, **that** request is sent instead of `PATH`.
//! - Without these words, an example with an error that hoplint demonstrates with a request must show the fault.
//!
//! | kind | sent | words |
//! |---|---|---|
//! | `ws` | a handshake | `101`: opened and echoed; `closed`: ended without an echo, opened or not; another status: refused with it; `refused`: not opened |
//! | `idle` | a handshake, then nothing but the backend's pings every `heartbeat=` (or `beat=`, which hoplint is not told); long ones, and all timers written, are shortened alike | `open`, `cut` |
//! | `preflight` | a browser's preflight for a PUT with the headers of `asks=` (a token and JSON) | `complete`, `incomplete` |
//! | `cors` | a GET from `origin=` | `allowed`, `refused` |
//! | `get` | a GET | a status; `hangs`: none within seconds; `header:NAME` or `header:NAME=VALUE` in the answer, `no-header:NAME`; `sent:NAME=VALUE`, `sent:NAME`, `not-sent:NAME` for what the backend received |
//! | `events` | a GET that the backend answers with three events 0.4 s apart | `live`, `held` |
//!
//! `corrected=WORD` is what a corrected example shows, where `get` is its probe. Further words: `host=`, `origin=`, `listener=` (as written in the example), `upstream=STATUS` (or `down`: nobody listens there), `check=refused`, `target=`
//! (skipped when another release is installed), `context=`, `needs=` (something that is not installed: skipped).

use super::{
    backend::{Backend, Manner},
    client::{self, Request},
    page::{Example, examples, id},
    proxies::{self, Ground, Installed, Skip, Staged},
};
use hoplint::{config::parse_duration, model::Version, rules::Finding};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A heartbeat that a test can wait for.
const SHORT: Duration = Duration::from_secs(3);
/// Between two events of the backend.
const PAUSE: Duration = Duration::from_millis(400);
/// How many examples run at once.
const WORKERS: usize = 4;

/// What came of one example.
#[derive(Debug)]
enum Done {
    /// Its check was run, nothing was sent.
    Checked,
    /// A request was sent and did as expected.
    Sent,
    Skipped(Skip),
}

/// The numbers.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub pages: usize,
    pub examples: usize,
    pub checked: usize,
    pub sent: usize,
    pub skipped: BTreeMap<Skip, usize>,
    pub failures: Vec<String>,
}

/// Runs all examples of one proxy.
pub(crate) fn run(proxy: &dyn Installed, version: Version) -> Tally {
    run_these(proxy, version, &all(proxy))
}

/// Runs what hoplint makes of every bad example that it can correct: it must work, where the example must fail.
pub(crate) fn run_corrected(proxy: &dyn Installed, version: Version) -> Tally {
    let corrected: Vec<(String, Example)> =
        all(proxy).into_iter().filter_map(|(rule, e)| Some((rule.clone(), corrected(&rule, &e)?))).collect();
    run_these(proxy, version, &corrected)
}

/// A bad example after its correction, with what is to be seen now.
fn corrected(rule: &str, example: &Example) -> Option<Example> {
    let kind = example.attribute("fix").filter(|kind| *kind != "none" && !example.is_clean())?;
    let (mended, text) = example.mended(kind == "unsafe", Some(rule));
    assert!(!mended.applied.is_empty(), "{rule}: nothing is corrected at line {}", example.line);
    let mut words: Vec<String> = example.words.iter().filter(|w| !w.starts_with("expect=")).cloned().collect();
    words.push("fixed".to_owned());
    if let Some(probe) = example.attribute("probe") {
        let works = match probe.split(':').next().unwrap() {
            "ws" => Some("101"),
            "idle" => Some("open"),
            "preflight" => Some("complete"),
            "cors" => Some("allowed"),
            "events" => Some("live"),
            _ => None,
        };
        match example.attribute("corrected").or(works) {
            Some(works) => words.push(format!("expect={works}")),
            // What a plain request shows is only said for the bad one.
            None => words.retain(|w| !w.starts_with("probe=")),
        }
    }
    Some(Example { dialect: example.dialect.clone(), words, text, line: example.line })
}

fn all(proxy: &dyn Installed) -> Vec<(String, Example)> {
    let mut all: Vec<(String, Example)> = Vec::new();
    for path in pages(Path::new("rules")) {
        let text = fs::read_to_string(&path).unwrap();
        all.extend(examples(&text).into_iter().filter(|e| e.dialect == proxy.dialect()).map(|e| (id(&path), e)));
    }
    all
}

fn run_these(proxy: &dyn Installed, version: Version, all: &[(String, Example)]) -> Tally {
    let results = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((rule, example)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = one(proxy, version, rule, example);
                    results.lock().unwrap().push((format!("rules/{rule}.md:{}", example.line), done));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by(|a, b| a.0.cmp(&b.0));
    let pages: BTreeSet<&String> = all.iter().map(|(rule, _)| rule).collect();
    let mut tally = Tally { pages: pages.len(), examples: all.len(), ..Tally::default() };
    for (place, done) in results {
        match done {
            Ok(Done::Checked) => tally.checked += 1,
            Ok(Done::Sent) => {
                tally.checked += 1;
                tally.sent += 1;
            }
            Ok(Done::Skipped(why)) => *tally.skipped.entry(why).or_default() += 1,
            Err(failure) => tally.failures.push(format!("{place}: {failure}")),
        }
    }
    tally
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

/// What shall be seen.
struct Probe {
    kind: String,
    path: String,
    expect: String,
}

fn one(proxy: &dyn Installed, version: Version, rule: &str, example: &Example) -> Result<Done, String> {
    if let Some(target) = example.target().filter(|t| (t.0, t.1) != (version.0, version.1)) {
        return Ok(Done::Skipped(Skip(format!("for {} {}.{}, another than is installed", proxy.dialect(), target.0, target.1))));
    }
    if let Some(needs) = example.attribute("needs") {
        return Ok(Done::Skipped(Skip(format!("needs {needs}"))));
    }
    let (_, report) = example.audit();
    let finding = report.findings.iter().find(|f| f.rule == rule && !example.is_clean());
    let probe = told(example).or_else(|| shown(rule, finding?));
    let written = heartbeat(example);
    // Nobody waits for a heartbeat of minutes: it and the timers of the example go faster by the same factor.
    let faster = match written {
        Some(beat) if beat > SHORT => beat.as_secs() as u32,
        _ => 1,
    };
    let beat = written.map(|b| b / faster);
    let manner = Manner {
        heartbeat: beat,
        status: example.attribute("upstream").filter(|s| *s != "down").map(|s| s.parse().unwrap()),
        events: probe.as_ref().filter(|p| p.kind == "events").map(|_| PAUSE),
        ..Manner::default()
    };
    let backend = Backend::start(manner);
    let there = if example.attribute("upstream") == Some("down") { nobody() } else { backend.address() };
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let syntax = rule.starts_with("syntax/");
    let mut ground = Ground {
        dir: dir.path(),
        backend: there,
        context: example.attribute("context"),
        faster: 1,
        tls: true,
        provide: !syntax || example.is_clean(),
    };
    let staged = match proxy.stage(&example.text, &ground) {
        Ok(staged) => staged,
        Err(why) => return Ok(Done::Skipped(why)),
    };
    let refused = example.attribute("check") == Some("refused") || syntax && example.marks().iter().any(|m| m.1 == "error");
    let said = proxies::run(&mut proxy.check(&staged))?;
    if said.accepted == refused {
        return Err(format!("its check {} it: {}", if said.accepted { "accepts" } else { "refuses" }, said.text));
    }
    let Some(probe) = probe.filter(|_| !refused) else { return Ok(Done::Checked) };
    ground.tls = false;
    ground.faster = faster;
    let staged = proxy.stage(&example.text, &ground).map_err(|Skip(why)| why)?;
    let _running = proxies::serve(proxy, &staged, dir.path())?;
    send(&probe, example, finding, &staged, &backend, beat)?;
    Ok(Done::Sent)
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The heartbeat that the fence or a comment tells.
fn heartbeat(example: &Example) -> Option<Duration> {
    let comment = || example.text.split_whitespace().find_map(|w| w.strip_prefix("heartbeat="));
    let text = example.attribute("beat").or_else(|| example.attribute("heartbeat")).or_else(comment)?;
    // Some examples write it wrong on purpose.
    parse_duration(text).ok().map(Duration::from_millis)
}

/// What the page says.
fn told(example: &Example) -> Option<Probe> {
    let (kind, path) = example.attribute("probe")?.split_once(':').expect("probe=KIND:PATH");
    let expect = example.attribute("expect").expect("a probe expects something");
    Some(Probe { kind: kind.into(), path: path.into(), expect: expect.into() })
}

/// What an error that is demonstrated with a request says about that request.
fn shown(rule: &str, finding: &Finding) -> Option<Probe> {
    let request = named(finding).filter(|_| finding.level.word() == "error")?;
    let (kind, expect) = match rule.split_once('/')?.0 {
        "websocket" if request.1.contains("Upgrade: websocket") => ("ws", "refused"),
        "cors" if request.1.starts_with("OPTIONS ") => ("preflight", "incomplete"),
        _ => return None,
    };
    Some(Probe { kind: kind.into(), path: request.0, expect: expect.into() })
}

/// Path and text of the request that a finding names.
fn named(finding: &Finding) -> Option<(String, String)> {
    let text = finding.example.as_ref()?;
    let path = text.split(' ').nth(1).filter(|p| p.starts_with('/'))?;
    Some((path.to_owned(), text.clone()))
}

fn send(
    probe: &Probe,
    example: &Example,
    finding: Option<&Finding>,
    staged: &Staged,
    backend: &Backend,
    beat: Option<Duration>,
) -> Result<(), String> {
    let at = staged.listener(example.attribute("listener")).ok_or("no such listener")?;
    let request = finding.and_then(named);
    let header = |name: &str| {
        let text = &request.as_ref()?.1;
        text.split(", ").find_map(|part| Some(part.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
    };
    let path = request.as_ref().map_or(&*probe.path, |r| &*r.0);
    let host = example.attribute("host").map(ToOwned::to_owned).or_else(|| header("Host")).unwrap_or_else(|| "hoplint.invalid".into());
    let origin =
        example.attribute("origin").map(ToOwned::to_owned).or_else(|| header("Origin")).unwrap_or_else(|| "https://app.example.com".into());
    let got = match &*probe.kind {
        "ws" => {
            let mut request = Request::handshake(path, &host);
            if example.attribute("origin").is_some() {
                request = request.with("Origin", &origin);
            }
            handshake(at, &request, &probe.expect)
        }
        "idle" => {
            let beat = beat.ok_or("an idle probe needs a heartbeat")?;
            let mut socket = client::open(at, &Request::handshake(path, &host)).socket.ok_or("the handshake was refused")?;
            if !client::echoes(&mut socket) {
                return Err("the WebSocket echoes nothing".into());
            }
            let open = client::holds(&mut socket, beat * 2 + beat / 2) && client::echoes(&mut socket);
            if open { "open" } else { "cut" }.to_owned()
        }
        "preflight" => {
            let headers = example.attribute("asks").unwrap_or("authorization,content-type");
            let request = Request::preflight(path, &host, &origin, headers);
            let answer = client::ask(at, &request).map_err(|e| e.to_string())?;
            match client::preflight_check(&answer.head, &request) {
                Ok(()) => "complete".to_owned(),
                Err(_) if probe.expect == "incomplete" => "incomplete".to_owned(),
                Err(why) => format!("incomplete ({why})"),
            }
        }
        "cors" => {
            let answer = client::ask(at, &Request::get(path, &host).with("Origin", &origin)).map_err(|e| e.to_string())?;
            if client::cors_check(&answer.head, &origin).is_ok() { "allowed" } else { "refused" }.to_owned()
        }
        "get" => get(at, &Request::get(path, &host), &probe.expect, backend)?,
        "events" => {
            let request = Request::get(path, &host).with("Accept-Encoding", "gzip");
            let answer = client::ask(at, &request).map_err(|e| e.to_string())?;
            let spread = answer.arrivals.first().zip(answer.arrivals.last()).map_or(Duration::ZERO, |(a, b)| b.saturating_sub(*a));
            if spread >= PAUSE { "live" } else { "held" }.to_owned()
        }
        other => panic!("no probe is called `{other}`"),
    };
    if got == probe.expect {
        Ok(())
    } else {
        let seen = backend.seen();
        let mut text = format!("{}:{path} with Host {host} gave {got}, the page says {}", probe.kind, probe.expect);
        if let Some(last) = seen.last() {
            let _ = write!(text, "; the backend got `{}` {:?}", last.line, last.headers);
        }
        Err(text)
    }
}

fn handshake(at: std::net::SocketAddr, request: &Request, expect: &str) -> String {
    let mut opened = client::open(at, request);
    match (opened.status, opened.socket.as_mut().map(client::echoes)) {
        // What ends the connection, an answer to a request of the proxy's own, may come after the first echo.
        (_, Some(true)) if expect == "closed" && opened.socket.as_mut().is_some_and(|s| !client::holds(s, client::PATIENCE)) => {
            "closed".into()
        }
        (_, Some(true)) => "101".into(),
        (_, Some(false)) => "closed".into(),
        _ if expect == "refused" => "refused".into(),
        // Whatever ends the connection may be faster than the answer.
        (None, None) if expect == "closed" => "closed".into(),
        (Some(status), None) => status.to_string(),
        (None, None) => "no answer".into(),
    }
}

fn get(at: std::net::SocketAddr, request: &Request, expect: &str, backend: &Backend) -> Result<String, String> {
    let answer = match client::ask(at, request) {
        Ok(_) if expect == "hangs" => return Ok("answered".to_owned()),
        Err(e) if expect == "hangs" && e.kind() == std::io::ErrorKind::TimedOut => return Ok(expect.to_owned()),
        answer => answer.map_err(|e| e.to_string())?,
    };
    let seen = backend.seen();
    let Some((what, name)) = expect.split_once(':') else {
        return Ok(answer.head.status().map_or_else(String::new, |s| s.to_string()));
    };
    let head = if what.contains("sent") { seen.last().ok_or("nothing reached the backend")? } else { &answer.head };
    let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(v)));
    let values: Vec<&str> = head.all(name).collect();
    let there = value.map_or(!values.is_empty(), |v| values == [v]);
    let wanted = !matches!(what, "no-header" | "not-sent");
    Ok(if there == wanted { expect.to_owned() } else { format!("{name}: {values:?}") })
}
