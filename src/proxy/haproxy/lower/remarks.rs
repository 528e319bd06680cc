//! What is written, accepted by HAProxy, and does not do what it reads like.

use super::{Lower, find::Found};
use crate::model::{Cond, CondId, Matcher, Remark, RemarkKind, Subject};
use crate::proxy::haproxy::conf::{Stmt, Word};
use crate::proxy::haproxy::duration;
use crate::source::Span;

/// File descriptors that HAProxy keeps besides two for each connection `[k05]`.
const SPARE: u64 = 28;

impl<'a> Lower<'a> {
    pub(super) fn remarks(&mut self) {
        for i in 0..self.sections.len() {
            let body: Vec<&'a Stmt> = self.sections[i].body.iter().copied().filter(|s| !s.maybe).collect();
            for stmt in &body {
                self.durations(stmt);
                self.place_of_timeout(i, stmt);
            }
            self.default_backends(i, &body);
            self.catch_all(&body);
            self.unseen(i, &body);
            self.sticky(i);
            self.checks(i);
            self.unlimited(i);
        }
        self.descriptors();
        self.stops();
    }

    fn remark(&mut self, kind: RemarkKind, span: Span, what: impl Into<String>, instead: impl Into<String>, related: Vec<(Span, String)>) {
        self.p.remarks.push(Remark { kind, span, what: what.into(), instead: instead.into(), related });
    }

    /// Values without a unit, and with letters that are not read.
    fn durations(&mut self, stmt: &Stmt) {
        let (name, word) = match stmt.word(0) {
            "timeout" => (format!("timeout {}", stmt.word(1)), stmt.words.get(2)),
            "hard-stop-after" => ("hard-stop-after".to_owned(), stmt.words.get(1)),
            "http-request" if stmt.word(1) == "set-timeout" => (format!("set-timeout {}", stmt.word(2)), stmt.words.get(3)),
            _ => return,
        };
        let Some(word) = word.filter(|w| !w.unknown) else { return };
        let Some(read) = duration::read(&word.text) else { return };
        if !read.rest.is_empty() {
            let meant = spelt(read.milliseconds);
            self.remark(RemarkKind::Unread, word.span, format!("{name} {}", word.text), meant, Vec::new());
        } else if !read.unit && seconds_meant(&name, read.milliseconds) {
            self.remark(RemarkKind::NoUnit, word.span, format!("{name} {}", word.text), spelt(read.milliseconds), Vec::new());
        } else if read.milliseconds == 0 && stmt.word(1) == "tunnel" {
            self.remark(RemarkKind::Unset, stmt.span, name, "`timeout client` and `timeout server`", Vec::new());
        }
    }

    /// Limits of the other side `[t06] [u34]`.
    fn place_of_timeout(&mut self, section: usize, stmt: &Stmt) {
        if stmt.word(0) != "timeout" {
            return;
        }
        let noun = self.sections[section].noun;
        let belongs = match (noun, stmt.word(1)) {
            ("frontend", "server" | "connect" | "queue" | "tunnel" | "check" | "server-fin") => "backend",
            ("backend", "client" | "http-request" | "http-keep-alive" | "client-fin") => "frontend",
            _ => return,
        };
        self.remark(RemarkKind::NoEffect, stmt.span, format!("timeout {} in a {noun}", stmt.word(1)), belongs, Vec::new());
    }

    /// The last one wins, wherever it stands `[a08]`.
    fn default_backends(&mut self, section: usize, body: &[&Stmt]) {
        let all: Vec<&&Stmt> = body.iter().filter(|s| s.word(0) == "default_backend").collect();
        if !self.sections[section].is_front() || all.len() < 2 {
            return;
        }
        let Some((last, before)) = all.split_last() else { return };
        for stmt in before.iter().filter(|s| s.word(1) != last.word(1)) {
            let related = vec![(last.span, "this one is in force".to_owned())];
            self.remark(RemarkKind::Replaced, stmt.span, format!("default_backend {}", stmt.word(1)), last.word(1), related);
        }
    }

    /// Lines of one name are alternatives: one that matches every path makes the others vain `[g33]`.
    fn catch_all(&mut self, body: &[&Stmt]) {
        let acls: Vec<&&Stmt> = body.iter().filter(|s| s.word(0) == "acl").collect();
        for stmt in &acls {
            let everything = matches!(
                (stmt.word(2), stmt.word(3), stmt.words.len()),
                ("path_beg" | "path_sub" | "url_beg", "/", 4) | ("always_true", "", 3)
            );
            let others: Vec<&&&Stmt> = acls.iter().filter(|o| o.word(1) == stmt.word(1) && o.span != stmt.span).collect();
            if everything && !others.is_empty() {
                let related = others.iter().map(|o| (o.span, "this alternative decides nothing any more".to_owned())).collect();
                self.remark(RemarkKind::AlwaysHolds, stmt.span, stmt.word(1).to_owned(), String::new(), related);
            }
        }
    }

    /// Tests on requests where bytes are passed on without waiting for one `[g37]`.
    fn unseen(&mut self, section: usize, body: &[&'a Stmt]) {
        if !self.sections[section].is_front() || self.is_http(section) || self.conf.fragment || self.waits_for(section) {
            return;
        }
        let mode = self.keyword(section, "mode").map_or(self.sections[section].head.span, |f| f.stmt.span);
        for stmt in body.iter().filter(|s| s.word(0) == "use_backend") {
            let asked: Option<String> = self.names_request(section, &stmt.words);
            if let Some(what) = asked {
                let related = vec![(mode, "bytes are passed on here, HTTP is not read".to_owned())];
                self.remark(RemarkKind::NotSeen, stmt.span, what, "mode tcp", related);
            }
        }
    }

    fn waits_for(&self, section: usize) -> bool {
        self.sections[section].body.iter().any(|s| {
            s.word(0) == "tcp-request"
                && (s.word(1) == "inspect-delay" || matches!(s.word(2), "switch-mode" | "accept" | "reject") && s.word(1) == "content")
        })
    }

    /// A fetch on HTTP in a condition, directly or through a named ACL.
    fn names_request(&self, section: usize, words: &[Word]) -> Option<String> {
        let http = |text: &str| {
            let name = text.split(['(', ',']).next().unwrap_or_default();
            ["path", "url", "hdr", "req.hdr", "req.fhdr", "base", "method", "req.cook", "cook"]
                .iter()
                .any(|h| name == *h || name.strip_prefix(h).is_some_and(|rest| rest.starts_with('_')))
        };
        let at = super::acl::condition_at(words, 2)?;
        for word in &words[at + 1..] {
            let text = word.text.trim_start_matches('!');
            if http(text) {
                return Some(text.to_owned());
            }
            let named = self.sections[section].body.iter().find(|s| s.word(0) == "acl" && s.word(1) == text && http(s.word(2)));
            if let Some(acl) = named {
                return Some(acl.word(2).to_owned());
            }
        }
        None
    }

    /// `cookie` in a backend needs a value for each server, and the other way round `[s03b] [s03e]`.
    fn sticky(&mut self, section: usize) {
        if !self.sections[section].is_back() || self.hole(section).is_some() {
            return;
        }
        let cookie = self.keyword(section, "cookie");
        let servers: Vec<&'a Stmt> = self.sections[section].body.iter().copied().filter(|s| s.word(0) == "server").collect();
        let has = |s: &Stmt| s.words.iter().any(|w| &*w.text == "cookie");
        let dynamic = self.setting(section, |s| s.word(0) == "dynamic-cookie-key").is_some();
        let default = self.setting(section, |s| s.word(0) == "default-server" && has(s)).is_some();
        match cookie {
            Some(Found { stmt, .. }) if servers.len() > 1 && !dynamic && !default => {
                let words = &stmt.words;
                // A cookie of the application's own is only looked at.
                let own = words.iter().any(|w| matches!(&*w.text, "dynamic" | "prefix"));
                if !own && !servers.iter().any(|s| has(s)) {
                    let related = servers.iter().take(5).map(|s| (s.span, "no `cookie` value".to_owned())).collect();
                    self.remark(RemarkKind::NotSticky, stmt.span, "cookie", "a value for each server", related);
                }
            }
            None if !self.conf.fragment => {
                if let Some(first) = servers.iter().find(|s| has(s)) {
                    let head = self.sections[section].head.span;
                    let related = vec![(head, "no `cookie` line in this section".to_owned())];
                    self.remark(RemarkKind::NotSticky, first.span, "cookie", "a `cookie` line in the backend", related);
                }
            }
            _ => {}
        }
    }

    /// A plain GET to a WebSocket endpoint is answered 426 or 400 `[q01]`.
    fn checks(&mut self, section: usize) {
        let Some(Found { stmt, .. }) = self.option(section, "httpchk").filter(|_| self.sections[section].is_back()) else { return };
        let words: Vec<&str> = stmt.words.iter().skip(2).map(|w| &*w.text).collect();
        let Some(path) = words.iter().find(|w| w.starts_with('/')) else { return };
        let named = path
            .split(['/', '?', '.', '-', '_'])
            .any(|p| matches!(p.to_ascii_lowercase().as_str(), "ws" | "wss" | "websocket" | "websockets"));
        let whole = words.iter().any(|w| w.contains("\r\n")) || self.setting(section, |s| s.word(0) == "http-check").is_some();
        let checked =
            self.sections[section].body.iter().any(|s| s.word(0).starts_with("server") && s.words.iter().any(|w| &*w.text == "check"));
        if named && !whole && checked {
            self.remark(RemarkKind::CheckRefused, stmt.span, *path, "426", Vec::new());
        }
    }

    /// A frontend without `timeout client` keeps dead clients for ever `[t05]`.
    fn unlimited(&mut self, section: usize) {
        let s = &self.sections[section];
        if self.conf.fragment || !s.is_front() || self.hole(section).is_some() || !s.body.iter().any(|s| s.word(0) == "bind") {
            return;
        }
        let limit = self.timeout(section, "client");
        let never = crate::model::Known::Is(crate::model::Limit::Never);
        if limit.value == never {
            let (span, name) = (limit.origin.span, "timeout client");
            self.remark(RemarkKind::Unlimited, span, name, String::new(), Vec::new());
        }
    }

    /// More connections than file descriptors, or than the process takes `[k05]`. Since 2.3 the process refuses to start then,
    /// if it was not given more than it asks for, and unless it is told not to mind.
    fn descriptors(&mut self) {
        let global = |key: &str| {
            self.sections
                .iter()
                .filter(|s| s.noun == "global")
                .flat_map(|s| s.body.iter().copied())
                .rfind(|s| s.word(0) == key && !s.maybe)
                .and_then(|s| Some((s, s.word(1).parse::<u64>().ok()?)))
        };
        let Some((line, most)) = global("maxconn") else { return };
        if let Some((limit, files)) = global("ulimit-n")
            && files <= 2 * most
        {
            let related = vec![(limit.span, format!("{files} file descriptors"))];
            let told = |s: &&Stmt| s.word(0) == "no" && s.word(1) == "strict-limits";
            let lax = self.sections.iter().any(|s| s.noun == "global" && s.body.iter().any(told));
            let (kind, instead) = if !self.since(2, 3, 0) {
                (RemarkKind::TooMany, format!("{} connections", files / 2))
            } else if lax {
                // What it was given anyway is then what it has.
                return;
            } else {
                (RemarkKind::TooFewResources, format!("{} file descriptors", 2 * most + SPARE))
            };
            self.remark(kind, line.span, format!("maxconn {most}"), instead, related);
        }
        let fronts: Vec<(&'a Stmt, u64)> = self
            .sections
            .iter()
            .filter(|s| s.is_front())
            .flat_map(|s| s.body.iter().copied())
            .filter(|s| s.word(0) == "maxconn" && !s.maybe)
            .filter_map(|s| Some((s, s.word(1).parse().ok()?)))
            .collect();
        for (stmt, own) in fronts.into_iter().filter(|f| f.1 > most) {
            let related = vec![(line.span, format!("the whole process takes {most}"))];
            self.remark(RemarkKind::TooMany, stmt.span, format!("maxconn {own}"), format!("{most} connections"), related);
        }
    }

    /// Tunnels outlive a reload in the old process, without a limit `[l01]`.
    fn stops(&mut self) {
        if self.conf.fragment
            || self
                .sections
                .iter()
                .any(|s| s.noun == "global" && s.body.iter().any(|s| s.word(0) == "hard-stop-after" || s.words.is_empty()))
        {
            return;
        }
        let long = self.sections.iter().flat_map(|s| s.body.iter().copied()).find(|s| {
            s.word(0) == "timeout"
                && s.word(1) == "tunnel"
                && s.words.get(2).and_then(|w| duration::read(&w.text)).is_some_and(|d| d.milliseconds >= 600_000)
        });
        if let Some(stmt) = long {
            self.remark(RemarkKind::Unlimited, stmt.span, "hard-stop-after", stmt.word(2), Vec::new());
        }
    }

    /// Whether a condition asks for an upgrade.
    pub(super) fn tests_upgrade(&self, cond: CondId) -> bool {
        let mut pending = vec![cond];
        while let Some(id) = pending.pop() {
            match self.p.cond(id) {
                Cond::Test(atom) => {
                    let upgrade = matches!(&atom.of, Subject::Header(name) if &**name == "upgrade" || name.starts_with("sec-websocket"));
                    let token = matches!(&atom.of, Subject::Header(name) if &**name == "connection")
                        && matches!(&atom.is, Matcher::Token(t) | Matcher::Has(t) if t.iter().any(|t| t.eq_ignore_ascii_case("upgrade")));
                    if upgrade || token {
                        return true;
                    }
                }
                Cond::All(parts) | Cond::Any(parts) => pending.extend(parts),
                _ => {}
            }
        }
        false
    }
}

/// Numbers that read as seconds. Connecting and checking may well take less than one.
fn seconds_meant(name: &str, number: u64) -> bool {
    let least = if matches!(name, "timeout connect" | "timeout queue" | "timeout check") { 100 } else { 1000 };
    number > 0 && number < least || matches!(number, 1800 | 3600 | 7200 | 43200 | 86400)
}

fn spelt(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0".to_owned(),
        n if n % 86_400_000 == 0 => format!("{}d", n / 86_400_000),
        n if n % 3_600_000 == 0 => format!("{}h", n / 3_600_000),
        n if n % 60_000 == 0 => format!("{}m", n / 60_000),
        n if n % 1000 == 0 => format!("{}s", n / 1000),
        n => format!("{n}ms"),
    }
}
