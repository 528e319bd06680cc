//! What is sent through an example, and what is seen then. The table of the words is in [`pages`](super::pages).

use super::{
    backend::{Backend, Events, Manner},
    client::{self, Request},
    page::Example,
    proxies::Staged,
    wire::Head,
};
use hoplint::{config::parse_duration, rules::Finding};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// A heartbeat that a test can wait for.
const SHORT: Duration = Duration::from_secs(3);
/// Between two events of a long stream, and between two attempts.
const PAUSE: Duration = Duration::from_millis(400);
/// For how long an event stream goes on behind the limit that is to cut it.
const BEYOND: Duration = Duration::from_secs(5);
/// A limit that cuts earlier than by this is another one.
const EARLY: Duration = Duration::from_secs(2);
/// How long a request that comes late is waited with.
const LATE: Duration = Duration::from_millis(300);
/// After this long without an answer, a handshake is not answered.
const HANGS: Duration = Duration::from_secs(3);
/// How often a client comes back that is to reach the same upstream again. HAProxy 3.4 without `balance` chooses at random, where
/// older ones take turns: often enough that chance does not look like it.
const VISITS: usize = 24;

/// What is sent, and what shall be seen.
pub(crate) struct Probe<'a> {
    example: &'a Example,
    kind: String,
    path: String,
    host: String,
    origin: String,
    pub(crate) expect: String,
}

impl<'a> Probe<'a> {
    /// What the page says, or else what the page's fault, as hoplint reports it, says about the request that shows it.
    pub(crate) fn of(rule: &str, example: &'a Example, finding: Option<&Finding>) -> Option<Self> {
        let request = finding.and_then(named);
        let (kind, path, expect) = told(example).or_else(|| shown(rule, finding?))?;
        let header = |name: &str| {
            let text = &request.as_ref()?.1;
            text.split(", ").find_map(|part| Some(part.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
        };
        let word = |name: &str| example.attribute(name).map(ToOwned::to_owned);
        Some(Self {
            example,
            kind,
            path: request.as_ref().map_or(path, |r| r.0.clone()),
            host: word("host").or_else(|| header("Host")).unwrap_or_else(|| "hoplint.invalid".into()),
            origin: word("origin").or_else(|| header("Origin")).unwrap_or_else(|| "https://app.example.com".into()),
            expect,
        })
    }

    /// What shall be seen when the fault is mended: as the page says, or what this kind is for.
    pub(crate) fn mended(&self) -> Option<&str> {
        let works = match &*self.kind {
            "ws" => Some("101"),
            "idle" => Some("open"),
            "preflight" => Some("complete"),
            "cors" => Some("allowed"),
            "events" if self.word("default").is_some() => Some("whole"),
            "events" => Some("live"),
            "reuse" => Some("reused"),
            "sticky" => Some("sticks"),
            _ => None,
        };
        self.word("corrected").or(works)
    }

    fn word(&self, name: &str) -> Option<&'a str> {
        self.example.attribute(name)
    }

    fn says(&self, word: &str) -> bool {
        self.example.words.iter().any(|w| w == word)
    }

    /// The limit that is in force although nobody wrote it: nothing makes it faster.
    fn default(&self) -> Option<Duration> {
        self.word("default").map(|d| Duration::from_millis(parse_duration(d).unwrap()))
    }

    /// Whether it mostly waits.
    pub(crate) fn waits(&self) -> bool {
        self.kind == "idle" || self.word("default").is_some() || self.word("expect") == Some("hangs")
    }

    /// By how much everything goes faster: nobody waits for a heartbeat of minutes, unless it is about a limit that nobody wrote.
    pub(crate) fn faster(&self, mended: bool) -> u32 {
        match heartbeat(self.example) {
            Some(beat) if beat > SHORT && (mended || self.default().is_none()) => (beat.as_secs() / SHORT.as_secs()) as u32,
            _ => 1,
        }
    }

    /// How the upstreams behave.
    pub(crate) fn manner(&self, faster: u32) -> Manner {
        let status = |text: &str| text.parse().ok();
        let header = |text: &str| text.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Manner {
            heartbeat: heartbeat(self.example).map(|beat| beat / faster),
            status: self.word("upstream").and_then(status),
            plain: self.word("plain").and_then(status),
            same_origin: self.word("upstream") == Some("same-origin"),
            headers: self.word("sends").and_then(header).into_iter().collect(),
            events: (self.kind == "events").then(|| {
                self.default().map_or(Events::Watched, |d| Events::Steady(((d + BEYOND).as_millis() / PAUSE.as_millis()) as u32, PAUSE))
            }),
            keeps: self.kind == "reuse",
        }
    }

    /// Sends it.
    ///
    /// # Errors
    /// When something else is seen.
    pub(crate) fn shows(&self, expect: &str, staged: &Staged, backend: &Backend, faster: u32) -> Result<(), String> {
        let at = staged.listener(self.word("listener")).ok_or("no such listener")?;
        let end = Instant::now() + client::PATIENCE;
        loop {
            let got = self.seen(expect, at, backend, faster);
            if got.as_deref() == Ok(expect) {
                return Ok(());
            }
            // What the proxy itself finds out by and by.
            if self.says("settles") && Instant::now() < end {
                std::thread::sleep(PAUSE);
                continue;
            }
            let got = got.unwrap_or_else(|e| e);
            let mut text = format!("{}:{} with Host {} gave {got}, not {expect}", self.kind, self.path, self.host);
            if let Some(last) = backend.seen().last() {
                let _ = write!(text, "; the upstream {} got `{}` {:?}", last.at, last.head.line, last.head.headers);
            }
            return Err(text);
        }
    }

    fn request(&self, made: Request) -> Request {
        let late = if self.says("late") { LATE } else { Duration::ZERO };
        let made = Request { late, ..made };
        if self.word("origin").is_some() { made.with("Origin", &self.origin) } else { made }
    }

    /// What is seen, in the words of the page.
    fn seen(&self, expect: &str, at: SocketAddr, backend: &Backend, faster: u32) -> Result<String, String> {
        let mut get = self.request(Request::get(&self.path, &self.host));
        if let Some(method) = self.word("method") {
            get.method = method.to_owned();
        }
        if let Some(path) = self.word("first") {
            client::ask(at, &Request::get(path, &self.host)).map_err(|e| e.to_string())?;
        }
        let ask = |request: &Request| client::ask(at, request).map_err(|e| e.to_string());
        Ok(match &*self.kind {
            "ws" => self.handshake(expect, at, backend)?,
            "idle" => self.idle(at, faster)?,
            "preflight" => {
                let headers = self.word("asks").unwrap_or("authorization,content-type");
                let request = Request::preflight(&self.path, &self.host, &self.origin, headers);
                match client::preflight_check(&ask(&request)?.head, &request) {
                    Ok(()) => "complete".to_owned(),
                    Err(_) if expect == "incomplete" => "incomplete".to_owned(),
                    Err(why) => format!("incomplete ({why})"),
                }
            }
            "cors" => {
                let answer = ask(&get.with("Origin", &self.origin))?;
                if client::cors_check(&answer.head, &self.origin).is_ok() { "allowed" } else { "refused" }.to_owned()
            }
            "get" => match client::ask(at, &get) {
                Ok(_) if expect == "hangs" => "answered".to_owned(),
                Err(e) if expect == "hangs" && e.kind() == std::io::ErrorKind::TimedOut => expect.to_owned(),
                answer => {
                    let head = answer.map_err(|e| e.to_string())?.head;
                    watched(expect, &head, backend)?.unwrap_or_else(|| head.status().map_or_else(String::new, |s| s.to_string()))
                }
            },
            "post" => {
                let body = self.word("body").expect("a post has a body").parse().unwrap();
                let head = ask(&Request { method: "POST".into(), body, ..get })?.head;
                head.status().map_or_else(String::new, |s| s.to_string())
            }
            "events" => self.events(at, get, backend)?,
            "reuse" => {
                ask(&get)?;
                ask(&get)?;
                let connections: BTreeSet<usize> = backend.seen().iter().map(|s| s.connection).collect();
                if connections.len() == 1 { "reused" } else { "anew" }.to_owned()
            }
            "sticky" => Self::sticky(at, get, backend)?,
            other => panic!("no probe is called `{other}`"),
        })
    }

    fn handshake(&self, expect: &str, at: SocketAddr, backend: &Backend) -> Result<String, String> {
        let mut request = self.request(Request::handshake(&self.path, &self.host));
        if let Some(spelt) = self.word("upgrade") {
            request = request.with("Upgrade", spelt);
        }
        let crowd: usize = self.word("crowd").map_or(0, |n| n.parse().unwrap());
        let crowd: Vec<client::Opened> = (0..crowd).map(|_| client::open(at, &request)).collect();
        if let Some(refused) = crowd.iter().find(|o| o.socket.is_none()) {
            return Err(format!("one of the WebSockets before it does not open: {refused:?}"));
        }
        if expect == "hangs" {
            request.patience = HANGS;
        }
        let mut opened = client::open(at, &request);
        let echoes = opened.socket.as_mut().map(client::echoes);
        if expect.contains("sent:") || expect.starts_with("at:") && echoes == Some(true) {
            return watched(expect, &Head::default(), backend).map(Option::unwrap);
        }
        Ok(match (opened.status, echoes) {
            // What ends the connection, an answer to a request of the proxy's own, may come after the first echo.
            (_, Some(true)) if expect == "closed" && opened.socket.as_mut().is_some_and(|s| !client::holds(s, client::PATIENCE)) => {
                "closed".into()
            }
            (_, Some(true)) => "101".into(),
            (_, Some(false)) => "closed".into(),
            _ if expect == "refused" => "refused".into(),
            (None, None) if opened.waited => "hangs".into(),
            // Whatever ends the connection may be faster than the answer.
            (None, None) if expect == "closed" => "closed".into(),
            (Some(status), None) => status.to_string(),
            (None, None) => "no answer".into(),
        })
    }

    fn idle(&self, at: SocketAddr, faster: u32) -> Result<String, String> {
        let beat = heartbeat(self.example).ok_or("an idle probe needs a heartbeat")? / faster;
        let request = Request::handshake(&self.path, &self.host);
        let mut socket = client::open(at, &request).socket.ok_or("the handshake was refused")?;
        if !client::echoes(&mut socket) {
            return Err("the WebSocket echoes nothing".into());
        }
        let started = Instant::now();
        let open = client::holds(&mut socket, beat * 2 + beat / 2) && client::echoes(&mut socket);
        match self.default().filter(|_| !open && faster == 1) {
            Some(limit) if started.elapsed() + EARLY < limit => Err(format!("cut after {:?}, the default is {limit:?}", started.elapsed())),
            _ => Ok(if open { "open" } else { "cut" }.to_owned()),
        }
    }

    fn events(&self, at: SocketAddr, get: Request, backend: &Backend) -> Result<String, String> {
        let default = self.default();
        let patience = default.map_or(client::PATIENCE, |d| d + BEYOND) + client::PATIENCE;
        let request = Request { patience, ..get.with("Accept-Encoding", "gzip") };
        let answer = client::listen(at, &request, &|| backend.hear()).map_err(|e| e.to_string())?;
        Ok(match default {
            None if backend.heard_in_time() => "live".to_owned(),
            None => "held".to_owned(),
            Some(_) if answer.whole => "whole".to_owned(),
            Some(limit) if answer.last + EARLY >= limit => "cut".to_owned(),
            Some(limit) => return Err(format!("cut after {:?}, the default is {limit:?}", answer.last)),
        })
    }

    /// A browser that comes again and again, with the cookies that it was given.
    fn sticky(at: SocketAddr, get: Request, backend: &Backend) -> Result<String, String> {
        let mut request = get;
        for _ in 0..VISITS {
            let answer = client::ask(at, &request).map_err(|e| e.to_string())?;
            if let Some(cookie) = answer.head.only("set-cookie").filter(|c| !c.contains("1970")) {
                request = request.with("Cookie", cookie.split(';').next().unwrap_or_default());
            }
        }
        let reached: BTreeSet<String> = backend.seen().into_iter().map(|s| s.at).collect();
        Ok(if reached.len() == 1 { "sticks" } else { "wanders" }.to_owned())
    }
}

/// Whether the answer, or what the upstream received last, is as expected; none where the words ask for neither.
fn watched(expect: &str, answer: &Head, backend: &Backend) -> Result<Option<String>, String> {
    let Some((what, name)) = expect.split_once(':') else { return Ok(None) };
    let last = || backend.seen().pop().ok_or("nothing reached an upstream");
    if what == "at" {
        return Ok(Some(format!("at:{}", last()?.at)));
    }
    let sent;
    let head = if what.contains("sent") {
        sent = last()?.head;
        &sent
    } else {
        answer
    };
    let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(v)));
    let values: Vec<&str> = head.all(name).collect();
    let there = value.map_or(!values.is_empty(), |v| values == [v]);
    let wanted = !matches!(what, "no-header" | "not-sent");
    Ok(Some(if there == wanted { expect.to_owned() } else { format!("{name}: {values:?}") }))
}

/// The heartbeat that the fence or a comment tells.
fn heartbeat(example: &Example) -> Option<Duration> {
    let comment = || example.text.split_whitespace().find_map(|w| w.strip_prefix("heartbeat="));
    let text = example.attribute("beat").or_else(|| example.attribute("heartbeat")).or_else(comment)?;
    // Some examples write it wrong on purpose.
    parse_duration(text).ok().map(Duration::from_millis)
}

/// Kind, path and expectation that the page says.
fn told(example: &Example) -> Option<(String, String, String)> {
    let (kind, path) = example.attribute("probe")?.split_once(':').expect("probe=KIND:PATH");
    let expect = example.attribute("expect").expect("a probe expects something");
    Some((kind.into(), path.into(), expect.into()))
}

/// What an error that is demonstrated with a request says about that request.
fn shown(rule: &str, finding: &Finding) -> Option<(String, String, String)> {
    let request = named(finding).filter(|_| finding.level.word() == "error")?;
    let (kind, expect) = match rule.split_once('/')?.0 {
        "websocket" if request.1.contains("Upgrade: websocket") => ("ws", "refused"),
        "cors" if request.1.starts_with("OPTIONS ") => ("preflight", "incomplete"),
        _ => return None,
    };
    Some((kind.into(), request.0, expect.into()))
}

/// Path and text of the request that a finding names.
fn named(finding: &Finding) -> Option<(String, String)> {
    let text = finding.example.as_ref()?;
    let path = text.split(' ').nth(1).filter(|p| p.starts_with('/'))?;
    Some((path.to_owned(), text.clone()))
}
