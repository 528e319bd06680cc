//! What goes in, and what an outcome rests on. Dialects and rules both speak of these.

use super::{Origin, Text};

/// A pretend request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Index of the listener.
    pub listener: usize,
    /// `1.0`, `1.1` or `2`.
    pub http: Text,
    /// Method.
    pub method: Text,
    /// Path and query, as sent.
    pub target: Text,
    /// Headers, in order, names as sent; `Host` among them.
    pub headers: Vec<(Text, Text)>,
    /// How the client dials.
    pub dial: Dial,
    /// Name that TLS asked for.
    pub sni: Option<Text>,
    /// Protocols that the TLS client offers besides the one that it speaks.
    pub offers: Vec<Text>,
    /// Address of the client; none: any.
    pub client: Option<Text>,
}

/// How a client dials.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dial {
    /// As the listener wants it.
    Fitting,
    /// Plainly.
    Plain,
    /// With TLS.
    Tls,
}

impl Request {
    /// First value of a header, name in lower case.
    pub fn header(&self, name: &str) -> Option<&Text> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }
}

/// The part that a fact played in an outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Role {
    /// Chosen: listener, host, route.
    Took,
    /// A jump was taken here.
    Jumped,
    /// A header line was made here.
    Header,
    /// A list that lacks a line.
    Missing,
    /// A list that was replaced.
    Displaced,
    /// A clock.
    Clock,
    /// A gate.
    Gate,
    /// The protocol towards the upstream.
    Wire,
    /// The proxy itself answered here.
    Answered,
    /// What is in force instead of what is written, or what was meant.
    Instead,
}

/// One fact that an outcome rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// Its part.
    pub role: Role,
    /// Where it comes from.
    pub origin: Origin,
    /// In words.
    pub value: String,
}
