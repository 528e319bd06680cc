//! What nginx knows of directives and of the blocks that they stand in, before any configuration is read.

mod foreign;
pub(super) mod table;
mod words;

pub(super) use foreign::is_foreign;

/// What a block is, as far as directives are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// The whole file.
    Main,
    /// `events`
    Events,
    /// `http`
    Http,
    /// `server` in `http`
    Server,
    /// `location`
    Location,
    /// `upstream` in `http`
    Upstream,
    /// `if` in a server
    IfInServer,
    /// `if` in a location
    IfInLocation,
    /// `limit_except`
    LimitExcept,
    /// `stream`
    Stream,
    /// `server` in `stream`
    StreamServer,
    /// `upstream` in `stream`
    StreamUpstream,
    /// `mail` and its servers
    Mail,
    /// `map`, `types`, `geo`, …: data, not directives
    Free,
    /// The block of a module that hoplint does not know
    Foreign,
}

impl Context {
    /// The context that a person names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "main" => Self::Main,
            "http" => Self::Http,
            "server" => Self::Server,
            "location" => Self::Location,
            "stream" => Self::Stream,
            "events" => Self::Events,
            "upstream" => Self::Upstream,
            _ => return None,
        })
    }

    /// The context inside a block of that name.
    pub fn inside(self, block: &str) -> Self {
        match (self, block) {
            // What belongs to another module means there what it wants to.
            (Self::Foreign, _) => Self::Foreign,
            (_, "http") => Self::Http,
            (_, "events") => Self::Events,
            (_, "stream") => Self::Stream,
            (_, "mail") => Self::Mail,
            (_, "map" | "types" | "geo" | "split_clients" | "charset_map" | "match") => Self::Free,
            (Self::Mail, _) => Self::Mail,
            (Self::Stream, "server") => Self::StreamServer,
            (Self::Stream, "upstream") => Self::StreamUpstream,
            (_, "server") => Self::Server,
            (_, "upstream") => Self::Upstream,
            (_, "location") => Self::Location,
            (Self::Server | Self::IfInServer, "if") => Self::IfInServer,
            (_, "if") => Self::IfInLocation,
            (_, "limit_except") => Self::LimitExcept,
            _ => Self::Foreign,
        }
    }
}

/// What a word says as the name of a directive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Name {
    /// Its place in the table of directives.
    pub(super) entry: Option<u16>,
    /// Whether a well-known module has directives of such names.
    pub(super) foreign: bool,
}

/// Looks a name up.
pub(super) fn name(text: &str) -> Name {
    Name { entry: table::find(text).map(|i| i as u16), foreign: is_foreign(text) }
}
