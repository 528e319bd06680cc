//! Servers: addresses, names, and what happens before any location.

use super::{
    DirId, Lower,
    policy::Pass,
    settings::{Settings, flag, size},
};
use crate::model::{
    Act, Arm, Atom, Cond, Intake, Listener, Matcher, PathForm, Pick, Rank, Reason, Route, RouteId, Seat, Step, Subject, Table, Text,
};
use crate::proxy::nginx::releases::SHARED_PORT;
use crate::source::Span;

/// An address of a server.
pub(super) struct Listen {
    pub(super) at: String,
    default: bool,
    pub(super) tls: bool,
    http2: bool,
    pub(super) proxy_protocol: bool,
}

/// A server, ready to be put behind its listeners.
struct Ready<'a> {
    route: RouteId,
    seat: Seat,
    listens: Vec<Listen>,
    names: Vec<(&'a str, Span, bool)>,
    intake: Intake,
}

impl<'a> Lower<'a> {
    pub(super) fn servers(&mut self, servers: &[DirId], http: Seat, outer: &Settings) {
        let mut ready = Vec::new();
        for id in servers {
            let dirs: Vec<DirId> = self.conf.children(*id).collect();
            let seat = self.scope(*id, http);
            ready.push(self.server(Some(*id), &dirs, seat, outer));
        }
        self.listeners(&ready, http);
    }

    /// The body of a server whose head is in another file.
    pub(super) fn loose_server(&mut self, dirs: &[DirId], seat: Seat, outer: &Settings) {
        for d in dirs {
            if self.conf.is_block(*d) {
                self.declare_slots(*d);
            }
        }
        let ready = self.server(None, dirs, seat, outer);
        self.listeners(&[ready], seat);
    }

    /// The body of a location whose head is in another file.
    pub(super) fn loose_location(&mut self, dirs: &[DirId], seat: Seat, outer: &Settings) {
        let mut s = self.settings(outer, None, dirs, seat);
        let content = self.content(dirs, &s);
        let content = content.unwrap_or_else(|| {
            let why = self.outside.unwrap_or(crate::model::Proxy::RUNTIME);
            self.no_content(&s, Act::Opaque(why), self.whole)
        });
        s.content = Some(content.block);
        let policy = self.policy(&s, content.pass, content.hop);
        let at = Span { start: self.whole.start, len: 0 };
        let mut steps = vec![Step { act: Act::Enter(policy), span: at }];
        let miss = self.p.add_block([]);
        self.table = self.empty_table(Pick::PrefixTree, miss, seat);
        self.server_rewrites = miss;
        let rewrites = self.rewrite_phase(dirs, &s, true);
        let group = self.p.add_block(rewrites);
        steps.push(Step { act: Act::Group(group), span: at });
        steps.extend(self.gates(&s));
        steps.push(Step { act: Act::Content, span: at });
        let body = self.p.add_block(steps);
        let route = self.p.add_route(Route { seat, body, policy, named: false, within: None });
        let test = self.p.test(Subject::Path, Matcher::Starts(vec!["/".into()]), at);
        self.p.tables[self.table.at()].arms.push(Arm { test, rank: Rank::Plain, go: route, nested: None });
        let body = self.p.one(Act::Dispatch(self.table), at);
        self.p.listeners.push(Listener { seat, at: "*:80".into(), tls: false, intake: Intake::default(), body });
    }

    fn server(&mut self, id: Option<DirId>, dirs: &[DirId], seat: Seat, outer: &Settings) -> Ready<'a> {
        let span = id.map_or(Span { start: self.whole.start, len: 0 }, |i| self.span(i));
        let mut s = self.settings(outer, id, dirs, seat);
        s.errors = None;
        let content = self.no_content(&s, Act::Serve, span);
        s.content = Some(content.block);
        let policy = self.policy(&s, Pass::Proxy, content.hop);
        let miss = self.p.add_block([Step { act: Act::Enter(policy), span }, Step { act: Act::Serve, span }]);
        let table = self.empty_table(Pick::PrefixTree, miss, seat);
        self.table = table;
        // Filled below, once everything that may lead there has a name.
        self.server_rewrites = self.p.add_block([]);
        if let Some(why) = self.hole_in(id) {
            self.p.tables[table.at()].open = Some(why);
        }
        self.announce_named(dirs, seat, policy);
        s.errors = self.errors(&s);
        s.content = Some(self.mirrored(content.block, &s));
        let policy = self.policy(&s, Pass::Proxy, content.hop);
        // What no location takes is asked for its permission all the same.
        let mut elsewhere = self.gates(&s);
        elsewhere.push(Step { act: Act::Content, span });
        let elsewhere = Act::Call(self.p.add_block(elsewhere));
        let steps = self.p.block_mut(miss);
        (steps[0].act, steps[1].act) = (Act::Admit(policy), elsewhere);
        let own_name = dirs.iter().find(|d| self.name(**d) == "server_name").and_then(|d| self.arg(*d, 0)).unwrap_or_default();
        let own_name: Text = own_name.trim_start_matches('.').into();
        let mut steps = vec![Step { act: Act::Named(own_name), span }, Step { act: Act::Enter(policy), span }];
        let rewrites = self.rewrite_phase(dirs, &s, false);
        if !rewrites.is_empty() {
            let block = self.p.add_block(rewrites);
            steps.push(Step { act: Act::Group(block), span });
            let through = [Act::Enter(policy), Act::Group(block)].map(|act| Step { act, span });
            self.p.fill_block(self.server_rewrites, through);
        }
        steps.push(Step { act: Act::Dispatch(table), span });
        let body = self.p.add_block(steps);
        let route = self.p.add_route(Route { seat, body, policy, named: false, within: None });
        s.content = None;
        self.locations(dirs, &s, table, None, 0);
        self.p.tables[table.at()].arms.shrink_to_fit();
        let mut listens = Vec::new();
        let mut names = Vec::new();
        for d in dirs {
            match self.name(*d) {
                "listen" => listens.push(self.listen(*d)),
                "server_name" => {
                    names.extend(self.conf.args(*d).iter().map(|a| (a.text, a.span, a.opaque)));
                }
                _ => {}
            }
        }
        if listens.is_empty() {
            listens.push(Listen { at: "*:80".into(), default: false, tls: false, http2: false, proxy_protocol: false });
        }
        let intake = self.intake(dirs);
        Ready { route, seat, listens, names, intake }
    }

    pub(super) fn listen(&self, id: DirId) -> Listen {
        let words: Vec<&str> = self.conf.args(id).iter().map(|a| a.text).collect();
        let raw = words.first().copied().unwrap_or_default();
        let at = if raw.bytes().all(|b| b.is_ascii_digit()) && !raw.is_empty() {
            format!("*:{raw}")
        } else if raw.starts_with("unix:") || raw.rsplit(']').next().unwrap_or(raw).contains(':') {
            raw.to_owned()
        } else {
            format!("{raw}:80")
        };
        let has = |w: &str| words.iter().skip(1).any(|x| *x == w);
        Listen {
            at,
            default: has("default_server") || has("default"),
            tls: has("ssl") || has("quic"),
            http2: has("http2"),
            proxy_protocol: has("proxy_protocol"),
        }
    }

    /// How a server takes requests in: what its address's default server says holds for all of them.
    fn intake(&self, dirs: &[DirId]) -> Intake {
        let http = self.http_dirs.iter().chain(dirs).copied();
        let mut intake = Intake {
            plain_on_tls: Some(400),
            malformed: Some(400),
            path: PathForm::Decoded,
            merge_slashes: true,
            longest_line: Some(8 << 10),
            ..Intake::default()
        };
        let mut small = 1 << 10;
        let mut large = 8 << 10;
        for id in http {
            match self.name(id) {
                "merge_slashes" => intake.merge_slashes = self.arg(id, 0).and_then(flag).unwrap_or(true),
                "client_header_buffer_size" => small = self.arg(id, 0).and_then(size).unwrap_or(small),
                "large_client_header_buffers" => large = self.arg(id, 1).and_then(size).unwrap_or(large),
                _ => {}
            }
        }
        intake.longest_line = u32::try_from(small.max(large)).ok();
        intake
    }

    /// Groups servers by address; the default server takes what no name claims `[srv-*]`.
    fn listeners(&mut self, ready: &[Ready<'_>], http: Seat) {
        let mut order: Vec<&str> = Vec::new();
        let mut groups: std::collections::HashMap<&str, Vec<(usize, &Listen)>> = std::collections::HashMap::new();
        for (i, server) in ready.iter().enumerate() {
            for listen in &server.listens {
                let group = groups.entry(&listen.at).or_default();
                if group.is_empty() {
                    order.push(&listen.at);
                }
                group.push((i, listen));
            }
        }
        for at in order {
            let group = &groups[at];
            let fallback = group.iter().find(|g| g.1.default).or_else(|| group.first()).map_or(0, |g| g.0);
            let route = ready[fallback].route;
            let span = self.p.scope(ready[fallback].seat).span;
            let miss = self.p.one(Act::Go(route), span);
            let mut arms = Vec::new();
            for (i, _) in group {
                for (name, span, opaque) in &ready[*i].names {
                    let cond = self.host_test(name, *span, *opaque);
                    let test = self.p.add_cond(cond);
                    arms.push(Arm { test, rank: Rank::Plain, go: ready[*i].route, nested: None });
                    if let Some(bare) = name.strip_prefix('.') {
                        let test = self.p.test(Subject::Host, Matcher::Is(vec![bare.to_ascii_lowercase().into()]), *span);
                        arms.push(Arm { test, rank: Rank::Plain, go: ready[*i].route, nested: None });
                    }
                }
            }
            let table = self.p.add_table(Table { pick: Pick::SpecificHost, arms, miss, open: None, seat: http });
            let body = self.p.one(Act::Dispatch(table), span);
            let tls = group.iter().any(|g| g.1.tls);
            let any = |of: fn(&Listen) -> bool| group.iter().any(|g| of(g.1));
            let intake = Intake {
                proxy_protocol: any(|l| l.proxy_protocol),
                only_http2: any(|l| l.http2) && !self.era.since(SHARED_PORT),
                ..ready[fallback].intake.clone()
            };
            self.p.listeners.push(Listener { seat: ready[fallback].seat, at: at.into(), tls, intake, body });
        }
    }

    fn host_test(&mut self, name: &str, span: Span, opaque: bool) -> Cond {
        if opaque {
            let why = self.p.doubt(Reason::Template, span, "the name is filled in later");
            return Cond::Opaque(why);
        }
        let lower: Text = name.to_ascii_lowercase().into();
        let is = if let Some(regex) = name.strip_prefix('~') {
            Matcher::Regex(self.pattern(regex, true))
        } else if let Some(tail) = lower.strip_prefix('*') {
            Matcher::Ends(vec![tail.into()])
        } else if lower.starts_with('.') {
            Matcher::Ends(vec![lower])
        } else if let Some(head) = lower.strip_suffix('*') {
            Matcher::Starts(vec![head.into()])
        } else {
            Matcher::Is(vec![lower])
        };
        Cond::Test(Atom { of: Subject::Host, is, fold: false, not: false, span })
    }
}
