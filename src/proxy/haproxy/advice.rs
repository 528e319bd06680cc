//! How HAProxy is told what rules advise. The texts are the fix texts of its fact sheet.

use crate::model::Advice;

pub(super) fn words(advice: Advice) -> Option<&'static str> {
    Some(match advice {
        Advice::ForwardUpgrade | Advice::ForwardConnection => {
            "remove this line, or add `unless { hdr(Upgrade) -i websocket }`: HAProxy forwards both lines by itself"
        }
        Advice::UpgradeAsAsked => "remove the line: HAProxy forwards what the client sent by itself",
        Advice::IgnoreCase => "compare without regard to case (`-i` behind the fetch: `hdr(Upgrade) -i websocket`)",
        Advice::KeepHost => "remove the line: HAProxy passes the client's `Host` on by itself",
        Advice::CarryUpgrades | Advice::SpeakHttp11 => "speak HTTP/1.1 to the servers (no `proto h2`, `alpn http/1.1`; since 2.5 `ws h1`)",
        Advice::CompletePreflight => {
            "give this answer its lines with `hdr Access-Control-Allow-Origin … hdr Access-Control-Allow-Methods … hdr \
             Access-Control-Allow-Headers …`, or set them with `http-after-response`: `http-response` covers answers of servers only"
        }
        Advice::AnswerPreflight => {
            "answer OPTIONS before the request is refused or redirected (`http-request return status 204 hdr Access-Control-Allow-Origin … if \
             METH_OPTIONS`, above that line; 2.2 and later)"
        }
        Advice::SendWithErrors => "set it without a condition on the status",
        Advice::SendWithOwnAnswers => {
            "write `http-after-response` instead of `http-response` (2.2 and later): it also covers refusals, redirects and errors of \
             HAProxy's own"
        }
        Advice::NameOrigins => {
            "allow only origins that are named: whole values (`-m str`), or expressions that begin with `^`, end with `$` and have their dots \
             escaped"
        }
        Advice::TakeOut => "take it out first (`http-response del-header {name}`), or write `set-header` instead of `add-header`",
        Advice::SendVary => "send `Vary: Origin` with it (`http-after-response add-header Vary Origin`)",
        Advice::WriteCondition => {
            "write what it depends on behind `if` or `unless`. In a rule on answers the request is gone: keep what is needed with \
             `http-request set-var(txn.origin) req.hdr(origin)` and test `{ var(txn.origin) -m found }`"
        }
        _ => return None,
    })
}
