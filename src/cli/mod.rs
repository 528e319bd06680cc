//! Reads arguments and the environment. Nobody else does.

mod analyse;
pub mod args;
mod check;
mod mend;
mod report;
mod settings;
mod setup;
mod snippet;
pub mod terminal;
mod trace;

use crate::audit::suppress::nearest;
use crate::config::covers;
use crate::output::{self, Look, catalog, explain};
use crate::rules::{RULES, rule};
use args::{Cli, Command, ListFormat, Rules};
use clap::{CommandFactory, FromArgMatches};
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Nothing at or above the threshold.
const CLEAN: u8 = 0;
/// A finding at or above the threshold.
const FOUND: u8 = 1;
/// Usage, nothing to check, or a file that could not be read.
const WRONG: u8 = 2;

/// The whole program.
pub fn run() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let matches = command(&words, |name| std::env::var_os(name)).get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let look = terminal::look(cli.color, |name| std::env::var(name).ok(), std::io::stdout().is_terminal(), columns);
    let code = match &cli.command {
        Command::Check(check) => {
            let actions = std::env::var("GITHUB_ACTIONS").is_ok_and(|v| v == "true");
            check::run(check, look, actions)
        }
        Command::Trace(t) => trace::run(t),
        Command::Snippet(s) => snippet::run(s),
        Command::Explain(e) => explain_rule(&e.rule, look),
        Command::Rules(r) => list(r),
        Command::Init(init) => setup::init(init),
        Command::Config(check) => setup::show(check, look),
        Command::Completions(c) => completions(c.shell),
    };
    ExitCode::from(code.unwrap_or_else(|message| {
        output::to_stderr(&format!("error: {message}"));
        WRONG
    }))
}

/// The command line that is understood. What is said on it goes before the environment: a variable is not asked where the option of
/// its kind, or one that does not go together with it, is given. An empty variable is none.
fn command(words: &[OsString], variable: impl Fn(&OsStr) -> Option<OsString>) -> clap::Command {
    let said: Vec<&str> = words
        .iter()
        .take_while(|w| *w != "--")
        .filter_map(|w| w.to_str()?.strip_prefix("--"))
        .map(|w| w.split_once('=').map_or(w, |(name, _)| name))
        .collect();
    let without = |command: clap::Command| {
        let given = |arg: &clap::Arg| arg.get_long().is_some_and(|long| said.contains(&long));
        let ids = |of: &clap::Arg| command.get_arg_conflicts_with(of).into_iter().map(|a| a.get_id().clone()).collect::<Vec<_>>();
        let (asked, other): (Vec<&clap::Arg>, Vec<&clap::Arg>) = command.get_arguments().partition(|a| given(a));
        let mut silent: Vec<clap::Id> = asked.iter().flat_map(|a| ids(a)).collect();
        silent.extend(other.iter().filter(|o| ids(o).iter().any(|id| asked.iter().any(|a| a.get_id() == id))).map(|o| o.get_id().clone()));
        command.mut_args(|arg| {
            let empty = arg.get_env().is_some_and(|name| variable(name).is_some_and(|value| value.is_empty()));
            if empty || silent.contains(arg.get_id()) { arg.env(None) } else { arg }
        })
    };
    let names: Vec<String> = Cli::command().get_subcommands().map(|s| s.get_name().to_owned()).collect();
    names.into_iter().fold(without(Cli::command()), |command, name| command.mut_subcommand(name, without))
}

/// How wide the terminal is.
fn columns() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| width.0.into())
}

fn completions(shell: clap_complete::Shell) -> Result<u8, String> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hoplint", &mut text);
    output::to_stdout(false, |out| out.write_all(&text)).map_err(|e| e.to_string())?;
    Ok(CLEAN)
}

fn explain_rule(written: &str, look: Look) -> Result<u8, String> {
    let known: Vec<&str> = RULES.iter().map(|r| r.id).collect();
    let near = nearest(written, &known);
    // The name without its category is no slip, but means a rule just as well.
    let named = near.filter(|id| id.split_once('/').is_some_and(|(_, name)| name == written));
    let Some(rule) = rule(named.unwrap_or(written)) else {
        return Err(match (near, known.iter().any(|id| covers(written, id))) {
            (Some(near), _) => format!("there is no rule `{written}`; did you mean `{near}`?"),
            (None, true) => format!("`{written}` is a category: `hoplint rules {written}` lists its rules"),
            (None, false) => format!("there is no rule `{written}`; `hoplint rules` lists them"),
        });
    };
    // Into files and pipes goes the page as it is.
    let width = std::io::stdout().is_terminal().then_some(look.width);
    output::to_stdout(look.colour, |out| explain::print(out, rule.page, look.colour, width)).map_err(|e| e.to_string())?;
    Ok(CLEAN)
}

fn list(args: &Rules) -> Result<u8, String> {
    for written in &args.only {
        settings::known_rule(written)?;
    }
    let wanted = |id: &str| args.only.is_empty() || args.only.iter().any(|o| covers(o, id));
    let entries: Vec<catalog::Entry<'_>> = RULES
        .iter()
        .filter(|r| wanted(r.id))
        .map(|r| catalog::Entry { id: r.id, level: r.level.word(), title: r.summary, since: r.since })
        .collect();
    output::to_stdout(false, |out| match args.format {
        ListFormat::Text => catalog::text(out, &entries),
        ListFormat::Json => catalog::json(out, &entries),
    })
    .map_err(|e| e.to_string())?;
    Ok(CLEAN)
}
