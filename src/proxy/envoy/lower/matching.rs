//! What a route asks of a request.

use super::{At, Lower, strings::Comparison};
use crate::model::{Atom, Cond, CondId, Expr, Matcher, Subject};

impl<'a> Lower<'a> {
    /// A `RouteMatch`: all of it must hold.
    pub(super) fn route_match(&mut self, at: At<'a>) -> CondId {
        let mut parts = vec![self.path_match(at)];
        for h in at.list("headers") {
            parts.push(self.header(h));
        }
        for q in at.list("query_parameters") {
            parts.push(self.query(q));
        }
        for c in at.list("cookies") {
            let of = Subject::Cookie(c.str("name").unwrap_or_default().into());
            let test = match c.get("string_match") {
                Some(s) => self.string(of, s),
                None => self.unclear(c),
            };
            parts.push(if c.bool("invert_match") == Some(true) { self.not(test) } else { test });
        }
        if let Some(share) = at.get("runtime_fraction") {
            match share.percent() {
                Some(p) if p >= 100.0 => {}
                Some(p) if p <= 0.0 => parts.push(self.p.add_cond(Cond::Never(share.span()))),
                _ => parts.push(self.chance()),
            }
        }
        if let Some(grpc) = at.get("grpc") {
            let of = Subject::Header("content-type".into());
            parts.push(self.atom(of, Matcher::Starts(vec!["application/grpc".into()]), false, grpc.span()));
        }
        for unknown in ["tls_context", "dynamic_metadata", "filter_state"] {
            if let Some(at) = at.get(unknown) {
                parts.push(self.unclear(at));
            }
        }
        self.both(parts)
    }

    fn path_match(&mut self, at: At<'a>) -> CondId {
        let fold = at.bool("case_sensitive") == Some(false);
        let text = |name: &str| at.get(name).map(|v| (v, v.text().filter(|_| !v.is_opaque())));
        if let Some((v, text)) = text("prefix") {
            return match text {
                Some("") => self.always(),
                Some(t) => self.atom(Subject::Path, Matcher::Starts(vec![t.into()]), fold, v.span()),
                None => self.unclear(v),
            };
        }
        if let Some((v, text)) = text("path") {
            return match text {
                Some(t) => self.atom(Subject::Path, Matcher::Is(vec![t.into()]), fold, v.span()),
                None => self.unclear(v),
            };
        }
        if let Some((v, text)) = text("path_separated_prefix") {
            let Some(t) = text else { return self.unclear(v) };
            let whole = self.atom(Subject::Path, Matcher::Is(vec![t.into()]), fold, v.span());
            let below = self.atom(Subject::Path, Matcher::Starts(vec![format!("{t}/").into()]), fold, v.span());
            return self.p.add_cond(Cond::Any(vec![whole, below]));
        }
        if let Some(v) = at.get("safe_regex") {
            return self.regex(Subject::Path, v);
        }
        if let Some(v) = at.get("connect_matcher") {
            return self.atom(Subject::Method, Matcher::Is(vec!["CONNECT".into()]), false, v.span());
        }
        if let Some(v) = at.get("path_match_policy") {
            if let Some((_, config)) = v.get("typed_config").and_then(At::any)
                && let Some(template) = config.str("path_template")
            {
                let pattern = self.pattern(&template_regex(template), false);
                return self.atom(Subject::Path, Matcher::Regex(pattern), false, v.span());
            }
            return self.unclear(v);
        }
        self.unclear(at)
    }

    /// What a header's name reads.
    pub(super) fn subject(name: &str) -> Subject {
        match name.to_ascii_lowercase().as_str() {
            ":method" => Subject::Method,
            ":path" => Subject::Onward,
            ":authority" | "host" => Subject::Authority,
            ":scheme" => Subject::Scheme,
            name => Subject::Header(name.into()),
        }
    }

    /// A `HeaderMatcher`. A header that is not there matches nothing, inverted or not, unless presence is asked for.
    pub(super) fn header(&mut self, at: At<'a>) -> CondId {
        let of = Self::subject(at.str("name").unwrap_or_default());
        let invert = at.bool("invert_match") == Some(true);
        let present = self.atom(of.clone(), Matcher::Present, false, at.get("name").map_or(at.span(), At::span));
        if let Some(wanted) = at.get("present_match") {
            let yes = at.bool("present_match").unwrap_or(true);
            let _ = wanted;
            return if yes == invert { self.not(present) } else { present };
        }
        let old: [(&str, Comparison); 4] = [
            ("exact_match", Matcher::Is),
            ("prefix_match", Matcher::Starts),
            ("suffix_match", Matcher::Ends),
            ("contains_match", Matcher::Has),
        ];
        let mut test = None;
        for (name, kind) in old {
            if let Some(v) = at.get(name)
                && let Some(text) = v.text().filter(|_| !v.is_opaque())
            {
                test = Some(self.atom(of.clone(), kind(vec![text.into()]), false, v.span()));
            }
        }
        let test = match (test, at.get("string_match"), at.get("safe_regex_match")) {
            (Some(test), _, _) => test,
            (None, Some(s), _) => self.string(of, s),
            (None, None, Some(r)) => self.regex(of, r),
            (None, None, None) if at.get("range_match").is_some() => self.unclear(at),
            (None, None, None) => return if invert { self.not(present) } else { present },
        };
        let test = if invert { self.not(test) } else { test };
        if at.bool("treat_missing_header_as_empty") == Some(true) || !invert {
            return test;
        }
        self.p.add_cond(Cond::All(vec![present, test]))
    }

    fn query(&mut self, at: At<'a>) -> CondId {
        let of = Subject::Query(at.str("name").unwrap_or_default().into());
        match at.get("string_match") {
            Some(s) => self.string(of, s),
            None => self.atom(of, Matcher::Present, false, at.span()),
        }
    }

    /// A request by TLS, or one of which somebody before says so.
    pub(super) fn https(&mut self, trusts: bool, at: At<'a>) -> CondId {
        let header = Subject::Header("x-forwarded-proto".into());
        let direct = self.atom(Subject::Scheme, Matcher::Is(vec!["https".into()]), false, at.span());
        if !trusts {
            return direct;
        }
        let says = self.atom(header.clone(), Matcher::Is(vec!["https".into()]), true, at.span());
        let silent = self.p.add_cond(Cond::Test(Atom { of: header, is: Matcher::Present, fold: false, not: true, span: at.span() }));
        let direct = self.p.add_cond(Cond::All(vec![silent, direct]));
        self.p.add_cond(Cond::Any(vec![says, direct]))
    }

    /// A preflight, as the filters that spare them see one.
    pub(super) fn preflight(&mut self, at: At<'a>) -> CondId {
        let method = self.atom(Subject::Method, Matcher::Is(vec!["OPTIONS".into()]), false, at.span());
        let origin = self.atom(Subject::Header("origin".into()), Matcher::Present, false, at.span());
        let asks = self.atom(Subject::Header("access-control-request-method".into()), Matcher::Present, false, at.span());
        self.p.add_cond(Cond::All(vec![method, origin, asks]))
    }

    /// The path without its query, as routes see it.
    pub(super) fn path(&mut self) -> crate::model::ExprId {
        self.p.add_expr(Expr::Read(Subject::Path))
    }
}

/// `/ws/{id}/**` as an expression: `*` and `{x}` are one segment, `**` any number.
fn template_regex(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(i) = rest.find(['{', '*']) {
        out.push_str(&escape(&rest[..i]));
        let tail = &rest[i..];
        let (found, used) = if let Some(t) = tail.strip_prefix("**") {
            (".*", tail.len() - t.len())
        } else if tail.starts_with('*') {
            ("[^/]+", 1)
        } else {
            let end = tail.find('}').map_or(tail.len(), |e| e + 1);
            (if tail[..end].contains("**") { ".*" } else { "[^/]+" }, end)
        };
        out.push_str(found);
        rest = &tail[used..];
    }
    out + &escape(rest)
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !matches!(c, '/' | '_' | '-') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
