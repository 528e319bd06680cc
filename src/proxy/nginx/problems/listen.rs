//! `listen`: its parameters, one address twice, and TLS without a certificate.

use super::{Check, Only};
use crate::model::{ProblemKind, Version};
use crate::proxy::nginx::conf::{Context, DirId};
use std::collections::HashMap;

/// `listen … quic`
const QUIC: Version = Version(1, 25, 0);
/// The first release that was seen to refuse `listen … spdy`; older ones only warn.
const NO_SPDY: Version = Version(1, 22, 1);

/// What is known of one address.
#[derive(Default)]
struct Address {
    /// The server that takes it by default, with the `listen` that says so.
    default: Option<DirId>,
    /// The `listen` with socket options.
    options: Option<DirId>,
    /// Servers on it, first one first, with their `listen`.
    servers: Vec<(Option<DirId>, DirId)>,
}

impl Check<'_> {
    /// All `listen` of `http`.
    pub(super) fn listens(&mut self) {
        let mut addresses: HashMap<String, Address> = HashMap::new();
        let mut order: Vec<String> = Vec::new();
        for id in self.index.named("listen").iter().copied() {
            let dir = self.dir(id);
            let Some(first) = dir.args.first() else { continue };
            if self.context(id) != Context::Server
                || self.unended.contains(&id)
                || dir.args.iter().any(|a| a.opaque || a.text.contains('$'))
            {
                continue;
            }
            self.parameters(id);
            if !self.sure {
                continue;
            }
            let has = |name: &str| dir.args.iter().skip(1).any(|a| a.text == name);
            // QUIC has its own, over UDP.
            let key = if has("quic") { format!("{} quic", socket(first.text)) } else { socket(first.text) };
            if !addresses.contains_key(&key) {
                order.push(key.clone());
            }
            let at = addresses.entry(key).or_default();
            let server = dir.parent;
            // Those of one server come together.
            let twice = at.servers.iter().rev().take_while(|s| s.0 == server).last().map(|s| s.1);
            let default = (has("default_server") || has("default")).then_some(at.default).flatten();
            let options = dir.args.iter().skip(1).any(|a| is_option(a.text));
            let reset = options.then_some(at.options).flatten();
            at.default = at.default.or_else(|| (has("default_server") || has("default")).then_some(id));
            at.options = at.options.or_else(|| options.then_some(id));
            at.servers.push((server, id));
            if let Some(other) = twice {
                self.duplicate(id, other, &format!("this server listens on `{}` twice", first.text));
            } else if let Some(other) = default {
                self.duplicate(id, other, &format!("`{}` has a default server already", first.text));
            } else if let Some(other) = reset {
                self.duplicate(id, other, &format!("the socket options of `{}` are set already", first.text));
            }
        }
        for key in order {
            if let Some(at) = addresses.get(&key) {
                self.certificate(at);
                self.wildcards(at);
            }
        }
    }

    fn parameters(&mut self, id: DirId) {
        for word in self.args(id).iter().skip(1) {
            let text = word.text;
            if text == "quic" {
                self.bad_value(word, format!("nginx takes `quic` in `listen` only since {QUIC}"), "use a later nginx").only =
                    Only::Before(QUIC);
            } else if text == "spdy" {
                let message = format!("nginx {NO_SPDY} and later do not take `spdy` in `listen`");
                self.bad_value(word, message, "remove it, or use `http2`").only = Only::Since(NO_SPDY);
            } else if !is_option(text) && !is_plain(text) {
                self.bad_value(
                    word,
                    format!("`{text}` is not a parameter of `listen`"),
                    "it takes `default_server`, `ssl`, `http2`, `quic`, `proxy_protocol` and the options of the socket",
                );
            }
        }
    }

    /// The default server of a TLS address needs a certificate `[srv-ssl-no-cert]`.
    fn certificate(&mut self, at: &Address) {
        let ssl = |c: &Self, id: DirId| c.args(id).iter().skip(1).find(|a| matches!(a.text, "ssl" | "quic"));
        let Some((word, _)) = at.servers.iter().find_map(|s| ssl(self, s.1).map(|w| (w, s.1))) else { return };
        let listen = at.default.or_else(|| at.servers.first().map(|s| s.1));
        let Some(server) = listen.and_then(|l| self.dir(l).parent) else { return };
        let has = |scope: Option<DirId>| ["ssl_certificate", "ssl_reject_handshake"].iter().any(|n| self.inside(scope, n).next().is_some());
        // A module (ACME, Lua) may bring one.
        let brings = |n: &str| matches!(n, "load_module" | "acme_certificate") || n.starts_with("ssl_certificate_by_lua");
        let foreign = self.index.groups().any(|all| all.first().is_some_and(|d| brings(self.name(*d))));
        if !self.complete() || foreign || has(Some(server)) || has(self.dir(server).parent) {
            return;
        }
        let place = self.dir(server).span;
        let message = "there is no certificate for this address".to_owned();
        let help = "the default server of an address with `ssl` needs `ssl_certificate` and `ssl_certificate_key`";
        let found = self.report(ProblemKind::MissingBlock, true, word.span, message, help);
        found.problem.related.push((place, "its default server".to_owned()));
    }

    /// A `*` within a name is refused as soon as several servers share the address `[srv-name-*]`.
    fn wildcards(&mut self, at: &Address) {
        if at.servers.len() < 2 {
            return;
        }
        let servers: Vec<DirId> = at.servers.iter().filter_map(|s| s.0).collect();
        for server in servers {
            for names in self.inside(Some(server), "server_name") {
                for word in self.args(names).iter().filter(|w| !w.opaque && !w.text.starts_with('~')) {
                    let inner = word.text.strip_prefix("*.").or_else(|| word.text.strip_suffix(".*")).unwrap_or(word.text);
                    if inner.contains('*') && !inner.contains('$') && !self.found.iter().any(|f| f.problem.span == word.span) {
                        let help = "`*` may only stand for the first or the last label; use a regular expression (`~^…$`)";
                        self.bad_value(word, format!("`{}` is no server name that nginx takes", word.text), help);
                    }
                }
            }
        }
    }
}

/// An address as nginx compares it: `80`, `*:80` and `0.0.0.0:80` are one.
fn socket(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return format!("*:{text}");
    }
    if let Some(port) = text.strip_prefix("0.0.0.0:") {
        return format!("*:{port}");
    }
    if text.contains(':') || text.starts_with('[') && text.contains("]:") { text.to_owned() } else { format!("{text}:80") }
}

/// Parameters that set socket options, at most once for an address.
fn is_option(text: &str) -> bool {
    matches!(text, "bind" | "deferred" | "reuseport" | "multipath")
        || ["setfib=", "fastopen=", "backlog=", "rcvbuf=", "sndbuf=", "accept_filter=", "ipv6only=", "so_keepalive="]
            .iter()
            .any(|p| text.starts_with(p))
}

fn is_plain(text: &str) -> bool {
    matches!(text, "default_server" | "default" | "ssl" | "http2" | "http3" | "proxy_protocol")
}
