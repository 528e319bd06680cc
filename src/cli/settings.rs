//! The settings file, the options over it, and what container files say.

use super::args::Check;
use crate::audit::suppress::nearest;
use crate::config::{self, ConfigError, Names, Override, Settings, covers, image_targets};
use crate::output::{self, Look};
use crate::proxy::DIALECTS;
use crate::rules::{Finding, Level, RULES};
use crate::source::Discovery;
use std::path::{Path, PathBuf};

/// The settings file, then the options over it.
pub(super) fn settings(args: &Check, look: Look) -> Result<Settings, String> {
    let mut settings = match file(args)? {
        Some(path) => read(&path, look)?,
        None => Settings::default(),
    };
    for written in args.select.iter().chain(&args.ignore) {
        known_rule(written)?;
    }
    for (proxy, _) in &args.target {
        known_proxy(proxy)?;
    }
    let said = Override {
        paths: vec!["**".to_owned()],
        targets: args.target.clone(),
        heartbeat: args.heartbeat,
        routes: args.route.clone(),
        ignore: args.ignore.clone(),
        levels: Vec::new(),
    };
    settings.targets.extend(said.targets.iter().cloned());
    settings.heartbeat = said.heartbeat.or(settings.heartbeat);
    settings.routes.extend(said.routes.iter().cloned());
    settings.ignore.extend(said.ignore.iter().cloned());
    if !args.select.is_empty() {
        settings.select.clone_from(&args.select);
    }
    settings.include_maps.extend(args.include_map.iter().cloned());
    settings.baseline = args.baseline.clone().or(settings.baseline);
    // What is said now goes before what the file says of some paths.
    if !settings.overrides.is_empty() {
        settings.overrides.push(said);
    }
    Ok(settings)
}

/// The settings file that holds, if any.
pub(super) fn file(args: &Check) -> Result<Option<PathBuf>, String> {
    let found = match (&args.config, args.isolated) {
        (_, true) => None,
        (Some(path), _) => Some(path.clone()),
        (None, _) => {
            let first = args.paths.iter().find(|p| *p != "-").map_or(".", String::as_str);
            let start = std::path::absolute(Path::new(first)).map_err(|e| e.to_string())?;
            config::find(&start)
        }
    };
    // What lies below the current folder is named from there, as the files are that were found there.
    let here = std::env::current_dir().unwrap_or_default();
    Ok(found.map(|path| path.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(path)))
}

/// Reads a settings file; what is wrong in it is shown in its lines.
fn read(path: &Path, look: Look) -> Result<Settings, String> {
    let names = Names { rule: &known_rule, proxy: &known_proxy };
    config::load(path, names).map_err(|e| {
        if let ConfigError::Wrong { map, complaints } = &e {
            for c in complaints {
                let finding = Finding {
                    message: c.message.clone(),
                    label: "here".to_owned(),
                    help: c.help.clone(),
                    ..Finding::new("settings", Level::Error, "", c.span)
                };
                output::to_stderr(&output::full::one(map, &finding, look));
            }
        }
        e.to_string()
    })
}

/// Whether a proxy of that name is known.
fn known_proxy(written: &str) -> Result<(), String> {
    if crate::proxy::dialect(written).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = DIALECTS.iter().map(|d| d.name()).collect();
    Err(format!("`{written}` is no proxy that hoplint knows: {}", known.join(", ")))
}

/// What container files say counts where nobody said anything, and only if they agree.
pub(super) fn add_targets(settings: &mut Settings, found: &Discovery, verbose: u8) {
    let images = image_targets(&found.images);
    for d in DIALECTS {
        if settings.target(d.name()).is_some() {
            continue;
        }
        let mut own = images.iter().filter(|i| i.0 == d.name());
        if let Some(first) = own.next()
            && own.all(|o| o.1 == first.1)
        {
            if verbose > 0 {
                output::to_stderr(&format!("target {}={} from {}:{}", first.0, first.1, first.2, first.3));
            }
            settings.targets.push((first.0.clone(), first.1));
        }
    }
}

/// Whether a rule or a category of that name exists.
pub(super) fn known_rule(written: &str) -> Result<(), String> {
    let mut known: Vec<&str> = RULES.iter().map(|r| r.id).collect();
    if known.iter().any(|id| covers(written, id)) {
        return Ok(());
    }
    known.extend(RULES.iter().filter_map(|r| r.id.split('/').next()));
    Err(match nearest(written, &known) {
        Some(near) => format!("there is no rule or category `{written}`; did you mean `{near}`?"),
        None => format!("there is no rule or category `{written}`; `hoplint rules` lists them"),
    })
}
