//! Variables: text with `$name` in it, `map` tables, and what the built-in names read.

use super::{DirId, Lower, Meaning};
use crate::model::{Conv, Expr, ExprId, Fact, How, Map, Matcher, Pattern, PatternId, Reason, Slot, Subject, Text};
use crate::proxy::nginx::releases::REQUEST_PORT;
use crate::source::Span;

impl Lower<'_> {
    /// `map`, and blocks whose variables only a running nginx can know. The last definition of a variable wins `[loc-map-twice]`.
    pub(super) fn variables(&mut self, children: &[DirId]) {
        // Names first: a map's values may name a later map.
        for id in children {
            match self.name(*id) {
                "map" => {
                    let (Some(source), Some(target)) = (self.arg(*id, 0), self.arg(*id, 1)) else { continue };
                    let target = var_name(target).to_owned();
                    let span = self.span(*id);
                    let none = self.text("");
                    let seat = crate::model::Seat(0);
                    let map = self.p.add_map(Map {
                        name: format!("${target}").into(),
                        span,
                        exact: Vec::new(),
                        rules: Vec::new(),
                        default: Fact::is(none, How::Implied, span, seat),
                        fold: true,
                        open: None,
                        once: false,
                    });
                    // The source is read once all names are known.
                    let place = self.p.add_expr(Expr::Text(source.into()));
                    self.declare(target, Meaning::Map(map, place));
                    for c in self.conf.children(*id) {
                        let key = self.conf.name(c);
                        if key.has_groups && key.text.starts_with('~') {
                            self.named_groups(key.text);
                        }
                    }
                }
                "geo" | "split_clients" => {
                    let target = self.conf.args(*id).last().map(|w| var_name(w.text).to_owned());
                    let span = self.span(*id);
                    let why = self.p.doubt(Reason::RuntimeState, span, "depends on the client");
                    if let Some(t) = target {
                        self.declare(t, Meaning::Opaque(why));
                    }
                }
                "auth_request_set" => self.set_slot(*id),
                "perl_set" | "js_set" | "js_var" | "set_by_lua" | "set_by_lua_block" | "set_by_lua_file" => {
                    self.scripted(*id);
                }
                _ => {}
            }
        }
        for id in children {
            if self.name(*id) == "map" {
                self.fill_map(*id);
            }
        }
    }

    fn scripted(&mut self, id: DirId) {
        let span = self.span(id);
        if let Some(target) = self.arg(id, 0).map(|t| var_name(t).to_owned()) {
            let why = self.p.doubt(Reason::Script, span, "set by a script or another server");
            self.declare(target, Meaning::Opaque(why));
        }
    }

    fn fill_map(&mut self, id: DirId) {
        let Some(target) = self.arg(id, 1).map(|t| var_name(t).to_owned()) else { return };
        let Some(Meaning::Map(map, place)) = self.meanings.get(&target).copied() else { return };
        if self.p.map(map).span != self.span(id) {
            return;
        }
        let source = self.arg(id, 0).unwrap_or_default();
        let span = self.span(id);
        let read = self.interpolate(source, span);
        self.p.exprs[place.at()] = self.p.expr(read).clone();
        let outer = crate::model::Seat(0);
        let seat = self.scope(id, outer);
        let mut table = self.p.map(map).clone();
        let children: Vec<DirId> = self.conf.children(id).collect();
        table.open = self.hole_in(Some(id));
        // Its value is kept for the whole request, internal redirects and subrequests included.
        table.once = !children.iter().any(|c| self.name(*c) == "volatile" && self.arg(*c, 0).is_none());
        let hostnames = children.iter().any(|c| self.name(*c) == "hostnames" && self.arg(*c, 0).is_none());
        for c in children {
            let dir = self.conf.get(c);
            let (key, opaque) = (dir.name.text, dir.name.opaque || dir.args.opaque());
            let at = dir.span;
            let Some(value) = self.arg(c, 0) else { continue };
            if opaque {
                table.open = Some(self.p.doubt(Reason::Template, at, "an entry is filled in later"));
                continue;
            }
            let value = self.interpolate(value, at);
            let fact = Fact::is(value, How::Written, at, seat);
            if key == "default" && !dir.name.quoted {
                table.default = fact;
            } else if key == "include" {
                // The include itself was spliced in, or is a hole.
            } else if let Some(regex) = key.strip_prefix('~') {
                let (regex, fold) = regex.strip_prefix('*').map_or((regex, false), |r| (r, true));
                let pattern = self.pattern(regex, fold);
                table.rules.push((Matcher::Regex(pattern), false, fact));
            } else if hostnames && (key.starts_with("*.") || key.starts_with('.')) {
                let tail = key.trim_start_matches('*');
                if let Some(bare) = key.strip_prefix('.') {
                    table.exact.push((bare.into(), fact));
                }
                table.rules.insert(0, (Matcher::Ends(vec![tail.into()]), true, fact));
            } else if hostnames && key.ends_with(".*") {
                table.rules.push((Matcher::Starts(vec![key.trim_end_matches('*').into()]), true, fact));
            } else {
                table.exact.push((key.strip_prefix('\\').unwrap_or(key).into(), fact));
            }
        }
        self.p.maps[map.at()] = table;
    }

    /// Variables that `set` and named groups make anywhere below.
    pub(super) fn declare_slots(&mut self, block: DirId) {
        let mut pending = vec![block];
        while let Some(id) = pending.pop() {
            for c in self.conf.children(id) {
                match self.name(c) {
                    "set" | "auth_request_set" => self.set_slot(c),
                    "set_by_lua" | "set_by_lua_block" | "set_by_lua_file" | "perl_set" | "js_set" => self.scripted(c),
                    "server_name" | "location" | "if" | "rewrite" => self.declare_groups(c),
                    _ => {}
                }
                if self.conf.is_block(c) {
                    pending.push(c);
                }
            }
        }
    }

    /// The variable that a directive sets.
    fn set_slot(&mut self, id: DirId) {
        if let Some(name) = self.arg(id, 0).map(|n| var_name(n).to_owned()) {
            self.slot(&name);
        }
    }

    /// Named groups of the regular expressions of a directive.
    fn declare_groups(&mut self, id: DirId) {
        for word in self.conf.args(id).iter().filter(|w| w.has_groups) {
            self.named_groups(word.text);
        }
    }

    fn named_groups(&mut self, regex: &str) -> Vec<(Text, Slot)> {
        let mut names = Vec::new();
        let mut rest = regex;
        while let Some(i) = rest.find("(?") {
            rest = &rest[i + 2..];
            let inner = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<')).or_else(|| rest.strip_prefix('\''));
            if let Some(inner) = inner
                && let Some(end) = inner.find(['>', '\''])
                && !inner.starts_with(['=', '!'])
            {
                let name = &inner[..end];
                names.push((Text::from(name), self.slot(name)));
            }
        }
        names
    }

    pub(super) fn slot(&mut self, name: &str) -> Slot {
        if let Some(Meaning::Slot(s)) = self.meanings.get(name) {
            return *s;
        }
        let slot = self.p.add_slot();
        self.declare(name.to_owned(), Meaning::Slot(slot));
        slot
    }

    fn declare(&mut self, name: String, meaning: Meaning) {
        self.texts.clear();
        self.meanings.insert(name, meaning);
    }

    /// A regular expression; its named groups become variables.
    pub(super) fn pattern(&mut self, regex: &str, fold: bool) -> PatternId {
        let names = self.named_groups(regex);
        // The same expression is compiled once. One with named groups sets the variables of its place.
        if names.is_empty()
            && let Some(known) = self.patterns[usize::from(fold)].get(regex)
        {
            return *known;
        }
        let alone = names.is_empty();
        let text = Text::from(regex);
        let pattern = self.p.add_pattern(Pattern::new(text.clone(), fold, names));
        if alone {
            self.patterns[usize::from(fold)].insert(text, pattern);
        }
        pattern
    }

    /// Text with variables.
    pub(super) fn interpolate(&mut self, text: &str, span: Span) -> ExprId {
        if let Some(known) = self.texts.get(text) {
            return *known;
        }
        self.placed = false;
        let read = self.read_text(text, span);
        if !self.placed {
            self.texts.insert(text.into(), read);
        }
        read
    }

    fn read_text(&mut self, text: &str, span: Span) -> ExprId {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(i) = rest.find('$') {
            plain.push_str(&rest[..i]);
            let after = &rest[i + 1..];
            let (name, len) = if let Some(inner) = after.strip_prefix('{') {
                inner.find('}').map_or(("", 0), |e| (&inner[..e], e + 2))
            } else {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                let end = if after.starts_with(|c: char| c.is_ascii_digit()) { 1 } else { end };
                (&after[..end], end)
            };
            if name.is_empty() {
                plain.push('$');
                rest = after;
                continue;
            }
            if !plain.is_empty() {
                parts.push(self.text(&*plain));
                plain.clear();
            }
            parts.push(self.variable(name, span));
            rest = &after[len..];
        }
        plain.push_str(rest);
        if parts.is_empty() {
            return self.text(&*plain);
        }
        if !plain.is_empty() {
            parts.push(self.text(&*plain));
        }
        if let [one] = parts[..] { one } else { self.expr(Expr::Join(parts)) }
    }

    fn variable(&mut self, name: &str, span: Span) -> ExprId {
        let name = name.to_ascii_lowercase();
        if let Ok(n) = name.parse::<u8>() {
            return self.expr(Expr::Capture(n));
        }
        match self.meanings.get(&name) {
            Some(Meaning::Slot(s)) => return self.expr(Expr::Slot(*s)),
            Some(Meaning::Map(map, of)) => return self.expr(Expr::Map(*map, *of)),
            Some(Meaning::Opaque(why)) => return self.expr(Expr::Opaque { why: *why, full: false }),
            None => {}
        }
        let header = |n: &str| Text::from(n.replace('_', "-"));
        let read = match &*name {
            "host" => Subject::Host,
            "request_method" => Subject::Method,
            "scheme" => Subject::Scheme,
            "uri" | "document_uri" => Subject::Path,
            "request_uri" => Subject::Target,
            "args" | "query_string" => Subject::QueryString,
            "server_port" => Subject::Port,
            "server_name" => Subject::HostName,
            "server_protocol" => Subject::Protocol,
            "status" => Subject::Status,
            "proxy_host" => Subject::UpstreamAuthority,
            "ssl_server_name" => Subject::Sni,
            "remote_addr" | "realip_remote_addr" => Subject::Client,
            "request_port" if self.era.since(REQUEST_PORT) => Subject::NamedPort,
            "is_request_port" if self.era.since(REQUEST_PORT) => {
                return self.is_request_port(span);
            }
            "remote_port"
            | "binary_remote_addr"
            | "server_addr"
            | "proxy_add_x_forwarded_for"
            | "request_id"
            | "msec"
            | "time_iso8601"
            | "time_local"
            | "hostname"
            | "pid"
            | "connection"
            | "request_time"
            | "nginx_version"
            | "document_root"
            | "realpath_root"
            | "request_filename" => {
                return self.expr(Expr::Opaque { why: crate::model::Proxy::RUNTIME, full: true });
            }
            "is_args" => {
                let q = self.expr(Expr::Read(Subject::QueryString));
                return self.unless_empty("$is_args", q, "?", span);
            }
            n if n.starts_with("http_") => Subject::Header(header(&n[5..])),
            n if n.starts_with("arg_") => Subject::Query(n[4..].into()),
            n if n.starts_with("cookie_") => Subject::Cookie(n[7..].into()),
            n if n.starts_with("upstream_") || n.starts_with("sent_http_") => {
                return self.expr(Expr::Opaque { why: crate::model::Proxy::RUNTIME, full: false });
            }
            _ => {
                let note = format!("`${name}` is not set in what was read");
                let reason = if self.p.fragment { Reason::OutsideFile } else { Reason::ForeignModule };
                return self.opaque(reason, span, &note);
            }
        };
        self.expr(Expr::Read(read))
    }

    /// A colon, if the client names a port.
    pub(super) fn is_request_port(&mut self, span: Span) -> ExprId {
        let port = self.expr(Expr::Read(Subject::NamedPort));
        self.unless_empty("$is_request_port", port, ":", span)
    }

    /// A mark, if a text is not empty.
    pub(super) fn unless_empty(&mut self, name: &str, of: ExprId, mark: &str, span: Span) -> ExprId {
        self.placed = true;
        let (mark, none) = (self.text(mark), self.text(""));
        let seat = crate::model::Seat(0);
        let map = self.p.add_map(Map {
            name: name.into(),
            span,
            exact: vec![("".into(), Fact::is(none, How::Implied, span, seat))],
            rules: Vec::new(),
            default: Fact::is(mark, How::Implied, span, seat),
            fold: false,
            open: None,
            once: false,
        });
        self.expr(Expr::Map(map, of))
    }

    /// Scheme, host and port that nginx puts before a Location of its own: the port unless it is the scheme's.
    pub(super) fn absolute(&mut self, host: &str, with_port: bool, span: Span) -> ExprId {
        let before = self.interpolate(&format!("$scheme://{host}"), span);
        if !with_port {
            return before;
        }
        let seat = crate::model::Seat(0);
        let port = self.interpolate("$scheme:$server_port", span);
        let (none, shown) = (self.text(""), self.interpolate(":$server_port", span));
        let usual = ["http:80", "https:443"].map(|k| (Text::from(k), Fact::is(none, How::Implied, span, seat)));
        let map = self.p.add_map(Map {
            name: "port".into(),
            span,
            exact: usual.to_vec(),
            rules: Vec::new(),
            default: Fact::is(shown, How::Implied, span, seat),
            fold: false,
            open: None,
            once: false,
        });
        let port = self.expr(Expr::Map(map, port));
        self.expr(Expr::Join(vec![before, port]))
    }

    /// A converted text.
    pub(super) fn via(&mut self, conv: Conv, of: ExprId) -> ExprId {
        self.expr(Expr::Via(conv, of))
    }
}

/// `$name` and `${name}` without the marks.
pub(super) fn var_name(text: &str) -> &str {
    text.trim_start_matches('$').trim_start_matches('{').trim_end_matches('}')
}
