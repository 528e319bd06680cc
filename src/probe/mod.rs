//! Pretend requests: which listener, host and route take them, what reaches the upstream, what comes back.
//!
//! The machine runs a concrete request from the listener. Where a test cannot be decided it tries both ways (a *fork*) and
//! reports every branch; what all branches share is known, the rest is unknown.

mod again;
mod alike;
mod asked;
mod differs;
mod essence;
mod eval;
mod example;
mod index;
mod machine;
mod path;
mod select;
mod shadow;
mod solve;
mod value;
mod way;
mod witness;
mod word;

pub mod handshake;
pub mod idle;
pub mod preflight;
pub mod trace;
pub mod trial;

pub(crate) use crate::parallel;
pub use alike::alike;
pub use asked::Asked;
pub use essence::{Aspect, Essence};
pub use example::texts_of;
pub use machine::{Assume, Branch, Cached, Credentials, End, Errand, Far, Jump, Line, Machine, Sent, run};
pub use shadow::{Shadowed, shadowed};
pub use value::Val;
pub use witness::{Witness, survey, witnesses};

use crate::model::{Dial, Request, Text};

/// A request with these headers.
pub fn request(listener: usize, method: &str, host: &str, target: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = get(listener, host.into(), target.into());
    request.method = word::word(method);
    request.headers.extend(headers.iter().map(|(n, v)| (Text::from(*n), Text::from(*v))));
    request
}

/// The plainest request.
fn get(listener: usize, host: Text, target: Text) -> Request {
    Request {
        listener,
        http: word::word("1.1"),
        method: word::word("GET"),
        target,
        headers: vec![(word::word("Host"), host)],
        dial: Dial::Fitting,
        sni: None,
        offers: Vec::new(),
        client: None,
    }
}
