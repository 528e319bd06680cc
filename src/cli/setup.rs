//! `hoplint init` writes a settings file from what it sees; `hoplint config` shows what holds and where it comes from.

use super::CLEAN;
use super::args::{Check, Init};
use super::settings::{file, settings};
use crate::config::{NAME, SetLevel, Settings, image_targets, mounts};
use crate::model::Era;
use crate::output::{self, Look};
use crate::proxy::{DIALECTS, Reading};
use crate::rules::Context;
use crate::source::{Files, discover};
use std::fmt::Write as _;
use std::path::Path;

/// Where the schema of the settings file lies, from the root of the package.
const SCHEMA: &str = "hoplint.schema.json";

pub(super) fn init(args: &Init) -> Result<u8, String> {
    let path = args.folder.join(NAME);
    if path.exists() && !args.force {
        return Err(format!("{} exists; --force writes it anew", path.display()));
    }
    let text = starter(&args.folder);
    output::to_file(&path, |out| out.write_all(text.as_bytes())).map_err(|e| format!("{}: {e}", path.display()))?;
    output::to_stderr(&format!("{} written; `hoplint check` uses it from now on", path.display()));
    Ok(CLEAN)
}

/// A settings file with what is seen below a folder; what is only suggested stands in comments.
fn starter(folder: &Path) -> String {
    let judge = |name: &str, head: &[u8]| DIALECTS.iter().any(|d| d.claims(name, head));
    let found = discover(&[folder.to_string_lossy().into_owned()], false, &judge);
    let shown = |path: &str| path.strip_prefix("./").unwrap_or(path).to_owned();
    let mut out = String::from("# What holds for hoplint here. `hoplint config` shows it, `hoplint explain RULE` tells about a rule.\n");
    if !output::DOCS_BASE.is_empty() {
        let _ = writeln!(out, "# yaml-language-server: $schema={}/raw/HEAD/{SCHEMA}", output::DOCS_BASE.trim_end_matches('/'));
    }
    let images = image_targets(&found.images);
    out.push_str("\n# The releases in use. Without them all supported ones are considered, and findings say for which they hold.\n");
    if images.is_empty() {
        out.push_str("# targets: {nginx: \"1.26\"}\n");
    } else {
        out.push_str("targets:\n");
        let mut known: Vec<&str> = Vec::new();
        for (proxy, version, path, line) in &images {
            let mark = if known.contains(&proxy.as_str()) { "# " } else { "" };
            known.push(proxy);
            let _ = writeln!(out, "  {mark}{proxy}: \"{version}\"  # {}:{line}", shown(path));
        }
    }
    out.push_str("\n# How often the application sends something over an idle connection.\n# heartbeat: 30s\n");
    out.push_str("\n# What paths serve, where the configuration does not tell: websocket, sse or cors.\n");
    let routes = socket_paths(&found.files);
    if routes.is_empty() {
        out.push_str("# routes:\n#   - {path: /ws/, purpose: websocket, heartbeat: 25s}\n");
    } else {
        out.push_str("# These paths were seen; say how often each one's application sends something.\n# routes:\n");
        for path in routes.iter().take(20) {
            let _ = writeln!(out, "#   - {{path: {path}, purpose: websocket, heartbeat: 25s}}");
        }
    }
    let maps = mounts(&found.images);
    out.push_str("\n# Where the paths of the server lie in this repository.\n");
    if maps.is_empty() {
        out.push_str("# include-maps: {/etc/nginx: ./nginx}\n");
    } else {
        out.push_str("# These are taken from container files without being written here.\n# include-maps:\n");
        for m in &maps {
            let _ = writeln!(out, "#   {}: {}", m.from, shown(&m.to));
        }
    }
    out.push_str("\n# Rules (`hoplint rules`) that are not reported, and levels of your own.\n# ignore: [category/rule]\n# levels: {category/rule: warning}\n");
    out.push_str("\n# The lowest level that fails a run: error, warning, hint or never.\nfail-on: error\n");
    out
}

/// Paths of routes that carry WebSocket or look like it, in the order of the files.
fn socket_paths(paths: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let none = Settings::default();
    for room in DIALECTS {
        let mut files = Files::new();
        let ids: Vec<_> = paths.iter().filter_map(|p| files.read(p).ok()).collect();
        let own: Vec<_> = ids
            .into_iter()
            .filter(|id| {
                let file = files.map().file(*id);
                room.claims(file.name(), &file.bytes()[..file.bytes().len().min(64 * 1024)])
            })
            .collect();
        let Some(newest) = room.versions().last() else { continue };
        for site in room.read(&mut files, &own, &Reading::default()) {
            let proxy = site.lower(&Era::new(*newest));
            for socket in Context::new(&proxy, &none).sockets().iter() {
                let path = socket.witness.path.to_string();
                if !out.contains(&path) {
                    out.push(path);
                }
            }
        }
    }
    out
}

pub(super) fn show(args: &Check, look: Look) -> Result<u8, String> {
    let path = file(args)?;
    let settings = settings(args, look)?;
    let text = report(path.as_deref(), &settings, args);
    output::to_stdout(false, |out| out.write_all(text.as_bytes())).map_err(|e| e.to_string())?;
    Ok(CLEAN)
}

/// What holds, in the words of the settings file, each with where it comes from.
fn report(path: Option<&Path>, settings: &Settings, args: &Check) -> String {
    let file = path.map_or_else(|| "no settings file".to_owned(), |p| p.display().to_string());
    let from = |said: bool| if said { "option or environment".to_owned() } else { file.clone() };
    let mut out = format!("# settings file: {}\n", if path.is_some() { file.as_str() } else { "none" });
    let mut line = |key: &str, value: Option<String>, origin: &str| {
        let _ = match value {
            Some(value) => writeln!(out, "{key}: {value}  # {origin}"),
            None => writeln!(out, "# {key}: not set"),
        };
    };
    let list = |items: &[String]| (!items.is_empty()).then(|| format!("[{}]", items.join(", ")));
    let targets: Vec<String> = DIALECTS.iter().filter_map(|d| Some(format!("{}: \"{}\"", d.name(), settings.target(d.name())?))).collect();
    line("targets", (!targets.is_empty()).then(|| format!("{{{}}}", targets.join(", "))), &from(!args.target.is_empty()));
    line("heartbeat", settings.heartbeat.map(|ms| format!("{ms}ms")), &from(args.heartbeat.is_some()));
    let routes: Vec<String> = settings.routes.iter().map(|r| format!("{{path: {}, purpose: {}}}", r.path, r.purpose.word())).collect();
    line("routes", list(&routes), &from(!args.route.is_empty()));
    let maps: Vec<String> = settings.include_maps.iter().map(|m| format!("{}: {}", m.from, m.to)).collect();
    line("include-maps", (!maps.is_empty()).then(|| format!("{{{}}}", maps.join(", "))), &from(!args.include_map.is_empty()));
    line("exclude", list(&settings.exclude), &file);
    line("select", list(&settings.select), &from(!args.select.is_empty()));
    line("ignore", list(&settings.ignore), &from(!args.ignore.is_empty()));
    let level = |l: &SetLevel| format!("{l:?}").to_ascii_lowercase();
    let levels: Vec<String> = settings.levels.iter().map(|(r, l)| format!("{r}: {}", level(l))).collect();
    line("levels", (!levels.is_empty()).then(|| format!("{{{}}}", levels.join(", "))), &file);
    let fail_on = args.fail_on.map(|f| format!("{f:?}").to_ascii_lowercase());
    let origin = if fail_on.is_some() || settings.fail_on.is_some() { from(fail_on.is_some()) } else { "default".to_owned() };
    line("fail-on", fail_on.or_else(|| settings.fail_on.clone()).or_else(|| Some("error".to_owned())), &origin);
    line("min-level", settings.min_level.clone(), &file);
    line("min-confidence", settings.min_confidence.clone(), &file);
    line("baseline", settings.baseline.as_ref().map(|p| p.display().to_string()), &from(args.baseline.is_some()));
    for o in settings.overrides.iter().filter(|o| o.paths != ["**"]) {
        let _ = writeln!(out, "# and for [{}] what {file} says of them", o.paths.join(", "));
    }
    out
}
