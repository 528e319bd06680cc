//! What the tool says, beside what happened.

use super::DEAD;
use super::peer::Message;
use super::request::Asked;
use hoplint::probe::trace::{HeaderLine, Trace};

/// Fields of one comparison.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) wrong: Vec<String>,
    pub(super) unknown: Vec<String>,
}

/// Compares; `sent` is the last request that a server saw. `counted`: whether no body has no length.
pub(super) fn compare(
    said: &Trace,
    asked: &Asked,
    answer: Option<&Message>,
    sent: Option<&(usize, Message)>,
    address: Option<String>,
    counted: bool,
) -> Fields {
    let mut f = Fields::default();
    let status = answer.and_then(|a| a.first.split(' ').nth(1)?.parse::<u16>().ok());
    let refused_there = asked.handshake && sent.is_some() && status != Some(101);
    if !refused_there {
        f.field(said, "/response/status", &format!("{:?}", said.status), &format!("{status:?}"));
    }
    if let Some(h) = &said.handshake {
        let real = if status == Some(101) { "upgraded" } else { "refused" };
        if h.verdict == "unknown" {
            f.unknown.push("/handshake/verdict".to_owned());
        } else {
            f.field(said, "/handshake/verdict", h.verdict, real);
        }
    }
    match (&said.upstream, sent) {
        // Nobody is there to see it.
        (Some(up), _) if up.addresses == [DEAD] => {}
        (Some(up), Some((_, message))) => {
            if let Some(address) = address
                && !unknown(said, "/upstream/addresses")
                && !up.addresses.contains(&address)
            {
                f.wrong.push(format!("/upstream/addresses: {:?}, but {address}", up.addresses));
            }
            let carried = up.line.is_some() || unknown(said, "/upstream/request/line");
            // Others than HTTP have no such line.
            if carried {
                f.field(said, "/upstream/request/line", up.line.as_deref().unwrap_or(""), &message.first);
            }
            f.headers(said, "/upstream/request/headers", &up.headers, message, &|n| {
                matches!(
                    n,
                    "host"
                        | "upgrade"
                        | "connection"
                        | "origin"
                        | "x-one"
                        | "x-two"
                        | "x-three"
                        | "sec-websocket-key"
                        | "sec-websocket-version"
                ) || carried && counted && n == "content-length"
            });
        }
        (None, None) => {}
        (ours, theirs) => f.field(said, "/upstream", &ours.is_some().to_string(), &theirs.is_some().to_string()),
    }
    if let Some(answer) = answer {
        // Which of several servers answered was compared by its address.
        let chance = said.upstream.as_ref().is_some_and(|u| u.addresses.len() > 1);
        f.headers(said, "/response/headers", &said.headers, answer, &|n| {
            n.starts_with("access-control-")
                || n.starts_with("x-accel-")
                || matches!(n, "vary" | "location" | "x-one" | "x-two" | "x-three")
                || n == "x-backend" && !chance
        });
        if let Some(body) = &said.body
            && asked.method != "HEAD"
        {
            f.field(said, "/response/body", body, &answer.body);
        }
    }
    f
}

fn unknown(said: &Trace, pointer: &str) -> bool {
    said.unknown.iter().any(|(p, _)| p == pointer || pointer.strip_prefix(&**p).is_some_and(|rest| rest.starts_with('/')))
}

impl Fields {
    fn field(&mut self, said: &Trace, pointer: &str, ours: &str, theirs: &str) {
        if unknown(said, pointer) {
            self.unknown.push(pointer.to_owned());
        } else if ours != theirs {
            self.wrong.push(format!("{pointer}: {ours}, but {theirs}"));
        }
    }

    fn headers(&mut self, said: &Trace, pointer: &str, ours: &[HeaderLine], theirs: &Message, names: &dyn Fn(&str) -> bool) {
        let mut all: Vec<String> =
            ours.iter().map(|h| h.0.to_ascii_lowercase()).chain(theirs.headers.iter().map(|h| h.0.to_ascii_lowercase())).collect();
        all.retain(|n| names(n));
        all.sort();
        all.dedup();
        for name in all {
            let own: Vec<&HeaderLine> = ours.iter().filter(|h| h.0.eq_ignore_ascii_case(&name)).collect();
            let mut a: Vec<&str> = own.iter().filter_map(|h| h.1.as_deref()).collect();
            let mut b = theirs.values(&name);
            a.sort_unstable();
            b.sort_unstable();
            if own.iter().any(|h| h.1.is_none()) || unknown(said, pointer) {
                self.unknown.push(format!("{pointer} {name}"));
            } else if a != b {
                self.wrong.push(format!("{pointer} {name}: {a:?}, but {b:?}"));
            }
        }
    }
}
