//! Random configurations and requests: what the real nginx, HAProxy or Envoy does, beside what hoplint says of that release.

mod cgi;
mod compare;
mod envoy;
mod haproxy;
mod nginx;
mod peer;
mod random;
mod request;

use hoplint::model::{Dial, Era, Request, Text, Version};
use hoplint::probe::{Assume, Credentials, Far, trace};
use hoplint::proxy::{Reading, dialect};
use hoplint::source::Files;
use random::Random;
use request::Asked;
use std::path::{Path, PathBuf};

/// Nobody listens there.
const DEAD: &str = "127.0.0.1:1";

/// Where things listen.
struct Places {
    front: u16,
    backends: [u16; 2],
    /// Whom only the proxy itself asks.
    own: u16,
}

/// Which proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Nginx,
    Haproxy,
    Envoy,
}

impl Kind {
    /// What people call it, and the program.
    const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Envoy => "envoy.json",
        }
    }

    fn configuration(self, r: &mut Random, places: &Places) -> String {
        match self {
            Self::Nginx => nginx::configuration(r, places),
            Self::Haproxy => haproxy::configuration(r, places),
            Self::Envoy => envoy::configuration(r, places),
        }
    }

    /// The release of a program.
    fn version(self, binary: &str) -> Result<Version, String> {
        let out = std::process::Command::new(binary)
            .arg(if self == Self::Envoy { "--version" } else { "-v" })
            .output()
            .map_err(|e| format!("{binary}: {e}"))?;
        let text = String::from_utf8_lossy(if self == Self::Nginx { &out.stderr } else { &out.stdout }).into_owned();
        let number = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find(|word| word.split('.').count() == 3);
        number.ok_or_else(|| format!("{binary} does not say which release it is: {text}"))?.parse()
    }
}

/// What to run.
pub(crate) struct Options {
    kind: Kind,
    /// How many configurations.
    pub(crate) count: u64,
    /// Where the numbers begin.
    pub(crate) seed: u64,
    /// Number of the first configuration, so that a single one can be run again.
    pub(crate) first: u64,
    /// Requests to each.
    pub(crate) requests: usize,
    /// The program.
    pub(crate) program: String,
    /// Where configurations that were contradicted are kept.
    pub(crate) keep: Option<PathBuf>,
}

impl Options {
    /// From words `--name value`.
    pub(crate) fn read(words: &[&str]) -> Result<Self, String> {
        let mut o =
            Self { kind: Kind::Nginx, count: 300, seed: 1, first: 0, requests: 10, program: Kind::Nginx.name().to_owned(), keep: None };
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(format!("`{}` needs a value", pair[0])) };
            let number = || value.parse::<u64>().map_err(|_| format!("`{value}` is no number"));
            match *name {
                "--count" => o.count = number()?,
                "--seed" => o.seed = number()?,
                "--first" => o.first = number()?,
                "--requests" => o.requests = number()? as usize,
                "--nginx" => (o.kind, o.program) = (Kind::Nginx, (*value).to_owned()),
                "--haproxy" => (o.kind, o.program) = (Kind::Haproxy, (*value).to_owned()),
                "--envoy" => (o.kind, o.program) = (Kind::Envoy, (*value).to_owned()),
                "--keep" => o.keep = Some(PathBuf::from(value)),
                _ => return Err(format!("`{name}` is no option")),
            }
        }
        Ok(o)
    }
}

/// Runs, prints what differs and the totals.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let kind = options.kind;
    let version = kind.version(&options.program)?;
    let seen = peer::Seen::default();
    let backends = peer::backends(&seen).map_err(|e| e.to_string())?;
    let dir = std::env::temp_dir().join(format!("hoplint-differential-{}", std::process::id()));
    let mut total = [0usize; 3];
    let mut refused = 0;
    for n in options.first..options.first + options.count {
        let mut r = Random(options.seed.wrapping_mul(1_000_003).wrapping_add(n));
        let front = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
        let places = Places { front, backends: [backends[0], backends[1]], own: backends[2] };
        let text = kind.configuration(&mut r, &places);
        std::fs::create_dir_all(dir.join("empty"))
            .and_then(|()| std::fs::write(dir.join("nobody"), ""))
            .and_then(|()| std::fs::write(dir.join(kind.file()), &text))
            .map_err(|e| e.to_string())?;
        let running = match peer::start(kind, &options.program, &dir, &places).map_err(|e| e.to_string())? {
            Ok(running) => running,
            Err(message) => {
                refused += 1;
                println!("refused {n}: {}", message.trim());
                continue;
            }
        };
        for i in 0..options.requests {
            let asked = request::request(&mut r);
            let mark = format!("{n}-{i}");
            seen.lock().map_err(|e| e.to_string())?.entry(mark.clone()).or_default().plan = asked.plan.clone();
            let said = say(kind, &text, version, &asked, &mark, &places)?;
            let answer = peer::ask(&places, &asked, &mark).map_err(|e| format!("configuration {n}, request {i}: {e}"))?;
            let all = seen.lock().map_err(|e| e.to_string())?.remove(&mark).unwrap_or_default();
            let last = all.requests.iter().rfind(|(server, _)| *server != peer::OWN);
            let address = last.map(|(server, _)| format!("127.0.0.1:{}", backends[*server]));
            let f = compare::compare(&said, &asked, answer.as_ref(), last, address, kind != Kind::Envoy);
            let at = if f.wrong.is_empty() { usize::from(!f.unknown.is_empty()) } else { 2 };
            total[at] += 1;
            if at == 2 {
                report(kind, (n, i), &asked, &f.wrong, &text, options.keep.as_deref())?;
                println!("    it answered {:?}", answer.as_ref().map(|a| &*a.first));
            } else if at == 1 {
                let why = said.unknown.first().map_or("", |u| &u.1);
                println!("unknown {n}/{i}: {} ({why})", f.unknown.join(", "));
            }
        }
        drop(running);
    }
    let _ = std::fs::remove_dir_all(&dir);
    println!("{} {version}: {} configurations, {refused} refused", kind.name(), options.count);
    println!("{} requests: {} agreed, {} unknown, {} contradicted", total.iter().sum::<usize>(), total[0], total[1], total[2]);
    if total[2] == 0 { Ok(()) } else { Err("contradicted".to_owned()) }
}

fn report(kind: Kind, (n, i): (u64, usize), asked: &Asked, wrong: &[String], text: &str, keep: Option<&Path>) -> Result<(), String> {
    println!("CONTRADICTED {n}/{i}: {} {} {:?} {:?}", asked.method, asked.target, asked.headers, asked.plan);
    for w in wrong {
        println!("    {w}");
    }
    if let Some(keep) = keep {
        let file = keep.join(format!("{n}-{}", kind.file()));
        std::fs::create_dir_all(keep).and_then(|()| std::fs::write(file, text)).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// What hoplint says.
fn say(kind: Kind, text: &str, version: Version, asked: &Asked, mark: &str, places: &Places) -> Result<trace::Trace, String> {
    let mut files = Files::new();
    let id = files.add(kind.file(), text.as_bytes().to_vec()).map_err(|e| e.to_string())?;
    let room = dialect(kind.name()).ok_or("no such dialect")?;
    let sites = room.read(&mut files, &[id], &Reading::default());
    let site = sites.first().ok_or("nothing was read")?;
    let proxy = site.lower(&Era::new(version));
    let mut headers: Vec<(Text, Text)> = asked.headers.iter().map(|(n, v)| (Text::from(*n), Text::from(v.as_str()))).collect();
    headers.push((peer::MARK.into(), mark.into()));
    let request = Request {
        headers,
        dial: Dial::Plain,
        client: Some("127.0.0.1".into()),
        ..hoplint::probe::request(0, asked.method, "", &asked.target, &[])
    };
    let at = |server: usize| Text::from(format!("127.0.0.1:{}", [places.backends[0], places.backends[1], places.own][server]));
    let names = peer::NAMES.iter().enumerate().map(|(server, name)| (server, "X-Backend", *name));
    let lines = asked.plan.lines.iter().copied().chain(names).map(|(server, name, value)| (at(server), (name.into(), value.into())));
    let replies = asked.plan.status.iter().enumerate().filter_map(|(server, status)| Some((at(server), Far::Status((*status)?))));
    let assume = Assume {
        credentials: Credentials::AsSent,
        far: Far::Strict,
        replies: replies.chain([(DEAD.into(), Far::Refused)]).collect(),
        lines: lines.collect(),
        told: true,
        files: Some(false),
    };
    Ok(trace::trace(&proxy, &request, &assume, asked.handshake))
}
