//! What a file is, by its name and its content.

use super::Context;
use crate::proxy::nginx::syntax::{self, NONE, Tree};

/// Whether a file looks like nginx configuration, by its content.
pub fn claims(name: &str, head: &[u8]) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let tree = syntax::parse(head);
    let names: Vec<&[u8]> = tree
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(i, _)| tree.words(i as u32).next())
        .map(|t| &head[t.start as usize..t.end as usize])
        .collect();
    let block = |n: &[u8]| matches!(n, b"server" | b"http" | b"location" | b"upstream" | b"events" | b"stream");
    let blocks = tree.nodes.iter().enumerate().filter(|(_, n)| n.block).filter_map(|(i, _)| tree.words(i as u32).next());
    let known_block = blocks.clone().any(|t| block(&head[t.start as usize..t.end as usize]));
    let line = |n: &[u8]| {
        matches!(
            n,
            b"proxy_pass"
                | b"proxy_set_header"
                | b"server_name"
                | b"add_header"
                | b"listen"
                | b"include"
                | b"fastcgi_param"
                | b"root"
                | b"proxy_http_version"
                | b"proxy_read_timeout"
                | b"worker_processes"
                | b"return"
                | b"map"
        )
    };
    let known_lines = names.iter().filter(|n| line(n)).count();
    let suffix = suffix(name);
    let by_name = file.contains("nginx")
        || name.contains("nginx/")
        || matches!(suffix, "conf" | "nginx" | "vhost")
        || name.contains("sites-")
        || name.contains("conf.d/");
    let broken = tree.errors.len() > names.len() / 2 + 2;
    !rules_out(name) && !broken && (known_block && known_lines > 0 || by_name && (known_block || known_lines > 0) && !names.is_empty())
}

/// The end of a name. A template is of the language that its name has without the template's own end.
fn suffix(name: &str) -> &str {
    let written = [".j2", ".jinja", ".jinja2", ".erb", ".tmpl", ".tpl", ".template", ".in"].iter().find_map(|end| name.strip_suffix(end));
    written.unwrap_or(name).rsplit('.').next().unwrap_or_default()
}

/// Whether a name is one of programs, documents or other data.
pub fn rules_out(name: &str) -> bool {
    matches!(
        suffix(name),
        "rs" | "js"
            | "ts"
            | "go"
            | "c"
            | "h"
            | "java"
            | "py"
            | "css"
            | "scss"
            | "json"
            | "md"
            | "html"
            | "php"
            | "lua"
            | "sh"
            | "tf"
            | "hcl"
            | "proto"
            | "cpp"
            | "yaml"
            | "yml"
            | "toml"
            | "xml"
            | "txt"
    )
}

/// What a file is, by the directives at its top.
pub(super) fn detect(tree: &Tree, bytes: &[u8]) -> Context {
    let names: Vec<(&[u8], bool)> = tree
        .children(NONE)
        .filter_map(|n| tree.words(n).next().map(|t| (&bytes[t.start as usize..t.end as usize], tree.nodes[n as usize].block)))
        .collect();
    let has = |list: &[&str]| names.iter().any(|(n, _)| list.iter().any(|l| l.as_bytes() == *n));
    if has(&["http", "events", "stream", "mail", "worker_processes", "load_module", "daemon", "pid"]) {
        return Context::Main;
    }
    if has(&["server", "upstream", "map", "log_format", "limit_req_zone", "limit_conn_zone", "proxy_cache_path", "geo", "split_clients"]) {
        let servers: Vec<u32> = tree
            .children(NONE)
            .filter(|n| tree.words(*n).next().is_some_and(|t| &bytes[t.start as usize..t.end as usize] == b"server"))
            .collect();
        let inside = |n: u32, name: &[u8]| {
            tree.children(n).any(|c| tree.words(c).next().is_some_and(|t| &bytes[t.start as usize..t.end as usize] == name))
        };
        let http =
            servers.iter().any(|s| inside(*s, b"location") || inside(*s, b"server_name") || inside(*s, b"root") || inside(*s, b"return"));
        let stream = servers.iter().any(|s| inside(*s, b"proxy_pass"));
        return if stream && !http { Context::Stream } else { Context::Http };
    }
    if has(&["location", "server_name", "listen", "ssl_certificate", "if", "rewrite"]) {
        return Context::Server;
    }
    if has(&[
        "proxy_pass",
        "proxy_set_header",
        "fastcgi_pass",
        "fastcgi_param",
        "uwsgi_pass",
        "try_files",
        "alias",
        "proxy_http_version",
        "proxy_read_timeout",
    ]) {
        return Context::Location;
    }
    if names.is_empty() { Context::Main } else { Context::Http }
}
