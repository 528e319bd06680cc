//! Compares what `hoplint trace` says with what a real proxy did, by the rules of the trace contract.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The recordings of one proxy, and what is particular to them.
pub(crate) struct Suite {
    /// Name of the dialect and of the folder.
    pub(crate) dialect: &'static str,
    /// How many cells are compared.
    pub(crate) cells: usize,
    /// How many cells of a hundred may be unknown.
    pub(crate) unknown: usize,
    /// Seconds by which a cut may miss its limit, or a tenth of it.
    pub(crate) slack: f64,
    /// The body that stands for a page of the proxy's own, which is not compared.
    pub(crate) own_page: Option<&'static str>,
    /// Whether a recorded body is one that the proxy made from its configuration.
    pub(crate) made: fn(&Value) -> bool,
    /// Bytes of a body that were recorded at most.
    pub(crate) longest_body: usize,
    /// Releases whose idle cuts are not compared.
    pub(crate) no_cuts: &'static [&'static str],
    /// The release that recordings of unreleased code (`dev`) are held against.
    pub(crate) unreleased: &'static str,
    /// Addresses, as configurations write them, at which a scripted backend of the recordings listens.
    pub(crate) addresses: fn(&str) -> &'static [&'static str],
    /// What to add to the command line: what the backends do, and the configuration.
    pub(crate) arguments: fn(&mut Arguments<'_>),
}

/// One probe, on its way to the command line.
pub(crate) struct Arguments<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) case: &'a Value,
    pub(crate) probe: &'a Value,
    /// What was recorded.
    pub(crate) recorded: &'a Value,
    pub(crate) command: &'a mut Command,
}

impl Arguments<'_> {
    /// A file of the case.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.suite.folder().join(name)
    }

    /// What a backend answers (see `--upstream`), wherever it listens.
    pub(crate) fn upstream(&mut self, backend: &str, reply: &str) {
        for at in (self.suite.addresses)(backend) {
            self.command.args(["--upstream", &format!("{at}={reply}")]);
        }
    }

    /// A header line of a backend's answers.
    pub(crate) fn upstream_header(&mut self, backend: &str, name: &str, value: &str) {
        for at in (self.suite.addresses)(backend) {
            self.command.args(["--upstream-header", &format!("{at}={name}: {value}")]);
        }
    }
}

impl Suite {
    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(self.dialect)
    }

    fn target(&self, version: &str) -> String {
        format!("{}={}", self.dialect, if version == "dev" { self.unreleased } else { version })
    }
}

/// How a cell compares.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Agreed,
    Unknown(String),
    Contradicted(String),
}

struct Cell {
    case: String,
    group: String,
    probe: String,
    version: String,
    verdict: Verdict,
}

fn trace(suite: &Suite, case: &Value, probe: &Value, recorded: &Value, version: &str) -> Result<Value, String> {
    let text = |v: &Value| v.as_str().map(ToOwned::to_owned);
    let own = |name: &str| probe["headers"].as_array().unwrap().iter().any(|h| h[0].as_str().unwrap().eq_ignore_ascii_case(name));
    // The recorded request is exactly its own lines; a handshake that lacks one of them is a request like any other to trace.
    let whole = ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"].into_iter().all(own);
    // So is a CONNECT that names no protocol.
    let plain = probe.get("protocol").is_some_and(Value::is_null);
    let websocket = probe["kind"] == "websocket" && (whole || probe["http"] == "2" && !plain);
    let tls = probe["tls"] == true;
    let scheme = match (websocket, tls) {
        (true, true) => "wss",
        (true, false) => "ws",
        (false, true) => "https",
        (false, false) => "http",
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    command.args(["trace", "--format", "json", "--dialect", suite.dialect, "--target", &suite.target(version)]);
    command.args(["--listener", probe["listener"].as_str().unwrap(), "-X", probe["method"].as_str().unwrap()]);
    command.args(["--http", probe["http"].as_str().unwrap(), "--raw-target", probe["target"].as_str().unwrap()]);
    match text(&probe["host"]) {
        None => {
            command.arg("--no-host");
        }
        Some(host) => {
            command.args(["-H", &format!("Host: {host}")]);
        }
    }
    for h in probe["headers"].as_array().unwrap() {
        command.args(["-H", &format!("{}: {}", h[0].as_str().unwrap(), value(h[1].as_str().unwrap()))]);
    }
    if let Some(offers) = probe["alpn"].as_array() {
        let list: Vec<&str> = offers.iter().map(|p| p.as_str().unwrap()).collect();
        command.args(["--alpn", &list.join(",")]);
    }
    if let Some(sni) = text(&probe["sni"]) {
        command.args(["--sni", &sni]);
    } else if tls {
        command.args(["--sni", "example.test"]);
    }
    if let Some(size) = probe["body"].as_str().map(str::len).or(probe["body_bytes"].as_u64().and_then(|n| usize::try_from(n).ok())) {
        command.args(["--body-size", &size.to_string()]);
    }
    command.arg(format!("{scheme}://example.test/"));
    (suite.arguments)(&mut Arguments { suite, case, probe, recorded, command: &mut command });
    let out = command.output().unwrap();
    match out.status.code() {
        Some(0) => Ok(serde_json::from_slice(&out.stdout).unwrap()),
        _ => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
    }
}

/// A header value of a recording: `<key>` is some key, `@REP:a:b:9` is `a` and nine times `b`.
fn value(text: &str) -> String {
    if let Some(rest) = text.strip_prefix("@REP:") {
        let parts: Vec<&str> = rest.split(':').collect();
        let [prefix, unit, times] = parts[..] else { panic!("{text}") };
        return format!("{prefix}{}", unit.repeat(times.parse().unwrap()));
    }
    text.replace("<key>", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// Fields of one comparison: what is wrong, and what is not known.
#[derive(Default)]
struct Fields {
    wrong: Vec<String>,
    unknown: Vec<String>,
}

fn is_unknown(said: &Value, pointer: &str) -> bool {
    let under = |p: &str| p == pointer || pointer.strip_prefix(p).is_some_and(|r| r.starts_with('/'));
    said["unknown"].as_array().unwrap().iter().any(|u| under(u["pointer"].as_str().unwrap()))
}

fn reason(said: &Value) -> String {
    said["unknown"][0]["reason"].as_str().unwrap_or("").to_owned()
}

fn headers(fields: &mut Fields, said: &Value, recorded: &Value, at: &str, names: &dyn Fn(&str) -> bool) {
    let lines = |list: &Value| -> BTreeMap<String, Vec<Option<String>>> {
        let mut out: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
        for line in list.as_array().into_iter().flatten() {
            // RFC 9113 §8.3.1: the same, by another name.
            let name = line[0].as_str().unwrap().to_ascii_lowercase().replace(":authority", "host");
            if names(&name) {
                out.entry(name).or_default().push(line[1].as_str().map(ToOwned::to_owned));
            }
        }
        out
    };
    let (ours, theirs) = (lines(said.pointer(at).unwrap_or(&Value::Null)), lines(recorded));
    let open = is_unknown(said, at);
    let all: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for name in all {
        let (a, b) = (ours.get(name), theirs.get(name));
        if a.is_some_and(|v| v.iter().any(Option::is_none)) {
            fields.unknown.push(format!("{at} {name}"));
        } else if a.map(|v| v.iter().flatten().cloned().collect::<Vec<_>>()) != b.map(|v| v.iter().flatten().cloned().collect::<Vec<_>>()) {
            let list = if open { &mut fields.unknown } else { &mut fields.wrong };
            list.push(format!("{at} {name}: {a:?} but recorded {b:?}"));
        }
    }
    if open {
        fields.unknown.push(at.to_owned());
    }
}

fn compare(suite: &Suite, probe: &Value, recorded: &Value, said: &Value, version: &str) -> Verdict {
    let mut f = Fields::default();
    let mut check = |pointer: &str, ours: String, theirs: String| {
        if is_unknown(said, pointer) {
            f.unknown.push(pointer.to_owned());
        } else if ours != theirs {
            f.wrong.push(format!("{pointer}: {ours} but recorded {theirs}"));
        }
    };
    let websocket = probe["kind"] == "websocket";
    let own_answer = websocket && recorded["upgraded"] == false && recorded["backend"].is_string();
    if !own_answer || recorded["extra"]["body"].is_string() {
        check("/response/status", said["response"]["status"].to_string(), recorded["status"].to_string());
    }
    if websocket {
        let by_status = if said["response"]["status"] == 101 { "upgraded" } else { "refused" };
        let verdict = said["handshake"]["verdict"].as_str().unwrap_or(by_status);
        if verdict == "unknown" {
            check("/handshake/verdict", String::new(), String::new());
        } else {
            check("/handshake/verdict", (verdict == "upgraded").to_string(), recorded["upgraded"].to_string());
        }
    }
    if let Some(backend) = recorded["backend"].as_str() {
        let ours = said["upstream"]["addresses"].as_array().cloned().unwrap_or_default();
        let fits = (suite.addresses)(backend).iter().any(|a| ours.iter().any(|o| o == a));
        if is_unknown(said, "/upstream") || is_unknown(said, "/upstream/addresses") {
            f.unknown.push("/upstream/addresses".to_owned());
        } else if !fits {
            f.wrong.push(format!("/upstream/addresses: {ours:?} but recorded {backend}"));
        }
    }
    let request = &recorded["upstream_request"];
    if request.is_object() {
        let mut check = |pointer: &str, ours: &Value, theirs: &Value| {
            if is_unknown(said, pointer) {
                f.unknown.push(pointer.to_owned());
            } else if ours != theirs {
                f.wrong.push(format!("{pointer}: {ours} but recorded {theirs}"));
            }
        };
        check("/upstream/request/line", &said["upstream"]["request"]["line"], &request["line"]);
        headers(&mut f, said, &request["headers"], "/upstream/request/headers", &|name| {
            matches!(name, "host" | "upgrade" | "connection" | "origin")
                || name.starts_with("sec-websocket-") && name != "sec-websocket-key"
        });
    }
    if recorded["status"].is_number() && !own_answer {
        headers(&mut f, said, &recorded["response_headers"], "/response/headers", &|name| {
            name.starts_with("access-control-") || name == "vary" || name == "location"
        });
    }
    if let Some(body) = recorded["extra"]["body"].as_str()
        && Some(body) != suite.own_page
        && recorded["backend"].is_null()
        && (suite.made)(recorded)
        && said["action"] != "static"
    {
        if is_unknown(said, "/response/body") || is_unknown(said, "/action") {
            f.unknown.push("/response/body".to_owned());
        } else if !same_body(said["response"]["body"].as_str().unwrap_or(""), body, suite.longest_body) {
            f.wrong.push(format!("/response/body: {} but recorded {body:?}", said["response"]["body"]));
        }
    }
    if probe["hold"].is_object() && recorded["upgraded"] == true && !suite.no_cuts.contains(&version) {
        hold(suite, &mut f, &probe["hold"], &recorded["cut_after_s"], said);
    }
    if let Some(first) = f.wrong.first() {
        Verdict::Contradicted(first.clone())
    } else if let Some(first) = f.unknown.first() {
        Verdict::Unknown(format!("{first}: {}", reason(said)))
    } else {
        Verdict::Agreed
    }
}

/// Bodies were recorded as Latin-1, their first bytes.
fn same_body(ours: &str, recorded: &str, longest: usize) -> bool {
    let ours: String = ours.bytes().map(char::from).collect();
    ours == recorded || recorded.chars().count() >= longest && ours.starts_with(recorded)
}

/// Who sends something, and how often, while a tunnel is held.
const CLIENT: &[&str] = &["client_ping_every_s", "client_data_every_s", "client_pong_every_s", "client_text_every_s"];
const UPSTREAM: &[&str] = &["backend_ping_every_s", "backend_data_every_s", "backend_text_every_s"];

/// The cut: by the limits that the trace names, and by who sends how often.
fn hold(suite: &Suite, f: &mut Fields, hold: &Value, cut: &Value, said: &Value) {
    let idle = &said["timers"]["idle"];
    for timer in ["/timers/idle", "/timers/lifetime"] {
        if is_unknown(said, &format!("{timer}/milliseconds")) {
            f.unknown.push(timer.to_owned());
            return;
        }
    }
    if idle.is_null() {
        f.wrong.push("/timers/idle: none, but a tunnel was held".to_owned());
        return;
    }
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of a test")]
    let limit = |timer: &Value| timer["milliseconds"].as_u64().map(|ms| ms as f64 / 1000.0);
    let max = hold["max_s"].as_f64().unwrap();
    let rearmed = |by: &str| idle["rearmed_by"].as_array().unwrap().iter().any(|r| r == by);
    let often = |who: &str, keys: &[&str]| -> f64 {
        keys.iter().filter_map(|k| hold[*k].as_f64()).filter(|_| rearmed(who)).fold(f64::INFINITY, f64::min)
    };
    // What one side asks, the other answers (RFC 6455 §5.5.2).
    let pings = if hold["client_answers_pings"] == false { &[] } else { &["client_ping_every_s", "backend_ping_every_s"][..] };
    let sender = often("client", CLIENT).min(often("upstream", UPSTREAM)).min(often("both", pings));
    // Whoever sends often enough keeps the idle clock from running out; nothing stops the other one.
    let silent = limit(idle).filter(|limit| sender > *limit);
    let end = [silent, limit(&said["timers"]["lifetime"])].into_iter().flatten().fold(f64::INFINITY, f64::min);
    match cut.as_f64() {
        Some(cut) if (cut - end).abs() > (end * 0.1).max(suite.slack) => f.wrong.push(format!("/timers: {end} s but cut after {cut} s")),
        None if end < max => f.wrong.push(format!("/timers: {end} s but held {max} s")),
        _ => {}
    }
}

fn cells(suite: &Suite) -> Vec<Cell> {
    let text = std::fs::read_to_string(suite.folder().join("expected.jsonl")).unwrap();
    let only = std::env::var("CONFORMANCE_CASE").ok();
    let mut work: Vec<(Value, usize, usize, String)> = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if only.as_ref().is_some_and(|o| case["id"] != **o) {
            continue;
        }
        for (i, probe) in case["probes"].as_array().into_iter().flatten().enumerate() {
            let kind = probe["kind"].as_str().unwrap();
            if !matches!(kind, "http" | "websocket") || probe["static"] == false {
                continue;
            }
            for (j, result) in probe["results"].as_array().unwrap().iter().enumerate() {
                for version in result["versions"].as_array().unwrap() {
                    work.push((case.clone(), i, j, version.as_str().unwrap().to_owned()));
                }
            }
        }
    }
    let next = Mutex::new(work.into_iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
            scope.spawn(|| {
                loop {
                    let Some((case, i, j, version)) = next.lock().unwrap().next() else { return };
                    let probe = &case["probes"][i];
                    let verdict = match trace(suite, &case, probe, &probe["results"][j], &version) {
                        Ok(said) => compare(suite, probe, &probe["results"][j], &said, &version),
                        Err(message) => Verdict::Contradicted(format!("no answer: {message}")),
                    };
                    done.lock().unwrap().push(Cell {
                        case: case["id"].as_str().unwrap().to_owned(),
                        group: case["group"].as_str().unwrap().to_owned(),
                        probe: probe["id"].as_str().unwrap().to_owned(),
                        version,
                        verdict,
                    });
                }
            });
        }
    });
    let mut cells = done.into_inner().unwrap();
    cells.sort_by(|a, b| (&a.group, &a.case, &a.probe, &a.version).cmp(&(&b.group, &b.case, &b.probe, &b.version)));
    cells
}

/// Every cell of a suite: none contradicts, and few are unknown.
pub(crate) fn predicted(suite: &Suite) {
    let cells = cells(suite);
    let mut groups: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for c in &cells {
        let at = match &c.verdict {
            Verdict::Agreed => 0,
            Verdict::Unknown(_) => 1,
            Verdict::Contradicted(_) => 2,
        };
        groups.entry(&c.group).or_default()[at] += 1;
        match &c.verdict {
            Verdict::Agreed => {}
            Verdict::Unknown(why) => println!("unknown {} {} {}: {why}", c.case, c.probe, c.version),
            Verdict::Contradicted(why) => println!("CONTRADICTED {} {} {}: {why}", c.case, c.probe, c.version),
        }
    }
    println!("{:8} {:>7} {:>8} {:>13}", "group", "agreed", "unknown", "contradicted");
    let mut total = [0; 3];
    for (group, n) in &groups {
        println!("{group:8} {:7} {:8} {:13}", n[0], n[1], n[2]);
        for i in 0..3 {
            total[i] += n[i];
        }
    }
    println!("{:8} {:7} {:8} {:13}", "all", total[0], total[1], total[2]);
    if std::env::var("CONFORMANCE_CASE").is_err() {
        assert_eq!(cells.len(), suite.cells, "cells compared");
    }
    assert_eq!(total[2], 0, "contradicted");
    assert!(total[1] * 100 <= cells.len() * suite.unknown, "more than {} cells of a hundred are unknown", suite.unknown);
}
