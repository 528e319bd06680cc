//! The CORS filter. Each field of its policy falls back to the next level by itself; only whether it is on is decided by the
//! most specific one `[cors-route-overrides-origins-only, cors-route-overrides-credentials-false]`.

use super::{At, Lower};
use crate::model::{
    Act, Answers, Atom, Cond, Cors, Expr, ExprId, Fact, HeaderOp, How, Known, Matcher, Origin, Releases, Seat, Step, Subject, Unmatched,
    Verb,
};

/// Answers to preflights have this status.
const ANSWERED: u16 = 200;

impl<'a> Lower<'a> {
    /// The filter under a stack of policies, the most specific first; none: it is idle `[cors-filter-without-policy]`.
    pub(super) fn cors(&mut self, levels: &[At<'a>], seat: Seat) -> Vec<Step> {
        let Some(first) = levels.first().copied() else { return Vec::new() };
        let span = first.span();
        // A list that is written counts, a null or empty one falls back.
        let written = |name: &str| levels.iter().copied().find(|l| !l.list(name).is_empty());
        let field = |name: &str| levels.iter().find_map(|l| l.get(name)).filter(|v| v.text() != Some(""));
        let origins = match (written("allow_origin_string_match"), written("allow_origin")) {
            (Some(level), _) => {
                let at = level.get("allow_origin_string_match").map_or(span, At::span);
                let tests = level.list("allow_origin_string_match").into_iter().map(|m| self.origin(m)).collect();
                let test = self.p.add_cond(Cond::Any(tests));
                Fact::is(test, How::Written, at, seat)
            }
            (None, Some(level)) => {
                let why = self.vague(level);
                Fact::unknown(why, level.span(), seat)
            }
            (None, None) => {
                let never = self.p.add_cond(Cond::Never(span));
                Fact::is(never, How::Default(Releases::All), span, seat)
            }
        };
        let set = |name: &str, value: ExprId, origin: Origin| HeaderOp {
            verb: Verb::Set,
            name: name.into(),
            value: Fact { value: Known::Is(value), origin },
            drop_empty: false,
            on: Answers::All,
            guard: None,
        };
        let origin_of = |at: At<'a>| Origin { how: How::Written, span: at.span(), seat };
        let reflected = self.p.add_expr(Expr::Read(Subject::Header("origin".into())));
        let mut lines = vec![set("access-control-allow-origin", reflected, origins.origin)];
        let credentials = levels.iter().find_map(|l| l.get("allow_credentials").map(|c| (c, l.bool("allow_credentials"))));
        let mut bare = Vec::new();
        if let Some((at, Some(true))) = credentials {
            let yes = self.p.text("true");
            let op = set("access-control-allow-credentials", yes, origin_of(at));
            lines.push(op.clone());
            bare.push(op);
        }
        if let Some(expose) = field("expose_headers") {
            let value = self.p.text(expose.text().unwrap_or_default());
            lines.push(set("access-control-expose-headers", value, origin_of(expose)));
        }
        let mut preflight = Vec::new();
        // `*` is answered with what was asked for `[cors-methods-star]`.
        for (name, header, asked) in [
            ("allow_methods", "access-control-allow-methods", "access-control-request-method"),
            ("allow_headers", "access-control-allow-headers", "access-control-request-headers"),
        ] {
            if let Some(at) = field(name) {
                let value = match at.text() {
                    Some("*") => self.p.add_expr(Expr::Read(Subject::Header(asked.into()))),
                    text => self.p.text(text.unwrap_or_default()),
                };
                preflight.push(set(header, value, origin_of(at)));
            }
        }
        if let Some(at) = field("max_age") {
            let value = self.p.text(at.text().unwrap_or_default());
            preflight.push(set("access-control-max-age", value, origin_of(at)));
        }
        bare.extend(preflight.clone());
        if let Some((at, Some(true))) =
            levels.iter().find_map(|l| l.get("allow_private_network_access").map(|c| (c, l.bool("allow_private_network_access"))))
        {
            let yes = self.p.text("true");
            let asks = Subject::Header("access-control-request-private-network".into());
            let guard = self.atom(asks, Matcher::Is(vec!["true".into()]), false, at.span());
            preflight.push(HeaderOp { guard: Some(guard), ..set("access-control-allow-private-network", yes, origin_of(at)) });
        }
        let forwards = levels.iter().find_map(|l| l.bool("forward_not_matching_preflights")).unwrap_or(true);
        let (lines, preflight) = (self.list(seat, lines), self.list(seat, preflight));
        let unmatched = if forwards { Unmatched::PassOn } else { Unmatched::Answer(self.list(seat, bare)) };
        let cors = self.p.add_cors(Cors { origins, lines, preflight, status: ANSWERED, unmatched, span });
        let step = Step { act: Act::Cors(cors), span };
        match first.get("filter_enabled").map(At::percent) {
            None => vec![step],
            Some(Some(share)) if share >= 100.0 => vec![step],
            Some(Some(share)) if share <= 0.0 => Vec::new(),
            Some(_) => {
                let chance = self.chance();
                vec![self.when(chance, vec![step], span)]
            }
        }
    }

    /// An origin matcher; one that fits the text `*` lets in every origin `[cors-star-prefix, cors-star-regex-literal]`.
    fn origin(&mut self, at: At<'a>) -> crate::model::CondId {
        let star = match (at.str("exact"), at.str("prefix"), at.str("suffix"), at.str("contains")) {
            (Some(t), ..) | (_, Some(t), ..) | (_, _, Some(t), _) | (.., Some(t)) => t == "*",
            _ => at.find(&["safe_regex", "regex"]).and_then(At::text).is_some_and(|regex| {
                let pattern = self.pattern(regex, false);
                self.p.pattern(pattern).regex().is_some_and(|r| r.is_match("*").unwrap_or(false))
            }),
        };
        let of = Subject::Header("origin".into());
        if star {
            let kind = ["exact", "prefix", "suffix", "contains", "safe_regex"].iter().find_map(|k| at.get(k));
            return self.p.add_cond(Cond::Test(Atom {
                of,
                is: Matcher::Any,
                fold: false,
                not: false,
                span: kind.map_or(at.span(), At::span),
            }));
        }
        self.string(of, at)
    }
}
