//! What a person wants written: a route of some kind, from nothing.

/// What the route serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Serves {
    /// WebSocket.
    WebSocket,
    /// An API for pages of other origins.
    Cors,
    /// Server-sent events.
    Events,
    /// Socket.IO: long polling, then WebSocket, on one path.
    SocketIo,
}

impl Serves {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::Cors, Self::Events, Self::SocketIo];

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Cors => "cors",
            Self::Events => "sse",
            Self::SocketIo => "socketio",
        }
    }

    /// What it is called in sentences.
    pub const fn title(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::Cors => "Requests from other origins",
            Self::Events => "Server-sent events",
            Self::SocketIo => "Socket.IO",
        }
    }

    /// The path when none is named.
    pub const fn path(self) -> &'static str {
        match self {
            Self::WebSocket => "/ws/",
            Self::Cors => "/api/",
            Self::Events => "/events/",
            Self::SocketIo => "/socket.io/",
        }
    }
}

/// An order for a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// What the route serves.
    pub serves: Serves,
    /// Its path, beginning with a slash.
    pub path: String,
    /// `host:port` of the application.
    pub upstream: String,
    /// How often something is sent over an idle connection, in milliseconds.
    pub heartbeat: Option<u64>,
    /// Origins of pages that may use it (`https://app.example.com`).
    pub origins: Vec<String>,
}

/// Heartbeats of 20 s and 25 s are common; this is comfortable for them.
const COMFORTABLE: u64 = 75_000;

impl Order {
    /// The shortest idle limit to be written, in whole seconds: at least twice the heartbeat.
    pub fn idle_seconds(&self) -> u64 {
        self.heartbeat.map_or(COMFORTABLE, |beat| (2 * beat).max(COMFORTABLE)).div_ceil(1000)
    }

    /// A remark on that limit.
    pub fn idle_reason(&self) -> String {
        match self.heartbeat {
            Some(beat) if 2 * beat >= COMFORTABLE => "twice the heartbeat".to_owned(),
            Some(_) => "more than twice the heartbeat".to_owned(),
            None => "enough for heartbeats up to 35 s; ask the application for its own".to_owned(),
        }
    }

    /// Whether upgrades are forwarded.
    pub fn upgrades(&self) -> bool {
        matches!(self.serves, Serves::WebSocket | Serves::SocketIo)
    }

    /// The path without a slash at the end, if there is one and something is left.
    pub fn bare_path(&self) -> Option<&str> {
        self.path.strip_suffix('/').filter(|p| !p.is_empty())
    }

    /// What is wrong with it, if anything: what is written goes into a configuration as it is.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub fn check(&self) -> Result<(), String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'~');
        if !self.path.starts_with('/') || !self.path.bytes().all(plain) {
            return Err(format!("`{}` is no path of letters, digits and `/.-_~`", self.path));
        }
        let (host, port) = self.upstream.rsplit_once(':').ok_or_else(|| format!("`{}` is not `host:port`", self.upstream))?;
        let host_fits = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if !host_fits || port.parse::<u16>().is_err() {
            return Err(format!("`{}` is not `host:port`", self.upstream));
        }
        for origin in &self.origins {
            let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
            if authority.is_empty() || !authority.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':')) {
                return Err(format!("`{origin}` is no origin: write the scheme and the host, such as `https://app.example.com`"));
            }
        }
        Ok(())
    }
}
