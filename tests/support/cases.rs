//! Recorded configurations, and how they are judged where corrections are tried on them.
#![allow(dead_code, reason = "not every test needs all of it")]

use hoplint::config::{Settings, parse_route};
use hoplint::fix::Room;
use hoplint::proxy::{Reading, dialect};
use hoplint::source::Files;
use std::path::{Path, PathBuf};

/// Where the recorded configurations of a proxy lie.
pub(crate) fn recorded(proxy: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(proxy).join("cases")
}

/// Main files of a folder with one configuration for each file, or for each folder in it.
pub(crate) fn mains(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let main = ["nginx.conf", "haproxy.cfg", "envoy.yaml"].iter().map(|n| path.join(n)).find(|p| p.exists());
        if let Some(main) = main {
            out.push(main);
        } else if path.extension().is_some_and(|e| e == "conf" || e == "cfg" || e == "yaml") {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// What is said of configurations that say nothing themselves: every path that looks like it carries WebSocket with a slow
/// heartbeat.
pub(crate) fn declared() -> Settings {
    Settings { heartbeat: Some(120_000), routes: vec![parse_route("/ws/=websocket").unwrap()], ..Settings::default() }
}

/// A configuration as it is judged, [`declared`]. None: it is no text.
pub(crate) fn room(proxy: &str, main: &Path) -> Option<(Files, Room)> {
    room_under(proxy, main, declared())
}

/// The same under other settings.
pub(crate) fn room_under(proxy: &str, main: &Path, settings: Settings) -> Option<(Files, Room)> {
    let mut files = Files::new();
    let id = files.read(main.to_str().unwrap()).ok()?;
    Some((files, Room { dialect: dialect(proxy).unwrap(), given: vec![id], reading: Reading::default(), settings, only: None }))
}
