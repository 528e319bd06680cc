//! String matchers, regular expressions and format strings.

use super::{At, Lower};
use crate::model::{Atom, Cond, CondId, Expr, ExprId, Matcher, Pattern, PatternId, Proxy, Reason, Subject, Text};
use crate::source::Span;

/// Whether a request asks for an upgrade that is heeded: `Connection` says so, and it is not HTTP/2 itself
/// `[ws-handshake-variants]`.
pub(super) fn upgrades(p: &mut Proxy) -> CondId {
    let at = Span::default();
    let test = |p: &mut Proxy, name: &str, is: Matcher, not: bool| {
        p.add_cond(Cond::Test(Atom { of: Subject::Header(name.into()), is, fold: true, not, span: at }))
    };
    let connection = test(p, "connection", Matcher::Token(vec!["upgrade".into()]), false);
    let upgrade = test(p, "upgrade", Matcher::Present, false);
    let other = test(p, "upgrade", Matcher::Is(vec!["h2c".into()]), true);
    p.add_cond(Cond::All(vec![connection, upgrade, other]))
}

/// How a text is compared.
pub(super) type Comparison = fn(Vec<Text>) -> Matcher;

impl<'a> Lower<'a> {
    pub(super) fn atom(&mut self, of: Subject, is: Matcher, fold: bool, span: Span) -> CondId {
        self.p.add_cond(Cond::Test(Atom { of, is, fold, not: false, span }))
    }

    pub(super) fn not(&mut self, cond: CondId) -> CondId {
        self.p.add_cond(Cond::Not(cond))
    }

    /// Something that is not understood here.
    pub(super) fn unclear(&mut self, at: At<'a>) -> CondId {
        let why = self.vague(at);
        self.p.add_cond(Cond::Opaque(why))
    }

    /// An RE2 expression that must match the whole text.
    pub(super) fn pattern(&mut self, regex: &str, fold: bool) -> PatternId {
        self.p.add_pattern(Pattern::new(format!("^(?:{regex})$").into(), fold, Vec::new()))
    }

    /// A `RegexMatcher`.
    pub(super) fn regex(&mut self, of: Subject, at: At<'a>) -> CondId {
        match at.str("regex") {
            Some(regex) if !at.get("regex").is_some_and(At::is_opaque) => {
                let pattern = self.pattern(regex, false);
                self.atom(of, Matcher::Regex(pattern), false, at.get("regex").map_or(at.span(), At::span))
            }
            _ => self.unclear(at),
        }
    }

    /// A `StringMatcher`.
    pub(super) fn string(&mut self, of: Subject, at: At<'a>) -> CondId {
        let fold = at.bool("ignore_case") == Some(true);
        if let Some(regex) = at.get("safe_regex") {
            return self.regex(of, regex);
        }
        let kinds: [(&str, Comparison); 4] =
            [("exact", Matcher::Is), ("prefix", Matcher::Starts), ("suffix", Matcher::Ends), ("contains", Matcher::Has)];
        for (name, kind) in kinds {
            if let Some(value) = at.get(name) {
                return match value.text() {
                    Some(text) if !value.is_opaque() => self.atom(of, kind(vec![text.into()]), fold, value.span()),
                    _ => self.unclear(value),
                };
            }
        }
        self.unclear(at)
    }

    /// A format string: `%REQ(x)%` and its like.
    pub(super) fn format(&mut self, at: At<'a>, request: bool) -> ExprId {
        if at.is_opaque() {
            let why = self.vague(at);
            return self.p.add_expr(Expr::Opaque { why, full: false });
        }
        let text = at.text().unwrap_or_default();
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(i) = rest.find('%') {
            plain.push_str(&rest[..i]);
            let tail = &rest[i + 1..];
            let Some(end) = tail.find('%') else {
                plain.push_str(&rest[i..]);
                rest = "";
                break;
            };
            let command = &tail[..end];
            rest = &tail[end + 1..];
            if command.is_empty() {
                plain.push('%');
                continue;
            }
            if !plain.is_empty() {
                parts.push(self.p.text(&plain));
                plain.clear();
            }
            parts.push(self.command(command, request, at));
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(self.p.text(&plain));
        }
        match parts.as_slice() {
            [one] => *one,
            _ => self.p.add_expr(Expr::Join(parts)),
        }
    }

    /// `request`: whether it goes into a request, before that is rewritten.
    fn command(&mut self, command: &str, request: bool, at: At<'a>) -> ExprId {
        let name = |head: &str| command.strip_prefix(head).and_then(|c| c.strip_suffix(')')).filter(|c| !c.contains('?'));
        let read = match command {
            "PROTOCOL" => Some(Subject::Protocol),
            _ if name("RESP(").is_some() => name("RESP(").map(|n| Subject::Answer(n.to_ascii_lowercase().into())),
            _ => name("REQ(").or_else(|| name("REQUEST_HEADER(")).map(|n| match n.to_ascii_lowercase().as_str() {
                ":method" => Subject::Method,
                ":path" if request => Subject::Arrived,
                ":path" => Subject::Onward,
                ":authority" | "host" => Subject::Header("host".into()),
                ":scheme" => Subject::Scheme,
                header => Subject::Header(header.into()),
            }),
        };
        match read {
            Some(subject) => self.p.add_expr(Expr::Read(subject)),
            None => {
                let why = self.p.doubt(Reason::RuntimeState, at.span(), format!("`%{command}%` is known only while the proxy runs"));
                self.p.add_expr(Expr::Opaque { why, full: false })
            }
        }
    }
}
