//! Statements of `global` and of the proxy sections: keywords, values, durations.

use super::{Check, table};
use crate::model::ProblemKind;
use crate::proxy::haproxy::conf::Stmt;
use crate::proxy::haproxy::duration;

/// Balancing methods.
const METHODS: &[&str] = &[
    "roundrobin",
    "static-rr",
    "leastconn",
    "first",
    "source",
    "uri",
    "url_param",
    "hdr",
    "rdp-cookie",
    "random",
    "hash",
    "log-hash",
    "sticky",
    "log",
];

/// Help for durations.
const DURATIONS: &str = "write a whole number and a unit: us, ms, s, m, h or d, such as `30s`; 24 days are the most";

impl<'a> Check<'a> {
    pub(super) fn statement(&mut self, section: usize, stmt: &'a Stmt) {
        let noun = self.sections[section].noun;
        let before = self.out.len();
        match noun {
            "global" => self.global(stmt),
            "defaults" | "frontend" | "backend" | "listen" => self.proxy(section, stmt),
            _ => {}
        }
        if self.out.len() == before
            && let Some(empty) = stmt.words.iter().find(|w| w.text.is_empty() && !w.unknown)
        {
            // Up to 3.2 it ends the statement in silence.
            if self.since(3, 3, 0) {
                self.say(
                    ProblemKind::WrongArguments,
                    empty.span,
                    "an empty word",
                    "remove it: HAProxy takes no empty values (since 3.3 it says so, before it ignored the rest of the line)",
                );
            }
        }
    }

    fn global(&mut self, stmt: &Stmt) {
        let Some(first) = stmt.words.first() else { return };
        let name = &*first.text;
        if first.unknown || name.starts_with("lua.") {
            return;
        }
        if let Some((_, since, help)) = table::GONE_GLOBAL.iter().find(|g| g.0 == name)
            && (self.since)(*since)
        {
            self.say(ProblemKind::UnknownDirective, first.span, format!("`{name}` is not supported any more"), help);
            self.not_yet(*since);
            return;
        }
        match table::known("global", name) {
            None if !matches!(name, "no" | "default") => self.unknown("global", "global", name, first.span),
            Some(table::Known::Since(since)) if !(self.since)(since) => {
                let message = format!("`{name}` is not known before HAProxy {}.{}", since.0, since.1);
                self.say(ProblemKind::UnknownDirective, first.span, message, "remove it, or use a newer release");
            }
            _ => {}
        }
        if name == "hard-stop-after"
            && let Some(value) = stmt.words.get(1)
            && !value.unknown
            && duration::read(&value.text).is_none()
        {
            self.say(ProblemKind::BadValue, value.span, format!("`{}` is no duration", value.text), DURATIONS);
        }
        if name == "maxconn"
            && let Some(value) = stmt.words.get(1)
            && !value.unknown
            && value.text.parse::<u64>().is_err()
            && self.since(2, 8, 0)
        {
            self.say(ProblemKind::BadValue, value.span, format!("`{}` is no whole number", value.text), "write all digits");
        }
    }

    /// What only unreleased code refuses is not certain yet.
    fn not_yet(&mut self, since: table::Release) {
        if since == (3, 5, 0)
            && let Some(last) = self.out.last_mut()
        {
            last.certain = false;
        }
    }

    fn unknown(&mut self, place: &'static str, noun: &str, name: &str, span: crate::source::Span) {
        let help = match table::close(place, name) {
            Some(other) => format!("write `{other}`, if that is meant"),
            None => "remove it, or look it up in HAProxy's configuration manual".to_owned(),
        };
        self.say(ProblemKind::UnknownDirective, span, format!("`{name}` is not known in `{noun}`"), &help);
    }

    fn proxy(&mut self, section: usize, stmt: &'a Stmt) {
        let noun = self.sections[section].noun;
        let first = &stmt.words[0];
        if first.unknown {
            return;
        }
        let name = &*first.text;
        if matches!(name, "no" | "default") {
            let ok = matches!(stmt.word(1), "option" | "log") && !(stmt.word(2) == "forwardfor" && name == "no");
            if !ok {
                self.say(
                    ProblemKind::WrongArguments,
                    stmt.span,
                    format!(
                        "`{name}` cannot stand before `{}`",
                        stmt.words.get(1..).unwrap_or_default().iter().map(|w| &*w.text).collect::<Vec<_>>().join(" ")
                    ),
                    "only boolean options and `log` can be switched off",
                );
            }
            return;
        }
        if let Some((_, since, help)) = table::GONE.iter().find(|g| g.0 == name)
            && (self.since)(*since)
        {
            self.say(ProblemKind::UnknownDirective, first.span, format!("`{name}` is not supported any more"), help);
            self.not_yet(*since);
            return;
        }
        match table::known("proxy", name) {
            None => {
                if name.contains('=') || name.ends_with(';') && name.len() > 1 {
                    self.say(
                        ProblemKind::UnknownDirective,
                        first.span,
                        format!("`{name}` is not known in `{noun}`"),
                        "HAProxy statements are words on a line, without `=` and `;`",
                    );
                } else {
                    self.unknown("proxy", noun, name, first.span);
                }
                return;
            }
            Some(table::Known::Since(since)) if !(self.since)(since) => {
                let message = format!("`{name}` is not known before HAProxy {}.{}", since.0, since.1);
                self.say(ProblemKind::UnknownDirective, first.span, message, "remove it, or use a newer release");
                return;
            }
            Some(_) => {}
        }
        match name {
            "timeout" => self.timeout(stmt),
            "option" => self.option(stmt),
            "mode" => self.one_of(stmt, &["http", "tcp", "health", "log", "spop", "haterm"]),
            "http-reuse" => self.one_of(stmt, &["never", "safe", "aggressive", "always"]),
            "balance" => {
                let word = stmt.word(1).split('(').next().unwrap_or_default();
                if !METHODS.contains(&word) && !stmt.words.get(1).is_none_or(|w| w.unknown) {
                    self.say(
                        ProblemKind::BadValue,
                        stmt.words[1].span,
                        format!("`{word}` is no balancing method"),
                        "write one of `roundrobin`, `leastconn`, `source`, `first`, `random`, `uri`, `url_param`, `hdr(name)`",
                    );
                }
            }
            "bind" => self.bind(stmt),
            "server" => self.server(section, stmt),
            _ => self.rule(section, stmt),
        }
    }

    fn one_of(&mut self, stmt: &Stmt, values: &[&str]) {
        match stmt.words.get(1) {
            Some(w) if !w.unknown && !values.contains(&&*w.text) => {
                let help = format!("write one of `{}`", values.join("`, `"));
                self.say(ProblemKind::BadValue, w.span, format!("`{}` is no value of `{}`", w.text, stmt.word(0)), &help);
            }
            _ => {}
        }
    }

    fn timeout(&mut self, stmt: &Stmt) {
        let Some(kind) = stmt.words.get(1) else {
            self.say(ProblemKind::WrongArguments, stmt.span, "`timeout` without a name and a value", "name it: `timeout client 30s`");
            return;
        };
        match table::known("timeout", &kind.text) {
            None if !kind.unknown => {
                self.unknown("timeout", "timeout", &kind.text, kind.span);
                return;
            }
            Some(table::Known::Since(since)) if !(self.since)(since) => {
                let message = format!("`timeout {}` is not known before HAProxy {}.{}", kind.text, since.0, since.1);
                self.say(ProblemKind::UnknownDirective, kind.span, message, "remove it, or use a newer release");
                return;
            }
            _ => {}
        }
        match stmt.words.get(2) {
            None => self.say(ProblemKind::WrongArguments, stmt.span, format!("`timeout {}` without a value", kind.text), DURATIONS),
            Some(value) if !value.unknown && duration::read(&value.text).is_none() => {
                self.say(ProblemKind::BadValue, value.span, format!("`{}` is no duration", value.text), DURATIONS);
            }
            Some(_) => {
                if let Some(more) = stmt.words.get(3).filter(|w| !w.unknown) {
                    self.say(ProblemKind::WrongArguments, more.span, format!("`{}` behind the value", more.text), DURATIONS);
                }
            }
        }
    }

    fn option(&mut self, stmt: &Stmt) {
        let Some(name) = stmt.words.get(1).filter(|w| !w.unknown) else { return };
        if let Some((_, since, help)) = table::GONE_OPTIONS.iter().find(|g| g.0 == &*name.text)
            && (self.since)(*since)
        {
            self.say(ProblemKind::UnknownDirective, name.span, format!("`option {}` is not supported any more", name.text), help);
            self.not_yet(*since);
            return;
        }
        match table::known("option", &name.text) {
            None => self.unknown("option", "option", &name.text, name.span),
            Some(table::Known::Since(since)) if !(self.since)(since) => {
                let message = format!("`option {}` is not known before HAProxy {}.{}", name.text, since.0, since.1);
                self.say(ProblemKind::UnknownDirective, name.span, message, "remove it, or use a newer release");
            }
            Some(_) => {}
        }
        if &*name.text == "forwardfor"
            && let Some(odd) = stmt.words[2..].iter().find(|w| !w.unknown && !matches!(&*w.text, "except" | "header" | "if-none"))
            && stmt.words.iter().position(|w| w.span == odd.span).is_some_and(|i| !matches!(stmt.word(i - 1), "except" | "header"))
        {
            self.say(
                ProblemKind::WrongArguments,
                odd.span,
                format!("`{}` in `option forwardfor`", odd.text),
                "it takes `except`, `header` and `if-none`",
            );
        }
        if &*name.text == "httpchk" && self.since(2, 8, 0) {
            let long = stmt.words.get(4).filter(|w| w.text.contains("\r\n"));
            if let Some(hidden) = long.or_else(|| stmt.words.iter().skip(2).find(|w| w.text.contains("\r\n"))) {
                self.say(
                    ProblemKind::BadValue,
                    hidden.span,
                    "headers hidden in `option httpchk`",
                    "write them as `http-check send hdr NAME VALUE`",
                );
            }
        }
    }

    fn bind(&mut self, stmt: &Stmt) {
        let Some(address) = stmt.words.get(1) else {
            self.say(ProblemKind::WrongArguments, stmt.span, "`bind` without an address", "write `bind :80` or `bind ADDRESS:PORT`");
            return;
        };
        if address.unknown {
            return;
        }
        let has = |names: &[&str]| stmt.words.iter().any(|w| names.contains(&&*w.text));
        if has(&["ssl"])
            && !has(&["crt", "crt-list", "generate-certificates", "default-crt", "ca-sign-file"])
            && !self.conf.stmts.iter().any(|s| s.word(0) == "ssl-f-use")
        {
            self.say(ProblemKind::WrongArguments, stmt.span, "`ssl` without a certificate", "name it with `crt`");
        }
        for one in address.text.split(',') {
            let named = one.contains('@') && !one.starts_with("ipv") || one.starts_with('/');
            let port = one.rsplit_once(':').map(|p| p.1);
            if !named && !port.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit() || b == b'-')) {
                self.say(
                    ProblemKind::BadValue,
                    address.span,
                    format!("no port in `{one}`"),
                    "write `ADDRESS:PORT`; `:80` is port 80 of every address",
                );
                return;
            }
        }
    }

    fn server(&mut self, section: usize, stmt: &Stmt) {
        if stmt.words.len() < 3 {
            self.say(ProblemKind::WrongArguments, stmt.span, "`server` takes a name and an address", "write `server NAME ADDRESS:PORT`");
            return;
        }
        let address = &stmt.words[2];
        if !address.unknown && address.text.contains("://") {
            self.say(
                ProblemKind::BadValue,
                address.span,
                format!("`{}` is an URL, not an address", address.text),
                "write `HOST:PORT`, and `ssl` behind it for TLS; WebSocket needs no scheme",
            );
        }
        let _ = section;
    }
}
