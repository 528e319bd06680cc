//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    config::{RouteDeclaration, Serves, parse_duration, parse_include_map, parse_route, parse_target},
    model::Version,
    output,
    probe::Far,
    rules::{Confidence, Level},
    source::IncludeMap,
};

/// What `hoplint` was called with.
#[derive(Parser, Clone, Debug)]
#[command(name = "hoplint", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(
    long_about = "Finds WebSocket, server-sent-event and CORS routes that will break, by sending pretend requests through a model of \
the reverse proxy. Nothing is contacted, and nothing is changed unless that is asked for."
)]
#[command(after_help = EXITS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", env = "HOPLINT_COLOR", hide_env_values = true)]
    pub color: Color,
}

const EXITS: &str = "Exit codes:\n  0  nothing found at or above the level of --fail-on\n  1  something found at or above that level\n  \
2  wrong usage, or nothing could be checked";

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Check configuration files and report what will break
    Check(Box<Check>),
    /// Say what one request would meet: who takes it, what reaches the upstream, what comes back
    Trace(Box<Trace>),
    /// Write a complete, commented configuration for one route
    Snippet(Snippet),
    /// Show the page about a rule: what it finds, why that breaks, and the correction
    Explain(Explain),
    /// List all rules
    Rules(Rules),
    /// Write a commented settings file from what is seen below a folder
    Init(Init),
    /// Show the settings that hold for these paths, and where they come from
    Config(Box<Check>),
    /// Print completions for a shell
    Completions(Completions),
}

const KNOWN: &str = "What is known";
const FILES: &str = "Files";
const FINDINGS: &str = "Findings";
const CORRECTIONS: &str = "Corrections";
const REPORTS: &str = "Reports";
const SETTINGS: &str = "Settings";

/// Arguments of `check`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXITS)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  hoplint check                                    every configuration below the current folder\n",
    "  hoplint check /etc/nginx/nginx.conf\n",
    "  nginx -T 2>/dev/null | hoplint check -           what the running nginx sees\n",
    "  hoplint check --target nginx=1.22 --heartbeat 30s --route '/ws/=websocket' site.conf\n",
    "\nExit codes:\n",
    "  0  nothing found at or above the level of --fail-on\n",
    "  1  something found at or above that level\n",
    "  2  wrong usage, or nothing could be checked",
))]
pub struct Check {
    /// Files and folders to check; `-` is standard input
    ///
    /// Folders are searched for files that look like a configuration. Without a path the current folder is searched.
    #[arg(value_name = "PATHS")]
    pub paths: Vec<String>,

    /// The release that is or will be in use, as `nginx=1.22` (repeatable)
    ///
    /// Without it all supported releases are considered, and findings say for which of them they hold.
    #[arg(long, value_name = "PROXY=VERSION", value_parser = parse_target, value_delimiter = ',', env = "HOPLINT_TARGET", hide_env_values = true, help_heading = KNOWN)]
    pub target: Vec<(String, Version)>,

    /// How often the application sends something over an idle connection, such as `30s`
    ///
    /// Idle limits are measured against it. Takes ms, s, m and h, also combined as `1m30s`.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, env = "HOPLINT_HEARTBEAT", hide_env_values = true, help_heading = KNOWN)]
    pub heartbeat: Option<u64>,

    /// What a path serves, as `/ws/=websocket` (repeatable)
    ///
    /// Use it where the configuration does not tell. Kinds are websocket, sse and cors. A heartbeat may follow: `/ws/=websocket,heartbeat=30s`.
    #[arg(long, value_name = "PATH=KIND", value_parser = parse_route, help_heading = KNOWN)]
    pub route: Vec<RouteDeclaration>,

    /// Read included files elsewhere, as `/etc/nginx=./conf` (repeatable)
    ///
    /// The paths in a repository are seldom those of the server. The longest FROM that fits wins.
    #[arg(long, value_name = "FROM=TO", value_parser = parse_include_map, help_heading = FILES)]
    pub include_map: Vec<IncludeMap>,

    /// Where the given files would be included
    ///
    /// For fragments that are no whole configuration. Without it hoplint works it out.
    #[arg(long, value_enum, value_name = "CONTEXT", env = "HOPLINT_CONTEXT", hide_env_values = true, help_heading = FILES)]
    pub context: Option<Context>,

    /// The language of the given files, instead of working it out
    #[arg(long, value_name = "DIALECT", env = "HOPLINT_DIALECT", hide_env_values = true, value_parser = dialect_name, help_heading = FILES)]
    pub dialect: Option<String>,

    /// How to print the findings [default: full, under GitHub Actions github]
    #[arg(long, value_enum, value_name = "FORMAT", env = "HOPLINT_FORMAT", hide_env_values = true, help_heading = REPORTS)]
    pub format: Option<Format>,

    /// Print in that format, into a file where one is named, as `sarif=report.sarif` (repeatable)
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = parse_output, conflicts_with = "format", help_heading = REPORTS)]
    pub output: Vec<(Format, Option<PathBuf>)>,

    /// Print how many findings each rule has instead of the findings
    #[arg(long, conflicts_with_all = ["format", "output"], help_heading = REPORTS)]
    pub statistics: bool,

    /// Correct what can be corrected safely, and report what remains
    ///
    /// A correction is made only if it is proved: the finding goes, nothing new comes, and every other request fares as before.
    #[arg(long, conflicts_with_all = ["write_baseline", "diff_base", "baseline"], help_heading = CORRECTIONS)]
    pub fix: bool,

    /// Also make corrections that change something else; the report says what
    #[arg(long, help_heading = CORRECTIONS)]
    pub unsafe_fixes: bool,

    /// Show the corrections as a unified diff instead of making them; exit with 1 if there are any
    #[arg(long, conflicts_with_all = ["fix", "format", "output", "statistics", "write_baseline", "diff_base", "baseline"], help_heading = CORRECTIONS)]
    pub diff: bool,

    /// Report only findings of at least this level
    #[arg(long, value_enum, value_name = "LEVEL", env = "HOPLINT_MIN_LEVEL", hide_env_values = true, help_heading = FINDINGS)]
    pub min_level: Option<MinLevel>,

    /// Report only findings that are at least this sure
    #[arg(long, value_enum, value_name = "CONFIDENCE", env = "HOPLINT_MIN_CONFIDENCE", hide_env_values = true, help_heading = FINDINGS)]
    pub min_confidence: Option<MinConfidence>,

    /// Do not report what this file holds
    #[arg(long, value_name = "FILE", env = "HOPLINT_BASELINE", hide_env_values = true, help_heading = FINDINGS)]
    pub baseline: Option<PathBuf>,

    /// Write everything that is found into this file, to be used with --baseline, and exit with 0
    #[arg(long, value_name = "FILE", conflicts_with_all = ["baseline", "diff_base"], help_heading = FINDINGS)]
    pub write_baseline: Option<PathBuf>,

    /// Write a comment with this reason above everything that is found, so that it is silent from now on
    #[arg(long, value_name = "REASON", conflicts_with_all = ["write_baseline", "diff_base", "fix", "diff"], help_heading = FINDINGS)]
    pub add_ignore: Option<String>,

    /// Report only what came after this commit, or after the branch left it
    ///
    /// All files are read and judged, in the work tree and as they were in the last commit that both have; what was found there is
    /// left out, also where a changed line breaks a route in another file.
    #[arg(long, value_name = "COMMIT", help_heading = FINDINGS)]
    pub diff_base: Option<String>,

    /// Report only these rules or categories, such as `websocket` (repeatable, comma separated)
    #[arg(long, value_name = "RULES", value_delimiter = ',', help_heading = FINDINGS)]
    pub select: Vec<String>,

    /// Do not report these rules or categories (repeatable, comma separated)
    #[arg(long, value_name = "RULES", value_delimiter = ',', help_heading = FINDINGS)]
    pub ignore: Vec<String>,

    /// Check the fenced blocks of Markdown files too that a search of folders finds
    ///
    /// Blocks marked nginx, haproxy or envoy (as `yaml envoy`) are checked. A Markdown file that is named is always checked.
    #[arg(long, help_heading = FILES)]
    pub markdown: bool,

    /// Read the paths to check from this file, one a line or with NUL bytes between them; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = FILES)]
    pub files_from: Option<PathBuf>,

    /// Pass over named files that no known proxy would read, and exit with 0 when none is left
    ///
    /// For hooks, which hand over whatever was changed.
    #[arg(long, help_heading = FILES)]
    pub skip_unknown: bool,

    /// Exit with 0 although there are findings; what cannot be read still gives 2
    #[arg(long, help_heading = REPORTS)]
    pub exit_zero: bool,

    /// The lowest level that makes the exit code 1 [default: error]
    #[arg(long, value_enum, value_name = "LEVEL", env = "HOPLINT_FAIL_ON", hide_env_values = true, help_heading = REPORTS)]
    pub fail_on: Option<FailOn>,

    /// What to call standard input in reports
    #[arg(long, value_name = "NAME", help_heading = FILES)]
    pub stdin_filename: Option<String>,

    /// Read settings from this file instead of searching for one
    #[arg(long, value_name = "FILE", env = "HOPLINT_CONFIG", hide_env_values = true, conflicts_with = "isolated", help_heading = SETTINGS)]
    pub config: Option<PathBuf>,

    /// Read no settings file at all
    #[arg(long, help_heading = SETTINGS)]
    pub isolated: bool,

    /// Say on standard error which files were read and what was taken for granted (repeat for more)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Check {
    /// Whether some report shows corrections.
    pub(super) fn shows_fixes(&self) -> bool {
        let shows = |f: &Format| matches!(f, Format::Full | Format::Json | Format::Sarif | Format::Rdjson);
        let asked = if self.output.is_empty() { self.format.as_ref().is_none_or(shows) } else { self.output.iter().any(|(f, _)| shows(f)) };
        asked && !self.statistics && !self.fix && !self.diff && self.write_baseline.is_none()
    }
}

/// Arguments of `trace`.
#[derive(Args, Clone, Debug)]
#[command(disable_help_flag = true)]
#[command(
    after_help = "Exit codes:\n  0  answered; what is not known is said\n  2  wrong usage, an unreadable configuration, or no such listener"
)]
pub struct Trace {
    /// What is asked for: http://, https://, ws:// or wss://; the path is taken byte for byte
    #[arg(value_name = "URL")]
    pub url: String,

    /// The main file of the configuration; several where the proxy loads several
    #[arg(value_name = "CONFIG", required = true)]
    pub configs: Vec<String>,

    /// The language of the configuration, instead of working it out
    #[arg(long, value_name = "DIALECT", env = "HOPLINT_DIALECT", hide_env_values = true, value_parser = dialect_name)]
    pub dialect: Option<String>,

    /// The release, as `nginx=1.22`; without it the newest supported one
    #[arg(long, value_name = "PROXY=VERSION", value_parser = parse_target, value_delimiter = ',', env = "HOPLINT_TARGET", hide_env_values = true)]
    pub target: Vec<(String, Version)>,

    /// Where the connection arrives, as `127.0.0.1:8080`; without it the URL's port decides
    #[arg(long, value_name = "ADDRESS")]
    pub listener: Option<String>,

    /// The method
    #[arg(short = 'X', long = "method", value_name = "METHOD")]
    pub method: Option<String>,

    /// A header line, in this order; replaces what the URL's scheme sends by that name
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,

    /// The protocol version of the client
    #[arg(long, value_enum, default_value_t = Http::H11, value_name = "VERSION")]
    pub http: Http,

    /// The request target as it is, instead of the URL's path and query
    #[arg(long, value_name = "TARGET")]
    pub raw_target: Option<String>,

    /// Send no Host line
    #[arg(long)]
    pub no_host: bool,

    /// The name that TLS asks for; without it the URL's host
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,

    /// The protocols that the TLS client offers, e.g. `h2,http/1.1`; without it the one that it speaks
    #[arg(long, value_name = "LIST")]
    pub alpn: Option<String>,

    /// Size of the request body in bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub body_size: u64,

    /// What an upstream answers: strict, lenient, refused, silent (connecting hangs), garbage (no HTTP) or a status (`*` is every
    /// upstream)
    #[arg(long, value_name = "ADDR=REPLY", value_parser = parse_reply)]
    pub upstream: Vec<(String, Far)>,

    /// A header line of an upstream's answer
    #[arg(long, value_name = "ADDR=NAME: VALUE", value_parser = parse_reply_header)]
    pub upstream_header: Vec<(String, (String, String))>,

    /// Where a path of the target machine lies here, as `/etc/nginx=./nginx` (repeatable)
    #[arg(long, value_name = "FROM=TO", value_parser = parse_include_map)]
    pub include_map: Vec<IncludeMap>,

    /// How to print the answer
    #[arg(long, value_enum, default_value_t = ListFormat::Text, value_name = "FORMAT")]
    pub format: ListFormat,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
}

/// The protocol version of a client.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Http {
    /// HTTP/1.0
    #[value(name = "1.0")]
    H10,
    /// HTTP/1.1
    #[value(name = "1.1")]
    H11,
    /// HTTP/2
    #[value(name = "2")]
    H2,
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    // HTTP/2 has names that begin with a colon.
    let pseudo = usize::from(text.starts_with(':'));
    let colon = text[pseudo..].find(':').ok_or_else(|| format!("`{text}` is not `Name: value`"))? + pseudo;
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    if name.trim().is_empty() {
        return Err(format!("`{text}` has no header name"));
    }
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn parse_reply(text: &str) -> Result<(String, Far), String> {
    let (at, reply) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not `ADDR=REPLY`, such as `10.0.0.1:80=refused`"))?;
    let reply = match reply {
        "strict" => Far::Strict,
        "lenient" => Far::Lenient,
        "refused" => Far::Refused,
        "silent" => Far::Silent,
        "garbage" => Far::Garbage,
        status => match status.parse::<u16>() {
            Ok(status @ 100..=599) => Far::Status(status),
            _ => return Err(format!("`{status}` is no reply: strict, lenient, refused, silent, garbage or a status")),
        },
    };
    Ok((at.to_owned(), reply))
}

fn parse_reply_header(text: &str) -> Result<(String, (String, String)), String> {
    let (at, line) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `ADDR=Name: value`"))?;
    Ok((at.to_owned(), parse_header(line)?))
}

/// Arguments of `snippet`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  hoplint snippet websocket --dialect nginx --target nginx=1.22 --path /ws/ --upstream app:3000 --heartbeat 30s"
)]
pub struct Snippet {
    /// What the route serves
    #[arg(value_enum, value_name = "KIND")]
    pub kind: SnippetKind,

    /// The proxy's language
    #[arg(long, value_name = "DIALECT", env = "HOPLINT_DIALECT", hide_env_values = true, value_parser = dialect_name)]
    pub dialect: String,

    /// The oldest release that it must suit, as `nginx=1.22`; without it all supported ones
    #[arg(long, value_name = "PROXY=VERSION", value_parser = parse_target, value_delimiter = ',', env = "HOPLINT_TARGET", hide_env_values = true)]
    pub target: Vec<(String, Version)>,

    /// The path; without it a usual one
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,

    /// The application, as `host:port`
    #[arg(long, value_name = "HOST:PORT")]
    pub upstream: String,

    /// How often the application sends something over an idle connection, such as `30s`
    #[arg(long, value_name = "TIME", value_parser = parse_duration, env = "HOPLINT_HEARTBEAT", hide_env_values = true)]
    pub heartbeat: Option<u64>,

    /// An origin whose pages may use the route, as `https://app.example.com` (repeatable)
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
}

/// What a route serves.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnippetKind {
    /// WebSocket
    Websocket,
    /// An API for pages of other origins
    Cors,
    /// Server-sent events
    Sse,
    /// Socket.IO, with long polling
    Socketio,
}

impl From<SnippetKind> for Serves {
    fn from(kind: SnippetKind) -> Self {
        match kind {
            SnippetKind::Websocket => Self::WebSocket,
            SnippetKind::Cors => Self::Cors,
            SnippetKind::Sse => Self::Events,
            SnippetKind::Socketio => Self::SocketIo,
        }
    }
}

/// Arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// The rule's id, such as `websocket/upgrade-not-forwarded`; its name alone will do
    #[arg(value_name = "RULE")]
    pub rule: String,
}

/// Arguments of `init`.
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// The folder, usually the root of a repository
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,

    /// Write over a settings file that exists
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `rules`.
#[derive(Args, Clone, Debug)]
pub struct Rules {
    /// Only these rules or categories, such as `websocket`
    #[arg(value_name = "RULES")]
    pub only: Vec<String>,

    /// How to print the list
    #[arg(long, value_enum, default_value_t = ListFormat::Text, value_name = "FORMAT")]
    pub format: ListFormat,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into files and pipes
    Always,
    /// Never
    Never,
}

/// How to print findings.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people: with the lines of the file
    Full,
    /// One line for each finding
    Concise,
    /// For programs: one JSON document
    Json,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab's Code Quality report
    Gitlab,
    /// JUnit's XML
    Junit,
    /// Checkstyle's XML
    Checkstyle,
    /// Reviewdog's diagnostic format
    Rdjson,
}

impl From<Format> for output::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Full => Self::Full,
            Format::Concise => Self::Concise,
            Format::Json => Self::Json,
            Format::Sarif => Self::Sarif,
            Format::Github => Self::Github,
            Format::Gitlab => Self::Gitlab,
            Format::Junit => Self::Junit,
            Format::Checkstyle => Self::Checkstyle,
            Format::Rdjson => Self::Rdjson,
        }
    }
}

fn parse_output(text: &str) -> Result<(Format, Option<PathBuf>), String> {
    let (format, file) = text.split_once('=').map_or((text, None), |(f, file)| (f, Some(PathBuf::from(file))));
    if file.as_ref().is_some_and(|f| f.as_os_str().is_empty()) {
        return Err(format!("`{text}` names no file"));
    }
    let format = Format::from_str(format, true).map_err(|_| {
        let known: Vec<String> =
            Format::value_variants().iter().filter_map(|f| Some(f.to_possible_value()?.get_name().to_owned())).collect();
        format!("`{format}` is no format: {}", known.join(", "))
    })?;
    Ok((format, file))
}

/// The lowest level that is reported.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum MinLevel {
    /// Everything
    Hint,
    /// Not what is only worth knowing
    Warning,
    /// Only what breaks for certain
    Error,
}

impl From<MinLevel> for Level {
    fn from(level: MinLevel) -> Self {
        match level {
            MinLevel::Hint => Self::Hint,
            MinLevel::Warning => Self::Warning,
            MinLevel::Error => Self::Error,
        }
    }
}

/// How sure a finding must be to be reported.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum MinConfidence {
    /// Everything
    Guess,
    /// What follows from the configuration and a usual assumption
    Likely,
    /// What follows from the configuration
    Certain,
}

impl From<MinConfidence> for Confidence {
    fn from(confidence: MinConfidence) -> Self {
        match confidence {
            MinConfidence::Guess => Self::Guess,
            MinConfidence::Likely => Self::Likely,
            MinConfidence::Certain => Self::Certain,
        }
    }
}

/// How to print the list of rules.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The lowest level that fails a run.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailOn {
    /// What breaks for certain
    Error,
    /// Also what breaks in common situations
    Warning,
    /// Any finding
    Hint,
    /// No finding
    Never,
}

impl FailOn {
    /// The level from which a finding fails a run.
    pub const fn level(self) -> Option<Level> {
        Some(match self {
            Self::Error => Level::Error,
            Self::Warning => Level::Warning,
            Self::Hint => Level::Hint,
            Self::Never => return None,
        })
    }
}

/// Where a fragment would be included.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// At the top of the main file
    Main,
    /// Inside `http`
    Http,
    /// Inside `server`
    Server,
    /// Inside `location`
    Location,
    /// Inside `stream`
    Stream,
}

impl Context {
    /// The word as written in a configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Http => "http",
            Self::Server => "server",
            Self::Location => "location",
            Self::Stream => "stream",
        }
    }
}

fn dialect_name(text: &str) -> Result<String, String> {
    match crate::proxy::dialect(text) {
        Some(d) => Ok(d.name().to_owned()),
        None => {
            let known: Vec<&str> = crate::proxy::DIALECTS.iter().map(|d| d.name()).collect();
            Err(format!("`{text}` is no proxy that hoplint knows: {}", known.join(", ")))
        }
    }
}
