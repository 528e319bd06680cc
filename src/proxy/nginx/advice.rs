//! How nginx is told what rules advise. The texts are the fix texts of its fact sheet.

use crate::model::Advice;

pub(super) fn words(advice: Advice) -> Option<&'static str> {
    Some(match advice {
        Advice::ForwardUpgrade => {
            "forward the client's line beside `Connection` (`proxy_set_header Upgrade $http_upgrade;`; the first own line of a block drops \
             all inherited ones: repeat them)"
        }
        Advice::ForwardConnection => {
            "send `Connection: upgrade` with it (`proxy_set_header Connection \"upgrade\";`, or a variable that a `map $http_upgrade` sets)"
        }
        Advice::UpgradeAsAsked => "forward what the client sent, through a `map $http_upgrade` that knows only `websocket`",
        Advice::IgnoreCase => "compare without regard to case (a plain key in the `map`, or `~*`)",
        Advice::KeepHost => {
            "pass the name that the client asked for (`proxy_set_header Host $host;`, with a port of its own \
             `$host$is_request_port$request_port` since 1.29.3, `$http_host` before)"
        }
        Advice::KeepHostPort => "keep the port (`$host$is_request_port$request_port` since 1.29.3, `$http_host` before)",
        Advice::SpeakHttp11 => "set HTTP/1.1 (`proxy_http_version 1.1;`)",
        Advice::CarryUpgrades => "speak HTTP/1.1 to the upstream on this route (`proxy_pass` with `proxy_http_version 1.1;`)",
        Advice::PassCacheBy => "let handshakes pass the cache by (`proxy_cache_bypass $http_upgrade; proxy_no_cache $http_upgrade;`)",
        Advice::NoUpgradeInOwnRequests => {
            "set `Upgrade` and `Connection` to nothing where the own request is forwarded (`proxy_set_header Upgrade \"\"; \
             proxy_set_header Connection \"\";`)"
        }
        Advice::TakeBothSlashes => {
            "if clients may leave the slash out, take both: `location = {bare} { rewrite ^ {path} last; }` beside it, or drop the slash"
        }
        Advice::WriteBehindJump => {
            "write the lines where the request is answered: what is set beside a jump does not go along with it (a named location \
             inherits from the server)"
        }
        Advice::KeepConnections => {
            "send no `Connection` line with plain requests, over HTTP/1.1 (`'' '';` in the `map`, or `proxy_set_header Connection \"\";` \
             where no upgrade passes; `proxy_http_version 1.1;` before 1.29.7)"
        }
        Advice::StreamUncompressed => {
            "do not buffer on this route (`proxy_buffering off;`), or leave `text/event-stream` out of what is compressed"
        }
        Advice::StreamUnbuffered => {
            "speak HTTP/1.1 to the upstream (`proxy_http_version 1.1;`, the default since 1.29.7; a chunked answer then passes live), or do \
             not buffer on this route (`proxy_buffering off;`)"
        }
        Advice::SendWithErrors => "send it with every status (`always` at the end of the line)",
        Advice::NameOrigins => {
            "allow only origins that are named: exact keys of a `map` from `$http_origin`, or expressions that begin with `^`, end with `$` \
             and have their dots escaped"
        }
        Advice::KeepInherited => {
            "repeat the inherited lines beside this one, or keep the whole list in one included file (1.29.3 and later: \
             `add_header_inherit merge;`)"
        }
        Advice::TakeOut => "take it out as well (`proxy_hide_header {name};`)",
        Advice::SendVary => "send `Vary: Origin` with it (`add_header Vary Origin always;`)",
        Advice::WriteCondition => "put spaces around the operator: `if ($a = \"b\")`",
        Advice::WritePath => "begin it with `/`, or make it an expression with `~`",
        Advice::WritePattern => "write the text out, or use an expression with `~`",
        Advice::AnswerPreflight => {
            "answer OPTIONS with 204 and the `Access-Control-*` headers before the request is refused or redirected (`if ($request_method = \
             OPTIONS) { … return 204; }` runs ahead of `auth_basic`, `auth_request` and `deny`)"
        }
        Advice::CompletePreflight | Advice::SendWithOwnAnswers => return None,
    })
}
