//! Conditions, answers, rewrites and upstream addresses: what `if`, `return`, `rewrite`, `error_page` and `proxy_pass` check.

use super::{Check, values::is_number};
use crate::model::ProblemKind;
use crate::proxy::nginx::conf::{Context, DirId};
use crate::source::Span;

impl Check<'_> {
    /// Checks that directives make themselves.
    pub(super) fn control_flow(&mut self, id: DirId) {
        match self.name(id) {
            "if" => self.condition(id),
            "return" => self.answer(id),
            "rewrite" => self.flag(id),
            "error_page" => self.codes(id),
            "proxy_pass" => self.address(id),
            _ => {}
        }
    }

    /// `ngx_http_rewrite_if_condition` `[lex-if-*]`, `[loc-if-*]`.
    fn condition(&mut self, id: DirId) {
        let args = self.args(id);
        let (Some(first), Some(last)) = (args.first(), args.last()) else { return };
        if !first.text.starts_with('(') || !last.text.ends_with(')') || args.len() == 1 && first.text.len() < 3 {
            let help = "the condition stands in one pair of parentheses: `if ($variable = value)`";
            let span = first.span.to(last.span);
            self.report(ProblemKind::WrongArguments, true, span, "invalid condition".to_owned(), help);
            return;
        }
        // The parentheses may stand alone or touch a word.
        let mut words: Vec<(&str, Span)> = args.iter().map(|w| (w.text, w.span)).collect();
        if let Some(w) = words.first_mut() {
            w.0 = &w.0[1..];
        }
        if let Some(w) = words.last_mut() {
            w.0 = &w.0[..w.0.len() - 1];
        }
        if args.len() > 1 && first.text.len() == 1 {
            words.remove(0);
        }
        if words.len() > 1 && last.text.len() == 1 {
            words.pop();
        }
        let Some(((left, at), rest)) = words.split_first() else { return };
        let variable = left.len() > 1 && left.starts_with('$');
        let file = matches!(left.strip_prefix('!').unwrap_or(left), "-f" | "-d" | "-e" | "-x");
        match rest {
            [] if variable => {}
            [_] if file => {}
            [(op, _), _] if variable && matches!(*op, "=" | "!=" | "~" | "~*" | "!~" | "!~*") => {}
            [(op, span), _] if variable => {
                let help = "it takes `=`, `!=`, `~`, `~*`, `!~` and `!~*`";
                self.report(ProblemKind::BadValue, true, *span, format!("unexpected `{op}` in a condition"), help);
            }
            _ => {
                let help =
                    "it takes one variable, or one comparison of a variable with one word (in quotes if it has spaces); there is no `&&`";
                let span = rest.last().map_or(*at, |r| at.to(r.1));
                self.report(ProblemKind::WrongArguments, true, span, "invalid condition".to_owned(), help);
            }
        }
    }

    fn answer(&mut self, id: DirId) {
        let args = self.args(id);
        let Some(code) = args.first() else { return };
        let text = code.text;
        if self.context(id) == Context::StreamServer || code.opaque {
            return;
        }
        if is_number(text) {
            if text.parse::<u64>().is_ok_and(|n| n > 999) {
                self.bad_value(code, format!("`{text}` is no status"), "a status has at most three digits");
            }
            return;
        }
        let address = ["http://", "https://", "$scheme"].iter().any(|p| text.starts_with(p));
        if args.len() > 1 || !address {
            let help = "write the status before it, as in `return 302 /path`; only an address with `http://`, `https://` or `$scheme` may stand alone";
            self.bad_value(code, format!("`{text}` is no status"), help);
        }
    }

    fn flag(&mut self, id: DirId) {
        if let Some(flag) = self.args(id).get(2)
            && !matches!(flag.text, "last" | "break" | "redirect" | "permanent")
        {
            let message = format!("`{}` is not a flag of `rewrite`", flag.text);
            self.bad_value(flag, message, "it takes `last`, `break`, `redirect` or `permanent`");
        }
    }

    fn codes(&mut self, id: DirId) {
        let args = self.args(id);
        let Some((_, codes)) = args.split_last() else { return };
        for code in codes.iter().filter(|w| !w.text.starts_with('=')) {
            let right = code.text.parse::<u16>().is_ok_and(|n| (300..=599).contains(&n) && n != 499);
            if !right && !code.text.contains('$') {
                let message = format!("`{}` is not a status that `error_page` takes", code.text);
                self.bad_value(code, message, "it takes 300 to 599, except 499; the last word is the page");
            }
        }
    }

    /// The URL of `proxy_pass` `[hs-ws-scheme]`, `[pass-regex-uri]`, `[pass-upstream-port]`.
    fn address(&mut self, id: DirId) {
        let Some(word) = self.args(id).first() else { return };
        if self.context(id) == Context::StreamServer || word.text.contains(['$', '<', '@', '%']) {
            return;
        }
        let text = word.text;
        let Some(rest) = ["http://", "https://"].iter().find_map(|p| strip_prefix_any_case(text, p)) else {
            // A fragment may belong into a `stream` block.
            if self.candidates(id).len() == 1 || text.contains("://") {
                let help = match text.split_once("://") {
                    Some(("ws", rest)) => format!("a WebSocket begins as an HTTP request: write `http://{rest}`"),
                    Some(("wss", rest)) => format!("a WebSocket begins as an HTTP request: write `https://{rest}`"),
                    Some(_) => "it takes `http://` and `https://`".to_owned(),
                    None => format!("write `http://{text}`"),
                };
                self.bad_value(word, format!("`{text}` is no URL that `proxy_pass` takes"), help);
            }
            return;
        };
        if rest.starts_with("unix:") {
            return;
        }
        let (host, uri) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
        if !uri.is_empty()
            && let Some(why) = self.no_uri_part(id)
        {
            let message = format!("`proxy_pass` may have no URI part (`{uri}`) {why}");
            self.bad_value(word, message, "remove everything behind the host, or use `rewrite … break` before it");
        }
        if let Some((name, port)) = host.rsplit_once(':')
            && !name.contains(':')
            && let Some(block) = self.groups.get(name).copied()
        {
            let place = self.dir(block).span;
            let message = format!("the upstream `{name}` may not have a port here");
            let found = self.bad_value(word, message, format!("remove `:{port}`: the block names the ports of its servers"));
            found.problem.related.push((place, "the upstream block".to_owned()));
        }
    }

    /// Why the path of the request cannot be replaced there.
    fn no_uri_part(&self, id: DirId) -> Option<&'static str> {
        let parent = self.conf.parent(id)?;
        match self.name(parent) {
            "if" => Some("inside `if`"),
            "limit_except" => Some("inside `limit_except`"),
            "location" => match self.args(parent).first()?.text {
                text if text.starts_with('~') => Some("in a location given by a regular expression"),
                text if text.starts_with('@') => Some("in a named location"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Blocks of a name right inside `http`.
    pub(super) fn http_blocks(&self, name: &str) -> Vec<DirId> {
        let all = self.index.named(name).iter().copied();
        all.filter(|d| self.context(*d) == Context::Http && self.conf.is_block(*d)).collect()
    }
}

fn strip_prefix_any_case<'b>(text: &'b str, prefix: &str) -> Option<&'b str> {
    text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
}
