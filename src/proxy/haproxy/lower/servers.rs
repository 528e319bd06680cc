//! `server` lines: addresses, and how they are spoken to.

use super::Lower;
use crate::model::{Fact, How, Releases, Server, Text, Upstream, UpstreamId};
use crate::proxy::haproxy::conf::{Stmt, Word};
use crate::source::Span;

/// One server.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) at: Text,
    pub(super) unknown: bool,
    pub(super) backup: bool,
    /// Never chosen: disabled, or without weight.
    pub(super) out: bool,
    pub(super) tls: bool,
    pub(super) alpn: Option<String>,
    pub(super) proto: Option<String>,
    pub(super) ws: Option<String>,
    pub(super) span: Span,
}

impl Line {
    /// Whether plain requests and upgrades are carried in different protocols, on connections that HAProxy takes for alike
    /// `[y01] [y10]`.
    pub(super) fn mixes(&self) -> bool {
        let offered: Vec<&str> = self.alpn.as_deref().unwrap_or_default().split(',').map(str::trim).collect();
        self.tls && self.proto.is_none() && offered.contains(&"h2") && offered.contains(&"http/1.1") && self.ws.as_deref() != Some("h2")
    }
}

/// Options of a server or of the `default-server` above it, the nearer first.
struct Options<'a> {
    own: &'a [Word],
    default: Vec<&'a [Word]>,
}

impl<'a> Options<'a> {
    fn all(&self) -> impl Iterator<Item = &'a [Word]> + '_ {
        std::iter::once(self.own).chain(self.default.iter().copied())
    }

    fn flag(&self, on: &str, off: &str) -> bool {
        self.all()
            .find_map(|o| o.iter().rev().find_map(|w| if &*w.text == on { Some(true) } else { (&*w.text == off).then_some(false) }))
            .unwrap_or(false)
    }

    fn value(&self, key: &str) -> Option<&'a Word> {
        self.all().find_map(|o| o.iter().position(|w| &*w.text == key).and_then(|i| o.get(i + 1)))
    }
}

impl Lower<'_> {
    /// The servers of a section.
    pub(super) fn servers(&self, section: usize) -> Vec<Line> {
        let mut default: Vec<&[Word]> = Vec::new();
        let outer: Vec<usize> = self.chain(section).skip(1).collect();
        for at in outer.into_iter().rev() {
            default.extend(self.sections[at].body.iter().filter(|s| s.word(0) == "default-server").map(|s| &s.words[1..]));
        }
        let mut out = Vec::new();
        for stmt in &self.sections[section].body {
            match stmt.word(0) {
                "default-server" => default.push(&stmt.words[1..]),
                "server" if stmt.words.len() > 2 => {
                    let options = Options { own: &stmt.words[3..], default: default.iter().rev().copied().collect() };
                    out.push(line(stmt, stmt.word(1), &stmt.words[2], &options));
                }
                "server-template" if stmt.words.len() > 3 => {
                    let options = Options { own: &stmt.words[4..], default: default.iter().rev().copied().collect() };
                    out.push(line(stmt, stmt.word(1), &stmt.words[3], &options));
                }
                _ => {}
            }
        }
        out
    }

    /// The group of a backend's servers.
    pub(super) fn upstream(&mut self, section: usize) -> UpstreamId {
        if let Some(id) = self.upstreams.get(&section) {
            return *id;
        }
        let lines = self.servers(section);
        let (seat, span) = (self.seats[section], self.sections[section].head.span);
        let servers = lines.iter().filter(|l| !l.out).map(|l| Server { at: l.at.clone(), backup: l.backup, doubt: None }).collect();
        let hole = self.hole(section).map(|at| self.opaque(crate::model::Reason::Template, at, "a template fills this in"));
        let open = match lines.iter().find(|l| l.unknown) {
            Some(l) => Some(self.opaque(crate::model::Reason::Environment, l.span, "the address is known only where HAProxy runs")),
            None => hole,
        };
        let name: Text = self.sections[section].name.into();
        let reuse = Fact::is(true, How::Default(Releases::All), span, seat);
        let id = self.p.add_upstream(Upstream { seat, name, servers, open, reuse, caps: Vec::new() });
        self.upstreams.insert(section, id);
        id
    }
}

fn line(stmt: &Stmt, name: &str, address: &Word, options: &Options<'_>) -> Line {
    let zero = options.value("weight").is_some_and(|w| &*w.text == "0");
    Line {
        name: name.to_owned(),
        at: (&*address.text).into(),
        unknown: address.unknown || stmt.maybe,
        backup: options.flag("backup", "non-backup"),
        out: options.flag("disabled", "enabled") || zero,
        tls: options.flag("ssl", "no-ssl"),
        alpn: options.value("alpn").map(|w| w.text.to_string()),
        proto: options.value("proto").map(|w| w.text.to_string()),
        ws: options.value("ws").map(|w| w.text.to_string()),
        span: stmt.span,
    }
}
