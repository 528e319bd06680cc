//! References to what is defined nowhere: variables, zones, log formats, named locations.

use super::{Check, Only, table, table::BuiltIn};
use crate::model::{ProblemKind, Version};
use crate::proxy::nginx::conf::{Args, Context, DirId, Word};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::ops::Range;

/// Built-in variables that are made one by one, outside the tables of the source.
const MADE: &[&str] = &[
    "gzip_ratio",
    "invalid_referer",
    "memcached_key",
    "secure_link",
    "secure_link_expires",
    "session_time",
    "slice_range",
    "spdy",
    "spdy_request_priority",
    "uid_got",
    "uid_reset",
    "uid_set",
    "upstream_last_server_name",
    "upstream_queue_time",
];

/// A `$` in a text, and what follows it.
struct Mention<'t> {
    /// The how many-eth `$` it is.
    nth: usize,
    /// The name; empty when none follows.
    name: &'t str,
    /// `${name` without `}`.
    open: bool,
}

impl<'t> Mention<'t> {
    fn all(text: &'t str) -> impl Iterator<Item = Self> {
        text.match_indices('$').enumerate().map(|(nth, (at, _))| {
            let rest = &text[at + 1..];
            let (inner, braced) = rest.strip_prefix('{').map_or((rest, false), |r| (r, true));
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            Self { nth, name: &inner[..end], open: braced && !inner[end..].starts_with('}') }
        })
    }
}

/// The arguments of a directive in which variables are replaced.
fn replaced(name: &str, count: usize) -> Range<usize> {
    match name {
        "proxy_set_header" | "add_header" | "add_trailer" | "fastcgi_param" | "uwsgi_param" | "scgi_param" | "grpc_set_header" => 1..2,
        "set" | "rewrite" => 1..2,
        "log_format" => 1..count,
        "return" | "try_files" | "proxy_cache_bypass" | "proxy_no_cache" => 0..count,
        "error_page" => count.saturating_sub(1)..count,
        "proxy_pass" | "grpc_pass" | "fastcgi_pass" | "uwsgi_pass" | "root" | "alias" | "proxy_cache_key" | "limit_req_zone"
        | "limit_conn_zone" | "hash" | "map" | "split_clients" | "access_log" => 0..1,
        _ => 0..0,
    }
}

impl<'a> Check<'a> {
    /// Whatever is named.
    pub(super) fn names(&mut self) {
        // A module may define anything.
        let foreign = self.index.groups().any(|all| {
            let Some(name) = all.first().map(|d| self.conf.name(*d)) else { return false };
            name.text == "load_module"
                || name.named().foreign
                || name.named().entry.is_none() && all.iter().any(|d| !Self::is_data(self.context(*d)))
        });
        let known = (self.complete() && !foreign).then(|| self.defined());
        let mut fine = Fine::default();
        for id in self.conf.all() {
            if self.holds_http(id) {
                self.variables(id, known.as_ref(), &mut fine);
            }
        }
        if known.is_some() {
            self.log_formats();
            self.zones();
        }
        self.named_locations();
    }

    /// Whether a directive, or a line of a `map`, belongs to `http`.
    fn holds_http(&self, id: DirId) -> bool {
        match self.context(id) {
            Context::Http
            | Context::Server
            | Context::Location
            | Context::IfInServer
            | Context::IfInLocation
            | Context::LimitExcept
            | Context::Upstream => true,
            Context::Free => self.conf.parent(id).is_some_and(|p| self.name(p) == "map" && self.context(p) == Context::Http),
            _ => false,
        }
    }

    /// Variables that the configuration defines.
    fn defined(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        let uses = |names: &'static [&'static str]| names.iter().flat_map(|n| self.index.named(n)).map(|d| self.args(*d));
        let defining = (uses(&["map", "split_clients"]).map(|a| a.get(1)))
            .chain(uses(&["geo"]).map(Args::last))
            .chain(uses(&["set", "auth_request_set", "perl_set"]).map(Args::first));
        for name in defining.filter_map(|w| w?.text.strip_prefix('$')) {
            out.insert(name.trim_matches(['{', '}']).to_ascii_lowercase());
        }
        let mut last = None;
        for word in self.conf.words().filter(|w| w.has_groups) {
            if last.replace(word.spelling) == Some(word.spelling) {
                continue;
            }
            for part in word.text.split("(?").skip(1) {
                let name = part.trim_start_matches('P').trim_start_matches(['<', '\'']);
                let end = name.find(['>', '\'']).unwrap_or(0);
                out.insert(name[..end].to_ascii_lowercase());
            }
        }
        out
    }

    fn variables(&mut self, id: DirId, known: Option<&BTreeSet<String>>, fine: &mut Fine) {
        let args = self.args(id);
        if !args.iter().any(|w| w.has_dollar) {
            return;
        }
        let (name, data) = (self.name(id), self.context(id) == Context::Free);
        let range = if data { 0..1 } else { replaced(name, args.len()) };
        let condition = name == "if" && !data;
        for (i, word) in args.iter().enumerate() {
            let left = condition && i < 2 && word.text.trim_start_matches('(').starts_with('$');
            if !word.has_dollar || word.opaque || !range.contains(&i) && !left {
                continue;
            }
            let exact = !left && !matches!(name, "log_format" | "try_files" | "error_page" | "access_log");
            if fine.0.contains(&(word.spelling, left, exact)) {
                continue;
            }
            let before = self.found.len();
            for mention in Mention::all(word.text) {
                // A condition's variable may touch `=`: nginx takes it, and it is never true.
                if left && mention.nth > 0 {
                    break;
                }
                if mention.open || mention.name.is_empty() {
                    if exact {
                        self.malformed(word, &mention);
                    }
                    continue;
                }
                self.variable(word, &mention, known);
            }
            if self.found.len() == before {
                fine.0.insert((word.spelling, left, exact));
            }
        }
    }

    fn malformed(&mut self, word: Word<'_>, mention: &Mention<'_>) {
        let span = self.dollar(word, mention.nth, 1);
        let (message, help) = if mention.open {
            (format!("the variable `${{{}` has no closing `}}`", mention.name), "write it, or leave out the `{`")
        } else {
            (
                "a `$` without a variable's name".to_owned(),
                "nginx has no way to write a `$` itself here: let a `geo` or `map` variable hold it",
            )
        };
        self.report(ProblemKind::BadValue, true, span, message, help);
    }

    fn variable(&mut self, word: Word<'_>, mention: &Mention<'_>, known: Option<&BTreeSet<String>>) {
        let name = mention.name.to_ascii_lowercase();
        if name.starts_with(|c: char| c.is_ascii_digit()) || MADE.contains(&&*name) {
            return;
        }
        let span = self.dollar(word, mention.nth, mention.name.len() as u32 + 1);
        match (table::variable(&name), known) {
            (BuiltIn::Always, _) => {}
            (BuiltIn::Since(_), Some(known)) if known.contains(&name) => {}
            (BuiltIn::Since(since), Some(_)) => self.later(span, &name, since),
            (BuiltIn::No, Some(known)) if !known.contains(&name) => {
                let help = match &*name {
                    "connection_upgrade" => {
                        "define it in `http`: `map $http_upgrade $connection_upgrade { default upgrade; '' \"\"; }`".to_owned()
                    }
                    _ => "define it with `map` or `set`, or correct the name".to_owned(),
                };
                self.report(ProblemKind::UndefinedName, true, span, format!("the variable `${name}` is defined nowhere"), help);
            }
            _ => {}
        }
    }

    fn later(&mut self, span: Span, name: &str, since: Version) {
        let (message, help) = (format!("`${name}` is unknown to releases before nginx {since}"), "use a later nginx");
        self.report(ProblemKind::UndefinedName, true, span, message, help).only = Only::Before(since);
    }

    /// The bytes of the n-th `$` of a word; escapes neither make nor remove one.
    fn dollar(&self, word: Word<'_>, nth: usize, len: u32) -> Span {
        let bytes = self.map.bytes(word.span);
        let at = bytes.iter().enumerate().filter(|(_, b)| **b == b'$').nth(nth).map(|(i, _)| i as u32);
        at.map_or(word.span, |at| Span { start: word.span.start + at, len: len.min(word.span.len - at) })
    }

    fn log_formats(&mut self) {
        let formats: BTreeSet<&str> = (self.index.named("log_format").iter())
            .filter(|d| self.context(**d) == Context::Http)
            .filter_map(|d| self.args(*d).first().map(|w| w.text))
            .chain(["combined"])
            .collect();
        let uses: Vec<Word<'_>> = self
            .uses("access_log")
            .filter(|a| a.first().is_some_and(|f| f.text != "off"))
            .filter_map(|a| a.get(1))
            .filter(|f| !formats.contains(f.text))
            .collect();
        for word in uses {
            let message = format!("the log format `{}` is defined nowhere", word.text);
            self.report(ProblemKind::UndefinedName, true, word.span, message, "define it in `http` with `log_format`, or use `combined`");
        }
    }

    fn zones(&mut self) {
        for (user, definition, key) in [
            ("limit_req", "limit_req_zone", "zone="),
            ("limit_conn", "limit_conn_zone", ""),
            ("proxy_cache", "proxy_cache_path", ""),
            ("fastcgi_cache", "fastcgi_cache_path", ""),
        ] {
            let zones: BTreeSet<&str> = self
                .uses(definition)
                .flatten()
                .filter_map(|w| w.text.strip_prefix("zone=").or_else(|| w.text.strip_prefix("keys_zone=")))
                .map(|z| z.split(':').next().unwrap_or(z))
                .collect();
            let missing: Vec<Word<'_>> = self
                .uses(user)
                .filter_map(|args| if key.is_empty() { args.first() } else { args.iter().find(|a| a.text.starts_with(key)) })
                .filter(|w| !w.has_dollar && w.text != "off" && !zones.contains(w.text.strip_prefix(key).unwrap_or(w.text)))
                .collect();
            for word in missing {
                let message = format!("the zone `{}` is defined nowhere", word.text.strip_prefix(key).unwrap_or(word.text));
                self.report(ProblemKind::UndefinedName, true, word.span, message, format!("define it in `http` with `{definition}`"));
            }
        }
    }

    /// Arguments of all directives of a name in `http`, without templates.
    fn uses(&self, name: &str) -> impl Iterator<Item = Args<'a>> {
        let here = |d: &DirId| self.context(*d) != Context::Free && self.holds_http(*d);
        self.index.named(name).iter().copied().filter(here).map(|d| self.args(d)).filter(|a| !a.opaque())
    }

    /// Jumps to a location that the server does not have. nginx starts, and answers 500 when it comes to the jump.
    fn named_locations(&mut self) {
        let mut jumps: Vec<DirId> = ["try_files", "error_page"].iter().flat_map(|n| self.index.named(n)).copied().collect();
        jumps.sort_unstable();
        let mut servers: FxHashMap<DirId, Names<'_>> = FxHashMap::default();
        for id in jumps {
            if !self.sure || !self.holds_http(id) {
                continue;
            }
            let Some(word) = self.args(id).last().filter(|w| w.text.starts_with('@') && !w.opaque) else { continue };
            let Some(server) = std::iter::successors(self.conf.parent(id), |p| self.conf.parent(*p)).find(|p| self.name(*p) == "server")
            else {
                continue;
            };
            let names = servers.entry(server).or_insert_with(|| self.names_of(server));
            if names.open || names.locations.contains(word.text) {
                continue;
            }
            let place = self.dir(server).span;
            let message = format!("this server has no location `{}`", word.text);
            let help = format!("add `location {} {{ … }}` to the server, or correct the name; until then nginx answers 500", word.text);
            let found = self.report(ProblemKind::UndefinedName, false, word.span, message, help);
            found.problem.related.push((place, "the server".to_owned()));
        }
    }
    fn names_of(&self, server: DirId) -> Names<'a> {
        let hole = self.conf.holes.iter().any(|h| h.0 == Some(server) && !crate::proxy::nginx::lower::harmless(&h.2));
        Names {
            open: hole || self.children(server).any(|c| self.conf.name(c).opaque || self.args(c).opaque()),
            locations: self.inside(Some(server), "location").flat_map(|l| self.args(l)).map(|w| w.text).collect(),
        }
    }
}

/// Words whose variables are all known, by their spelling and how they are read.
#[derive(Default)]
struct Fine(FxHashSet<(u32, bool, bool)>);

/// What jumps in a server may name.
struct Names<'a> {
    /// Whether there may be more.
    open: bool,
    locations: FxHashSet<&'a str>,
}
