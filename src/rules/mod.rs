//! What hoplint has to say. A rule looks at outcomes and facts and emits findings; it sees no syntax, edits no text and
//! prints nothing. One file per rule, one line in [`RULES`], one page under `rules/` that is its documentation and its test.

mod context;
mod finding;
mod intents;

mod cors;
mod syntax;
mod timeout;
mod websocket;

pub use context::Context;
pub use finding::{Confidence, Finding, Level, Related};

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
    check: fn(&mut Context<'_>),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl Rule {
    /// Looks at one configuration.
    pub fn check(&self, cx: &mut Context<'_>) {
        (self.check)(cx);
    }
}

/// Names the findings that something else than a rule over the model makes (the reader, the suppressions).
fn elsewhere(_: &mut Context<'_>) {}

macro_rules! rules {
    ($($id:literal $level:ident $summary:literal $check:expr;)*) => {
        /// All rules, in the order of their pages.
        pub static RULES: &[Rule] = &[$(Rule {
            id: $id,
            summary: $summary,
            level: Level::$level,
            since: "0.1.0",
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/", $id, ".md")),
            check: $check,
        }),*];
    };
}

rules! {
    "cors/headers-lost-by-inheritance" Error "an own header list drops the inherited CORS headers" cors::headers_lost::check;
    "cors/preflight-incomplete" Error "a preflight is refused, or answered without what the browser asks for" cors::preflight_incomplete::check;
    "cors/wildcard-with-credentials" Error "`*` together with credentials is refused by every browser" cors::wildcard_with_credentials::check;
    "suppression/missing-reason" Hint "an ignore comment without a reason" elsewhere;
    "suppression/not-understood" Warning "a comment that speaks to hoplint in unknown words" elsewhere;
    "suppression/unknown-rule" Warning "an ignore comment names no rule" elsewhere;
    "suppression/unused" Hint "an ignore comment that ignores nothing" elsewhere;
    "syntax/bad-value" Error "a value that the proxy refuses" elsewhere;
    "syntax/duplicate-directive" Error "a setting that may stand only once" elsewhere;
    "syntax/include-cycle" Error "a file that includes itself" elsewhere;
    "syntax/include-not-found" Warning "an included file that does not exist" elsewhere;
    "syntax/misplaced-directive" Error "a setting in a block where it is not allowed" elsewhere;
    "syntax/missing-block" Error "a part without which the proxy does not start" elsewhere;
    "syntax/token-too-long" Error "a token longer than the proxy's limit" elsewhere;
    "syntax/undefined-name" Error "a name that is defined nowhere" elsewhere;
    "syntax/unexpected-token" Error "a token where the grammar allows none" elsewhere;
    "syntax/unknown-directive" Error "a setting that the proxy does not know" elsewhere;
    "syntax/unterminated" Error "a quote, block or directive that never ends" elsewhere;
    "syntax/wrong-arguments" Error "too few or too many arguments" elsewhere;
    "timeout/idle-below-heartbeat" Error "a silent WebSocket is cut before its next heartbeat" timeout::idle_below_heartbeat::check;
    "websocket/connection-not-forwarded" Error "the upstream gets `Upgrade` without `Connection: upgrade`" websocket::connection_not_forwarded::check;
    "websocket/headers-lost-by-inheritance" Error "an own header list drops the inherited upgrade lines" websocket::headers_lost::check;
    "websocket/http-1.0-upstream" Error "the handshake reaches the upstream over HTTP/1.0" websocket::http10_upstream::check;
    "websocket/upgrade-not-forwarded" Error "the upstream never sees `Upgrade: websocket`" websocket::upgrade_not_forwarded::check;
}

pub use syntax::finding as syntax_finding;

/// The rule of an id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}
