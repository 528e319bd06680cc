//! What people tell hoplint: options, `hoplint.yaml`, and comments in the configuration.

mod annotation;
mod file;
mod mounts;
mod order;
mod reader;
mod targets;

pub use annotation::{Annotation, parse_annotation, respelt};
pub use file::{ConfigError, KEYS, NAME, Names, OVERRIDE_KEYS, ROUTE_KEYS, find, load};
pub use mounts::mounts;
pub use order::{Order, Serves};
pub use reader::Complaint;
pub use targets::image_targets;

use crate::model::Version;
use crate::source::IncludeMap;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// What a route is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// WebSocket.
    WebSocket,
    /// Server-sent events.
    EventStream,
    /// Requests from other origins.
    CrossOrigin,
}

impl Purpose {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::EventStream => "sse",
            Self::CrossOrigin => "cors",
        }
    }

    /// The purpose of a word.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "websocket" | "ws" => Some(Self::WebSocket),
            "sse" | "event-stream" => Some(Self::EventStream),
            "cors" => Some(Self::CrossOrigin),
            _ => None,
        }
    }
}

/// A route that somebody declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDeclaration {
    /// A path that a client asks for.
    pub path: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Heartbeat in milliseconds.
    pub heartbeat: Option<u64>,
}

/// The level that somebody gives to a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetLevel {
    /// Not reported.
    Off,
    /// A hint.
    Hint,
    /// A warning.
    Warning,
    /// An error.
    Error,
}

impl std::str::FromStr for SetLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "off" => Self::Off,
            "hint" => Self::Hint,
            "warning" => Self::Warning,
            "error" => Self::Error,
            _ => return Err(format!("`{text}` is no level: off, hint, warning or error")),
        })
    }
}

/// What holds for some paths only.
#[derive(Clone, Debug, Default)]
pub struct Override {
    /// Patterns, relative to the settings file.
    pub paths: Vec<String>,
    /// Dialect and release.
    pub targets: Vec<(String, Version)>,
    /// Heartbeat of all WebSocket routes, in milliseconds.
    pub heartbeat: Option<u64>,
    /// Declared routes.
    pub routes: Vec<RouteDeclaration>,
    /// Rules or categories that are not reported.
    pub ignore: Vec<String>,
    /// Rules or categories and their levels.
    pub levels: Vec<(String, SetLevel)>,
}

/// Everything that was told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The folder of the settings file, which its patterns are relative to.
    pub root: PathBuf,
    /// Dialect and release; of several the last.
    pub targets: Vec<(String, Version)>,
    /// Heartbeat of all WebSocket routes, in milliseconds.
    pub heartbeat: Option<u64>,
    /// Declared routes.
    pub routes: Vec<RouteDeclaration>,
    /// Where paths of the target machine lie.
    pub include_maps: Vec<IncludeMap>,
    /// Patterns of files that are not looked at.
    pub exclude: Vec<String>,
    /// Rules, `category/*` or categories that alone are reported; empty: all.
    pub select: Vec<String>,
    /// Rules, `category/*` or categories that are not reported.
    pub ignore: Vec<String>,
    /// Rules or categories and their levels; of several the last.
    pub levels: Vec<(String, SetLevel)>,
    /// Level from which findings fail the run.
    pub fail_on: Option<String>,
    /// Level from which findings are reported.
    pub min_level: Option<String>,
    /// Confidence from which findings are reported.
    pub min_confidence: Option<String>,
    /// File with what is known.
    pub baseline: Option<PathBuf>,
    /// What holds for some paths only.
    pub overrides: Vec<Override>,
}

impl Settings {
    /// The release that a dialect is checked for; none: all supported ones.
    pub fn target(&self, dialect: &str) -> Option<Version> {
        self.targets.iter().rev().find(|(d, _)| d == dialect).map(|t| t.1)
    }

    /// Whether a rule is not to be reported.
    pub fn ignores(&self, rule: &str) -> bool {
        self.ignore.iter().any(|i| covers(i, rule))
            || !self.select.is_empty() && !self.select.iter().any(|s| covers(s, rule))
            || self.level(rule) == Some(SetLevel::Off)
    }

    /// The level that somebody gave to a rule; what names the rule itself goes before its category.
    pub fn level(&self, rule: &str) -> Option<SetLevel> {
        let last = |exact: bool| self.levels.iter().rev().find(|(r, _)| if exact { r == rule } else { covers(r, rule) });
        last(true).or_else(|| last(false)).map(|l| l.1)
    }

    /// Whether a file is not to be looked at.
    pub fn excludes(&self, path: &str) -> bool {
        !self.exclude.is_empty() && self.matches(&self.exclude, path)
    }

    /// What holds for one file.
    pub fn at(&self, path: &str) -> Cow<'_, Self> {
        let mut own = Cow::Borrowed(self);
        for o in self.overrides.iter().filter(|o| self.matches(&o.paths, path)) {
            let own = own.to_mut();
            own.targets.extend(o.targets.iter().cloned());
            own.heartbeat = o.heartbeat.or(own.heartbeat);
            own.routes.extend(o.routes.iter().cloned());
            own.ignore.extend(o.ignore.iter().cloned());
            own.levels.extend(o.levels.iter().cloned());
        }
        own
    }

    fn matches(&self, patterns: &[String], path: &str) -> bool {
        let (Ok(path), Ok(root)) =
            (std::path::absolute(path), std::path::absolute(if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root }))
        else {
            return false;
        };
        let Ok(relative) = path.strip_prefix(&root) else { return false };
        patterns
            .iter()
            .filter_map(|p| globset::GlobBuilder::new(p).literal_separator(true).build().ok())
            .any(|g| g.compile_matcher().is_match(relative))
    }
}

/// Whether `category/name`, `category/*` or `category` covers a rule.
pub fn covers(pattern: &str, rule: &str) -> bool {
    let category = pattern.strip_suffix("/*").unwrap_or(pattern);
    pattern == rule || rule.split_once('/').is_some_and(|(c, _)| c == category)
}

/// `30s`, `1m30s`, `500ms`, `2h` in milliseconds.
///
/// # Errors
/// Says what is wrong, and asks for a unit.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a duration: write a number and a unit, such as `30s` or `1m30s`");
    let mut total = 0u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match &rest[..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        total = number.checked_mul(factor).and_then(|n| total.checked_add(n)).ok_or_else(wrong)?;
        rest = &rest[unit_end..];
    }
    Ok(total)
}

/// `/ws/=websocket`, `/ws/=websocket,heartbeat=30s`.
///
/// # Errors
/// Says what is wrong.
pub fn parse_route(text: &str) -> Result<RouteDeclaration, String> {
    let (path, rest) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `PATH=PURPOSE`, such as `/ws/=websocket`"))?;
    if !path.starts_with('/') {
        return Err(format!("`{path}` is not a path: it begins with `/`"));
    }
    let mut words = rest.split(',');
    let purpose = words.next().unwrap_or_default();
    let purpose = Purpose::named(purpose).ok_or_else(|| format!("`{purpose}` is not a purpose: websocket, sse or cors"))?;
    let mut heartbeat = None;
    for word in words {
        match word.split_once('=') {
            Some(("heartbeat", beat)) => heartbeat = Some(parse_duration(beat)?),
            _ => return Err(format!("`{word}` is not `heartbeat=30s`")),
        }
    }
    Ok(RouteDeclaration { path: path.to_owned(), purpose, heartbeat })
}

/// `nginx=1.22`.
///
/// # Errors
/// Says what is wrong.
pub fn parse_target(text: &str) -> Result<(String, Version), String> {
    let (dialect, version) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `PROXY=VERSION`, such as `nginx=1.22`"))?;
    Ok((dialect.to_owned(), version.parse()?))
}

/// `/etc/nginx=./nginx`.
///
/// # Errors
/// Says what is wrong.
pub fn parse_include_map(text: &str) -> Result<IncludeMap, String> {
    let (from, to) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `FROM=TO`, such as `/etc/nginx=./nginx`"))?;
    Ok(IncludeMap { from: from.to_owned(), to: to.to_owned() })
}
