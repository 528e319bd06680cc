//! Would a strict RFC 6455 server accept what reaches it? (RFC 6455 §4.2.1, RFC 9110 §7.8)

use super::machine::{Assume, Branch, Sent, run};
use super::{Val, request, word::word};
use crate::model::{Known, Proxy, Request, Why, Wire};

/// What keeps a handshake from being one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// No `Upgrade` line arrives.
    NoUpgrade,
    /// An `Upgrade` line arrives that does not say `websocket`.
    WrongUpgrade,
    /// No `Connection` line arrives.
    NoConnection,
    /// A `Connection` line arrives without the token `upgrade`.
    WrongConnection,
    /// HTTP/1.0: a server must ignore `Upgrade` there.
    TooOld,
    /// HTTP/2, FastCGI, …: this wire has no upgrade.
    CannotCarry,
    /// No `Host` arrives.
    NoHost,
    /// No `Sec-WebSocket-Key` arrives.
    NoKey,
    /// `Sec-WebSocket-Version` is not 13.
    WrongVersion,
    /// The method is not GET.
    WrongMethod,
}

impl Fault {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoUpgrade => "no `Upgrade` arrives",
            Self::WrongUpgrade => "`Upgrade` does not say `websocket`",
            Self::NoConnection => "no `Connection` arrives",
            Self::WrongConnection => "`Connection` does not say `upgrade`",
            Self::TooOld => "it arrives over HTTP/1.0",
            Self::CannotCarry => "this protocol carries no upgrade",
            Self::NoHost => "no `Host` arrives",
            Self::NoKey => "no `Sec-WebSocket-Key` arrives",
            Self::WrongVersion => "`Sec-WebSocket-Version` is not 13",
            Self::WrongMethod => "the method is not GET",
        }
    }
}

/// The verdict on a request that reaches an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// A valid handshake.
    Valid,
    /// Not one, for these reasons.
    Faulty(Vec<Fault>),
    /// Not known.
    Unknown(Why),
}

/// Judges what an upstream receives.
pub fn judge(proxy: &Proxy, sent: &Sent) -> Judged {
    let mut faults = Vec::new();
    let mut doubt = None;
    let mut line = |name: &str, token: &str, none: Option<Fault>, wrong: Option<Fault>, faults: &mut Vec<Fault>| {
        let mut any = false;
        let mut good = false;
        let mut unknown = None;
        for l in sent.values(name) {
            match &l.value {
                Val::Is(v) => {
                    any = true;
                    good |= token.is_empty() || v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token));
                }
                // Any value will do, and there is one.
                Val::Unknown { full: true, .. } if token.is_empty() => (any, good) = (true, true),
                Val::Unknown { why, .. } => unknown = Some(*why),
            }
        }
        let own = sent.values(name).any(|l| l.origin.is_some_and(|o| o.how == crate::model::How::Written));
        let unknown = unknown.or(sent.open.filter(|_| !own));
        if good && (own || unknown.is_none()) {
            return;
        }
        if let Some(why) = unknown {
            doubt = Some(why);
        } else if let Some(fault) = if any { wrong } else { none } {
            faults.push(fault);
        }
    };
    let wire = proxy.hop(sent.hop).wire;
    if wire.value == Known::Is(Wire::H2) && sent.values(":protocol").next().is_some() {
        // An extended CONNECT is the handshake there, and has no key (RFC 8441 §5).
        line(":protocol", "websocket", None, Some(Fault::WrongUpgrade), &mut faults);
        line(":authority", "", Some(Fault::NoHost), None, &mut faults);
        return match (faults.is_empty(), doubt) {
            (false, _) => Judged::Faulty(faults),
            (true, Some(why)) => Judged::Unknown(why),
            (true, None) => Judged::Valid,
        };
    }
    line("upgrade", "websocket", Some(Fault::NoUpgrade), Some(Fault::WrongUpgrade), &mut faults);
    line("connection", "upgrade", Some(Fault::NoConnection), Some(Fault::WrongConnection), &mut faults);
    line("host", "", Some(Fault::NoHost), None, &mut faults);
    line("sec-websocket-key", "", Some(Fault::NoKey), None, &mut faults);
    line("sec-websocket-version", "13", None, Some(Fault::WrongVersion), &mut faults);
    match wire.value {
        Known::Is(Wire::H10) => faults.push(Fault::TooOld),
        Known::Is(Wire::H2) => faults.push(Fault::CannotCarry),
        Known::Is(_) => {}
        Known::Unknown(why) => doubt = Some(why),
    }
    match &sent.method {
        Val::Is(m) if &**m == "GET" => {}
        Val::Is(_) => faults.push(Fault::WrongMethod),
        Val::Unknown { why, .. } => doubt = Some(*why),
    }
    match (faults.is_empty(), doubt) {
        (false, _) => Judged::Faulty(faults),
        (true, Some(why)) => Judged::Unknown(why),
        (true, None) => Judged::Valid,
    }
}

/// What a browser sends beside Host to open a WebSocket (RFC 6455 §4.1).
pub const LINES: &[(&str, &str)] =
    &[("Upgrade", "websocket"), ("Connection", "Upgrade"), (KEY, "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")];

/// A complete RFC 6455 handshake, as a browser sends it.
pub fn ask(listener: usize, host: &str, target: &str) -> Request {
    request(listener, "GET", host, target, LINES)
}

/// Adds what a handshake has and a request lacks, or has otherwise: a request that came a way on which any `Upgrade` will do.
pub fn complete(request: &mut Request) {
    request.headers.reserve(LINES.len());
    for (name, value) in LINES {
        let token = |v: &str| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(value));
        match request.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            None => request.headers.push((word(name), word(value))),
            Some((_, own)) if *name != KEY && !token(own) => *own = word(value),
            Some(_) => {}
        }
    }
}

/// Whatever it says is a key.
const KEY: &str = "Sec-WebSocket-Key";

/// Sends a handshake.
pub fn probe(proxy: &Proxy, listener: usize, host: &str, target: &str) -> Vec<Branch> {
    run(proxy, &ask(listener, host, target), &Assume::default())
}
