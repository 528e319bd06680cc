//! The releases that can be run here: the installed one of each proxy, and the programs in the folder that `HOPLINT_RELEASES`
//! names. `packaging/releases.sh` fills such a folder; a program that somebody built may lie there as well.

use super::{
    ALL, Ground, Proxy, Skip, Staged,
    process::{self, BOUND, Killed, Said},
};
use hoplint::model::Version;
use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// One release of a proxy.
pub(crate) struct Release {
    proxy: &'static dyn Proxy,
    program: OsString,
    /// The folder that its package was unpacked in.
    pub(super) root: PathBuf,
    pub version: Version,
    /// Whether it is the one that the machine has anyway.
    pub installed: bool,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dialect(), self.version)
    }
}

/// All of them; of each proxy, the installed one comes first.
pub(crate) fn releases() -> &'static [Release] {
    static FOUND: OnceLock<Vec<Release>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let others = std::env::var_os("HOPLINT_RELEASES").map_or_else(Vec::new, |dir| programs(dir.as_ref()));
        let mut out: Vec<Release> = Vec::new();
        for proxy in ALL {
            let installed = Release::of(*proxy, proxy.installed(), "/".into(), true);
            out.push(installed.unwrap_or_else(|e| panic!("{} is not installed: {e}", proxy.dialect())));
            for path in &others {
                let name = path.file_name().unwrap().to_string_lossy();
                if !name.starts_with(proxy.dialect()) {
                    continue;
                }
                let root = path.with_file_name(format!("{name}.root"));
                let release = Release::of(*proxy, path.into(), root, false).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                if out.iter().all(|r| (r.dialect(), r.version) != (release.dialect(), release.version)) {
                    out.push(release);
                }
            }
        }
        out
    })
}

/// The installed release of a proxy.
pub(crate) fn installed(dialect: &str) -> &'static Release {
    releases().iter().find(|r| r.installed && r.dialect() == dialect).unwrap()
}

/// The files of a folder, by name. Named, it must hold some.
fn programs(dir: &Path) -> Vec<PathBuf> {
    let dir = dir.canonicalize().unwrap_or_else(|e| panic!("HOPLINT_RELEASES: {}: {e}", dir.display()));
    let mut out: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    assert!(!out.is_empty(), "HOPLINT_RELEASES: no program in {}: fill it with packaging/releases.sh", dir.display());
    out.sort();
    out
}

impl Release {
    fn of(proxy: &'static dyn Proxy, program: OsString, root: PathBuf, installed: bool) -> Result<Self, String> {
        let mut release = Self { proxy, program, root, version: Version(0, 0, 0), installed };
        let said = process::run(&mut release.command(&[proxy.asks_version()]))?;
        let mut words = said.text.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|w| w.matches('.').count() == 2);
        release.version = words.find_map(|w| w.parse().ok()).ok_or_else(|| format!("no version in `{}`", said.text))?;
        Ok(release)
    }

    pub(crate) fn dialect(&self) -> &'static str {
        self.proxy.dialect()
    }

    /// The program, also where it is not on an ordinary user's path.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(&self.program);
        command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin")).args(args);
        command
    }

    /// See [`Proxy::stage`].
    pub(crate) fn stage(&self, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip> {
        let staged = self.proxy.stage(self, text, ground)?;
        Ok(Staged { descriptors: ground.descriptors, ..staged })
    }

    /// What its own check says.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn check(&self, staged: &Staged) -> Result<Said, String> {
        process::run(&mut self.proxy.check(self, staged))
    }

    fn started(&self, staged: &Staged) -> Command {
        let command = self.proxy.serve(self, staged);
        match staged.descriptors {
            Some(most) => process::with_descriptors(&command, most),
            None => command,
        }
    }

    /// What it says where it does not run for long.
    ///
    /// # Errors
    /// When it runs.
    pub(crate) fn gives_up(&self, staged: &Staged) -> Result<Said, String> {
        process::run(&mut self.started(staged))
    }

    /// Starts it and waits until all its listeners take connections.
    ///
    /// # Errors
    /// With what it printed, when it ends or does not listen in time.
    pub(crate) fn serve(&self, staged: &Staged, dir: &Path) -> Result<Running, String> {
        let path = dir.join("printed.log");
        let log = File::create(&path).map_err(|e| e.to_string())?;
        let mut child = process::start(&mut self.started(staged), &log)?;
        let end = Instant::now() + BOUND;
        for (_, at) in &staged.listeners {
            while TcpStream::connect_timeout(at, Duration::from_secs(1)).is_err() {
                if child.ended() || Instant::now() >= end {
                    return Err(format!("{self} does not listen at {at}: {}", process::printed(&path)));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(Running { _child: child })
    }
}

/// A proxy that runs until this value is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    _child: Killed,
}
