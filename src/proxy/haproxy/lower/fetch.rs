//! Sample expressions: `fetch(args),converter(args),…`

use super::{Lower, Phase};
use crate::model::{Cond, CondId, Conv, Expr, ExprId, Matcher, Pattern, Reason, Subject, Text, Why};
use crate::source::Span;

/// A fetch or a converter with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) args: Vec<String>,
}

impl Call {
    pub(super) fn arg(&self, n: usize) -> &str {
        self.args.get(n).map_or("", String::as_str)
    }
}

/// A fetch and its converters.
pub(super) fn parse(text: &str) -> Vec<Call> {
    pieces(text, ',').into_iter().map(|p| call(p.trim())).collect()
}

fn call(text: &str) -> Call {
    let Some((name, rest)) = text.split_once('(') else { return Call { name: text.to_owned(), args: Vec::new() } };
    let inner = rest.strip_suffix(')').unwrap_or(rest);
    let args = if inner.is_empty() { Vec::new() } else { pieces(inner, ',').into_iter().map(unquote).collect() };
    Call { name: name.to_owned(), args }
}

/// Splits at a byte outside of parentheses and quotes.
fn pieces(text: &str, at: char) -> Vec<&str> {
    let (mut depth, mut quote, mut from, mut out) = (0i32, None, 0, Vec::new());
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, c) {
            (_, '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, c) if c == at && depth == 0 => {
                out.push(&text[from..i]);
                from = i + c.len_utf8();
            }
            _ => {}
        }
    }
    out.push(&text[from..]);
    out
}

/// The second level of quoting, inside arguments.
fn unquote(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            (Some('\''), c) => out.push(c),
            (_, '\\') => match chars.peek() {
                Some(n @ (' ' | '\\' | '"' | '\'' | ',' | ')' | '(')) => {
                    out.push(*n);
                    chars.next();
                }
                _ => out.push('\\'),
            },
            (_, c) => out.push(c),
        }
    }
    out
}

/// What a fetch gives.
pub(super) enum Sample {
    /// A text; `list`: comma-separated parts are tested one by one.
    Text { of: Subject, list: bool },
    /// Yes or no.
    Flag(CondId),
    /// The number of lines of a header.
    Count(Text),
    /// Gone once an answer is there, so never found.
    Gone,
    /// Not known.
    Unknown(Why),
}

/// Suffixes of fetch names that choose a match method.
pub(super) const METHODS: &[&str] = &["_beg", "_dir", "_dom", "_end", "_len", "_reg", "_sub", "_ip", "_val"];

impl Lower<'_> {
    /// A fetch, without its converters.
    pub(super) fn sample(&mut self, call: &Call, phase: Phase, section: usize, span: Span) -> Sample {
        let name = call.name.strip_prefix("req.").unwrap_or(&call.name);
        let http = matches!(
            name,
            "path"
                | "url"
                | "base"
                | "query"
                | "hdr"
                | "fhdr"
                | "hdr_cnt"
                | "fhdr_cnt"
                | "cook"
                | "urlp"
                | "url_param"
                | "ver"
                | "req_ver"
                | "method"
                | "pathq"
                | "uri"
        );
        if http && phase == Phase::Bytes {
            return Sample::Unknown(self.opaque(
                Reason::NotParsedHere,
                span,
                "this proxy passes bytes and does not wait for a whole request",
            ));
        }
        if http && phase == Phase::Answer && name != "method" {
            return Sample::Gone;
        }
        let text = |of: Subject| Sample::Text { of, list: false };
        let header = || Subject::Header(call.arg(0).to_ascii_lowercase().into());
        match name {
            "path" => text(Subject::Path),
            "url" | "pathq" | "uri" => text(Subject::Onward),
            "query" => text(Subject::QueryString),
            "base" => {
                let host = self.p.add_expr(Expr::Read(Subject::Header("host".into())));
                let path = self.p.add_expr(Expr::Read(Subject::Path));
                text(Subject::Value(self.p.add_expr(Expr::Join(vec![host, path]))))
            }
            "hdr" if !call.args.is_empty() => Sample::Text { of: header(), list: true },
            "fhdr" if !call.args.is_empty() => text(header()),
            "hdr_cnt" | "fhdr_cnt" => Sample::Count(call.arg(0).to_ascii_lowercase().into()),
            "cook" => text(Subject::Cookie(call.arg(0).into())),
            "urlp" | "url_param" => text(Subject::Query(call.arg(0).into())),
            "method" => text(Subject::Method),
            "ver" | "req_ver" => {
                let protocol = self.p.add_expr(Expr::Read(Subject::Protocol));
                text(Subject::Value(self.p.add_expr(Expr::Via(Conv::SwapPrefix { drop: 5, put: "".into() }, protocol))))
            }
            "src" => text(Subject::Client),
            "dst_port" => text(Subject::Port),
            "ssl_fc" => Sample::Flag(self.p.test(Subject::Scheme, Matcher::Is(vec!["https".into()]), span)),
            "ssl_fc_sni" | "ssl_sni" | "req_ssl_sni" => text(Subject::Sni),
            "status" | "res.status" => text(Subject::Status),
            "res.hdr" | "shdr" | "res.fhdr" => text(Subject::Answer(call.arg(0).to_ascii_lowercase().into())),
            "var" => {
                let slot = self.variable(call.arg(0));
                text(Subject::Value(self.p.add_expr(Expr::Slot(slot))))
            }
            "capture.req.hdr" | "capture.hdr" => match call.arg(0).parse().ok().and_then(|n: usize| self.captures.get(n).copied()) {
                Some(slot) => text(Subject::Value(self.p.add_expr(Expr::Slot(slot)))),
                None => Sample::Unknown(self.opaque(Reason::TooComplex, span, "a captured header")),
            },
            "always_true" => Sample::Flag(self.p.add_cond(Cond::Always)),
            "always_false" => Sample::Flag(self.never()),
            "str" | "bool" | "int" => {
                let value = match call.arg(0) {
                    "true" if name == "bool" => "1",
                    "false" if name == "bool" => "0",
                    other => other,
                };
                text(Subject::Value(self.p.text(value)))
            }
            "http_auth" | "http_auth_group" => Sample::Flag(self.credentials(call.arg(0), span)),
            "fc_http_major" | "http_major" => {
                let protocol = self.p.add_expr(Expr::Read(Subject::Protocol));
                let digit = self.p.add_expr(Expr::Via(Conv::SwapPrefix { drop: 5, put: "".into() }, protocol));
                text(Subject::Value(self.p.add_expr(Expr::Via(Conv::Field(b'.', 1), digit))))
            }
            "acl" => {
                let all: Vec<CondId> = call.args.clone().iter().map(|a| self.acl_name(a, phase, section, span)).collect();
                Sample::Flag(self.p.add_cond(Cond::All(all)))
            }
            "nbsrv" | "be_conn" | "fe_conn" | "avg_queue" | "queue" | "connslots" | "srv_is_up" | "rand" | "date" => {
                Sample::Unknown(self.opaque(Reason::RuntimeState, span, format!("`{}` is known only while the proxy runs", call.name)))
            }
            other if other.starts_with("sc") || other.starts_with("src_") || other.starts_with("table_") => {
                Sample::Unknown(self.opaque(Reason::RuntimeState, span, format!("`{}` depends on earlier requests", call.name)))
            }
            other if other.starts_with("lua.") => Sample::Unknown(self.opaque(Reason::Script, span, "a Lua function")),
            _ => Sample::Unknown(self.opaque(Reason::ForeignModule, span, format!("`{}` is not modelled", call.name))),
        }
    }

    /// Whether the client's credentials are those of a user list.
    fn credentials(&mut self, list: &str, span: Span) -> CondId {
        let mut known: Vec<Text> = Vec::new();
        let mut hashed = true;
        for s in self.sections.iter().filter(|s| s.noun == "userlist" && s.name == list) {
            hashed = false;
            for user in s.body.iter().filter(|s| s.word(0) == "user") {
                if user.word(2) == "insecure-password" && !user.words[1..].iter().any(|w| w.unknown) {
                    known.push(format!("Basic {}", base64(&format!("{}:{}", user.word(1), user.word(3)))).into());
                } else {
                    hashed = true;
                }
            }
        }
        let authorization = || Subject::Header("authorization".into());
        let exact = self.p.test(authorization(), Matcher::Is(known), span);
        if !hashed {
            return exact;
        }
        let shown = self.p.test(authorization(), Matcher::Present, span);
        let why = self.opaque(Reason::Environment, span, "whether the password is right");
        let right = self.p.add_cond(Cond::Opaque(why));
        let maybe = self.p.add_cond(Cond::All(vec![shown, right]));
        self.p.add_cond(Cond::Any(vec![exact, maybe]))
    }

    /// A whole sample expression as text.
    pub(super) fn sample_expr(&mut self, text: &str, phase: Phase, section: usize, span: Span) -> ExprId {
        let calls = parse(text);
        let Some(first) = calls.first() else { return self.p.text("") };
        let sample = self.sample(first, phase, section, span);
        let mut value = match sample {
            Sample::Text { of, .. } => match of {
                Subject::Value(e) => e,
                of => self.p.add_expr(Expr::Read(of)),
            },
            Sample::Gone => self.p.text(""),
            Sample::Flag(_) | Sample::Count(_) => self.opaque_expr(Reason::TooComplex, span, "a number or a flag as text"),
            Sample::Unknown(why) => self.p.add_expr(Expr::Opaque { why, full: false }),
        };
        for conv in &calls[1..] {
            value = self.converted(value, conv, span);
        }
        value
    }

    /// One converter.
    pub(super) fn converted(&mut self, value: ExprId, conv: &Call, span: Span) -> ExprId {
        let by = match conv.name.as_str() {
            "lower" => Conv::Lower,
            "upper" => Conv::Upper,
            "host_only" => Conv::Field(b':', 1),
            "field" if conv.args.len() == 2 && conv.arg(1).len() == 1 => match conv.arg(0).parse() {
                Ok(n) => Conv::Field(conv.arg(1).as_bytes()[0], n),
                Err(_) => return self.opaque_expr(Reason::TooComplex, span, "a converter that is not modelled"),
            },
            "regsub" if conv.args.len() >= 2 => {
                let flags = conv.arg(2);
                let pattern = self.p.add_pattern(Pattern::new(conv.arg(0).into(), flags.contains('i'), Vec::new()));
                Conv::Replace { pattern, with: conv.arg(1).into(), all: flags.contains('g') }
            }
            "str" | "bool" => return value,
            name if name.starts_with("map") => {
                return self.opaque_expr(Reason::MissingFile, span, format!("the map `{}` is not read", conv.arg(0)));
            }
            name => return self.opaque_expr(Reason::TooComplex, span, format!("the converter `{name}` is not modelled")),
        };
        self.p.add_expr(Expr::Via(by, value))
    }
}

/// Base64 (RFC 4648 §4).
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                out.push(char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_split_outside_of_quotes() {
        let got = parse("path,regsub(\"^/(w)s\",\"/\\1x\",g)");
        assert_eq!(got[1].args, ["^/(w)s", "/\\1x", "g"]);
        assert_eq!(parse("str('a, b'),upper")[0].args, ["a, b"]);
        assert_eq!(base64("a:b"), "YTpi");
    }
}
