//! Locations: which one, and what it does.

use super::{DirId, Lower, policy::Content, policy::Pass, settings::Settings};
use crate::model::{
    Act, Arm, Atom, BlockId, Cond, CondId, Conv, Expr, Fact, How, Matcher, Pick, PolicyId, Rank, Reason, Route, RouteId, Seat, Stand, Step,
    Subject, TableId, Target, Text,
};
use crate::source::Span;
use rustc_hash::FxHashMap;

/// How deep nested locations are followed.
const DEEPEST: u32 = 100;

/// A table that is being filled, and the first arm of each exact path so far: of those that are written, and of those that the
/// proxy adds.
struct Level<'a> {
    table: TableId,
    written: FxHashMap<&'a str, usize>,
    implied: FxHashMap<&'a str, usize>,
}

/// What a location's arguments say.
struct Place<'a> {
    rank: Rank,
    text: &'a str,
    /// The same, to be kept.
    shared: Text,
    fold: bool,
    opaque: bool,
}

impl<'a> Lower<'a> {
    /// Routes of all named locations of a server, so that jumps can point at them.
    pub(super) fn announce_named(&mut self, dirs: &[DirId], seat: Seat, policy: PolicyId) {
        self.named.clear();
        for id in dirs {
            if self.name(*id) == "location"
                && let Some(name) = self.arg(*id, 0).filter(|a| a.starts_with('@'))
            {
                let body = self.p.add_block([]);
                let route = self.p.add_route(Route { seat, body, policy, named: true, within: None });
                self.named.insert(name, route);
            }
        }
    }

    /// Fills a table with the locations of a block.
    pub(super) fn locations(&mut self, dirs: &[DirId], outer: &Settings, table: TableId, within: Option<RouteId>, depth: u32) {
        let mut level = Level { table, written: FxHashMap::default(), implied: FxHashMap::default() };
        for id in dirs {
            let id = *id;
            if self.name(id) != "location" {
                continue;
            }
            if depth > DEEPEST {
                let span = self.span(id);
                let why = self.p.doubt(Reason::TooComplex, span, "nested too deeply");
                self.p.tables[table.at()].open = Some(why);
                return;
            }
            self.location(id, outer, &mut level, within, depth);
        }
    }

    fn location(&mut self, id: DirId, outer: &Settings, level: &mut Level<'a>, within: Option<RouteId>, depth: u32) {
        let table = level.table;
        let place = self.place(id);
        let children = self.children(id);
        let seat = self.scope(id, outer.seat);
        let mut s = self.settings(outer, Some(id), &children, seat);
        s.errors = self.errors(&s);
        let content = self.content_for(&children, &s, &place);
        s.pass = content.map(|c| c.pass);
        let content = content.unwrap_or_else(|| self.no_content(&s, Act::Serve, self.span(id)));
        let handler = self.mirrored(content.block, &s);
        s.content = Some(handler);
        // An `if` inside takes the handler over, but not this.
        let tried = children.iter().copied().find(|c| self.name(*c) == "try_files");
        let tried = tried.and_then(|c| Some((self.try_files(c, &s)?, self.span(c))));
        let tries = tried.is_some();
        if let Some((act, at)) = tried {
            s.content = Some(self.p.one(act, at));
        }
        let policy = self.policy(&s, content.pass, content.hop);
        s.content = Some(handler);
        let bare = tries.then(|| self.policy(&s, content.pass, content.hop));
        let body = self.body(id, &children, &s, (policy, bare));
        let named = place.text.starts_with('@') && place.rank == Rank::Plain;
        let route = if named && let Some(route) = self.named.get(place.text).copied() {
            self.p.routes[route.at()] = Route { seat, body, policy, named: true, within: None };
            route
        } else {
            self.p.add_route(Route { seat, body, policy, named, within })
        };
        let has_nested = children.iter().any(|c| self.name(*c) == "location");
        let nested = has_nested.then(|| {
            let miss = self.p.add_block([]);
            let inner = self.empty_table(Pick::PrefixTree, miss, seat);
            let mut heirs = s.clone();
            heirs.content = None;
            self.locations(&children, &heirs, inner, Some(route), depth + 1);
            inner
        });
        if let Some(why) = self.hole_in(Some(id))
            && let Some(nested) = nested
        {
            self.p.tables[nested.at()].open = Some(why);
        }
        if named {
            self.done(children);
            return;
        }
        let span = self.span(id);
        let text = place.shared.clone();
        let (is, fold) = match place.rank {
            Rank::Exact | Rank::Implied => (Matcher::Is(vec![text]), false),
            Rank::Plain | Rank::Sealed => (Matcher::Starts(vec![text]), false),
            Rank::Regex => (Matcher::Regex(self.pattern(place.text, place.fold)), place.fold),
        };
        let cond = if place.opaque {
            let why = self.p.doubt(Reason::Template, span, "the path is filled in later");
            self.p.tables[table.at()].open = Some(why);
            Cond::Opaque(why)
        } else {
            Cond::Test(Atom { of: Subject::Path, is, fold, not: false, span })
        };
        let test = self.p.add_cond(cond);
        let arms = &mut self.p.tables[table.at()].arms;
        if place.rank == Rank::Exact && !place.opaque {
            level.written.entry(place.text).or_insert(arms.len());
        }
        arms.push(Arm { test, rank: place.rank, go: route, nested });
        self.slash(&children, &place, &s, policy, level, span);
        self.done(children);
    }

    /// `/ws/` with a handler that proxies: `/ws` is answered with 301 to it `[loc-auto-slash-ws]`. Of `= /ws/` and `/ws/` the
    /// settings of the former hold.
    fn slash(&mut self, children: &[DirId], place: &Place<'a>, s: &Settings, policy: PolicyId, level: &mut Level<'a>, span: Span) {
        let table = level.table;
        let exact = place.rank == Rank::Exact;
        if place.opaque || !exact && !matches!(place.rank, Rank::Plain | Rank::Sealed) || place.text.len() < 2 {
            return;
        }
        let Some(bare) = place.text.strip_suffix('/') else { return };
        let proxies = children.iter().any(|c| {
            matches!(
                self.name(*c),
                "proxy_pass" | "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "memcached_pass" | "grpc_pass" | "tunnel_pass"
            )
        });
        let implied = level.implied.get(bare).copied();
        let twin = level.written.get(place.text).copied().filter(|_| !exact);
        if !(proxies || exact && implied.is_some()) || !exact && implied.is_some() {
            return;
        }
        let (seat, policy, first) = match twin.map(|i| self.p.table(table).arms[i].go) {
            Some(route) => {
                let twin = self.p.route(route);
                let (seat, policy) = (twin.seat, twin.policy);
                // What keeps clients away from it stands right behind its settings.
                let guard = self.p.block(self.p.route(route).body).get(1).filter(|s| self.guards(s)).cloned();
                (seat, policy, guard)
            }
            None => (s.seat, policy, self.internal(s)),
        };
        let location = match self.slashed {
            Some(known) => known,
            None => {
                // The path is sent encoded.
                let path = self.expr(Expr::Read(Subject::Path));
                let path = self.via(Conv::EncodePath, path);
                let rest = self.interpolate("/$is_args$args", span);
                let whole = self.expr(Expr::Join(vec![path, rest]));
                *self.slashed.insert(whole)
            }
        };
        let status = Fact::is(301, How::Implied, span, seat);
        let (enter, measure) = Self::entered(policy, first.is_some(), span);
        let redirect = Step { act: Act::Respond { status, location: Some(location), body: None }, span };
        let body = self.p.add_block([Some(enter), first, measure, Some(redirect)].into_iter().flatten());
        let route = self.p.add_route(Route { seat, body, policy, named: false, within: None });
        if let Some(i) = implied {
            self.p.tables[table.at()].arms[i].go = route;
        } else {
            let test = self.p.test(Subject::Path, Matcher::Is(vec![bare.into()]), span);
            let all = &mut self.p.tables[table.at()].arms;
            level.implied.insert(bare, all.len());
            all.push(Arm { test, rank: Rank::Implied, go: route, nested: None });
        }
    }

    /// The step into a location, and the one that measures a body behind a guard, if there is a guard.
    fn entered(policy: PolicyId, guarded: bool, span: Span) -> (Step, Option<Step>) {
        let act = if guarded { Act::Enter(policy) } else { Act::Admit(policy) };
        (Step { act, span }, guarded.then_some(Step { act: Act::Measure, span }))
    }

    /// Whether a step is what [`Self::internal`] makes.
    fn guards(&self, step: &Step) -> bool {
        let Act::When { test, .. } = step.act else { return false };
        matches!(self.p.cond(test), Cond::Test(Atom { of: Subject::Internal, .. }))
    }

    fn place(&self, id: DirId) -> Place<'a> {
        let args = self.conf.args(id);
        let touching = |one: &'a str| ["^~", "~*", "~", "="].iter().find_map(|m| one.strip_prefix(m).map(|t| (*m, t)));
        let (mark, text, shared) = match (args.first(), args.get(1)) {
            (Some(mark), Some(text)) => (mark.text, text.text, text.shared()),
            (Some(one), None) => match touching(one.text) {
                Some((mark, text)) => (mark, text, text.into()),
                None => ("", one.text, one.shared()),
            },
            (None, _) => ("", "", "".into()),
        };
        let (rank, fold) = match mark {
            "=" => (Rank::Exact, false),
            "^~" => (Rank::Sealed, false),
            "~" => (Rank::Regex, false),
            "~*" => (Rank::Regex, true),
            _ => (Rank::Plain, false),
        };
        Place { rank, text, shared, fold, opaque: args.opaque() }
    }

    /// Phases in the order of execution. `bare`: the settings without what is tried first, where something is.
    fn body(&mut self, id: DirId, children: &[DirId], s: &Settings, (policy, bare): (PolicyId, Option<PolicyId>)) -> BlockId {
        let span = self.span(id);
        let mut steps = std::mem::take(&mut self.steps);
        if self.arg(id, 0).is_some_and(|a| a.starts_with('@')) {
            // A jump to a name measures nothing.
            steps.push(Step { act: Act::Enter(policy), span });
            steps.extend(self.internal(s));
        } else {
            let guard = self.internal(s);
            let (enter, measure) = Self::entered(policy, guard.is_some(), span);
            steps.push(enter);
            steps.extend(guard);
            steps.extend(measure);
        }
        let rewrites = self.rewrite_phase(children, s, true);
        let excepted = self.excepted(children);
        if let (Some((test, at)), Some(bare)) = (excepted, bare) {
            let nothing = self.p.add_block(Vec::new());
            let other = Some(self.p.one(Act::Enter(bare), at));
            steps.push(Step { act: Act::When { test, then: nothing, other }, span: at });
        }
        if !rewrites.is_empty() {
            let block = self.p.add_block(rewrites);
            let phase = [Act::Group(block), Act::Reselect { table: self.table, if_moved: true, through: None }];
            let phase = phase.map(|act| Step { act, span });
            match excepted {
                // The methods that it limits have settings of their own, without what is done here.
                Some((test, at)) => {
                    let then = self.p.add_block(phase.to_vec());
                    steps.push(Step { act: Act::When { test, then, other: None }, span: at });
                }
                None => steps.extend(phase),
            }
        }
        let gates = self.gates(s);
        match excepted {
            Some((test, at)) => steps.extend(self.limit_except(children, s, gates, test, at)),
            None => steps.extend(gates),
        }
        for c in children {
            let at = self.span(*c);
            match self.name(*c) {
                "access_by_lua" | "access_by_lua_block" | "access_by_lua_file" => {
                    let why = self.p.doubt(Reason::Script, at, "a script decides who passes");
                    let test = self.p.add_cond(Cond::Opaque(why));
                    let status = Fact::unknown(why, at, s.seat);
                    let then = self.p.one(Act::Respond { status, location: None, body: None }, at);
                    steps.push(Step { act: Act::When { test, then, other: None }, span: at });
                }
                _ => {}
            }
        }
        steps.push(Step { act: Act::Content, span });
        let block = self.p.add_block(steps.drain(..));
        self.steps = steps;
        block
    }

    /// What answers, and copies of the request before it. Files are tried before any copy is made: where there are none, none is.
    pub(super) fn mirrored(&mut self, block: BlockId, s: &Settings) -> BlockId {
        if s.mirrors.is_empty() {
            return block;
        }
        let mut steps: Vec<Step> = s.mirrors.iter().map(|id| self.mirror(*id)).collect();
        steps.extend_from_slice(self.p.block(block));
        self.p.add_block(steps)
    }

    /// A copy of the request goes to another location, with the method it has `[feat-mirror]`.
    fn mirror(&mut self, id: DirId) -> Step {
        let span = self.span(id);
        let path = self.arg(id, 0).unwrap_or_default();
        let path = self.interpolate(path, span);
        let rewrite = Act::Rewrite { path, query: None, moved: true };
        let again = Act::Reselect { table: self.table, if_moved: false, through: Some(self.server_rewrites) };
        let block = self.p.add_block([rewrite, again].map(|act| Step { act, span }));
        Step { act: Act::Copy(block), span }
    }

    /// A look into the cache, before the upstream is asked; a handshake finds what a plain request left `[feat-cache-poison]`.
    fn cache(&mut self, s: &Settings) -> Option<Step> {
        let id = s.cache?;
        let span = self.span(id);
        let mut tests = Vec::new();
        if let Some(by) = s.cache_bypass {
            let at = self.span(by);
            for word in self.conf.args(by) {
                tests.push(if word.opaque {
                    let why = self.p.doubt(Reason::Template, at, "filled in later");
                    self.p.add_cond(Cond::Opaque(why))
                } else {
                    let of = Subject::Value(self.interpolate(word.text, at));
                    self.p.test(of, Matcher::Truthy, at)
                });
            }
        }
        let bypass = self.p.add_cond(Cond::Any(tests));
        let key = s.cache_key.and_then(|k| self.arg(k, 0)).unwrap_or("$scheme$proxy_host$request_uri");
        let key = self.interpolate(key, span);
        Some(Step { act: Act::Cache { bypass, key }, span })
    }

    /// Clients get 404 where only the proxy itself may go; that comes before all else.
    fn internal(&mut self, s: &Settings) -> Option<Step> {
        let span = self.span(s.internal?);
        let test = self.p.add_cond(Cond::Test(Atom { of: Subject::Internal, is: Matcher::Present, fold: false, not: true, span }));
        let status = Fact::is(404, How::Written, span, s.seat);
        let then = self.p.one(Act::Respond { status, location: None, body: None }, span);
        Some(Step { act: Act::When { test, then, other: None }, span })
    }

    /// The methods that `limit_except` lets be.
    fn excepted(&mut self, children: &[DirId]) -> Option<(CondId, Span)> {
        let id = children.iter().copied().find(|c| self.name(*c) == "limit_except")?;
        let span = self.span(id);
        let mut methods: Vec<Text> = self.conf.args(id).iter().map(|a| a.shared()).collect();
        if methods.iter().any(|m| &**m == "GET") {
            methods.push("HEAD".into());
        }
        Some((self.p.test(Subject::Method, Matcher::Is(methods), span), span))
    }

    /// The methods that `limit_except` limits are asked as it says, all others as the location does.
    fn limit_except(&mut self, children: &[DirId], s: &Settings, gates: Vec<Step>, test: CondId, at: Span) -> Option<Step> {
        let id = children.iter().copied().find(|c| self.name(*c) == "limit_except")?;
        let inner: Vec<DirId> = self.conf.children(id).collect();
        let seat = self.scope(id, s.seat);
        let own = self.settings(s, Some(id), &inner, seat);
        let limited = self.gates(&own);
        let then = self.p.add_block(gates);
        let other = Some(self.p.add_block(limited));
        Some(Step { act: Act::When { test, then, other }, span: at })
    }

    /// Files are assumed not to exist: the last argument decides.
    fn try_files(&mut self, id: DirId, s: &Settings) -> Option<Act> {
        let span = self.span(id);
        let last = self.conf.args(id).last()?;
        if last.opaque {
            let why = self.p.doubt(Reason::Template, span, "the fallback is filled in later");
            return Some(Act::Opaque(why));
        }
        Some(self.go_to(last.text, span, s, None))
    }

    /// `@name`, `=404` or a path, as a fallback.
    fn go_to(&mut self, text: &str, span: Span, s: &Settings, status: Option<u16>) -> Act {
        if let Some(code) = text.strip_prefix('=') {
            let status = Fact::is(code.parse().unwrap_or(404), How::Written, span, s.seat);
            return Act::Respond { status, location: None, body: None };
        }
        if text.starts_with('@') {
            if let Some(route) = self.named.get(text) {
                return Act::Jump(*route);
            }
            let why = self.p.doubt(Reason::MissingFile, span, format!("`{text}` is not in what was read"));
            return Act::Opaque(why);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let location = self.interpolate(text, span);
            let status = Fact::is(status.unwrap_or(302), How::Written, span, s.seat);
            return Act::Respond { status, location: Some(location), body: None };
        }
        let (path, query) = text.split_once('?').map_or((text, None), |(p, q)| (p, Some(q)));
        let path = self.interpolate(path, span);
        // The client's query does not go along `[loc-try_files-uri]`.
        let query = Some(self.interpolate(query.unwrap_or_default(), span));
        let steps = [
            Step { act: Act::Rewrite { path, query, moved: true }, span },
            Step { act: Act::Reselect { table: self.table, if_moved: false, through: Some(self.server_rewrites) }, span },
        ];
        Act::Call(self.p.add_block(steps))
    }

    /// `error_page`, for the proxy's own answers.
    pub(super) fn errors(&mut self, s: &Settings) -> Option<BlockId> {
        if s.error_pages.is_empty() {
            return None;
        }
        let mut steps = Vec::new();
        for id in s.error_pages.iter() {
            let span = self.span(*id);
            let words: Vec<(&str, bool)> = self.conf.args(*id).iter().map(|a| (a.text, a.opaque)).collect();
            let Some((last, codes)) = words.split_last() else { continue };
            let codes: Vec<Text> = codes.iter().filter(|c| !c.0.starts_with('=')).map(|c| Text::from(c.0)).collect();
            let test = self.p.test(Subject::Status, Matcher::Is(codes), span);
            let other = words.iter().rev().nth(1).and_then(|w| w.0.strip_prefix('='));
            let status = match other {
                None => Stand::Keep,
                Some(code) => code.parse().map_or(Stand::Free, Stand::Is),
            };
            let mut then = Vec::new();
            let is_path = ["/", "$uri", "$document_uri", "$request_uri"].iter().any(|p| last.0.starts_with(p));
            if last.1 || last.0.starts_with('$') && !is_path {
                let why = self.p.doubt(Reason::Template, span, "the page is known only later");
                then.push(Step { act: Act::Opaque(why), span });
            } else if is_path || last.0.starts_with('@') {
                then.push(Step { act: Act::Stands { status, get: is_path, again: s.recursive }, span });
                let act = self.go_to(last.0, span, s, None);
                then.push(Step { act, span });
            } else {
                let status = match status {
                    Stand::Is(code @ (301 | 302 | 303 | 307 | 308)) => code,
                    _ => 302,
                };
                let location = self.interpolate(last.0, span);
                let status = Fact::is(status, How::Written, span, s.seat);
                then.push(Step { act: Act::Respond { status, location: Some(location), body: None }, span });
            }
            let then = self.p.add_block(then);
            steps.push(Step { act: Act::When { test, then, other: None }, span });
        }
        (!steps.is_empty()).then(|| self.p.add_block(steps))
    }

    fn content_for(&mut self, children: &[DirId], s: &Settings, place: &Place<'_>) -> Option<Content> {
        self.drop = if matches!(place.rank, Rank::Plain | Rank::Sealed | Rank::Exact) { place.text.len() as u32 } else { 0 };
        self.content(children, s)
    }

    /// What answers where nothing is written.
    pub(super) fn no_content(&mut self, s: &Settings, act: Act, span: Span) -> Content {
        let hop = self.hop(s, Pass::Proxy, None);
        Content { block: self.p.one(act, span), pass: Pass::Proxy, hop }
    }

    /// What answers in a block: the last handler written wins `[loc-two-handlers2]`.
    pub(super) fn content(&mut self, children: &[DirId], s: &Settings) -> Option<Content> {
        let mut content = None;
        for id in children {
            let span = self.span(*id);
            let name = self.name(*id);
            let pass = match name {
                "proxy_pass" | "uwsgi_pass" | "scgi_pass" | "fastcgi_pass" | "grpc_pass" | "memcached_pass" => Pass::named(name),
                "stub_status" => {
                    let status = Fact::is(200, How::Implied, span, s.seat);
                    content = Some(self.no_content(s, Act::Respond { status, location: None, body: None }, span));
                    continue;
                }
                n if n.starts_with("content_by_")
                    || matches!(
                        n,
                        "js_content"
                            | "perl"
                            | "echo"
                            | "passenger_enabled"
                            | "rtmp_stat"
                            | "push_stream_publisher"
                            | "nchan_subscriber"
                            | "nchan_publisher"
                            | "nchan_pubsub"
                            | "api"
                            | "tunnel_pass"
                    ) =>
                {
                    let why = self.p.doubt(Reason::Script, span, "another module answers here");
                    content = Some(self.no_content(s, Act::Opaque(why), span));
                    continue;
                }
                _ => continue,
            };
            content = pass.map(|pass| self.pass(*id, s, pass)).or(content);
        }
        content
    }

    fn pass(&mut self, id: DirId, s: &Settings, pass: Pass) -> Content {
        let span = self.span(id);
        let word = self.conf.args(id).first();
        let (url, opaque) = word.map_or(("", true), |w| (w.text, w.opaque));
        let tls = (!opaque && !url.starts_with('$')).then(|| url.starts_with("https://") || url.starts_with("grpcs://"));
        let hop = self.hop(s, pass, tls);
        let cache = self.cache(s).filter(|_| pass == Pass::Proxy);
        let onward = self.onward(None, 0);
        if url.contains('$') || opaque {
            let to =
                if opaque { self.opaque(Reason::Template, span, "the upstream is filled in later") } else { self.interpolate(url, span) };
            let forward = Step { act: Act::Forward { to: Target::Url(to), hop, target: onward }, span };
            return Content { block: self.p.add_block(cache.into_iter().chain([forward])), pass, hop };
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let port = match scheme {
            "https" | "grpcs" => "443",
            _ => "80",
        };
        let (authority, uri) = if let Some(path) = rest.strip_prefix("unix:") {
            path.find(':').map_or((rest, None), |i| (&rest[..i + 5], Some(&rest[i + 6..])))
        } else {
            rest.find('/').map_or((rest, None), |i| (&rest[..i], Some(&rest[i..])))
        };
        let uri = uri.filter(|u| !u.is_empty() && pass == Pass::Proxy);
        let group = self.upstream_at(authority, port, s.seat, span);
        let target = if uri.is_some() { self.onward(uri, self.drop) } else { onward };
        let forward = Step { act: Act::Forward { to: Target::Upstream(group), hop, target }, span };
        Content { block: self.p.add_block(cache.into_iter().chain([forward])), pass, hop }
    }
}
