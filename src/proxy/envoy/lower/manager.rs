//! The connection manager's settings: its timers, its upgrades, its filters as written.

use super::{At, Lower, overrides::Filter};
use crate::model::{Fact, Limit, RemarkKind, Seat, Why};
use crate::source::Span;

/// Five minutes `[tl-default-stream-idle-300s]`.
const STREAM_IDLE: Limit = Limit::After(300_000);
/// The upgrade that this is about.
pub(super) const WEBSOCKET: &str = "websocket";

/// An entry of `upgrade_configs`.
#[derive(Clone)]
pub(super) struct Upgrade<'a> {
    /// In lower case; it is compared so `[ws-upgrade-hcm-mixed]`.
    pub(super) kind: String,
    pub(super) enabled: bool,
    /// The filter chain of its own.
    pub(super) chain: Option<usize>,
    pub(super) at: At<'a>,
}

/// A connection manager.
#[derive(Clone)]
pub(super) struct Manager<'a> {
    pub(super) index: usize,
    pub(super) seat: Seat,
    pub(super) idle: Fact<Limit>,
    pub(super) life: Option<Fact<Limit>>,
    pub(super) request: Option<Fact<Limit>>,
    pub(super) upgrades: Vec<Upgrade<'a>>,
    pub(super) chains: Vec<Vec<Filter<'a>>>,
    /// Why it is not known at all.
    pub(super) open: Option<Why>,
    /// Whether `X-Forwarded-Proto` of the client is believed.
    pub(super) trusts: bool,
    pub(super) at: Option<At<'a>>,
}

impl<'a> Lower<'a> {
    /// A connection manager's settings; their scope is `seat`.
    pub(super) fn manager(&mut self, at: At<'a>, seat: Seat) -> Manager<'a> {
        let head = at.span();
        let idle = match at.get("stream_idle_timeout") {
            Some(t) => self.written(t.limit(), t, seat),
            None => Self::default(STREAM_IDLE, head, seat),
        };
        let life = at.find(&["common_http_protocol_options", "max_stream_duration"]).map(|t| self.written(t.limit(), t, seat));
        let request = at.get("request_timeout").map(|t| self.written(t.limit(), t, seat));
        let mut chains = vec![Self::filters(at, "http_filters")];
        let mut upgrades = Vec::new();
        for u in at.list("upgrade_configs") {
            let own = u.list("filters");
            let chain = (!own.is_empty()).then(|| {
                let filters = Self::filters(u, "filters");
                chains.push(filters);
                chains.len() - 1
            });
            upgrades.push(self.upgrade(u, chain));
        }
        self.managers += 1;
        Manager {
            index: self.managers,
            seat,
            idle,
            life,
            request,
            upgrades,
            chains,
            open: at.has_hole().then(|| self.vague(at)),
            trusts: at.bool("use_remote_address") != Some(true),
            at: Some(at),
        }
    }

    /// The connection manager of route configurations whose own is not given.
    pub(super) fn unknown_manager(&mut self, why: Why) -> Manager<'a> {
        let at = Span { start: self.whole.start, len: 0 };
        self.managers += 1;
        Manager {
            index: self.managers,
            seat: self.root,
            idle: Fact::unknown(why, at, self.root),
            life: None,
            request: None,
            upgrades: Vec::new(),
            chains: Vec::new(),
            open: Some(why),
            trusts: true,
            at: None,
        }
    }

    fn upgrade(&mut self, at: At<'a>, chain: Option<usize>) -> Upgrade<'a> {
        let kind = at.str("upgrade_type").unwrap_or_default().to_ascii_lowercase();
        if let Some(kind_at) = at.get("upgrade_type").filter(|k| !k.is_opaque() && never_asked(&kind)) {
            self.remark(RemarkKind::NoSuchUpgrade, kind_at.body(), kind_at.text().unwrap_or_default(), Some(WEBSOCKET));
        }
        Upgrade { kind, enabled: at.bool("enabled") != Some(false), chain, at }
    }

    /// The upgrades of a route.
    pub(super) fn route_upgrades(&mut self, action: At<'a>) -> Vec<Upgrade<'a>> {
        let mut all = Vec::new();
        for u in action.list("upgrade_configs") {
            all.push(self.upgrade(u, None));
        }
        all
    }

    fn filters(at: At<'a>, field: &str) -> Vec<Filter<'a>> {
        at.list(field).into_iter().map(Filter::read).collect()
    }
}

/// Whether no client asks for an upgrade so named, and WebSocket was meant: another spelling of it, a scheme, a wildcard, no
/// token at all `[ws-upgrade-ws, ws-upgrade-wss, ws-upgrade-type-space]`.
fn never_asked(kind: &str) -> bool {
    let letters: String = kind.chars().filter(char::is_ascii_alphanumeric).collect();
    let close = matches!(&*letters, "websocket" | "websockets" | "websoket" | "webscoket" | "wesocket" | "socket" | "ws" | "wss");
    kind != WEBSOCKET && (close || kind == "*" || kind.trim().is_empty() || kind.contains(' '))
}
