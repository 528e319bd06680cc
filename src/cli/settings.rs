//! The settings file, the options over it, and what container files say.

use super::args::Check;
use crate::audit::suppress::nearest;
use crate::config::{self, Settings, covers, image_targets};
use crate::output;
use crate::proxy::DIALECTS;
use crate::rules::RULES;
use crate::source::Discovery;
use std::path::Path;

/// The settings file, then the options over it.
pub(super) fn settings(args: &Check) -> Result<Settings, String> {
    let file = match (&args.config, args.isolated) {
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
    let mut settings = match file {
        Some(path) => config::load(path.strip_prefix(&here).unwrap_or(&path)).map_err(|e| e.to_string())?,
        None => Settings::default(),
    };
    settings.targets.extend(args.target.iter().cloned());
    settings.heartbeat = args.heartbeat.or(settings.heartbeat);
    settings.routes.extend(args.route.iter().cloned());
    settings.select.extend(args.select.iter().cloned());
    settings.ignore.extend(args.ignore.iter().cloned());
    for written in args.select.iter().chain(&args.ignore) {
        known_rule(written)?;
    }
    settings.include_maps.extend(args.include_map.iter().cloned());
    for (dialect, _) in &settings.targets {
        if crate::proxy::dialect(dialect).is_none() {
            return Err(format!("target: `{dialect}` is no proxy that hoplint knows"));
        }
    }
    Ok(settings)
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
