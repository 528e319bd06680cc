//! Programs that are run, bounded, and never outlive their use.

use std::{
    fs::File,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a proxy may take to check a configuration or to start.
pub(super) const BOUND: Duration = Duration::from_secs(20);

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
pub(super) fn run(command: &mut Command) -> Result<Said, String> {
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

/// The same program with so many file descriptors at first.
pub(super) fn with_descriptors(command: &Command, most: u32) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -Sn \"$0\" && exec \"$@\"", &most.to_string()]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap_or_else(|| Path::new(".")));
    shell
}

/// Starts a program that prints into a file.
pub(super) fn start(command: &mut Command, log: &File) -> Result<Killed, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let log = || log.try_clone().map_err(|e| e.to_string());
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?);
    command.spawn().map(Killed).map_err(|e| format!("{name}: {e}"))
}

pub(super) fn printed(log: &Path) -> String {
    let mut bytes = Vec::new();
    let _ = File::open(log).and_then(|mut f| f.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// A child that does not outlive this value.
#[derive(Debug)]
pub(super) struct Killed(Child);

impl Killed {
    pub(super) fn ended(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|s| s.is_some())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
