//! `hoplint.yaml`.

use super::{RouteDeclaration, Settings, parse_duration, parse_route};
use crate::source::{IncludeMap, read_text};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It is not what it should be.
    #[error("{0}: {1}")]
    Wrong(PathBuf, String),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Raw {
    targets: BTreeMap<String, String>,
    heartbeat: Option<String>,
    routes: Vec<RawRoute>,
    include_maps: BTreeMap<String, String>,
    ignore: Vec<String>,
    fail_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoute {
    path: String,
    purpose: String,
    heartbeat: Option<String>,
}

/// Reads a settings file.
///
/// # Errors
/// With the place in the file, as far as it is known.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    let text = read_text(path).map_err(|e| ConfigError::Read(path.to_owned(), e))?;
    let wrong = |m: String| ConfigError::Wrong(path.to_owned(), m);
    let raw: Raw = if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
        Raw::default()
    } else {
        serde_yaml::from_str(&text).map_err(|e| wrong(e.to_string()))?
    };
    let mut settings = Settings { ignore: raw.ignore, fail_on: raw.fail_on, ..Settings::default() };
    for (dialect, version) in raw.targets {
        settings.targets.push((dialect, version.parse().map_err(wrong)?));
    }
    settings.heartbeat = raw.heartbeat.map(|h| parse_duration(&h)).transpose().map_err(wrong)?;
    for r in raw.routes {
        let heartbeat = r.heartbeat.map(|h| parse_duration(&h)).transpose().map_err(wrong)?;
        let declared = parse_route(&format!("{}={}", r.path, r.purpose)).map_err(wrong)?;
        settings.routes.push(RouteDeclaration { heartbeat, ..declared });
    }
    let base = path.parent().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    settings.include_maps = raw
        .include_maps
        .into_iter()
        .map(|(from, to)| {
            // Relative to the file that says so.
            let to = if to.starts_with('/') || base.is_empty() { to } else { format!("{base}/{to}") };
            IncludeMap { from, to }
        })
        .collect();
    if let Some(level) = settings.fail_on.as_deref().filter(|l| !matches!(*l, "error" | "warning" | "hint" | "never")) {
        return Err(wrong(format!("fail-on: `{level}` is not error, warning, hint or never")));
    }
    Ok(settings)
}

/// The settings file of the nearest directory, up to the root of the repository.
pub fn find(start: &Path) -> Option<PathBuf> {
    for dir in start.ancestors() {
        let file = dir.join("hoplint.yaml");
        if file.is_file() {
            return Some(file);
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    None
}
