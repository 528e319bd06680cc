//! Whole blocks for one route, as a file that belongs into `http { }`.

use crate::config::{Order, Serves};
use crate::model::Version;
use crate::proxy::nginx::releases::{MODERN_UPSTREAMS, REQUEST_PORT};
use crate::proxy::usual::{HEADERS, METHODS};
use std::fmt::Write as _;

/// Writes a route for all releases from `oldest` on.
pub(super) fn write(order: &Order, oldest: Version) -> String {
    let mut out = format!(
        "# {} at {}, to {}. Belongs into `http {{ }}`, for example as a file of its own in conf.d/.\n",
        order.serves.title(),
        order.path,
        order.upstream
    );
    if order.upgrades() {
        out.push_str(
            "\n# Only WebSocket is upgraded, in any letter case. Other requests get neither line, so that connections to the\n\
             # upstream are kept, and no other protocol (h2c) is let through.\n\
             map $http_upgrade $websocket_upgrade {\n    default   \"\";\n    websocket websocket;\n}\n\
             map $websocket_upgrade $websocket_connection {\n    default   \"\";\n    websocket upgrade;\n}\n",
        );
        if !order.origins.is_empty() {
            out.push_str(
                "\n# Pages that may open a WebSocket here: browsers do not apply CORS to WebSocket. Other clients send no Origin.\n\
                 map $http_origin $websocket_origin {\n    default 0;\n    \"\"      1;\n",
            );
            for origin in &order.origins {
                let _ = writeln!(out, "    {origin} 1;");
            }
            out.push_str("}\n");
        }
    } else if !order.origins.is_empty() {
        out.push_str(
            "\n# Origins that may read the answers. An empty value sends no line. Keys are compared as a whole.\n\
             map $http_origin $cors_origin {\n    default \"\";\n",
        );
        for origin in &order.origins {
            let _ = writeln!(out, "    {origin} $http_origin;");
        }
        out.push_str("}\n");
    }
    let name = format!("{}_app", order.serves.word());
    let _ = write!(out, "\nupstream {name} {{\n");
    if order.serves == Serves::SocketIo {
        out.push_str("    # With several servers a client must stay with one: polling and WebSocket are one session.\n    ip_hash;\n");
    }
    let _ = write!(out, "    server {};\n}}\n", order.upstream);
    out.push_str("\nserver {\n    listen 80;\n    server_name www.example.com;  # yours\n");
    if let Some(bare) = order.bare_path().filter(|_| order.upgrades()) {
        let _ = write!(
            out,
            "\n    # Without the slash nginx would answer with a redirect, which WebSocket clients do not follow.\n    \
             location = {bare} {{\n        rewrite ^ {} last;\n    }}\n",
            order.path
        );
    }
    // `^~`: no regular expression of this server takes the path away.
    let _ = write!(out, "\n    location ^~ {} {{\n", order.path);
    for line in body(order, oldest) {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "        {line}");
        }
    }
    let _ = write!(out, "        proxy_pass http://{name};\n    }}\n}}\n");
    out
}

/// The lines of the location, but for the last.
fn body(order: &Order, oldest: Version) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut say = |line: &str| lines.push(line.to_owned());
    if order.upgrades() && !order.origins.is_empty() {
        say("if ($websocket_origin = 0) {");
        say("    return 403;");
        say("}");
        say("");
    }
    if order.serves == Serves::Cors {
        say("# A second line of the upstream's own would make browsers refuse the answer.");
        for name in ["Origin", "Credentials", "Methods", "Headers"] {
            say(&format!("proxy_hide_header Access-Control-Allow-{name};"));
        }
        say("");
        say("# Before anything can refuse it: a preflight carries no credentials. A list in an `if` replaces the one outside.");
        say("if ($request_method = OPTIONS) {");
        for line in cors() {
            say(&format!("    {line}"));
        }
        say(&format!("    add_header Access-Control-Allow-Methods \"{METHODS}\" always;"));
        say(&format!("    add_header Access-Control-Allow-Headers \"{HEADERS}\" always;"));
        say("    add_header Access-Control-Max-Age 7200 always;");
        say("    return 204;");
        say("}");
        say("");
    }
    if order.serves == Serves::Cors || order.serves == Serves::Events && !order.origins.is_empty() {
        say("# `always`: an error that a page may not read looks like a broken network.");
        for line in cors() {
            say(line);
        }
        say("");
    }
    say(if oldest >= MODERN_UPSTREAMS {
        "# The default since 1.29.7; written for whoever moves this elsewhere."
    } else {
        "# 1.0 is the default before 1.29.7."
    });
    say("proxy_http_version 1.1;");
    say("# One line of its own makes a block lose all inherited ones: these are all that is sent.");
    if order.upgrades() {
        say("proxy_set_header Upgrade $websocket_upgrade;");
        say("proxy_set_header Connection $websocket_connection;");
    } else {
        say("proxy_set_header Connection \"\";");
    }
    let host = if oldest >= REQUEST_PORT { "$host$is_request_port$request_port" } else { "$host" };
    say(&format!("proxy_set_header Host {host};"));
    say("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;");
    say("proxy_set_header X-Forwarded-Proto $scheme;");
    if matches!(order.serves, Serves::Events | Serves::SocketIo) {
        say("# Every event as it comes.");
        say("proxy_buffering off;");
        say("gzip off;");
    }
    if order.serves != Serves::Cors {
        say(&format!("# Silence in both directions for so long ends the connection: {}.", order.idle_reason()));
        say(&format!("proxy_read_timeout {}s;", order.idle_seconds()));
    }
    lines
}

/// What every answer to another origin carries.
fn cors() -> [&'static str; 2] {
    ["add_header Access-Control-Allow-Origin $cors_origin always;", "add_header Vary Origin always;"]
}
