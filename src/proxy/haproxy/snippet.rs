//! Whole configurations for one route.

use crate::config::{Order, Serves};
use crate::model::Version;
use crate::proxy::usual::{HEADERS, METHODS};
use std::fmt::Write as _;

/// `http-request return`, `http-after-response` `[c02] [c03]`.
const ANSWERS: Version = Version(2, 2, 0);

/// Writes a route for all releases from `oldest` on.
pub(super) fn write(order: &Order, oldest: Version) -> Result<String, &'static str> {
    let cross = order.serves == Serves::Cors || order.serves == Serves::Events && !order.origins.is_empty();
    if cross && oldest < ANSWERS {
        return Err("HAProxy before 2.2 answers no preflight by itself, and adds no line to its own errors");
    }
    let name = order.serves.word();
    let since = if cross { " For HAProxy 2.2 and later." } else { "" };
    let streams = matches!(order.serves, Serves::Events | Serves::SocketIo);
    let idle = if streams { order.idle_seconds() } else { 30 };
    let mut out = format!(
        "# {} at {}, to {}.{since}\ndefaults\n    mode http\n    timeout http-request 10s\n    timeout connect 5s\n",
        order.serves.title(),
        order.path,
        order.upstream
    );
    if streams {
        let _ = writeln!(out, "    # Silence for so long ends an open answer: {}.", order.idle_reason());
    }
    let _ = write!(out, "    timeout client {idle}s\n    timeout server {idle}s\n\nfrontend web\n    bind :80\n");
    if order.upgrades() && !order.origins.is_empty() {
        let _ = write!(
            out,
            "    # Browsers do not apply CORS to WebSocket: pages of other origins are refused here. Other clients send no Origin.\n    \
             http-request deny deny_status 403 if {{ hdr(Upgrade) -i websocket }} {{ req.fhdr(Origin) -m found }} !{{ req.fhdr(Origin) -m str {} }}\n",
            order.origins.join(" ")
        );
    }
    let also = order.bare_path().map(|bare| format!(" || {{ path {bare} }}")).unwrap_or_default();
    let _ = write!(out, "    use_backend {name} if {{ path_beg {} }}{also}\n\nbackend {name}\n", order.path);
    if order.upgrades() {
        let _ = write!(
            out,
            "    # Upgrades need no line here. This limit, and no other, ends a silent WebSocket: {}.\n    timeout tunnel {}s\n",
            order.idle_reason(),
            order.idle_seconds()
        );
    }
    if order.serves == Serves::SocketIo {
        out.push_str(
            "    # With several servers a client must stay with one: polling and WebSocket are one session.\n    balance source\n",
        );
    }
    if cross {
        origins(&mut out, order);
    }
    let _ = writeln!(out, "    server app1 {}", order.upstream);
    Ok(out)
}

/// Lines of answers to other origins, also of those that HAProxy makes itself.
fn origins(out: &mut String, order: &Order) {
    let _ =
        writeln!(out, "    http-request set-var(txn.origin) req.fhdr(Origin) if {{ req.fhdr(Origin) -m str {} }}", order.origins.join(" "));
    if order.serves == Serves::Cors {
        let _ = writeln!(
            out,
            "    # Before anything that asks for credentials: a preflight carries none.\n    \
             http-request return status 204 hdr Access-Control-Allow-Methods \"{METHODS}\" \
             hdr Access-Control-Allow-Headers \"{HEADERS}\" hdr Access-Control-Max-Age 7200 \
             if METH_OPTIONS {{ req.hdr(Access-Control-Request-Method) -m found }}",
        );
    }
    out.push_str(
        "    # A second line of the server's own would make browsers refuse the answer: `set-header` replaces it. `after` also\n    \
         # reaches HAProxy's own answers.\n    \
         http-response del-header Access-Control-Allow-Origin\n    \
         http-after-response set-header Access-Control-Allow-Origin \"%[var(txn.origin)]\" if { var(txn.origin) -m found }\n    \
         http-after-response add-header Vary Origin\n",
    );
}
