//! `stream {}`: bytes are passed on, whatever they say.

use super::{DirId, Lower, policy::Pass, settings::Settings};
use crate::model::{
    Act, Clock, Clocks, Combine, Ending, ExprId, Fact, HeaderList, How, Idle, Intake, Limit, Listener, PolicyId, Reason, Releases, Restart,
    Seat, Step, Subject, Target, Traffic, Wire,
};
use crate::proxy::nginx::duration;
use crate::source::Span;
use std::marker::PhantomData;

/// Ten minutes `[stream-timeout]`.
const IDLE: u64 = 600_000;

impl Lower<'_> {
    /// A `stream` block, or a file that stands in one.
    pub(super) fn stream(&mut self, block: Option<DirId>, parent: Seat, base: &Settings) {
        let seat = block.map_or(parent, |id| self.scope(id, parent));
        let children: Vec<DirId> = match block {
            Some(id) => self.conf.children(id).collect(),
            None => self.conf.top().collect(),
        };
        // Its variables and groups are no concern of `http`.
        let (meanings, upstreams) = (std::mem::take(&mut self.meanings), std::mem::take(&mut self.upstreams));
        self.texts.clear();
        self.variables(&children);
        self.upstream_blocks(&children, seat);
        let mut outer = base.clone();
        outer.seat = seat;
        outer.read_timeout = Fact::is(Limit::After(IDLE), How::Default(Releases::All), self.whole, seat);
        self.timeouts(&mut outer, &children, seat);
        for id in children {
            if self.name(id) == "server" {
                self.stream_server(id, &outer);
            }
        }
        (self.meanings, self.upstreams) = (meanings, upstreams);
        self.texts.clear();
    }

    fn timeouts(&mut self, s: &mut Settings, dirs: &[DirId], seat: Seat) {
        for id in dirs {
            let to = match self.name(*id) {
                "proxy_timeout" => &mut s.read_timeout,
                "proxy_connect_timeout" => &mut s.connect_timeout,
                _ => continue,
            };
            *to = self.word_fact(*id, seat, |t| duration::milliseconds(t).map(Limit::After));
        }
    }

    fn stream_server(&mut self, id: DirId, outer: &Settings) {
        let seat = self.scope(id, outer.seat);
        let span = self.span(id);
        let dirs: Vec<DirId> = self.conf.children(id).collect();
        let mut s = outer.clone();
        s.seat = seat;
        self.timeouts(&mut s, &dirs, seat);
        let policy = self.stream_policy(&s);
        let hop = self.p.policy(policy).hop;
        let onward = self.expr(crate::model::Expr::Read(Subject::Onward));
        let mut steps = vec![Step { act: Act::Enter(policy), span }];
        match dirs.iter().copied().rfind(|d| self.name(*d) == "proxy_pass") {
            Some(pass) => {
                let at = self.span(pass);
                let to = self.stream_target(pass, seat);
                steps.push(Step { act: Act::Forward { to, hop, target: onward }, span: at });
            }
            None => {
                let why = self.p.doubt(Reason::ForeignModule, span, "something else than `proxy_pass` answers here");
                steps.push(Step { act: Act::Opaque(why), span });
            }
        }
        let body = self.p.add_block(steps);
        for d in &dirs {
            if self.name(*d) == "listen" {
                let listen = self.listen(*d);
                let intake = Intake { proxy_protocol: listen.proxy_protocol, ..Intake::default() };
                self.p.listeners.push(Listener { seat, at: listen.at.into(), tls: listen.tls, intake, body });
            }
        }
    }

    fn stream_target(&mut self, pass: DirId, seat: Seat) -> Target {
        let at = self.span(pass);
        let word = self.conf.args(pass).first();
        let (text, opaque) = word.map_or(("", false), |w| (w.text, w.opaque));
        if opaque {
            return Target::Url(self.opaque(Reason::Template, at, "the upstream is filled in later"));
        }
        if text.contains('$') {
            let url: ExprId = self.interpolate(text, at);
            return Target::Url(url);
        }
        Target::Upstream(self.upstream_at(text, "", seat, at))
    }

    fn stream_policy(&mut self, s: &Settings) -> PolicyId {
        let seat = s.seat;
        let idle: Clock<Idle> = Clock {
            name: "proxy_timeout".into(),
            limit: s.read_timeout,
            on: Traffic::Both,
            restart: Restart::EitherWay,
            rule: Combine::Shortest,
            ends: Ending::Close,
            kind: PhantomData,
        };
        let clocks = self.p.add_clocks(Clocks { idle: vec![idle], lifetime: Vec::new(), handshake: Vec::new() });
        let empty = self.p.add_list(HeaderList { seat, base: None, ops: Vec::new(), displaced: None, open: None });
        let hop = self.hop(s, Pass::Proxy, None);
        let base = self.policy(s, Pass::Proxy, hop);
        let mut hop = self.p.hop(self.p.policy(base).hop).clone();
        hop.wire = Fact::is(Wire::Raw, How::Implied, Span::default(), seat);
        (hop.intercepts, hop.follows) = (false, None);
        let hop = self.edge(hop);
        let policy = crate::model::Policy {
            outgoing: empty,
            answer: empty,
            relayed: None,
            clocks,
            hop,
            errors: None,
            absolute: None,
            max_body: None,
            ..*self.p.policy(base)
        };
        self.p.add_policy(policy)
    }
}
