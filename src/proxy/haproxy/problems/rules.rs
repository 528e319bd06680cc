//! Rules: their actions, their arguments, the sections they may stand in, and what they lead to.

use super::{Check, table};
use crate::model::ProblemKind;
use crate::proxy::haproxy::conf::{Stmt, Word};
use crate::proxy::haproxy::duration;

impl<'a> Check<'a> {
    pub(super) fn rule(&mut self, section: usize, stmt: &'a Stmt) {
        let name = stmt.word(0);
        let is_rule = matches!(name, "http-request" | "http-response" | "http-after-response");
        if (is_rule || matches!(name, "acl" | "tcp-request" | "tcp-response")) && self.in_defaults(section, stmt) {
            return;
        }
        match name {
            "acl" => self.acl(section, stmt),
            "use_backend" => self.use_backend(section, stmt),
            "default_backend" => {
                if let Some(word) = stmt.words.get(1) {
                    self.backend(word);
                }
            }
            "http-request" => self.action("http-request", section, stmt),
            "http-response" => self.action("http-response", section, stmt),
            "http-after-response" => self.action("http-after-response", section, stmt),
            "redirect" | "block" | "use-server" => self.condition(section, stmt, 1),
            "tcp-request" | "tcp-response" => self.condition(section, stmt, 2),
            _ => {}
        }
    }

    /// Rules in `defaults` need a name to be taken over by, since 2.6 `[d07]`.
    fn in_defaults(&mut self, section: usize, stmt: &Stmt) -> bool {
        let s = &self.sections[section];
        if s.noun != "defaults" || !s.name.is_empty() && self.since(2, 6, 0) {
            return false;
        }
        let message = format!("`{}` in a `defaults` section{}", stmt.word(0), if self.since(2, 6, 0) { " without a name" } else { "" });
        self.say(
            ProblemKind::MisplacedDirective,
            stmt.words[0].span,
            message,
            "move it to the frontends and backends, or name the section (2.6 and later)",
        );
        true
    }

    fn backend(&mut self, word: &Word) {
        if word.unknown || word.text.contains("%[") || self.conf.fragment || self.backs.contains(&*word.text) {
            return;
        }
        let message = format!("there is no `backend {}`", word.text);
        self.say(ProblemKind::UndefinedName, word.span, message, "write that section, or name one that exists");
    }

    fn use_backend(&mut self, section: usize, stmt: &'a Stmt) {
        let Some(word) = stmt.words.get(1) else {
            self.say(ProblemKind::WrongArguments, stmt.span, "`use_backend` without a name", "name a backend");
            return;
        };
        self.backend(word);
        self.trailing(stmt, 2);
        self.condition(section, stmt, 2);
    }

    /// Words where only `if` or `unless` may follow.
    fn trailing(&mut self, stmt: &Stmt, at: usize) {
        if let Some(word) = stmt.words.get(at).filter(|w| !w.unknown && !matches!(&*w.text, "if" | "unless")) {
            self.say(
                ProblemKind::WrongArguments,
                word.span,
                format!("`{}` where only `if` or `unless` may follow", word.text),
                "put a value with blanks into quotes",
            );
        }
    }

    fn action(&mut self, set: &'static str, section: usize, stmt: &'a Stmt) {
        let Some(word) = stmt.words.get(1) else {
            self.say(ProblemKind::WrongArguments, stmt.span, format!("`{set}` without an action"), "name one, such as `set-header`");
            return;
        };
        if word.unknown || word.text.starts_with("lua.") {
            return;
        }
        let verb = word.text.split('(').next().unwrap_or_default();
        let numbered = verb.trim_end_matches(|c: char| c.is_ascii_digit());
        match table::known(set, verb).or_else(|| table::known(set, numbered)) {
            None => {
                let help = match table::close(set, verb) {
                    Some(other) => format!("write `{other}`, if that is meant"),
                    None => "look up its actions in HAProxy's configuration manual".to_owned(),
                };
                self.say(ProblemKind::UnknownDirective, word.span, format!("`{verb}` is no action of `{set}`"), &help);
                return;
            }
            Some(table::Known::Since(since)) if !(self.since)(since) => {
                let message = format!("`{set} {verb}` is not known before HAProxy {}.{}", since.0, since.1);
                self.say(ProblemKind::UnknownDirective, word.span, message, "remove it, or use a newer release");
                return;
            }
            Some(_) => {}
        }
        let takes = match verb {
            "set-header" | "add-header" => Some(2),
            "replace-header" | "replace-value" => Some(3),
            "set-path" | "set-pathq" | "set-query" | "set-uri" | "set-method" => Some(1),
            "replace-path" | "replace-pathq" | "replace-uri" => Some(2),
            "del-header" => Some(1),
            "set-timeout" => Some(2),
            _ => None,
        };
        if let Some(n) = takes {
            let given = stmt.words[2..].iter().take_while(|w| !matches!(&*w.text, "if" | "unless")).filter(|w| !w.text.is_empty()).count();
            if given < n {
                let s = if n == 1 { "" } else { "s" };
                self.say(
                    ProblemKind::WrongArguments,
                    stmt.span,
                    format!("`{set} {verb}` takes {n} argument{s}"),
                    if n == 2 {
                        "write a name and a value that is not empty; `del-header` removes a line"
                    } else {
                        "write what is missing"
                    },
                );
                return;
            }
            let end = if verb == "del-header" && stmt.word(3) == "-m" {
                if !self.since(2, 4, 0) {
                    self.say(ProblemKind::WrongArguments, stmt.words[3].span, "`-m` came with HAProxy 2.4", "name each header");
                    return;
                }
                n + 4
            } else {
                n + 2
            };
            self.trailing(stmt, end);
        }
        if verb == "return" {
            self.header_pairs(stmt);
        }
        self.values(set, verb, stmt);
        if verb == "set-timeout" {
            self.set_timeout(section, stmt);
        }
        self.condition(section, stmt, 2);
    }

    /// `hdr NAME VALUE` in an answer.
    fn header_pairs(&mut self, stmt: &Stmt) {
        let end = stmt.words.iter().position(|w| matches!(&*w.text, "if" | "unless") && !w.quoted).unwrap_or(stmt.words.len());
        let words = &stmt.words[..end];
        if let Some(at) = words.iter().rposition(|w| &*w.text == "hdr" && !w.quoted)
            && at + 2 >= words.len()
        {
            self.say(ProblemKind::WrongArguments, words[at].span, "`hdr` takes a name and a value", "write both");
        }
    }

    /// Values with expressions: `%` alone, an open bracket, the request where only the answer is left.
    fn values(&mut self, set: &str, verb: &str, stmt: &Stmt) {
        if !matches!(verb, "set-header" | "add-header" | "set-path" | "set-query" | "set-uri" | "set-pathq") {
            return;
        }
        let n = if verb.ends_with("-header") { 3 } else { 2 };
        let Some(word) = stmt.words.get(n).filter(|w| !w.unknown) else { return };
        let mut rest = &*word.text;
        while let Some(at) = rest.find('%') {
            let after = &rest[at + 1..];
            rest = after.strip_prefix('%').unwrap_or(after);
            if after.starts_with('%') {
                continue;
            }
            if after.is_empty() {
                self.say(ProblemKind::BadValue, word.span, "`%` at the end of a value", "write `%%` for a percent sign");
                return;
            }
            let Some(inner) = after.strip_prefix('[') else { continue };
            if !inner.contains(']') {
                self.say(ProblemKind::BadValue, word.span, "`%[` without `]`", "close the expression");
                return;
            }
            let gone = ["req.hdr", "req.fhdr", "hdr(", "path", "url", "req.cook", "query"].iter().any(|f| inner.starts_with(f));
            if gone && set != "http-request" {
                self.say(
                    ProblemKind::BadValue,
                    word.span,
                    "the request is gone when an answer is there",
                    "keep what is needed: `http-request set-var(txn.origin) req.hdr(origin)`, then `%[var(txn.origin)]`",
                );
                return;
            }
        }
    }

    fn set_timeout(&mut self, section: usize, stmt: &Stmt) {
        let kind = stmt.word(2);
        let front = self.sections[section].noun == "frontend";
        if kind == "client" && !self.since(2, 9, 0) {
            self.say(
                ProblemKind::BadValue,
                stmt.words[2].span,
                "`set-timeout client` came with HAProxy 2.9",
                "set `timeout client` in the frontend",
            );
        } else if matches!(kind, "tunnel" | "server") && front {
            self.say(
                ProblemKind::MisplacedDirective,
                stmt.words[2].span,
                format!("a frontend has no `timeout {kind}`"),
                "move the rule to the backend",
            );
        }
        if let Some(value) = stmt.words.get(3)
            && !value.unknown
            && value.text.starts_with(|c: char| c.is_ascii_digit())
            && duration::read(&value.text).is_none()
        {
            self.say(ProblemKind::BadValue, value.span, format!("`{}` is no duration", value.text), "write a whole number and a unit");
        }
    }
}
