//! What the outside sees of a branch, without ids and places: equal essences are equal behaviour.

use super::Val;
use super::machine::{Branch, End, Line};
use crate::model::{Clock, GateOn, Known, Limit, Proxy, Text, Why, Wire};
use std::collections::BTreeMap;

/// A value, or in words why it is not known.
#[derive(Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
enum Seen {
    Is(Text),
    Unknown(String),
}

/// One aspect in which two behaviours differ.
#[derive(Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Aspect {
    /// How it ends, or the status.
    End,
    /// The body of the proxy's own answer.
    Body,
    /// Lines of this name in the answer.
    Answer(String),
    /// Whether more lines may be in the answer.
    AnswerOpen,
    /// Method, path, address or protocol towards the upstream.
    Route,
    /// Lines of this name towards the upstream.
    Sent(String),
    /// Whether more lines may go upstream.
    SentOpen,
    /// How the connection to the upstream is managed: HTTP/1.0 or 1.1, kept or closed. Nothing that an application sees.
    Connection,
    /// A timer.
    Timer,
    /// A gate that was met is met no more, or answers otherwise.
    Gates,
    /// A gate is met that was not.
    MoreGates,
    /// Whether the answer is held back in a buffer.
    Buffered,
    /// Whether a cache may answer.
    Cached,
    /// What the proxy asks others beside the request.
    Errands,
}

/// What the outside sees of one branch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Essence {
    end: String,
    status: Option<u16>,
    body: Option<Seen>,
    answer: BTreeMap<String, Vec<Seen>>,
    answer_open: Option<String>,
    sent: Option<Sending>,
    gates: Vec<(String, bool)>,
    timers: Vec<String>,
    cached: Option<Seen>,
    errands: Vec<(String, Option<Sending>)>,
}

/// What the upstream sees.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sending {
    method: Seen,
    target: Seen,
    addresses: Vec<Text>,
    headers: BTreeMap<String, Vec<Seen>>,
    open: Option<String>,
    wire: Result<Wire, String>,
    options: Vec<Seen>,
    buffered: String,
}

impl Essence {
    /// Of a branch of a run.
    pub fn of(proxy: &Proxy, branch: &Branch) -> Self {
        Self {
            end: end(proxy, &branch.end),
            status: branch.status,
            body: branch.body.as_ref().map(|v| seen(proxy, v)),
            answer: lines(proxy, &branch.answer),
            answer_open: branch.answer_open.map(|w| reason(proxy, w)),
            timers: timers(proxy, branch),
            sent: branch.sent.as_ref().map(|s| Sending::of(proxy, s)),
            cached: branch.cached.as_ref().map(|c| seen(proxy, &c.key)),
            errands: branch.errands.iter().map(|e| (end(proxy, &e.end), e.sent.as_ref().map(|s| Sending::of(proxy, s)))).collect(),
            // A gate that nobody passes is an answer, and seen as such; so is the refusal of an upgrade.
            gates: branch
                .gates
                .iter()
                .filter(|(g, _)| !matches!(proxy.gate(*g).on, GateOn::Closed | GateOn::Upgrade))
                .map(|(g, passed)| (format!("{:?}", proxy.gate(*g).on), *passed))
                .collect(),
        }
    }

    /// In what two behaviours differ.
    pub fn differs(&self, other: &Self) -> Vec<Aspect> {
        let mut out = Vec::new();
        let mut note = |same: bool, aspect: Aspect| {
            if !same {
                out.push(aspect);
            }
        };
        note((&self.end, self.status) == (&other.end, other.status), Aspect::End);
        note(self.body == other.body, Aspect::Body);
        note(self.answer_open == other.answer_open, Aspect::AnswerOpen);
        note(self.timers == other.timers, Aspect::Timer);
        note(self.gates.iter().all(|g| other.gates.contains(g)), Aspect::Gates);
        note(other.gates.iter().all(|g| self.gates.contains(g)), Aspect::MoreGates);
        note(self.cached == other.cached, Aspect::Cached);
        note(self.errands == other.errands, Aspect::Errands);
        for name in names(&self.answer, &other.answer) {
            note(false, Aspect::Answer(name));
        }
        match (&self.sent, &other.sent) {
            (None, None) => {}
            (Some(a), Some(b)) => {
                note((&a.method, &a.target, &a.addresses) == (&b.method, &b.target, &b.addresses), Aspect::Route);
                note(a.open == b.open, Aspect::SentOpen);
                let one = |w: &Result<Wire, String>| matches!(w, Ok(Wire::H10 | Wire::H11));
                note(a.wire == b.wire || one(&a.wire) && one(&b.wire), Aspect::Route);
                note((&a.wire, &a.options) == (&b.wire, &b.options), Aspect::Connection);
                note(a.buffered == b.buffered, Aspect::Buffered);
                for name in names(&a.headers, &b.headers) {
                    // An option that names a header which is not there asks for nothing; that it goes is no loss.
                    let idle = name == "connection" && !a.headers.contains_key("upgrade") && !b.headers.contains_key(&name);
                    note(false, if idle { Aspect::Connection } else { Aspect::Sent(name) });
                }
            }
            // It leaves by another door: that is how it ends.
            _ => note(false, Aspect::End),
        }
        out
    }
}

impl Aspect {
    /// In words, for people: what is not as before.
    pub fn words(&self) -> String {
        match self {
            Self::End => "how it is answered".to_owned(),
            Self::Body => "the text of the answer".to_owned(),
            Self::Answer(name) => format!("`{name}` in the answer"),
            Self::AnswerOpen => "lines set elsewhere that may be in the answer".to_owned(),
            Self::Route => "where and how it is sent".to_owned(),
            Self::Sent(name) => format!("`{name}` towards the upstream"),
            Self::SentOpen => "lines set elsewhere that may go to the upstream".to_owned(),
            Self::Connection => "how the connection to the upstream is kept".to_owned(),
            Self::Timer => "a time limit".to_owned(),
            Self::Gates | Self::MoreGates => "who may pass".to_owned(),
            Self::Buffered => "whether the answer is buffered".to_owned(),
            Self::Cached => "whether a cache may answer".to_owned(),
            Self::Errands => "what the proxy asks others meanwhile".to_owned(),
        }
    }
}

impl Sending {
    fn of(proxy: &Proxy, s: &super::machine::Sent) -> Self {
        let mut headers = lines(proxy, &s.headers);
        let hop = proxy.hop(s.hop);
        let mut options = headers.remove("connection").unwrap_or_default();
        // An upgrade is the application's; the rest of the line is between the proxy and the upstream.
        let upgrades = |v: &Seen| !matches!(v, Seen::Is(t) if !t.split(',').any(|o| o.trim().eq_ignore_ascii_case("upgrade")));
        let (ours, theirs): (Vec<Seen>, Vec<Seen>) = options.drain(..).partition(|v| !upgrades(v));
        if !theirs.is_empty() {
            headers.insert("connection".to_owned(), theirs);
        }
        Self {
            wire: match hop.wire.value {
                Known::Is(wire) => Ok(wire),
                Known::Unknown(why) => Err(reason(proxy, why)),
            },
            options: ours,
            method: seen(proxy, &s.method),
            target: seen(proxy, &s.target),
            addresses: s.addresses.clone(),
            headers,
            open: s.open.map(|w| reason(proxy, w)),
            buffered: match hop.buffered.value {
                Known::Is(b) => b.to_string(),
                Known::Unknown(w) => reason(proxy, w),
            },
        }
    }
}

fn end(proxy: &Proxy, end: &End) -> String {
    match end {
        End::Unknown(why) => reason(proxy, *why),
        end => format!("{end:?}"),
    }
}

fn seen(proxy: &Proxy, value: &Val) -> Seen {
    match value {
        Val::Is(t) => Seen::Is(t.clone()),
        Val::Unknown { why, .. } => Seen::Unknown(reason(proxy, *why)),
    }
}

/// Lines by their names in lower case, the order kept within a name only.
fn lines(proxy: &Proxy, lines: &[Line]) -> BTreeMap<String, Vec<Seen>> {
    let mut by_name: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for l in lines {
        by_name.entry(l.name.to_ascii_lowercase()).or_default().push(seen(proxy, &l.value));
    }
    by_name
}

/// Names whose lines differ.
fn names(a: &BTreeMap<String, Vec<Seen>>, b: &BTreeMap<String, Vec<Seen>>) -> Vec<String> {
    let mut all: Vec<&String> = a.keys().chain(b.keys()).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().filter(|n| a.get(*n) != b.get(*n)).cloned().collect()
}

fn reason(proxy: &Proxy, why: Why) -> String {
    let doubt = proxy.doubt_of(why);
    format!("{:?}: {}", doubt.reason, doubt.note)
}

fn timers(proxy: &Proxy, branch: &Branch) -> Vec<String> {
    let Some(policy) = branch.policy.filter(|_| branch.sent.is_some()) else { return Vec::new() };
    let clocks = proxy.clocks_of(proxy.policy(policy).clocks);
    let mut out: Vec<String> = Vec::new();
    out.extend(clocks.idle.iter().map(|c| shown(proxy, c)));
    out.extend(clocks.lifetime.iter().map(|c| shown(proxy, c)));
    out.extend(clocks.handshake.iter().map(|c| shown(proxy, c)));
    out.sort_unstable();
    out
}

fn shown<K>(proxy: &Proxy, clock: &Clock<K>) -> String {
    let limit = match clock.limit.value {
        Known::Is(Limit::Never) => "never".to_owned(),
        Known::Is(Limit::After(ms)) => ms.to_string(),
        Known::Unknown(why) => reason(proxy, why),
    };
    format!("{} {:?} {:?} {limit}", clock.name, clock.on, clock.rule)
}
