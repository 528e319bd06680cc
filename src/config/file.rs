//! `hoplint.yaml`.

use super::reader::{Complaint, Reader};
use super::{Override, RouteDeclaration, SetLevel, Settings, parse_duration, parse_route};
use crate::source::{IncludeMap, SourceMap, read_text};
use crate::yaml::{NodeId, Source, parse};
use std::path::{Path, PathBuf};

/// The name that is searched for.
pub const NAME: &str = "hoplint.yaml";

/// Keys of the file.
pub const KEYS: &[&str] = &[
    "targets",
    "heartbeat",
    "routes",
    "include-maps",
    "exclude",
    "select",
    "ignore",
    "levels",
    "fail-on",
    "min-level",
    "min-confidence",
    "baseline",
    "overrides",
];
/// Keys of a route.
pub const ROUTE_KEYS: &[&str] = &["path", "purpose", "heartbeat"];
/// Keys of an override.
pub const OVERRIDE_KEYS: &[&str] = &["paths", "targets", "heartbeat", "routes", "ignore", "levels"];

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It is not what it should be.
    #[error("{} cannot be used", .map.files().next().map_or("the settings file", |f| f.1.name()))]
    Wrong {
        /// The file alone.
        map: SourceMap,
        /// What is wrong, in the order of the text.
        complaints: Vec<Complaint>,
    },
}

/// What the rest of the program knows of names in a settings file.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// Says what is wrong with the name of a rule or category.
    pub rule: &'a dyn Fn(&str) -> Result<(), String>,
    /// Says what is wrong with the name of a proxy.
    pub proxy: &'a dyn Fn(&str) -> Result<(), String>,
}

impl Names<'static> {
    /// Takes every name.
    pub const ANY: Self = Self { rule: &|_| Ok(()), proxy: &|_| Ok(()) };
}

/// Reads a settings file.
///
/// # Errors
/// With the place in the file.
pub fn load(path: &Path, names: Names<'_>) -> Result<Settings, ConfigError> {
    let text = read_text(path).map_err(|e| ConfigError::Read(path.to_owned(), e))?;
    let mut map = SourceMap::default();
    let Ok(file) = map.add(path.to_string_lossy(), text.into_bytes()) else {
        return Err(ConfigError::Read(path.to_owned(), std::io::ErrorKind::FileTooLarge.into()));
    };
    let tree = parse(&Source::whole(map.file(file).bytes(), map.file(file).base()));
    let mut r = Reader { tree: &tree, complaints: Vec::new() };
    for e in &tree.errors {
        r.complaints.push(Complaint { span: e.span, message: format!("this is not YAML: {}", e.message), help: String::new() });
    }
    let mut settings = Settings { root: path.parent().map(Path::to_path_buf).unwrap_or_default(), ..Settings::default() };
    if let Some(root) = tree.root().filter(|_| r.complaints.is_empty()) {
        whole(&mut r, root, names, &mut settings);
    }
    let mut complaints = r.complaints;
    if complaints.is_empty() {
        return Ok(settings);
    }
    complaints.sort_by_key(|c| c.span);
    Err(ConfigError::Wrong { map, complaints })
}

fn whole(r: &mut Reader<'_>, root: NodeId, names: Names<'_>, settings: &mut Settings) {
    for (key, value) in r.map(root, NAME, KEYS) {
        match key.as_str() {
            "targets" => settings.targets = targets(r, value, names),
            "heartbeat" => settings.heartbeat = r.parsed(value, "heartbeat", parse_duration),
            "routes" => settings.routes = routes(r, value),
            "include-maps" => settings.include_maps = include_maps(r, value, &settings.root),
            "exclude" => settings.exclude = globs(r, value, "exclude"),
            "select" => settings.select = rules(r, value, "select", names),
            "ignore" => settings.ignore = rules(r, value, "ignore", names),
            "levels" => settings.levels = levels(r, value, names),
            "fail-on" => settings.fail_on = word(r, value, "fail-on", &["error", "warning", "hint", "never"]),
            "min-level" => settings.min_level = word(r, value, "min-level", &["error", "warning", "hint"]),
            "min-confidence" => settings.min_confidence = word(r, value, "min-confidence", &["certain", "likely", "guess"]),
            "baseline" => settings.baseline = r.text(value, "baseline").map(|p| settings.root.join(p)),
            _ => {
                for item in r.items(value, "overrides") {
                    if let Some(o) = override_of(r, item, names) {
                        settings.overrides.push(o);
                    }
                }
            }
        }
    }
}

fn override_of(r: &mut Reader<'_>, at: NodeId, names: Names<'_>) -> Option<Override> {
    let mut out = Override::default();
    for (key, value) in r.map(at, "an override", OVERRIDE_KEYS) {
        match key.as_str() {
            "paths" => out.paths = globs(r, value, "paths"),
            "targets" => out.targets = targets(r, value, names),
            "heartbeat" => out.heartbeat = r.parsed(value, "heartbeat", parse_duration),
            "routes" => out.routes = routes(r, value),
            "ignore" => out.ignore = rules(r, value, "ignore", names),
            _ => out.levels = levels(r, value, names),
        }
    }
    if out.paths.is_empty() {
        r.complain(at, "an override without `paths` holds nowhere", "write `paths: [\"legacy/**\"]`");
        return None;
    }
    Some(out)
}

fn targets(r: &mut Reader<'_>, at: NodeId, names: Names<'_>) -> Vec<(String, crate::model::Version)> {
    let mut out = Vec::new();
    for (key, proxy, value) in r.pairs(at, "targets") {
        if let Err(wrong) = (names.proxy)(&proxy) {
            r.complain(key, wrong, "");
        } else if let Some(version) = r.parsed(value, "a target", str::parse) {
            out.push((proxy, version));
        }
    }
    out
}

fn routes(r: &mut Reader<'_>, at: NodeId) -> Vec<RouteDeclaration> {
    let mut out = Vec::new();
    for item in r.items(at, "routes") {
        let fields = r.map(item, "a route", ROUTE_KEYS);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|f| f.1);
        let (Some(path), Some(purpose)) = (field("path"), field("purpose")) else {
            r.complain(item, "a route needs `path` and `purpose`", "write `{path: /ws/, purpose: websocket}`");
            continue;
        };
        let Some(text) = r.text(path, "path") else { continue };
        let declared = r.parsed(purpose, "purpose", |purpose| parse_route(&format!("{text}={purpose}")));
        let heartbeat = field("heartbeat").and_then(|h| r.parsed(h, "heartbeat", parse_duration));
        out.extend(declared.map(|d| RouteDeclaration { heartbeat: heartbeat.or(d.heartbeat), ..d }));
    }
    out
}

fn include_maps(r: &mut Reader<'_>, at: NodeId, root: &Path) -> Vec<IncludeMap> {
    let mut out = Vec::new();
    for (_, from, value) in r.pairs(at, "include-maps") {
        if let Some(to) = r.text(value, "a place") {
            // Relative to the file that says so.
            out.push(IncludeMap { from, to: root.join(to).to_string_lossy().into_owned() });
        }
    }
    out
}

fn globs(r: &mut Reader<'_>, at: NodeId, what: &str) -> Vec<String> {
    let mut out = Vec::new();
    for item in r.items(at, what) {
        out.extend(r.parsed(item, what, |text| match globset::Glob::new(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(e) => Err(format!("`{text}` is not a pattern: {}", e.kind())),
        }));
    }
    out
}

fn rules(r: &mut Reader<'_>, at: NodeId, what: &str, names: Names<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for item in r.items(at, what) {
        out.extend(r.parsed(item, what, |text| (names.rule)(text).map(|()| text.to_owned())));
    }
    out
}

fn levels(r: &mut Reader<'_>, at: NodeId, names: Names<'_>) -> Vec<(String, SetLevel)> {
    let mut out = Vec::new();
    for (key, rule, value) in r.pairs(at, "levels") {
        if let Err(wrong) = (names.rule)(&rule) {
            r.complain(key, wrong, "");
        } else if let Some(level) = r.parsed(value, "a level", str::parse) {
            out.push((rule, level));
        }
    }
    out
}

fn word(r: &mut Reader<'_>, at: NodeId, what: &str, known: &[&str]) -> Option<String> {
    r.parsed(at, what, |text| {
        if known.contains(&text) { Ok(text.to_owned()) } else { Err(format!("`{text}` is not one of {}", known.join(", "))) }
    })
}

/// The settings file of the nearest directory, up to the root of the repository.
pub fn find(start: &Path) -> Option<PathBuf> {
    for dir in start.ancestors() {
        let file = dir.join(NAME);
        if file.is_file() {
            return Some(file);
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    None
}
