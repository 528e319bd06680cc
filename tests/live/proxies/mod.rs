//! The real proxies, and how the configurations of examples are made ready for them.

mod envoy;
mod haproxy;
pub(crate) mod nginx;
mod process;
mod release;

pub(crate) use release::{Release, installed, releases};

use super::backend::Backend;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// How the releases of a proxy are run. A further proxy is a file here and a line in [`ALL`].
pub(crate) trait Proxy: Sync {
    /// The name that hoplint gives it.
    fn dialect(&self) -> &'static str;

    /// The program of the installed release.
    fn installed(&self) -> OsString {
        self.dialect().into()
    }

    /// What asks for its version; the version is the first thing like `1.22.1` in what is printed.
    fn asks_version(&self) -> &'static str;

    /// Makes an example a whole configuration in a folder: listeners on free ports of 127.0.0.1, upstreams at the backend,
    /// files that are not there provided.
    fn stage(&self, release: &Release, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip>;

    /// Its own check.
    fn check(&self, release: &Release, staged: &Staged) -> Command;

    /// Runs it in the foreground.
    fn serve(&self, release: &Release, staged: &Staged) -> Command;
}

/// All of them.
static ALL: &[&dyn Proxy] = &[&nginx::Nginx, &haproxy::Haproxy, &envoy::Envoy];

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
    /// How many file descriptors the proxy is given before it asks for more.
    pub descriptors: Option<u32>,
}

impl<'a> Ground<'a> {
    /// Nothing but a folder and upstreams.
    pub(crate) const fn new(dir: &'a Path, upstreams: &'a Backend) -> Self {
        Self { dir, upstreams, context: None, faster: 1, tls: false, provide: true, checks: false, descriptors: None }
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
    /// How many file descriptors it may have before it asks for more.
    pub descriptors: Option<u32>,
}

impl Staged {
    /// A file as it is.
    pub(crate) const fn of(main: PathBuf) -> Self {
        Self { main, listeners: Vec::new(), args: &[], descriptors: None }
    }

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
