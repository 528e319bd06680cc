//! What hoplint has to say. A rule looks at outcomes and facts and emits findings; it sees no syntax, edits no text and
//! prints nothing. One file per rule, one line in [`RULES`], one page under `rules/` that is its documentation and its test.

mod context;
mod finding;
mod intents;
mod look;

mod capacity;
mod cors;
mod envoy;
mod haproxy;
mod response;
mod routing;
mod sse;
mod syntax;
mod timeout;
mod upstream;
mod websocket;

pub use context::Context;
use context::{CrossOrigin, WebSocket};
pub use finding::{Confidence, Finding, Level, Related};
pub use intents::TRIALS;
pub use look::{Both, MANY, findings, findings_of_both};

/// What is known of a rule besides its code.
#[derive(Clone, Copy)]
pub struct Rule {
    /// `category/name`; the name is the bad pattern.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The worst level that it reports.
    pub level: Level,
    /// Release of hoplint that brought it.
    pub since: &'static str,
    /// Its page: documentation, `explain` text and acceptance test.
    pub page: &'static str,
    /// Why it has no correction; none: it has some, or says with each finding why there is none.
    pub unmended: Option<&'static str>,
    check: Check,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// What a rule looks at.
#[derive(Clone, Copy)]
enum Check {
    /// One route that carries WebSocket, or should.
    Socket(fn(&mut Context<'_>, &WebSocket)),
    /// One route that pages of other origins ask.
    CrossOrigin(fn(&mut Context<'_>, &CrossOrigin<'_>)),
    /// A configuration as a whole.
    Whole(fn(&mut Context<'_>)),
    /// Something else than a rule over the model makes its findings: the reader, or the suppressions.
    Elsewhere,
}

use Check::{CrossOrigin as OnOrigin, Elsewhere, Socket, Whole};

macro_rules! rules {
    (@ $why:literal) => { Some($why) };
    (@) => { None };
    ($($id:literal $level:ident $summary:literal $check:expr $(, unmended $why:literal)?;)*) => {
        /// All rules, in the order of their pages.
        pub static RULES: &[Rule] = &[$(Rule {
            id: $id,
            summary: $summary,
            level: Level::$level,
            since: "0.1.0",
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/", $id, ".md")),
            unmended: rules!(@ $($why)?),
            check: $check,
        }),*];
    };
}

rules! {
    "capacity/few-connections" Warning "few WebSockets, or few requests, at once reach their servers" Whole(capacity::few_connections::check),
        unmended "how many are expected at once, only a person knows";
    "cors/duplicate-origin" Error "an origin is allowed twice, which browsers refuse" OnOrigin(cors::duplicate_origin::check);
    "cors/error-without-headers" Warning "error answers go without the CORS headers" OnOrigin(cors::error_without_headers::check);
    "cors/foreign-origin-allowed" Error "pages of other sites may read the answers" OnOrigin(cors::foreign_origin_allowed::check),
        unmended "which origins may read the answers, only a person knows";
    "cors/headers-lost-by-inheritance" Error "an own header list drops the inherited CORS headers" OnOrigin(cors::headers_lost::check);
    "cors/headers-lost-on-jump" Warning "CORS headers beside a jump do not go along with it" OnOrigin(cors::headers_lost_on_jump::check);
    "cors/malformed-origin" Error "the allowed origin is a value that no browser sends" OnOrigin(cors::malformed_origin::check);
    "cors/missing-vary" Warning "the answer depends on `Origin` without `Vary`" OnOrigin(cors::missing_vary::check);
    "cors/policy-not-applied" Error "a CORS policy that nothing applies" Whole(cors::policy_not_applied::check);
    "cors/preflight-incomplete" Error "a preflight is refused, or answered without what the browser asks for" OnOrigin(cors::preflight_incomplete::check);
    "cors/wildcard-with-credentials" Error "`*` together with credentials is refused by every browser" OnOrigin(cors::wildcard_with_credentials::check);
    "envoy/hand-made-upgrade" Error "handshake lines made or removed by hand" Whole(envoy::hand_made_upgrade::check);
    "envoy/http2-upstream" Warning "WebSockets go upstream over HTTP/2" Socket(envoy::http2_upstream::check),
        unmended "which servers speak HTTP/1.1, only a person knows";
    "envoy/http2-without-key" Warning "browsers' WebSockets over HTTP/2 arrive without a key" Socket(envoy::http2_without_key::check),
        unmended "whether other clients than browsers open WebSockets over HTTP/2 here, only a person knows";
    "envoy/idle-filter" Hint "a filter that nobody tells what to do" Whole(envoy::idle_filter::check);
    "envoy/no-router" Error "filters that end without a router" Whole(envoy::no_router::check);
    "envoy/unknown-filter-key" Warning "settings under a name that nothing has" Whole(envoy::unknown_filter_key::check);
    "envoy/upgrade-not-enabled" Error "handshakes get 403: no upgrade is enabled" Socket(envoy::upgrade_not_enabled::check);
    "envoy/upgrade-type" Error "a kind of upgrade that no client asks for" Whole(envoy::upgrade_type::check);
    "haproxy/acl-always-true" Warning "one line of an ACL matches everything, so the others decide nothing" Whole(haproxy::acl_always_true::check);
    "haproxy/check-on-websocket-path" Warning "a plain health check on a WebSocket endpoint" Whole(haproxy::check_on_websocket_path::check);
    "haproxy/cookie-without-value" Warning "stickiness by cookie that one half is missing of" Whole(haproxy::cookie_without_value::check);
    "haproxy/default-backend-replaced" Warning "two `default_backend` lines: the last one is in force" Whole(haproxy::default_backend_replaced::check);
    "haproxy/http-condition-in-tcp" Warning "a condition on HTTP in a section that passes bytes" Whole(haproxy::http_condition_in_tcp::check);
    "haproxy/limit-missing" Warning "a limit without which connections pile up" Whole(haproxy::limit_missing::check);
    "haproxy/maxconn-out-of-reach" Warning "a `maxconn` that the process cannot reach" Whole(haproxy::maxconn_out_of_reach::check);
    "haproxy/mixed-server-alpn" Warning "WebSocket and plain requests to a server that is offered HTTP/2 and HTTP/1.1" Whole(haproxy::mixed_server_alpn::check),
        unmended "whether the server may lose HTTP/2 or WebSockets get servers of their own, only a person can say";
    "haproxy/timeout-cut-short" Warning "a duration of which only the beginning is read" Whole(haproxy::timeout_cut_short::check);
    "haproxy/timeout-in-wrong-section" Warning "a timeout of the other side of the proxy, which has no effect here" Whole(haproxy::timeout_in_wrong_section::check);
    "haproxy/timeout-without-unit" Warning "a number that reads as seconds and is milliseconds" Whole(haproxy::timeout_without_unit::check);
    "haproxy/tunnel-timeout-zero" Warning "`timeout tunnel 0` is not \"never\", it is \"not set\"" Whole(haproxy::tunnel_timeout_zero::check);
    "response/headers-lost-by-inheritance" Warning "an own header list drops headers that answers should carry" Whole(response::headers_lost::check);
    "routing/condition-never-true" Error "a condition that can never be true" Whole(routing::condition_never_true::check),
        unmended "what it guards was never done: whether it is still wanted, only a person knows";
    "routing/never-matches" Warning "a path that no request has" Whole(routing::never_matches::check),
        unmended "which requests are meant, only a person knows";
    "routing/shadowed-host" Warning "another host on the same address has the name" Whole(routing::shadowed_host::check),
        unmended "which of the two is to have the name, only a person knows";
    "routing/shadowed-route" Warning "an earlier route takes all of its requests" Whole(routing::shadowed_route::check),
        unmended "which of the two is to take the requests, only a person knows";
    "sse/buffered" Warning "events are held back" Whole(sse::buffered::check);
    "suppression/missing-reason" Hint "an ignore comment without a reason" Elsewhere,
        unmended "the reason, only a person knows";
    "suppression/not-understood" Warning "a comment that speaks to hoplint in unknown words" Elsewhere,
        unmended "what was meant, only a person knows";
    "suppression/unknown-rule" Warning "an ignore comment names no rule" Elsewhere;
    "suppression/unused" Hint "an ignore comment that ignores nothing" Elsewhere;
    "syntax/bad-value" Error "a value that the proxy refuses" Elsewhere,
        unmended "which value was meant, only a person knows";
    "syntax/conflicting-settings" Error "settings that exclude each other" Elsewhere,
        unmended "which of the two was meant, only a person knows";
    "syntax/duplicate-directive" Error "a setting that may stand only once" Elsewhere,
        unmended "which of the two was meant, only a person knows";
    "syntax/include-cycle" Error "a file that includes itself" Elsewhere,
        unmended "which file was meant, only a person knows";
    "syntax/include-not-found" Warning "an included file that does not exist" Elsewhere,
        unmended "which file was meant, only a person knows";
    "syntax/misplaced-directive" Error "a setting in a block where it is not allowed" Elsewhere,
        unmended "where it was to hold, only a person knows";
    "syntax/missing-block" Error "a part without which the proxy does not start" Elsewhere,
        unmended "what was to stand there, only a person knows";
    "syntax/missing-setting" Error "a setting without which its block is refused" Elsewhere,
        unmended "which value it was to have, only a person knows";
    "syntax/never-read" Warning "text that the proxy never reads" Elsewhere,
        unmended "whether it was to be read, only a person knows";
    "syntax/token-too-long" Error "a token longer than the proxy's limit" Elsewhere,
        unmended "where it was to end, only a person knows";
    "syntax/undefined-name" Error "a name that is defined nowhere" Elsewhere,
        unmended "what the name was to stand for, only a person knows";
    "syntax/unexpected-token" Error "a token where the grammar allows none" Elsewhere,
        unmended "what was to stand there, only a person knows";
    "syntax/unknown-directive" Error "a setting that the proxy does not know" Elsewhere,
        unmended "which setting was meant, only a person knows";
    "syntax/unterminated" Error "a quote, block or directive that never ends" Elsewhere,
        unmended "where it was to end, only a person knows";
    "syntax/wrong-arguments" Error "too few or too many arguments" Elsewhere,
        unmended "which words were meant, only a person knows";
    "syntax/wrong-type" Error "a value of another kind than the setting takes" Elsewhere,
        unmended "which value was meant, only a person knows";
    "timeout/hard-limit" Warning "a WebSocket is cut however much is sent" Socket(timeout::hard_limit::check);
    "timeout/idle-below-heartbeat" Error "a silent WebSocket is cut before its next heartbeat" Socket(timeout::idle_below_heartbeat::check);
    "timeout/stream-cut" Error "an event stream is cut however much is sent" Whole(timeout::stream_cut::check);
    "timeout/zero" Error "a limit of zero fails every request" Whole(timeout::zero::check);
    "upstream/duplicate-header" Error "the upstream gets a line twice that may stand only once" Whole(upstream::duplicate_header::check);
    "upstream/headers-lost-by-inheritance" Warning "an own header list drops lines that the upstream should get" Whole(upstream::headers_lost::check);
    "upstream/keepalive-defeated" Warning "connections to the upstream are meant to be kept, and are not" Whole(upstream::keepalive_defeated::check);
    "websocket/answered-by-proxy" Error "a handshake is answered or redirected before it is forwarded" Socket(websocket::answered_by_proxy::check),
        unmended "what the answer is for, only a person knows";
    "websocket/authentication-skipped" Error "who asks for an upgrade is not asked for credentials" Whole(websocket::authentication_skipped::check),
        unmended "which check upgrades are to pass, only a person can say";
    "websocket/cached-handshake" Warning "a handshake is answered from the cache" Socket(websocket::cached_handshake::check);
    "websocket/cannot-carry-upgrade" Error "the protocol to the upstream has no upgrade" Socket(websocket::cannot_carry_upgrade::check);
    "websocket/connection-not-forwarded" Error "the upstream gets `Upgrade` without `Connection: upgrade`" Socket(websocket::connection_not_forwarded::check);
    "websocket/handshake-header-removed" Error "the handshake arrives without a line that it needs" Socket(websocket::handshake_header_removed::check);
    "websocket/headers-lost-by-inheritance" Error "an own header list drops the inherited upgrade lines" Socket(websocket::headers_lost::check);
    "websocket/headers-lost-on-jump" Error "upgrade lines beside a jump do not go along with it" Socket(websocket::headers_lost_on_jump::check);
    "websocket/host-lost" Warning "the upstream gets its own name as `Host`" Socket(websocket::host_lost::check);
    "websocket/host-port-stripped" Hint "`Host` loses the port that the client named" Socket(websocket::host_port_stripped::check);
    "websocket/http-1.0-upstream" Error "the handshake reaches the upstream over HTTP/1.0" Socket(websocket::http10_upstream::check);
    "websocket/literal-upgrade" Warning "plain requests ask the upstream for an upgrade" Socket(websocket::literal_upgrade::check);
    "websocket/method-changed" Error "the handshake arrives with another method" Socket(websocket::method_changed::check);
    "websocket/never-answered" Error "the proxy waits for a body that never ends" Socket(websocket::never_answered::check);
    "websocket/slash-redirect" Hint "a handshake without the final slash is redirected" Socket(websocket::slash_redirect::check);
    "websocket/subrequest-upgrades" Warning "an own request of the proxy asks for an upgrade too" Whole(websocket::subrequest_upgrades::check);
    "websocket/upgrade-case-sensitive" Hint "only `websocket` in lower case is taken for an upgrade" Socket(websocket::upgrade_case_sensitive::check);
    "websocket/upgrade-not-forwarded" Error "the upstream never sees `Upgrade: websocket`" Socket(websocket::upgrade_not_forwarded::check);
}

pub use syntax::finding as syntax_finding;

/// The rule of an id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}
