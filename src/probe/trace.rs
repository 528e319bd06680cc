//! What one request would meet, joined over all branches: what they share is known, the rest is unknown with a reason.

use super::machine::{Assume, Branch, End, Line, Sent, run};
use super::{Val, handshake, idle};
use crate::model::{
    Act, Answers, Atom, BlockId, Clock, Cond, Doubt, How, Known, Limit, Matcher, Mixing, Origin, Proxy, Request, Restart, Seat, Subject,
    Traffic, Why,
};
use crate::source::Span;

/// A header line; `None`: the value is not known.
pub type HeaderLine = (String, Option<String>);

/// The answer to one request.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Address that took it.
    pub listener: String,
    /// Name of the virtual host.
    pub virtual_host: Option<String>,
    /// Name and head of the route.
    pub route: Option<(String, Span)>,
    /// Steps that led there.
    pub why: Vec<(String, Option<Span>)>,
    /// `forward`, `respond`, `redirect`, `static`, `reject`, `close` or `unknown`.
    pub action: &'static str,
    /// What goes upstream.
    pub upstream: Option<UpstreamTrace>,
    /// Status for the client; none: unknown if `/response/status` is in `unknown`, otherwise no answer.
    pub status: Option<u16>,
    /// Headers for the client, as far as the proxy makes them.
    pub headers: Vec<HeaderLine>,
    /// Body that the proxy makes from its configuration.
    pub body: Option<String>,
    /// Verdict on a handshake.
    pub handshake: Option<HandshakeTrace>,
    /// Limits on silence, on the answer's coming and on life.
    pub idle: Option<Timer>,
    /// Limit on the answer's coming.
    pub shake: Option<Timer>,
    /// Limit on life.
    pub lifetime: Option<Timer>,
    /// JSON pointers of what is not known, and why.
    pub unknown: Vec<(String, String)>,
}

/// What the upstream receives.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTrace {
    /// Name of the group.
    pub name: String,
    /// All addresses that may be chosen.
    pub addresses: Vec<String>,
    /// Request line.
    pub line: Option<String>,
    /// Headers.
    pub headers: Vec<HeaderLine>,
}

/// Verdict on a handshake.
#[derive(Clone, Debug)]
pub struct HandshakeTrace {
    /// `upgraded`, `refused` or `unknown`.
    pub verdict: &'static str,
    /// In words.
    pub reason: String,
    /// Facts that it rests on.
    pub because: Vec<Ground>,
}

/// One fact.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What it is about.
    pub what: String,
    /// Its value.
    pub value: Option<String>,
    /// `set`, `inherited`, `default`, `computed` or `unknown`.
    pub origin: &'static str,
    /// The bytes.
    pub span: Option<Span>,
}

/// A clock in force.
#[derive(Clone, Debug)]
pub struct Timer {
    /// None: never, or unknown if it is in [`Trace::unknown`].
    pub milliseconds: Option<u64>,
    /// What the proxy calls it.
    pub name: String,
    /// As in [`Ground::origin`].
    pub origin: &'static str,
    /// The bytes.
    pub span: Option<Span>,
    /// `client`, `upstream`: traffic of either; `both`: only traffic of both.
    pub rearmed_by: Vec<&'static str>,
}

/// Asks. `handshake`: the request is one.
pub fn trace(proxy: &Proxy, request: &Request, assume: &Assume, is_handshake: bool) -> Trace {
    let branches = run(proxy, request, assume);
    let mut t = Trace { listener: proxy.listeners[request.listener].at.to_string(), action: "unknown", ..Trace::default() };
    let client = format!("HTTP/{}", if &*request.http == "2" { "2.0" } else { &request.http });
    let join = Join { proxy, client, branches: &branches };
    join.place(&mut t);
    join.action(&mut t);
    join.upstream(&mut t);
    join.answer(&mut t, assume);
    if is_handshake {
        join.handshake(&mut t);
    }
    join.timers(&mut t, is_handshake);
    t.unknown.sort();
    t.unknown.dedup_by(|a, b| a.0 == b.0);
    t
}

struct Join<'a> {
    proxy: &'a Proxy,
    /// Protocol of the client.
    client: String,
    branches: &'a [Branch],
}

impl Join<'_> {
    fn reason(&self, why: Why) -> String {
        let Doubt { note, .. } = self.proxy.doubt_of(why);
        note.to_string()
    }

    /// Why the branches differ.
    fn guess(&self) -> String {
        let why = self.branches.iter().flat_map(|b| &b.guesses).map(|g| g.0).next();
        let stuck = self.branches.iter().find_map(|b| match b.end {
            End::Unknown(why) => Some(why),
            _ => None,
        });
        self.reason(stuck.or(why).unwrap_or(Proxy::RUNTIME))
    }

    /// Whether files answer, and it depends on whether there is such a file: error handling may take over, or lines are
    /// sent with some statuses only.
    fn files_decide(&self) -> (bool, bool) {
        let served = self.branches.iter().filter(|b| b.end == End::Served).filter_map(|b| b.policy).map(|p| self.proxy.policy(p));
        let (mut elsewhere, mut lines) = (false, false);
        for policy in served {
            elsewhere |= policy.errors.is_some_and(|block| self.handles_absence(block));
            lines |= self.proxy.ops(policy.answer).any(|op| op.on != Answers::All);
        }
        (elsewhere, lines)
    }

    fn handles_absence(&self, block: BlockId) -> bool {
        self.proxy.block(block).iter().any(|step| {
            let Act::When { test, .. } = step.act else { return false };
            let Cond::Test(Atom { of: Subject::Status, is: Matcher::Is(statuses), .. }) = self.proxy.cond(test) else { return true };
            statuses.iter().any(|s| matches!(&**s, "403" | "404" | "405"))
        })
    }

    /// What all branches agree on.
    fn same<T: PartialEq>(&self, of: impl Fn(&Branch) -> T) -> Option<T> {
        let mut all = self.branches.iter().map(&of);
        let first = all.next()?;
        all.all(|o| o == first).then_some(first)
    }

    fn place(&self, t: &mut Trace) {
        let Some(first) = self.branches.first() else { return };
        // The route that is chosen by the host comes first.
        let name = |seat: Seat| self.proxy.scope(seat).name.to_string();
        t.virtual_host = first.routes.first().map(|r| name(self.proxy.route(*r).seat)).filter(|n| !n.is_empty());
        match self.same(|b| b.routes.last().copied()) {
            Some(Some(route)) => {
                let seat = self.proxy.route(route).seat;
                t.route = Some((self.proxy.title(seat), self.proxy.scope(seat).span));
            }
            Some(None) => {}
            None => t.unknown.push(("/route".to_owned(), self.guess())),
        }
        for route in &first.routes {
            let seat = self.proxy.route(*route).seat;
            t.why.push((format!("`{}` takes it", self.proxy.title(seat)), Some(self.proxy.scope(seat).span)));
        }
        for jump in &first.jumps {
            t.why.push(("an internal jump".to_owned(), Some(jump.span)));
        }
        for (gate, pass) in &first.gates {
            let span = self.proxy.gate(*gate).deny.origin.span;
            t.why.push((if *pass { "lets it pass" } else { "refuses it" }.to_owned(), Some(span)));
        }
        for (why, way) in &first.guesses {
            t.why.push((format!("not known: {} (taken: {})", self.reason(*why), if *way { "yes" } else { "no" }), None));
        }
        if first.ended_at != Span::default() {
            t.why.push(("ends here".to_owned(), Some(first.ended_at)));
        }
    }

    fn action(&self, t: &mut Trace) {
        let of = |b: &Branch| match b.end {
            End::Tunnel | End::Relayed => "forward",
            End::Answered => match b.status {
                Some(300..400) => "redirect",
                Some(400..) => "reject",
                _ => "respond",
            },
            End::Failed => "forward",
            End::Served => "static",
            End::Closed | End::Hangs => "close",
            End::Loops => "reject",
            End::Unknown(_) => "unknown",
        };
        let (elsewhere, lines) = self.files_decide();
        let reason = "depends on whether there is such a file";
        for pointer in ["/route", "/upstream", "/response/status", "/response/headers", "/response/body"] {
            if elsewhere || lines && pointer == "/response/headers" {
                t.unknown.push((pointer.to_owned(), reason.to_owned()));
            }
        }
        match self.same(of) {
            Some("static") if elsewhere => t.unknown.push(("/action".to_owned(), reason.to_owned())),
            Some("unknown") | None => t.unknown.push(("/action".to_owned(), self.guess())),
            Some(action) => t.action = action,
        }
    }

    fn upstream(&self, t: &mut Trace) {
        let sent: Vec<Option<&Sent>> = self.branches.iter().map(|b| b.sent.as_ref()).collect();
        if sent.iter().all(Option::is_none) {
            if self.branches.iter().any(|b| matches!(b.end, End::Unknown(_))) {
                t.unknown.push(("/upstream".to_owned(), self.guess()));
            }
            return;
        }
        if sent.iter().any(Option::is_none) {
            t.unknown.push(("/upstream".to_owned(), self.guess()));
        }
        let sent: Vec<&Sent> = sent.into_iter().flatten().collect();
        let Some(first) = sent.first() else { return };
        let mut up = UpstreamTrace::default();
        if let Some(group) = first.upstream {
            up.name = self.proxy.upstream(group).name.to_string();
        }
        for s in &sent {
            for a in &s.addresses {
                if !up.addresses.contains(&a.to_string()) {
                    up.addresses.push(a.to_string());
                }
            }
        }
        if sent.iter().any(|s| s.addresses.is_empty() || s.upstream.is_some_and(|g| self.proxy.upstream(g).open.is_some())) {
            t.unknown.push(("/upstream/addresses".to_owned(), "the servers are known only while the proxy runs".to_owned()));
        }
        let line = |s: &Sent| {
            let version = match self.proxy.hop(s.hop).wire.value {
                Known::Is(crate::model::Wire::H10) => "HTTP/1.0",
                Known::Is(crate::model::Wire::H11) => "HTTP/1.1",
                Known::Is(crate::model::Wire::H2) => "HTTP/2",
                Known::Is(crate::model::Wire::Raw) => &*self.client,
                Known::Is(_) => return Ok(None),
                Known::Unknown(why) => return Err(why),
            };
            match (&s.method, &s.target) {
                (Val::Is(m), Val::Is(path)) => Ok(Some(format!("{m} {path} {version}"))),
                (Val::Unknown { why, .. }, _) | (_, Val::Unknown { why, .. }) => Err(*why),
            }
        };
        match line(first) {
            Ok(l) if sent.iter().all(|s| line(s) == Ok(l.clone())) => up.line = l,
            Ok(_) => t.unknown.push(("/upstream/request/line".to_owned(), self.guess())),
            Err(why) => t.unknown.push(("/upstream/request/line".to_owned(), self.reason(why))),
        }
        let lists: Vec<&[Line]> = sent.iter().map(|s| s.headers.as_slice()).collect();
        up.headers = self.headers(&lists, "/upstream/request/headers", t);
        if let Some(why) = sent.iter().find_map(|s| s.open) {
            t.unknown.push(("/upstream/request/headers".to_owned(), self.reason(why)));
        }
        t.upstream = Some(up);
    }

    /// Lines that all branches share; a name whose lines differ is not known.
    fn headers(&self, lists: &[&[Line]], pointer: &str, t: &mut Trace) -> Vec<HeaderLine> {
        let Some(first) = lists.first() else { return Vec::new() };
        let of = |list: &[Line], name: &str| {
            list.iter().filter(|l| l.name.eq_ignore_ascii_case(name)).map(|l| l.value.clone()).collect::<Vec<_>>()
        };
        let mut out: Vec<HeaderLine> = Vec::new();
        let mut unsure: Vec<String> = Vec::new();
        for list in lists {
            for line in *list {
                let own = of(first, &line.name);
                if lists.iter().any(|l| of(l, &line.name) != own) && !unsure.iter().any(|u| u.eq_ignore_ascii_case(&line.name)) {
                    unsure.push(line.name.to_string());
                }
            }
        }
        for line in *first {
            if unsure.iter().any(|u| u.eq_ignore_ascii_case(&line.name)) {
                continue;
            }
            if let Val::Unknown { why, .. } = &line.value {
                t.unknown.push((format!("{pointer}/{}", out.len()), self.reason(*why)));
            }
            out.push((line.name.to_string(), line.value.known().map(ToOwned::to_owned)));
        }
        for name in unsure {
            t.unknown.push((format!("{pointer}/{}", out.len()), self.guess()));
            out.push((name, None));
        }
        out
    }

    fn answer(&self, t: &mut Trace, assume: &Assume) {
        let of = |b: &Branch| (b.status, matches!(b.end, End::Closed | End::Hangs));
        match self.same(of) {
            Some((Some(status), _)) => t.status = Some(status),
            Some((None, true)) => {}
            _ => t.unknown.push(("/response/status".to_owned(), self.guess())),
        }
        let sent = self.branches.iter().filter_map(|b| b.sent.as_ref());
        let mut mixing = sent.filter_map(|s| self.proxy.hop(s.hop).mixing.map(|m| (m.value, s)));
        let disturbed = mixing.any(|(m, s)| match m {
            Known::Is(Mixing::UpgradesRefused) => self.client == "HTTP/2.0" && s.values("upgrade").next().is_some(),
            _ => true,
        });
        if disturbed {
            for pointer in ["/response/status", "/response/body", "/handshake/verdict"] {
                t.unknown.push((pointer.to_owned(), "depends on what was sent on the same server connection before".to_owned()));
            }
        }
        let lists: Vec<&[Line]> = self.branches.iter().map(|b| b.answer.as_slice()).collect();
        t.headers = self.headers(&lists, "/response/headers", t);
        let _ = assume;
        if let Some(why) = self.branches.iter().find_map(|b| b.answer_open) {
            t.unknown.push(("/response/headers".to_owned(), self.reason(why)));
        }
        if self.branches.iter().any(|b| matches!(b.end, End::Unknown(_))) {
            t.unknown.push(("/response/headers".to_owned(), self.guess()));
        }
        match self.same(|b| b.body.clone()) {
            Some(Some(Val::Is(body))) => t.body = Some(body.to_string()),
            Some(Some(Val::Unknown { why, .. })) => t.unknown.push(("/response/body".to_owned(), self.reason(why))),
            Some(None) => {}
            None => t.unknown.push(("/response/body".to_owned(), self.guess())),
        }
    }

    fn origin(origin: Origin, asker: Seat) -> (&'static str, Option<Span>) {
        match origin.how {
            How::Written if origin.seat == asker => ("set", Some(origin.span)),
            How::Written => ("inherited", Some(origin.span)),
            How::Default(_) | How::Assumed(_) => ("default", None),
            How::Implied => ("computed", None),
        }
    }

    fn handshake(&self, t: &mut Trace) {
        let verdict = self
            .same(|b| match b.end {
                End::Tunnel => "upgraded",
                End::Unknown(_) => "unknown",
                End::Relayed if b.status.is_none() => "unknown",
                _ => "refused",
            })
            .unwrap_or("unknown");
        let Some(first) = self.branches.first() else { return };
        let mut because = Vec::new();
        let asker = first.policy.map_or(Seat(0), |p| self.proxy.policy(p).seat);
        let mut reason = match (verdict, &first.end) {
            ("upgraded", _) => "the upstream accepts, and the tunnel is opened".to_owned(),
            ("unknown", _) => self.guess(),
            (_, End::Relayed) => "the upstream answers without upgrading".to_owned(),
            (_, End::Failed) => "the upstream cannot be reached".to_owned(),
            (_, End::Closed) => "the connection is closed".to_owned(),
            (_, End::Hangs) => "it is never answered".to_owned(),
            _ => "the proxy answers by itself".to_owned(),
        };
        if let Some(sent) = &first.sent {
            if let handshake::Judged::Faulty(faults) = handshake::judge(self.proxy, sent)
                && verdict == "refused"
            {
                let words: Vec<&str> = faults.iter().map(|f| f.words()).collect();
                reason = format!("a strict server does not accept it: {}", words.join(", "));
            }
            for name in ["Upgrade", "Connection"] {
                for line in sent.values(name) {
                    let (origin, span) = line.origin.map_or(("computed", None), |o| Self::origin(o, asker));
                    because.push(Ground {
                        what: format!("{name} upstream"),
                        value: line.value.known().map(ToOwned::to_owned),
                        origin,
                        span,
                    });
                }
                if sent.values(name).next().is_none() {
                    because.push(Ground { what: format!("{name} upstream"), value: None, origin: "computed", span: None });
                }
            }
            let wire = self.proxy.hop(sent.hop).wire;
            let (origin, span) = Self::origin(wire.origin, asker);
            because.push(Ground { what: "protocol upstream".to_owned(), value: wire.value.is().map(|w| format!("{w:?}")), origin, span });
        }
        if verdict == "unknown" {
            t.unknown.push(("/handshake/verdict".to_owned(), reason.clone()));
        }
        t.handshake = Some(HandshakeTrace { verdict, reason, because });
    }

    fn timers(&self, t: &mut Trace, is_handshake: bool) {
        if self.branches.iter().all(|b| b.sent.is_none()) {
            return;
        }
        let Some(Some(policy)) = self.same(|b| b.policy) else {
            t.unknown.push(("/timers".to_owned(), self.guess()));
            return;
        };
        let seat = self.proxy.policy(policy).seat;
        let Some(first) = self.branches.first() else { return };
        let (clock, on) = if is_handshake {
            (idle::tunnel_over(self.proxy, first), Traffic::Tunnel)
        } else {
            (idle::stream_over(self.proxy, first), Traffic::Stream)
        };
        let open = !is_handshake || self.branches.iter().any(|b| b.end == End::Tunnel);
        if !open && self.branches.iter().any(|b| matches!(b.end, End::Unknown(_)) || b.end == End::Relayed && b.status.is_none()) {
            t.unknown.push(("/timers".to_owned(), self.guess()));
        }
        t.idle = clock.filter(|_| open).map(|c| self.timer(c, seat, "/timers/idle/milliseconds", t));
        let clocks = self.proxy.clocks_of(self.proxy.policy(policy).clocks);
        let longest = clocks.handshake.last();
        t.shake = longest.map(|c| self.timer(c, seat, "/timers/handshake/milliseconds", t));
        let shortest = clocks.lifetime.iter().filter(|c| c.on == on || c.on == Traffic::Both).min_by_key(|c| c.limit.value.is());
        t.lifetime = shortest.map(|c| self.timer(c, seat, "/timers/lifetime/milliseconds", t));
    }

    fn timer<K>(&self, c: &Clock<K>, asker: Seat, pointer: &str, t: &mut Trace) -> Timer {
        let (mut origin, span) = Self::origin(c.limit.origin, asker);
        let milliseconds = match c.limit.value {
            Known::Is(Limit::After(ms)) => Some(ms),
            Known::Is(Limit::Never) => None,
            Known::Unknown(why) => {
                origin = "unknown";
                t.unknown.push((pointer.to_owned(), self.reason(why)));
                None
            }
        };
        let rearmed_by = match c.restart {
            Restart::EitherWay => vec!["client", "upstream"],
            Restart::Client => vec!["client"],
            Restart::Upstream => vec!["upstream"],
            Restart::BothWays => vec!["both"],
            Restart::Never => Vec::new(),
        };
        Timer { milliseconds, name: c.name.to_string(), origin, span, rearmed_by }
    }
}
