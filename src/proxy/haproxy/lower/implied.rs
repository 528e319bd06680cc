//! What HAProxy does without being told: how it takes a request in, what it adds on the way to a server, and the pages it
//! answers with by itself.

use super::{Lower, find::Found};
use crate::model::{
    Act, Answers, BlockId, Cond, CondId, Conv, Expr, ExprId, Fact, HeaderList, HeaderOp, How, ListId, Matcher, Pattern, PolicyId, Reason,
    Seat, Step, Subject, Verb,
};
use crate::source::Span;

/// Status, title and text of the pages built in.
const PAGES: &[(u16, &str, &str)] = &[
    (400, "Bad request", "Your browser sent an invalid request."),
    (401, "Unauthorized", "You need a valid user and password to access this content."),
    (403, "Forbidden", "Request forbidden by administrative rules."),
    (404, "Not Found", "The resource could not be found."),
    (405, "Method Not Allowed", "A request was made of a resource using a request method not supported by that resource"),
    (407, "Unauthorized", "You need a valid user and password to access this content."),
    (408, "Request Time-out", "Your browser didn't send a complete request in time."),
    (410, "Gone", "The resource is no longer available and will not be available again."),
    (413, "Payload Too Large", "The request entity exceeds the maximum allowed."),
    (421, "Misdirected Request", "Request sent to a non-authoritative server."),
    (422, "Unprocessable Content", "The server cannot process the contained instructions."),
    (425, "Too Early", "Your browser sent early data."),
    (429, "Too Many Requests", "You have sent too many requests in a given amount of time."),
    (500, "Internal Server Error", "An internal server error occurred."),
    (501, "Not Implemented", "The server does not support the functionality required to fulfill the request."),
    (502, "Bad Gateway", "The server returned an invalid or incomplete response."),
    (503, "Service Unavailable", "No server is available to handle this request."),
    (504, "Gateway Time-out", "The server didn't respond in time."),
];

/// Headers that a removal by prefix or pattern is written out for.
pub(super) const KNOWN_HEADERS: &[&str] = &[
    "host",
    "upgrade",
    "connection",
    "origin",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "sec-websocket-accept",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-request-method",
    "access-control-request-headers",
    "vary",
    "location",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "forwarded",
    "authorization",
    "cookie",
    "set-cookie",
    "cache-control",
    "x-accel-buffering",
    "server",
];

impl Lower<'_> {
    /// An operation without a condition of its own.
    pub(super) fn op(verb: Verb, name: &str, value: ExprId, guard: Option<CondId>, how: How, span: Span, seat: Seat) -> HeaderOp {
        HeaderOp {
            verb,
            name: name.into(),
            value: Fact::is(value, how, span, seat),
            drop_empty: how == How::Implied,
            on: Answers::All,
            guard,
        }
    }

    fn implied_edit(&mut self, op: HeaderOp, seat: Seat, span: Span) -> Step {
        let list = self.p.add_list(HeaderList { seat, base: None, ops: vec![op], displaced: None, open: None });
        Step { act: Act::Edit(list), span }
    }

    fn header_test(&mut self, name: &str, token: &str, span: Span) -> CondId {
        let atom =
            crate::model::Atom { of: Subject::Header(name.into()), is: Matcher::Token(vec![token.into()]), fold: true, not: false, span };
        self.p.add_cond(Cond::Test(atom))
    }

    /// Whether a request asks for an upgrade at all.
    fn asks_upgrade(&mut self, span: Span) -> CondId {
        self.header_test("connection", "upgrade", span)
    }

    /// Whether it is a WebSocket handshake.
    pub(super) fn is_handshake(&mut self, span: Span) -> CondId {
        let upgrade = self.header_test("upgrade", "websocket", span);
        let connection = self.asks_upgrade(span);
        self.p.add_cond(Cond::All(vec![upgrade, connection]))
    }

    /// How a request is taken in: `Connection` loses what concerns the connection itself `[h00]`; since 2.4 a handshake
    /// without a proper key is answered 400 `[h08]`; since 3.1 `Upgrade: h2c` goes `[h11]`; since 3.4 `Upgrade` and the token
    /// that announces it go without each other `[h10]`.
    pub(super) fn taken_in(&mut self, section: usize, steps: &mut Vec<Step>) {
        let (seat, span) = (self.seats[section], self.sections[section].head.span);
        let nothing = self.p.text("");
        let connection = self.p.add_expr(Expr::Read(Subject::Header("connection".into())));
        let tidy = self.p.add_expr(Expr::Via(Conv::Without(vec!["close".into(), "keep-alive".into()]), connection));
        let op = Self::op(Verb::Set, "connection", tidy, None, How::Implied, span, seat);
        steps.push(self.implied_edit(op, seat, span));
        if self.since(3, 1, 0) {
            let h2c = self.header_test("upgrade", "h2c", span);
            let op = Self::op(Verb::Remove, "upgrade", nothing, Some(h2c), How::Implied, span, seat);
            steps.push(self.implied_edit(op, seat, span));
        }
        if self.since(3, 4, 0) {
            let asks = self.asks_upgrade(span);
            let not = self.negated(asks);
            let op = Self::op(Verb::Remove, "upgrade", nothing, Some(not), How::Implied, span, seat);
            steps.push(self.implied_edit(op, seat, span));
            let there = self.p.test(Subject::Header("upgrade".into()), Matcher::Present, span);
            let gone = self.negated(there);
            let rest = self.p.add_expr(Expr::Via(Conv::Without(vec!["upgrade".into()]), connection));
            let op = Self::op(Verb::Set, "connection", rest, Some(gone), How::Implied, span, seat);
            steps.push(self.implied_edit(op, seat, span));
        }
        if self.since(2, 4, 0) {
            let handshake = self.is_handshake(span);
            let pattern = self.p.add_pattern(Pattern::new("^.{24}$".into(), false, Vec::new()));
            let key = self.p.test(Subject::Header("sec-websocket-key".into()), Matcher::Regex(pattern), span);
            let h2 = self.p.test(Subject::Protocol, Matcher::Starts(vec!["HTTP/2".into()]), span);
            let either = self.p.add_cond(Cond::Any(vec![key, h2]));
            let lacks = self.negated(either);
            let test = self.p.add_cond(Cond::All(vec![handshake, lacks]));
            let status = Fact::is(400, How::Implied, span, seat);
            let step = self.when(test, Act::Respond { status, location: None, body: None }, span);
            steps.push(step);
        }
    }

    /// What is put on the wire besides the client's own lines.
    pub(super) fn outgoing(&mut self, front: usize, back: usize) -> ListId {
        let (seat, span) = (self.seats[back], self.sections[back].head.span);
        let mut list = Self::list(seat);
        if self.since(2, 4, 0) {
            // Whoever took the key away gets another one: the client will not recognise the answer [h07].
            let why = self.opaque(Reason::RuntimeState, span, "a key that HAProxy makes");
            let key = self.p.add_expr(Expr::Opaque { why, full: true });
            let handshake = self.is_handshake(span);
            list.ops.push(Self::op(Verb::IfAbsent, "Sec-WebSocket-Key", key, Some(handshake), How::Implied, span, seat));
        }
        let closing = |l: &Self, at: usize| l.option(at, "httpclose").or_else(|| l.option(at, "http-server-close"));
        let by_front = if self.since(2, 8, 0) { None } else { closing(self, front) };
        if let Some(found) = closing(self, back).or(by_front) {
            let asks = self.asks_upgrade(span);
            let plain = self.negated(asks);
            let close = self.p.text("close");
            let at = self.seat_of(&found);
            list.ops.push(Self::op(Verb::Set, "connection", close, Some(plain), How::Written, found.stmt.span, at));
        }
        if let Some(found) = self.option(front, "forwardfor").or_else(|| self.option(back, "forwardfor")) {
            self.forwarded_for(found, &mut list);
        }
        self.p.add_list(list)
    }

    fn forwarded_for(&mut self, found: Found<'_>, list: &mut HeaderList) {
        let words = &found.stmt.words;
        let after = |name: &str| words.iter().position(|w| &*w.text == name).and_then(|i| words.get(i + 1));
        let name = after("header").map_or("X-Forwarded-For", |w| &w.text).to_owned();
        let verb = if words.iter().any(|w| &*w.text == "if-none") { Verb::IfAbsent } else { Verb::Add };
        let guard = after("except").map(|w| {
            let inside = self.p.test(Subject::Client, Matcher::Within(vec![(&*w.text).into()]), w.span);
            self.p.add_cond(Cond::Not(inside))
        });
        let client = self.p.add_expr(Expr::Read(Subject::Client));
        let seat = self.seat_of(&found);
        list.ops.push(Self::op(verb, &name, client, guard, How::Written, found.stmt.span, seat));
    }

    /// The pages that HAProxy answers errors with: its own, `errorfile`, `errorloc`.
    pub(super) fn error_pages(&mut self, section: usize) -> BlockId {
        let own: Vec<Found<'_>> = PAGES
            .iter()
            .filter_map(|(status, ..)| {
                self.setting(section, |s| {
                    matches!(s.word(0), "errorfile" | "errorloc" | "errorloc302" | "errorloc303") && s.word(1) == status.to_string()
                })
            })
            .collect();
        if own.is_empty()
            && let Some(pages) = self.pages
        {
            return pages;
        }
        let mut steps = Vec::new();
        let span = self.sections[section].head.span;
        for found in &own {
            let at = found.stmt.span;
            let seat = self.seat_of(found);
            let test = self.p.test(Subject::Status, Matcher::Is(vec![found.stmt.word(1).into()]), at);
            let act = if found.stmt.word(0) == "errorfile" {
                Act::Opaque(self.opaque(Reason::MissingFile, at, "a page from a file that is not read"))
            } else {
                let to = found.stmt.words.get(2).map_or("", |w| &*w.text).to_owned();
                let location = Some(self.p.text(&to));
                let status = if found.stmt.word(0) == "errorloc303" { 303 } else { 302 };
                Act::Respond { status: Fact::is(status, How::Written, at, seat), location, body: None }
            };
            let step = self.when(test, act, at);
            steps.push(step);
        }
        for (status, title, text) in PAGES {
            let test = self.p.test(Subject::Status, Matcher::Is(vec![status.to_string().into()]), span);
            let body = self.p.text(&format!("<html><body><h1>{status} {title}</h1>\n{text}\n</body></html>\n"));
            let act = Act::Respond { status: Fact::is(*status, How::Implied, span, self.root), location: None, body: Some(body) };
            let step = self.when(test, act, span);
            steps.push(step);
        }
        let block = self.p.add_block(steps);
        if own.is_empty() {
            self.pages = Some(block);
        }
        block
    }

    /// Settings with other clocks.
    pub(super) fn with_clocks(&mut self, policy: PolicyId, clocks: crate::model::Clocks) -> PolicyId {
        let clocks = self.p.add_clocks(clocks);
        let changed = crate::model::Policy { clocks, ..*self.p.policy(policy) };
        self.p.add_policy(changed)
    }
}
