//! Header mutations: first what is removed, then what is added; the most specific level first, unless the route configuration
//! turns that round.

use super::{At, Lower};
use crate::model::{Answers, Expr, Fact, HeaderList, HeaderOp, How, Known, ListId, Matcher, Seat, Subject, Verb};
use crate::source::Span;

/// Headers of which there is one line at most: further values are put behind a comma
/// `[h-request-headers-to-add-upgrade, cors-manual-append-dup]`.
const JOINED: &[&str] =
    &["connection", "upgrade", "host", "origin", "vary", "location", "te", "user-agent", "authorization", "content-type"];

impl<'a> Lower<'a> {
    /// What Envoy does to every request: an upgrade that is not heeded loses its lines `[ws-handshake-variants]`.
    pub(super) fn implied_headers(&mut self) -> ListId {
        let at = Span { start: self.whole.start, len: 0 };
        let empty = self.p.text("");
        let scheme = self.p.add_expr(Expr::Read(Subject::Scheme));
        let op = |verb, name: &str, value, guard| HeaderOp {
            verb,
            name: name.into(),
            value: Fact::is(value, How::Implied, at, crate::model::Seat(0)),
            drop_empty: false,
            on: Answers::All,
            guard,
        };
        let ops = vec![
            op(Verb::Remove, "connection", empty, Some(self.plain)),
            op(Verb::Remove, "upgrade", empty, Some(self.plain)),
            op(Verb::Remove, "keep-alive", empty, None),
            op(Verb::Remove, "proxy-connection", empty, None),
            op(Verb::Remove, "http2-settings", empty, None),
            op(Verb::IfAbsent, "x-forwarded-proto", scheme, None),
        ];
        self.p.add_list(HeaderList { seat: self.root, base: None, ops, displaced: None, open: None })
    }

    /// `request_headers_to_*` (`response_headers_to_*`) of one level.
    pub(super) fn mutations(&mut self, at: At<'a>, side: &str, seat: Seat) -> Vec<HeaderOp> {
        let mut ops = Vec::new();
        let request = side == "request";
        for name in at.list(&format!("{side}_headers_to_remove")) {
            if let Some(text) = name.text() {
                let empty = self.p.text("");
                ops.push(HeaderOp {
                    verb: Verb::Remove,
                    name: text.into(),
                    value: Self::fact(empty, name, seat),
                    drop_empty: false,
                    on: Answers::All,
                    guard: None,
                });
            }
        }
        let mut added = Vec::new();
        for option in at.list(&format!("{side}_headers_to_add")) {
            added.extend(self.addition(option, request, seat));
        }
        // Within a level, what takes the place of lines comes before what is one more.
        added.sort_by_key(|op| op.verb != Verb::Set);
        ops.extend(added);
        ops
    }

    /// A `HeaderValueOption`.
    pub(super) fn addition(&mut self, at: At<'a>, request: bool, seat: Seat) -> Option<HeaderOp> {
        let header = at.get("header")?;
        let key = header.get("key")?;
        let name = key.text()?.to_ascii_lowercase();
        let value = match header.get("value").or_else(|| header.get("raw_value")) {
            Some(value) => {
                let expr = self.format(value, request);
                Fact::is(expr, How::Written, key.span(), seat)
            }
            None => {
                let empty = self.p.text("");
                Self::fact(empty, key, seat)
            }
        };
        let joined = JOINED.contains(&&*name) || name.starts_with("access-control-");
        let append = if joined { Verb::Join } else { Verb::Add };
        let action = at.choice("append_action");
        let verb = match action.as_deref() {
            Some("ADD_IF_ABSENT" | "1") => Verb::IfAbsent,
            Some("OVERWRITE_IF_EXISTS_OR_ADD" | "OVERWRITE_IF_EXISTS" | "2" | "3") => Verb::Set,
            _ if at.bool("append") == Some(false) => Verb::Set,
            _ => append,
        };
        let only_if_there = matches!(action.as_deref(), Some("OVERWRITE_IF_EXISTS" | "3"));
        let guard = only_if_there.then(|| {
            let of = if request { Subject::Header(name.as_str().into()) } else { Subject::Answer(name.as_str().into()) };
            self.atom(of, Matcher::Present, false, at.span())
        });
        let name = if name == ":authority" { "host".to_owned() } else { name };
        let drop_empty = at.bool("keep_empty_value") != Some(true);
        Some(HeaderOp { verb, name: name.into(), value, drop_empty, on: Answers::All, guard })
    }

    /// What becomes of Host where it is that of another header, which the lists before may have made.
    pub(super) fn host_by_header(&mut self, op: HeaderOp, header: Option<&str>, before: &[HeaderOp]) -> Vec<HeaderOp> {
        let own = |o: &&HeaderOp| header.is_some_and(|h| o.name.eq_ignore_ascii_case(h)) && o.guard.is_none() && o.verb != Verb::Remove;
        let set = before.iter().rfind(|o| own(o) && o.verb == Verb::Set);
        let Some(made) = set.or_else(|| before.iter().find(own)) else { return vec![op] };
        let mut host = HeaderOp { value: made.value, guard: None, ..op.clone() };
        if let Known::Is(value) = made.value.value {
            host.guard = Some(self.atom(Subject::Value(value), Matcher::Present, false, made.value.origin.span));
        }
        // A line that the client sent comes before one that is added.
        if set.is_some() { vec![host] } else { vec![host, op] }
    }

    /// What becomes of Host on the way to a cluster; of Origin nothing.
    pub(super) fn host_rewrite(&mut self, action: At<'a>, host: Option<&str>, seat: Seat) -> Option<HeaderOp> {
        let mut guard = None;
        let (value, at) = if let Some(literal) = action.get("host_rewrite_literal").or_else(|| action.get("host_rewrite")) {
            let text = self.p.text(literal.text().unwrap_or_default());
            let known = if literal.is_opaque() { Known::Unknown(self.vague(literal)) } else { Known::Is(text) };
            (known, literal)
        } else if action.bool("auto_host_rewrite") == Some(true) {
            let at = action.get("auto_host_rewrite")?;
            (Known::Is(self.p.text(host?)), at)
        } else if let Some(header) = action.get("host_rewrite_header") {
            let read = Subject::Header(header.text()?.to_ascii_lowercase().into());
            guard = Some(self.atom(read.clone(), Matcher::Present, false, header.span()));
            (Known::Is(self.p.add_expr(Expr::Read(read))), header)
        } else {
            let at = action.get("host_rewrite_path_regex")?;
            (Known::Unknown(self.vague(at)), at)
        };
        let value = Fact { value, origin: crate::model::Origin { how: How::Written, span: at.span(), seat } };
        Some(HeaderOp { verb: Verb::Set, name: "host".into(), value, drop_empty: true, on: Answers::All, guard })
    }
}
