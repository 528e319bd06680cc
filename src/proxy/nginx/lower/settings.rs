//! What is inherited, and how: scalars one by one, lists as a whole.

use super::{DirId, Lower, handlers::Beside, handlers::Other, policy::Pass};
use crate::model::{
    Answers, BlockId, Expr, ExprId, Fact, HeaderList, HeaderOp, How, Known, Limit, ListId, Matcher, Reason, Releases, Seat, Subject, Verb,
    Why, Wire,
};
use crate::proxy::nginx::duration;
use crate::proxy::nginx::releases::{HEADER_MERGE, MODERN_UPSTREAMS, ONE_HOST};
use crate::source::Span;
use std::rc::Rc;

/// Statuses that carry `add_header` without `always` `[cors-no-always]`.
const OK_STATUSES: &[u16] = &[200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

/// How `add_header` lists of outer blocks are taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inherit {
    On,
    Merge,
    Off,
}

/// The settings in force in a block.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) seat: Seat,
    pub(super) outgoing: ListId,
    pub(super) answer: ListId,
    pub(super) relayed: Option<ListId>,
    /// The handler.
    pub(super) pass: Option<Pass>,
    /// What is seldom written.
    pub(super) beside: Rc<Beside>,
    pub(super) version: Fact<Wire>,
    pub(super) read_timeout: Fact<Limit>,
    pub(super) cgi_timeout: Fact<Limit>,
    pub(super) connect_timeout: Fact<Limit>,
    pub(super) buffering: Fact<bool>,
    pub(super) pass_headers: Fact<bool>,
    pub(super) method: Option<Fact<ExprId>>,
    pub(super) auth_basic: Option<DirId>,
    pub(super) auth_request: Option<DirId>,
    pub(super) access: Rc<[DirId]>,
    pub(super) error_pages: Rc<[DirId]>,
    pub(super) inherit: Inherit,
    pub(super) content: Option<BlockId>,
    pub(super) errors: Option<BlockId>,
    pub(super) max_body: Option<u64>,
    pub(super) intercepts: bool,
    /// `recursive_error_pages`
    pub(super) recursive: bool,
    pub(super) follows: bool,
    pub(super) satisfy_any: bool,
    pub(super) redirect: Redirect,
    pub(super) absolute: Option<ExprId>,
    pub(super) packed: Fact<bool>,
    /// `proxy_cache`, `proxy_cache_bypass`, `proxy_cache_key`.
    pub(super) cache: Option<DirId>,
    pub(super) cache_bypass: Option<DirId>,
    pub(super) cache_key: Option<DirId>,
    /// `internal`; locations inside have it too.
    pub(super) internal: Option<DirId>,
    /// `mirror` lines.
    pub(super) mirrors: Rc<[DirId]>,
    pub(super) gzip: bool,
    /// Whether the types that are compressed include event streams.
    gzip_streams: Option<bool>,
    pub(super) gzip_vary: Option<DirId>,
}

/// How nginx completes a Location of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Redirect {
    pub(super) absolute: bool,
    pub(super) own_name: bool,
    pub(super) port: bool,
}

fn default<T: Copy>(value: T, releases: Releases, fragment: bool, seat: Seat, at: Span) -> Fact<T> {
    Fact::is(value, if fragment { How::Assumed(releases) } else { How::Default(releases) }, at, seat)
}

fn implied(verb: Verb, name: &str, value: ExprId, seat: Seat) -> HeaderOp {
    HeaderOp {
        verb,
        name: name.into(),
        value: Fact::is(value, How::Implied, Span::default(), seat),
        drop_empty: true,
        on: Answers::All,
        guard: None,
    }
}

/// What becomes of `Connection` by itself: a line that says so, or none.
pub(super) fn connection(modern: bool, close: ExprId, seat: Seat) -> HeaderOp {
    implied(if modern { Verb::Remove } else { Verb::Set }, "Connection", close, seat)
}

impl Lower<'_> {
    /// Lines that nginx makes or removes by itself, each replaced when the list in force names it.
    pub(super) fn implied_headers(&mut self, seat: Seat) -> ListId {
        let authority = self.expr(Expr::Read(Subject::UpstreamAuthority));
        let close = self.text("close");
        let none = self.text("");
        let mut ops = vec![implied(Verb::Set, "Host", authority, seat), connection(self.modern, close, seat)];
        for name in ["Upgrade", "Keep-Alive", "TE", "Expect"] {
            ops.push(implied(Verb::Remove, name, none, seat));
        }
        self.p.add_list(HeaderList { seat, base: None, ops, displaced: None, open: None })
    }

    /// The releases in which upstreams are spoken to as in this one.
    pub(super) fn upstream_defaults(&self) -> Releases {
        Releases::beside(MODERN_UPSTREAMS, self.modern)
    }

    /// The settings when nothing is written.
    pub(super) fn defaults(&mut self, seat: Seat) -> Settings {
        let f = self.p.fragment;
        let at = Span { start: self.whole.start, len: 0 };
        let all = Releases::All;
        let outside = self.outside;
        let base = Some(self.implied);
        let outgoing = self.p.add_list(HeaderList { seat, base, ops: Vec::new(), displaced: None, open: outside });
        let answer = self.p.add_list(HeaderList { seat, base: None, ops: Vec::new(), displaced: None, open: outside });
        Settings {
            seat,
            outgoing,
            answer,
            relayed: Some(self.hidden),
            pass: None,
            beside: Rc::new(Beside {
                hides: Vec::new(),
                shows: Vec::new(),
                auth_sets: Vec::new(),
                others: [Other { intercepts: false, follows: true, hidden: Some(self.hidden) }; 5],
            }),
            version: default(if self.modern { Wire::H11 } else { Wire::H10 }, self.upstream_defaults(), f, seat, at),
            read_timeout: default(Limit::After(60_000), all, f, seat, at),
            cgi_timeout: default(Limit::After(60_000), all, f, seat, at),
            connect_timeout: default(Limit::After(60_000), all, f, seat, at),
            buffering: default(true, all, f, seat, at),
            pass_headers: default(true, all, f, seat, at),
            method: None,
            auth_basic: None,
            auth_request: None,
            access: Rc::default(),
            error_pages: Rc::default(),
            inherit: Inherit::On,
            content: None,
            errors: None,
            max_body: Some(1 << 20),
            intercepts: false,
            recursive: false,
            follows: true,
            satisfy_any: false,
            redirect: Redirect { absolute: true, own_name: false, port: true },
            absolute: None,
            packed: default(false, all, f, seat, at),
            cache: None,
            cache_bypass: None,
            cache_key: None,
            internal: None,
            mirrors: Rc::default(),
            gzip: false,
            gzip_streams: Some(false),
            gzip_vary: None,
        }
    }

    /// The settings in force in a block, from those around it and its own directives.
    pub(super) fn settings(&mut self, outer: &Settings, block: Option<DirId>, dirs: &[DirId], seat: Seat) -> Settings {
        let mut s = outer.clone();
        s.seat = seat;
        s.content = None;
        if let Some(why) = self.hole_in(block) {
            self.blur(&mut s, why, seat);
        }
        let mut lists: [Vec<DirId>; 4] = Default::default();
        let mut access = Vec::new();
        let mut auth_sets = Vec::new();
        let mut shows = Vec::new();
        let mut hidden: Vec<DirId> = Vec::new();
        let mut mirrors = Vec::new();
        let mut packing = None;
        for id in dirs {
            let id = *id;
            match self.name(id) {
                "proxy_set_header" => lists[0].push(id),
                "add_header" => lists[1].push(id),
                "proxy_hide_header" => lists[2].push(id),
                "error_page" => lists[3].push(id),
                "proxy_pass_header" => shows.push(id),
                "allow" | "deny" => access.push(id),
                "proxy_http_version" => {
                    s.version = self.word_fact(id, seat, |t| match t {
                        "1.0" => Some(Wire::H10),
                        "1.1" => Some(Wire::H11),
                        "2" => Some(Wire::H2),
                        _ => None,
                    });
                }
                "proxy_read_timeout" => s.read_timeout = self.word_fact(id, seat, |t| duration::milliseconds(t).map(Limit::After)),
                // What none at all does to a connection was not measured.
                "proxy_connect_timeout" => {
                    s.connect_timeout = self.word_fact(id, seat, |t| duration::milliseconds(t).filter(|n| *n > 0).map(Limit::After));
                }
                "uwsgi_read_timeout" | "scgi_read_timeout" => {
                    s.cgi_timeout = self.word_fact(id, seat, |t| duration::milliseconds(t).map(Limit::After));
                }
                "proxy_buffering" => s.buffering = self.word_fact(id, seat, flag),
                "proxy_pass_request_headers" => s.pass_headers = self.word_fact(id, seat, flag),
                "proxy_method" => {
                    let text = self.arg(id, 0).unwrap_or_default();
                    let method = self.interpolate(text, self.span(id));
                    s.method = Some(self.fact(method, id, seat));
                }
                "auth_basic" => s.auth_basic = (self.arg(id, 0) != Some("off")).then_some(id),
                "auth_request" => s.auth_request = (self.arg(id, 0) != Some("off")).then_some(id),
                "auth_request_set" => auth_sets.push(id),
                "client_max_body_size" => {
                    s.max_body = self.arg(id, 0).and_then(size).filter(|n| *n > 0);
                }
                "recursive_error_pages" => s.recursive = self.arg(id, 0).and_then(flag).unwrap_or(false),
                "proxy_intercept_errors" => s.intercepts = self.arg(id, 0).and_then(flag).unwrap_or(false),
                "proxy_ignore_headers" => s.follows = self.follows(id),
                "satisfy" => s.satisfy_any = self.arg(id, 0) == Some("any"),
                "absolute_redirect" => s.redirect.absolute = self.arg(id, 0).and_then(flag).unwrap_or(true),
                "server_name_in_redirect" => s.redirect.own_name = self.arg(id, 0).and_then(flag).unwrap_or(false),
                "port_in_redirect" => s.redirect.port = self.arg(id, 0).and_then(flag).unwrap_or(true),
                "proxy_cache" => s.cache = (self.arg(id, 0) != Some("off")).then_some(id),
                "proxy_cache_bypass" => s.cache_bypass = Some(id),
                "proxy_cache_key" => s.cache_key = Some(id),
                "internal" => s.internal = Some(id),
                "mirror" => mirrors.push(id),
                "gzip" => {
                    s.gzip = self.arg(id, 0).and_then(flag).unwrap_or(false);
                    packing = Some(id);
                }
                "gzip_types" => {
                    let types = self.conf.args(id);
                    let found = types.iter().any(|t| t.text == "*" || t.text.eq_ignore_ascii_case("text/event-stream"));
                    s.gzip_streams = (found || !types.opaque()).then_some(found);
                    packing = Some(id);
                }
                "gzip_vary" => s.gzip_vary = self.arg(id, 0).and_then(flag).unwrap_or(false).then_some(id),
                "add_header_inherit" if self.era.since(HEADER_MERGE) => {
                    s.inherit = match self.arg(id, 0) {
                        Some("merge") => Inherit::Merge,
                        Some("off") => Inherit::Off,
                        _ => Inherit::On,
                    };
                }
                name => self.others(&mut s, name, id, &mut hidden),
            }
        }
        if !auth_sets.is_empty() {
            Rc::make_mut(&mut s.beside).auth_sets = auth_sets;
        }
        if !access.is_empty() {
            s.access = access.into();
        }
        if !mirrors.is_empty() {
            s.mirrors = mirrors.into_iter().filter(|m| self.arg(*m, 0) != Some("off")).collect();
        }
        if let Some(id) = packing {
            let span = self.span(id);
            s.packed = match s.gzip_streams {
                Some(streams) => self.fact(s.gzip && streams, id, seat),
                None => {
                    let why = self.p.doubt(Reason::Template, span, "the types are filled in later");
                    Fact::unknown(why, span, seat)
                }
            };
        }
        if !lists[3].is_empty() {
            s.error_pages = std::mem::take(&mut lists[3]).into();
        }
        let hole = self.hole_in(block);
        if !lists[0].is_empty() {
            s.outgoing = self.outgoing(&lists[0], seat, outer.outgoing, hole);
        }
        if !lists[1].is_empty() || s.inherit == Inherit::Off {
            s.answer = self.answer(&lists[1], seat, outer.answer, s.inherit, hole);
        }
        let hides = std::mem::take(&mut lists[2]);
        if !hides.is_empty() || !shows.is_empty() || !hidden.is_empty() {
            self.take_out(&mut s, (hides, shows, hidden), seat);
        }
        if s.redirect != outer.redirect || s.absolute.is_none() && s.redirect.absolute {
            let host = if s.redirect.own_name { "$server_name" } else { "$host" };
            s.absolute = s.redirect.absolute.then(|| self.absolute(host, s.redirect.port, Span::default()));
        }
        if (s.gzip, s.gzip_vary, s.answer) != (outer.gzip, outer.gzip_vary, outer.answer) {
            s.answer = self.with_vary(&s, seat);
        }
        s
    }

    /// `gzip_vary` adds a line of its own, if the answer is one that would be compressed: only its type tells `[cors-vary-two]`.
    fn with_vary(&mut self, s: &Settings, seat: Seat) -> ListId {
        let mut list = self.p.list(s.answer).clone();
        let is_own = |o: &HeaderOp| o.value.origin.how == How::Implied && &*o.name == "Vary";
        let had = list.ops.iter().any(is_own);
        match s.gzip_vary.filter(|_| s.gzip) {
            Some(by) if !had => {
                let span = self.span(by);
                let why = self.p.doubt(Reason::RuntimeState, span, "depends on the type of the answer");
                let value = self.expr(Expr::Opaque { why, full: false });
                list.ops.push(HeaderOp {
                    verb: Verb::Add,
                    name: "Vary".into(),
                    value: Fact::is(value, How::Implied, span, seat),
                    drop_empty: true,
                    on: Answers::All,
                    guard: None,
                });
            }
            None if had => list.ops.retain(|o| !is_own(o)),
            _ => return s.answer,
        }
        self.p.add_list(list)
    }

    /// Whatever is not written in a block with an unread include may be written there.
    fn blur(&mut self, s: &mut Settings, why: Why, seat: Seat) {
        let span = self.p.doubt_of(why).span;
        s.version = Fact::unknown(why, span, seat);
        s.read_timeout = Fact::unknown(why, span, seat);
        s.cgi_timeout = Fact::unknown(why, span, seat);
        s.buffering = Fact::unknown(why, span, seat);
        s.packed = Fact::unknown(why, span, seat);
        for list in [&mut s.outgoing, &mut s.answer] {
            let mut copy = self.p.list(*list).clone();
            copy.open = Some(why);
            *list = self.p.add_list(copy);
        }
    }

    pub(super) fn word_fact<T: Copy>(&mut self, id: DirId, seat: Seat, read: impl Fn(&str) -> Option<T>) -> Fact<T> {
        let span = self.span(id);
        let Some(word) = self.conf.args(id).first().filter(|w| !w.opaque) else {
            let why = self.p.doubt(Reason::Template, span, "the value is filled in later");
            return Fact::unknown(why, span, seat);
        };
        match read(word.text) {
            Some(v) => Fact::is(v, How::Written, span, seat),
            None => {
                let why = self.p.doubt(Reason::TooComplex, span, "the value is not understood");
                Fact::unknown(why, span, seat)
            }
        }
    }

    pub(super) fn op(&mut self, id: DirId, seat: Seat, verb: Verb, on: Answers) -> HeaderOp {
        let (args, span) = (self.conf.args(id), self.span(id));
        let value = match args.get(1) {
            Some(word) if word.opaque => self.opaque(Reason::Template, span, "the value is filled in later"),
            word => self.interpolate(word.map_or("", |w| w.text), span),
        };
        HeaderOp {
            verb,
            name: args.first().map(|w| w.shared()).unwrap_or_default(),
            value: Fact { value: Known::Is(value), origin: crate::model::Origin { how: How::Written, span, seat } },
            drop_empty: true,
            on,
            guard: None,
        }
    }

    fn outgoing(&mut self, dirs: &[DirId], seat: Seat, outer: ListId, hole: Option<Why>) -> ListId {
        let mut ops: Vec<HeaderOp> = Vec::with_capacity(dirs.len());
        for id in dirs {
            let mut op = self.op(*id, seat, Verb::Set, Answers::All);
            let again = ops.iter().any(|o| o.name.eq_ignore_ascii_case(&op.name));
            let host = op.name.eq_ignore_ascii_case("host");
            // Where it makes no difference the release is not asked for: each one that is makes an era of its own.
            if again && !(host && self.era.since(ONE_HOST)) {
                op.verb = Verb::Add;
            }
            if host && !self.never_empty(op.value.value) && self.era.since(ONE_HOST) {
                // "" is the default line there.
                op.drop_empty = false;
                if let Known::Is(e) = op.value.value {
                    match self.p.expr(e) {
                        Expr::Text(t) if t.is_empty() => continue,
                        Expr::Text(_) => {}
                        _ => op.guard = Some(self.p.test(Subject::Value(e), Matcher::Present, op.value.origin.span)),
                    }
                }
            }
            ops.push(op);
        }
        // A template tag as a name may stand for any name.
        let open = hole.or_else(|| {
            let blurred = dirs.iter().find(|d| self.conf.args(**d).first().is_none_or(|w| w.opaque)).map(|d| self.span(*d));
            blurred.map(|span| self.p.doubt(Reason::Template, span, "the header's name is filled in later"))
        });
        let displaced = (!self.p.list(outer).ops.is_empty()).then_some(outer);
        self.p.add_list(HeaderList { seat, base: Some(self.implied), ops, displaced, open })
    }

    /// Whether every request that a client can make fills a value.
    fn never_empty(&self, value: Known<ExprId>) -> bool {
        value.is().is_some_and(|e| match self.p.expr(e) {
            Expr::Text(t) => !t.is_empty(),
            Expr::Read(subject) => matches!(subject, Subject::Host | Subject::UpstreamAuthority),
            Expr::Join(parts) => parts.iter().any(|e| self.never_empty(Known::Is(*e))),
            _ => false,
        })
    }

    fn answer(&mut self, dirs: &[DirId], seat: Seat, outer: ListId, inherit: Inherit, hole: Option<Why>) -> ListId {
        let mut ops = Vec::with_capacity(dirs.len());
        for id in dirs {
            let always = self.arg(*id, 2) == Some("always");
            let on = if always { Answers::All } else { Answers::Statuses(OK_STATUSES) };
            ops.push(self.op(*id, seat, Verb::Add, on));
        }
        let mut open = hole;
        let mut displaced = None;
        if inherit == Inherit::Merge {
            let outer = self.p.list(outer);
            open = open.or(outer.open);
            ops.extend(outer.ops.iter().cloned());
        } else if !self.p.list(outer).ops.is_empty() {
            displaced = Some(outer);
        }
        self.p.add_list(HeaderList { seat, base: None, ops, displaced, open })
    }
}

/// `8k`, `1m`, `1g` in bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// `on` or `off`, in any letter case.
pub(super) fn flag(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("on") {
        Some(true)
    } else if text.eq_ignore_ascii_case("off") {
        Some(false)
    } else {
        None
    }
}
