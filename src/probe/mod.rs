//! Pretend requests: which listener, host and route take them, what reaches the upstream, what comes back.
//!
//! The machine runs a concrete request from the listener. Where a test cannot be decided it tries both ways (a *fork*) and
//! reports every branch; what all branches share is known, the rest is unknown.

mod again;
mod essence;
mod eval;
mod machine;
mod path;
mod select;
mod witness;

pub mod handshake;
pub mod idle;
pub mod preflight;
pub mod trace;
pub mod trial;

pub use essence::{Aspect, Essence};
pub use eval::Val;
pub use machine::{Assume, Branch, Cached, Credentials, End, Errand, Far, Jump, Line, Sent, run};
pub use witness::{Witness, texts_of, witnesses};

use crate::model::{Dial, Request, Text};

/// A request with these headers.
pub fn request(listener: usize, method: &str, host: &str, target: &str, headers: &[(&str, &str)]) -> Request {
    let mut lines: Vec<(Text, Text)> = vec![("Host".into(), host.into())];
    lines.extend(headers.iter().map(|(n, v)| (Text::from(*n), Text::from(*v))));
    Request {
        listener,
        http: "1.1".into(),
        method: method.into(),
        target: target.into(),
        headers: lines,
        dial: Dial::Fitting,
        sni: None,
        client: None,
    }
}
