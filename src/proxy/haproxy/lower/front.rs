//! `frontend` and `listen`: what listens, and the program that a request runs through.

use super::{Lower, Phase, acl::condition_at};
use crate::model::{
    Act, Arm, BlockId, Cond, CondId, ExtendedConnect, Fact, How, Intake, Listener, Matcher, Pick, Rank, Reason, RouteId, Seat, Step,
    Subject, Table, Target, Text,
};
use crate::proxy::haproxy::conf::{Stmt, Word};
use crate::source::Span;

impl<'a> Lower<'a> {
    /// A section that takes connections.
    pub(super) fn front(&mut self, section: usize) {
        self.captures = Vec::new();
        let span = self.sections[section].head.span;
        let seat = self.seats[section];
        let http = self.is_http(section) || self.switches(section);
        let policy = self.front_policy(section);
        let mut steps = vec![Step { act: Act::Enter(policy), span }];
        let waits = http || self.waits(section);
        let phase = if waits { Phase::Request } else { Phase::Bytes };
        if http {
            self.taken_in(section, &mut steps);
            self.captured(section, &mut steps);
            self.answer_rules(section, &mut steps);
        }
        self.connection_rules(section, phase, &mut steps);
        if http {
            self.monitor(section, &mut steps);
            self.request_rules(section, &mut steps);
            self.statistics(section, &mut steps);
        }
        let status = Fact::is(503, How::Implied, span, seat);
        let miss = self.p.one(Act::Respond { status, location: None, body: None }, span);
        let arms = self.arms(section, phase, http);
        let table = self.p.add_table(Table { pick: Pick::FirstMatch, arms, miss, open: None, seat });
        if let Some(at) = self.hole(section) {
            let why = self.opaque(Reason::Template, at, "a template fills this in");
            self.p.tables[table.at()].open = Some(why);
        }
        steps.push(Step { act: Act::Dispatch(table), span });
        let body = self.p.add_block(steps);
        let binds: Vec<&'a Stmt> = self.sections[section].body.iter().copied().filter(|s| s.word(0) == "bind").collect();
        for stmt in binds {
            let at = self.place(stmt, "bind", seat);
            self.listeners(section, stmt, at, http, body);
        }
    }

    /// A TCP section that turns to HTTP for every request.
    fn switches(&self, section: usize) -> bool {
        self.sections[section].body.iter().any(|s| s.word(0) == "tcp-request" && s.word(2) == "switch-mode")
    }

    /// Whether a TCP section waits until it can see a request `[m06]` `[g37b]`.
    fn waits(&self, section: usize) -> bool {
        let rules = || self.sections[section].body.iter().filter(|s| s.word(0) == "tcp-request");
        rules().any(|s| s.word(1) == "inspect-delay") && rules().any(|s| s.word(1) == "content" && condition_at(&s.words, 2).is_some())
    }

    fn captured(&mut self, section: usize, steps: &mut Vec<Step>) {
        let body = self.sections[section].body.clone();
        for stmt in body {
            if stmt.word(0) == "capture" && stmt.word(1) == "request" && stmt.word(2) == "header" {
                let slot = self.p.add_slot();
                self.captures.push(slot);
                let name: Text = stmt.word(3).to_ascii_lowercase().into();
                let there = self.p.test(Subject::Header(name.clone()), Matcher::There, stmt.span);
                let value = self.p.add_expr(crate::model::Expr::Read(Subject::Header(name)));
                let step = self.when(there, Act::Let(slot, value), stmt.span);
                steps.push(step);
            }
        }
    }

    /// `monitor-uri` answers before any rule.
    fn monitor(&mut self, section: usize, steps: &mut Vec<Step>) {
        let Some(found) = self.keyword(section, "monitor-uri") else { return };
        let span = found.stmt.span;
        let test = self.p.test(Subject::Onward, Matcher::Is(vec![found.stmt.word(1).into()]), span);
        let body = Some(self.p.text("<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n"));
        let status = Self::fact(200, span, self.seat_of(&found));
        let step = self.when(test, Act::Respond { status, location: None, body }, span);
        steps.push(step);
    }

    /// The statistics page, behind the rules.
    fn statistics(&mut self, section: usize, steps: &mut Vec<Step>) {
        let on = self.setting(section, |s| s.word(0) == "stats" && matches!(s.word(1), "enable" | "uri" | "auth" | "admin" | "refresh"));
        let Some(found) = on else { return };
        let uri =
            self.setting(section, |s| s.word(0) == "stats" && s.word(1) == "uri").map_or("/haproxy?stats", |f| f.stmt.word(2)).to_owned();
        let span = found.stmt.span;
        let test = self.p.test(Subject::Onward, Matcher::Starts(vec![uri.as_str().into()]), span);
        let body = Some(self.opaque_expr(Reason::RuntimeState, span, "the statistics page"));
        let status = Self::fact(200, span, self.seat_of(&found));
        let step = self.when(test, Act::Respond { status, location: None, body }, span);
        steps.push(step);
    }

    /// `use_backend` in order, then the last `default_backend` `[a08]`, or the section's own servers.
    fn arms(&mut self, section: usize, phase: Phase, http: bool) -> Vec<Arm> {
        let seat = self.seats[section];
        let mut arms = Vec::new();
        let rules: Vec<&'a Stmt> = self.sections[section].body.iter().copied().filter(|s| s.word(0) == "use_backend").collect();
        for stmt in rules {
            let test = self.condition(&stmt.words, 2, stmt.maybe, phase, section);
            let at = self.place(stmt, "use_backend", seat);
            if let Some(word) = stmt.words.get(1) {
                let go = self.target(section, word, at, stmt.span, http, phase);
                if self.tests_upgrade(test) {
                    self.p.meant_for_upgrades.push((go, stmt.span));
                }
                arms.push(Arm { test, rank: Rank::Plain, go, nested: None });
            }
        }
        let always: CondId = self.p.add_cond(Cond::Always);
        let default = self.keyword(section, "default_backend");
        let go = if let Some(found) = default {
            let stmt = found.stmt;
            let outer = self.seat_of(&found);
            let at = if found.section == section { self.place(stmt, "default_backend", outer) } else { seat };
            stmt.words.get(1).map(|w| self.target(section, w, at, stmt.span, http, phase))
        } else if self.sections[section].noun == "listen" {
            let span = self.sections[section].head.span;
            Some(self.edge(section, section, seat, span, http))
        } else {
            None
        };
        arms.extend(go.map(|go| Arm { test: always, rank: Rank::Plain, go, nested: None }));
        arms
    }

    /// Where a rule leads: a backend by name, or by a name made for each request.
    fn target(&mut self, section: usize, word: &Word, at: Seat, span: Span, http: bool, phase: Phase) -> RouteId {
        if word.text.contains("%[") && !word.unknown {
            let name = self.format(word, phase, section);
            let names: Vec<(&'a str, usize)> = self.backs.iter().map(|(n, i)| (*n, *i)).collect();
            let mut among = Vec::new();
            for (name, back) in names {
                let route = match self.edges.get(&(section, back)) {
                    Some(route) => *route,
                    None => {
                        let route = self.edge(section, back, at, span, http);
                        self.edges.insert((section, back), route);
                        route
                    }
                };
                let block = self.p.one(Act::Go(route), span);
                among.push((Text::from(name), block));
            }
            let policy = self.front_policy(section);
            let hop = self.p.policy(policy).hop;
            let target = self.p.add_expr(crate::model::Expr::Read(Subject::Onward));
            // An unknown name falls to the default backend [a11].
            let miss = self.keyword(section, "default_backend").and_then(|f| self.backs.get(f.stmt.word(1)).copied()).map(|back| {
                let route = self.edge(section, back, at, span, http);
                self.p.one(Act::Go(route), span)
            });
            return self.route(at, policy, vec![Step { act: Act::Forward { to: Target::Named { name, among, miss }, hop, target }, span }]);
        }
        match self.backs.get(&*word.text).copied().filter(|_| !word.unknown) {
            Some(back) => self.edge(section, back, at, span, http),
            None => {
                let note = format!("`backend {}` is not in the given files", word.text);
                let why = self.opaque(Reason::MissingFile, word.span, note);
                let policy = self.front_policy(section);
                self.route(at, policy, vec![Step { act: Act::Opaque(why), span }])
            }
        }
    }

    /// The addresses of a `bind` line.
    fn listeners(&mut self, section: usize, stmt: &Stmt, seat: Seat, http: bool, body: BlockId) {
        let options = stmt.words.get(2..).unwrap_or_default();
        let flag = |name: &str| options.iter().any(|w| &*w.text == name);
        let value = |name: &str| options.iter().position(|w| &*w.text == name).and_then(|i| options.get(i + 1)).map(|w| &*w.text);
        let tls = flag("ssl");
        let proto = value("proto");
        let offers = match value("alpn").or_else(|| value("npn")) {
            Some(list) => list.split(',').any(|p| p.trim() == "h2"),
            None => !flag("no-alpn") && self.since(2, 8, 0),
        };
        let intake = Intake {
            proxy_protocol: flag("accept-proxy"),
            without_http1: http && proto == Some("h2"),
            without_http2: tls && (!offers || !http) && proto != Some("h2"),
            offers_http2: tls && offers && http,
            extended_connect: http.then_some(ExtendedConnect::Taken),
            absolute_form: http,
            errors: self.refusals(section, http),
            odd_names: http.then_some(400),
            most_lines: http.then_some((102, 400)),
            largest_head: self.largest_head(http),
            ..Intake::default()
        };
        let Some(addresses) = stmt.words.get(1) else { return };
        for address in addresses.text.split(',') {
            let at = normal(address);
            self.p.listeners.push(Listener { seat, at: at.into(), tls, intake: intake.clone(), body });
        }
    }

    /// What answers requests that are not taken in; since 2.4 no rule touches these answers `[c02d]`.
    fn refusals(&mut self, section: usize, http: bool) -> Option<BlockId> {
        let pages = self.error_pages(section);
        if self.since(2, 4, 0) || !http {
            return http.then_some(pages);
        }
        let mut steps = Vec::new();
        self.answer_rules(section, &mut steps);
        steps.push(Step { act: Act::Call(pages), span: self.sections[section].head.span });
        Some(self.p.add_block(steps))
    }

    /// Larger heads are refused: `tune.bufsize` less `tune.maxrewrite` `[k06]`.
    fn largest_head(&self, http: bool) -> Option<(u32, u16)> {
        let tuned = |key: &str| {
            self.sections.iter().filter(|s| s.noun == "global").flat_map(|s| &s.body).rfind(|s| s.word(0) == key).map(|s| s.word(1).parse())
        };
        let size = match tuned("tune.bufsize") {
            None => 16384,
            Some(Ok(n)) => n,
            Some(Err(_)) => return None,
        };
        let spare = match tuned("tune.maxrewrite") {
            None => 1024,
            Some(Ok(n)) => n,
            Some(Err(_)) => return None,
        };
        let status = if self.since(3, 1, 0) { 431 } else { 400 };
        http.then_some((u32::saturating_sub(size, spare), status))
    }
}

/// `:80` and `0.0.0.0:80` are every address; what says only how an address is meant goes.
fn normal(address: &str) -> String {
    let bare = ["ipv4@", "ipv6@", "udp@", "quic4@", "quic6@"].iter().find_map(|p| address.strip_prefix(p)).unwrap_or(address);
    if let Some(path) = bare.strip_prefix("unix@").or_else(|| bare.starts_with('/').then_some(bare)) {
        return format!("unix:{path}");
    }
    match bare.rsplit_once(':') {
        Some(("" | "0.0.0.0", port)) => format!("*:{port}"),
        Some(("::", port)) => format!("[::]:{port}"),
        _ => bare.to_owned(),
    }
}
