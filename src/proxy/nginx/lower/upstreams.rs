//! `upstream` blocks, and the groups that `proxy_pass` makes by naming an address.

use super::{DirId, Lower};
use crate::model::{Fact, How, Seat, Server, Upstream, UpstreamId};
use crate::source::Span;

impl Lower<'_> {
    pub(super) fn upstream_blocks(&mut self, children: &[DirId], parent: Seat) {
        for id in children {
            if self.name(*id) != "upstream" {
                continue;
            }
            let Some(name) = self.arg(*id, 0) else { continue };
            let seat = self.scope(*id, parent);
            let mut servers = Vec::new();
            let mut keepalive = None;
            let inner: Vec<DirId> = self.conf.children(*id).collect();
            for c in inner {
                let dir = self.conf.get(c);
                match dir.name.text {
                    "server" => {
                        let words: Vec<&str> = dir.args.iter().map(|a| a.text).collect();
                        if words.contains(&"down") {
                            continue;
                        }
                        let at = words.first().copied().unwrap_or_default();
                        let at = if at.starts_with("unix:") || has_port(at) { at.to_owned() } else { format!("{at}:80") };
                        servers.push(Server { at: at.into(), backup: words.contains(&"backup"), doubt: None });
                    }
                    "keepalive" => keepalive = Some((c, self.arg(c, 0) != Some("0"))),
                    _ => {}
                }
            }
            let open = self.hole_in(Some(*id));
            let reuse = match keepalive {
                Some((by, on)) => self.fact(on, by, seat),
                None => Fact::is(self.modern, How::Default(self.upstream_defaults()), self.span(*id), seat),
            };
            let group = self.p.add_upstream(Upstream { seat, name: name.into(), servers, open, reuse, caps: Vec::new() });
            self.upstreams.insert(name.to_owned(), group);
        }
    }

    /// The group that an authority names; without a block it is one server.
    pub(super) fn upstream_at(&mut self, authority: &str, port: &str, seat: Seat, span: Span) -> UpstreamId {
        if let Some(id) = self.upstreams.get(authority) {
            return *id;
        }
        let at = if authority.starts_with("unix:") || has_port(authority) { authority.to_owned() } else { format!("{authority}:{port}") };
        let name = if authority.starts_with("unix:") { "localhost" } else { authority };
        let group = self.p.add_upstream(Upstream {
            seat,
            name: name.into(),
            servers: vec![Server { at: at.into(), backup: false, doubt: None }],
            open: None,
            reuse: Fact::is(false, How::Implied, span, seat),
            caps: Vec::new(),
        });
        self.upstreams.insert(authority.to_owned(), group);
        group
    }
}

fn has_port(authority: &str) -> bool {
    let tail = authority.rsplit(']').next().unwrap_or(authority);
    tail.rsplit_once(':').is_some_and(|(_, p)| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}
