//! The real proxies, and how the configurations of examples are made ready for them.

mod envoy;
mod haproxy;
pub(crate) mod nginx;

use super::backend::Backend;
use hoplint::model::Version;
use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long a proxy may take to check a configuration or to start.
const BOUND: Duration = Duration::from_secs(20);

/// A proxy that these tests can run. A further one is a file here and a line in [`ALL`].
pub(crate) trait Installed: Sync {
    /// The name that hoplint gives it.
    fn dialect(&self) -> &'static str;

    /// How to find out its version; the version is the first thing like `1.22.1` in what is printed.
    fn ask_version(&self) -> Command;

    /// Makes an example a whole configuration in a folder: listeners on free ports of 127.0.0.1, upstreams at the backend,
    /// files that are not there provided.
    fn stage(&self, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip>;

    /// Its own check.
    fn check(&self, staged: &Staged) -> Command;

    /// Runs it in the foreground.
    fn serve(&self, staged: &Staged) -> Command;
}

/// All of them.
pub(crate) static ALL: &[&dyn Installed] = &[&nginx::Nginx, &haproxy::Haproxy, &envoy::Envoy];

/// Where and for what an example is made ready.
pub(crate) struct Ground<'a> {
    /// An empty folder.
    pub dir: &'a Path,
    /// Where upstreams lead.
    pub upstreams: &'a Backend,
    /// The block that a fragment belongs into, if the page says so.
    pub context: Option<&'a str>,
    /// By how much the timers are shortened.
    pub faster: u32,
    /// Whether listeners stay with TLS. Requests are sent without.
    pub tls: bool,
    /// Whether included files that are not there are provided.
    pub provide: bool,
    /// Whether servers are asked for their health, often.
    pub checks: bool,
}

impl<'a> Ground<'a> {
    /// Nothing but a folder and upstreams.
    pub(crate) const fn new(dir: &'a Path, upstreams: &'a Backend) -> Self {
        Self { dir, upstreams, context: None, faster: 1, tls: false, provide: true, checks: false }
    }
}

/// Why an example is not run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip(pub String);

/// A configuration ready to be run.
#[derive(Debug)]
pub(crate) struct Staged {
    /// The main file.
    pub main: PathBuf,
    /// Listeners by the address that the example writes, in the order of the example.
    pub listeners: Vec<(String, SocketAddr)>,
    /// Further arguments that the proxy needs for it.
    pub args: &'static [&'static str],
}

impl Staged {
    /// Where a client connects: at the listener of that name, or at the first.
    pub(crate) fn listener(&self, written: Option<&str>) -> Option<SocketAddr> {
        match written {
            Some(written) => self.listeners.iter().find(|(name, _)| name == written).map(|l| l.1),
            None => self.listeners.first().map(|l| l.1),
        }
    }
}

/// Free addresses, one for each name.
#[derive(Default)]
struct Addresses {
    given: Vec<(String, SocketAddr)>,
}

impl Addresses {
    fn of(&mut self, written: &str) -> SocketAddr {
        if let Some((_, at)) = self.given.iter().find(|(name, _)| name == written) {
            return *at;
        }
        let at = free_address();
        self.given.push((written.to_owned(), at));
        at
    }
}

/// An address on 127.0.0.1 where nobody listens, never the same twice.
fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    loop {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        if given.insert(at) {
            return at;
        }
    }
}

/// What a program printed, and whether it was content.
#[derive(Debug)]
pub(crate) struct Said {
    pub accepted: bool,
    pub text: String,
}

impl Said {
    /// Whether it is accepted with a warning.
    pub(crate) fn warns(&self) -> bool {
        ["[WARNING]", "[warn]", "[warning]"].iter().any(|mark| self.text.contains(mark))
    }
}

/// Runs a program to its end, or kills it when that takes too long.
///
/// # Errors
/// When it cannot be started or does not end.
pub(crate) fn run(command: &mut Command) -> Result<Said, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let log = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    let mut child = start(command, log.as_file())?;
    let end = Instant::now() + BOUND;
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            _ => return Err(format!("{name} did not end in {BOUND:?}: {}", printed(log.path()))),
        }
    };
    Ok(Said { accepted: status.success(), text: printed(log.path()) })
}

fn start(command: &mut Command, log: &File) -> Result<Killed, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let log = || log.try_clone().map_err(|e| e.to_string());
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?);
    command.spawn().map(Killed).map_err(|e| format!("{name}: {e}"))
}

fn printed(log: &Path) -> String {
    let mut bytes = Vec::new();
    let _ = File::open(log).and_then(|mut f| f.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// A child that does not outlive this value.
#[derive(Debug)]
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The installed version.
///
/// # Errors
/// When the program is not there.
pub(crate) fn version(proxy: &dyn Installed) -> Result<Version, String> {
    let said = run(&mut proxy.ask_version())?;
    said.text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter(|w| w.matches('.').count() == 2)
        .find_map(|w| w.parse().ok())
        .ok_or_else(|| format!("no version in `{}`", said.text))
}

/// A proxy that runs until this value is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    _child: Killed,
}

/// Starts a proxy and waits until all its listeners take connections.
///
/// # Errors
/// With what it printed, when it ends or does not listen in time.
pub(crate) fn serve(proxy: &dyn Installed, staged: &Staged, dir: &Path) -> Result<Running, String> {
    let path = dir.join("printed.log");
    let log = File::create(&path).map_err(|e| e.to_string())?;
    let mut child = start(&mut proxy.serve(staged), &log)?;
    let end = Instant::now() + BOUND;
    for (_, at) in &staged.listeners {
        while TcpStream::connect_timeout(at, Duration::from_secs(1)).is_err() {
            if child.0.try_wait().is_ok_and(|s| s.is_some()) || Instant::now() >= end {
                return Err(format!("{} does not listen at {at}: {}", proxy.dialect(), printed(&path)));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(Running { _child: child })
}

/// A certificate for tests.
const CERTIFICATE: &str = include_str!("../cert.pem");
/// Its key, which protects nothing.
const KEY: &str = include_str!("../key.pem");

/// Replaces byte ranges of a text, given in any order.
struct Edits<'a> {
    text: &'a str,
    edits: Vec<(std::ops::Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    const fn of(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    fn replace(&mut self, range: std::ops::Range<usize>, with: impl Into<String>) {
        self.edits.push((range, with.into()));
    }

    fn done(mut self) -> String {
        self.edits.sort_by_key(|e| e.0.start);
        let mut out = String::new();
        let mut at = 0;
        for (range, with) in self.edits {
            out.push_str(&self.text[at..range.start]);
            out.push_str(&with);
            at = range.end;
        }
        out + &self.text[at..]
    }
}
