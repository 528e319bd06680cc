//! `--fix`, `--unsafe-fixes` and `--diff` on files: which are written, which are not, and what stays as it was.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

#[path = "support/scratch.rs"]
mod scratch;
use scratch::{MAIN, hoplint, site};

/// What the program says, wherever it says it.
fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).unwrap()
}

/// The one rule that these tests are about, where others would speak as well.
const RULE: [&str; 2] = ["--select", "websocket/connection-not-forwarded"];
/// `Connection` is missing in the snippet that both locations include.
const SHARED: &str = "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Host $host;\n";
const CHAT: &str = "server {\n    listen 8080;\n    location /ws/ {\n        include snippets/proxy.conf;\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";

#[test]
fn a_correction_lands_in_the_file_that_it_belongs_in() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/chat.conf", CHAT), ("snippets/proxy.conf", SHARED)]);
    let out = hoplint(dir.path(), &["check", "--fix", RULE[0], RULE[1], "nginx.conf"]);
    assert!(said(&out).contains("corrected 1 finding"), "{}", said(&out));
    assert_eq!(read(&dir, "nginx.conf").matches("map $http_upgrade").count(), 1, "maps belong in `http`");
    let lines = read(&dir, "conf.d/chat.conf") + &read(&dir, "snippets/proxy.conf");
    assert_eq!(lines.matches("proxy_set_header Connection $websocket_connection;").count(), 1, "{lines}");
    let again = hoplint(dir.path(), &["check", "--diff", RULE[0], RULE[1], "nginx.conf"]);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
}

#[test]
fn nothing_outside_of_what_was_named_is_written() {
    let dir = site(&[
        ("site/nginx.conf", "events {}\nhttp {\n    include ../shared/chat.conf;\n}\n"),
        (
            "shared/chat.conf",
            &CHAT.replace("include snippets/proxy.conf;", "proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;"),
        ),
    ]);
    let before = read(&dir, "shared/chat.conf");
    let out = hoplint(dir.path(), &["check", "--fix", "--unsafe-fixes", "site"]);
    assert!(said(&out).contains("the file lies outside of what was named"), "{}", said(&out));
    assert_eq!(read(&dir, "shared/chat.conf"), before);
    assert_eq!(out.status.code(), Some(1), "the finding stays");
    // Named, it is written.
    let out = hoplint(dir.path(), &["check", "--fix", "site", "shared"]);
    assert!(said(&out).contains("corrected 1 finding"), "{}", said(&out));
    assert_ne!(read(&dir, "shared/chat.conf"), before);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_outside_is_outside() {
    let inline = CHAT.replace("include snippets/proxy.conf;", "proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;");
    let dir = site(&[("site/nginx.conf", MAIN), ("elsewhere/chat.conf", &inline), ("site/conf.d/keep", "")]);
    std::os::unix::fs::symlink(dir.path().join("elsewhere/chat.conf"), dir.path().join("site/conf.d/chat.conf")).unwrap();
    let out = hoplint(dir.path(), &["check", "--fix", "site"]);
    assert!(said(&out).contains("the file lies outside of what was named"), "{}", said(&out));
    assert_eq!(read(&dir, "elsewhere/chat.conf"), inline);
}

#[test]
fn a_diff_writes_nothing_and_says_whether_there_is_one() {
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/chat.conf", CHAT), ("snippets/proxy.conf", SHARED)]);
    let out = hoplint(dir.path(), &["check", "--diff", RULE[0], RULE[1], "nginx.conf"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(said(&out).contains("+++ ") && said(&out).contains("would correct 1 finding"), "{}", said(&out));
    assert_eq!(
        read(&dir, "conf.d/chat.conf") + &read(&dir, "snippets/proxy.conf") + &read(&dir, "nginx.conf"),
        format!("{CHAT}{SHARED}{MAIN}")
    );
    fs::write(dir.path().join("snippets/proxy.conf"), format!("{SHARED}proxy_set_header Connection \"upgrade\";\n")).unwrap();
    let out = hoplint(dir.path(), &["check", "--diff", RULE[0], RULE[1], "nginx.conf"]);
    assert_eq!((out.status.code(), out.stdout.is_empty()), (Some(0), true), "{}", said(&out));
}

#[test]
fn what_is_not_safe_waits_to_be_wanted_and_says_what_it_changes() {
    let slash = "location /ws/ {\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n    proxy_set_header Host $host;\n    proxy_read_timeout 1h;\n    proxy_pass http://127.0.0.1:3000;\n}\n";
    let dir = site(&[("nginx.conf", &format!("events {{}}\nhttp {{\nserver {{\nlisten 80;\n{slash}}}\n}}\n"))]);
    let before = read(&dir, "nginx.conf");
    let only = ["--select", "websocket/slash-redirect"];
    let out = hoplint(dir.path(), &[&["check", "--fix", "nginx.conf"], &only[..]].concat());
    assert!(said(&out).contains("only with --unsafe-fixes"), "{}", said(&out));
    assert_eq!(read(&dir, "nginx.conf"), before);
    let out = hoplint(dir.path(), &[&["check", "--fix", "--unsafe-fixes", "nginx.conf"], &only[..]].concat());
    assert!(said(&out).contains("but: "), "{}", said(&out));
    assert!(read(&dir, "nginx.conf").contains("location = /ws {"));
}

#[test]
fn line_ends_tabs_comments_and_a_missing_last_line_end_stay() {
    let chat = "# the chat\r\nserver {\r\n\tlisten 8080;\r\n\tlocation /ws/ {\t# here\r\n\t\tproxy_http_version 1.1;\r\n\t\tproxy_set_header   Upgrade $http_upgrade;\r\n\t\tproxy_pass http://127.0.0.1:3000;\r\n\t}\r\n}";
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/chat.conf", chat)]);
    hoplint(dir.path(), &["check", "--fix", "nginx.conf"]);
    let after = read(&dir, "conf.d/chat.conf");
    assert!(after.contains("\r\n\t\tproxy_set_header   Connection $websocket_connection;\r\n"), "{after:?}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "{after:?}");
    let mut lines = after.split("\r\n");
    assert!(chat.split("\r\n").all(|l| lines.any(|a| a == l || a.starts_with(&l.replace("$http_upgrade;", "$")))), "{after:?}");
    assert!(after.ends_with('}'));
}

#[test]
fn a_template_is_left_alone() {
    let text = "server {\n    listen 8080;\n    location /ws/ {\n{% if http11 %}\n        proxy_http_version 1.1;\n{% endif %}\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let dir = site(&[("chat.conf.j2", text)]);
    let out = hoplint(dir.path(), &["check", "--fix", "--unsafe-fixes", "chat.conf.j2"]);
    assert_eq!(read(&dir, "chat.conf.j2"), text, "{}", said(&out));
}

#[test]
fn what_wants_the_same_place_is_made_one_after_the_other() {
    let text = "map $http_upgrade $connection_upgrade {\n    default upgrade;\n    '' close;\n}\nserver {\n    listen 8080;\n    # hoplint: websocket heartbeat=90s\n    location /ws/ {\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let dir = site(&[("nginx.conf", MAIN), ("conf.d/chat.conf", text)]);
    let out = hoplint(dir.path(), &["check", "--fix", "nginx.conf"]);
    let after = read(&dir, "conf.d/chat.conf");
    assert!(after.contains("proxy_set_header Upgrade") && after.contains("proxy_read_timeout 180s;"), "{after}{}", said(&out));
    assert_eq!(hoplint(dir.path(), &["check", "--diff", "nginx.conf"]).status.code(), Some(0));
}

#[test]
fn standard_input_is_not_written() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    let out = command.args(["check", "--fix", "-"]).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(said(&out).contains("standard input cannot be corrected in place"), "{}", said(&out));
}

/// Routes stand in a file of their own, which the bootstrap names.
#[test]
fn a_route_is_corrected_in_the_discovery_file_that_it_stands_in() {
    let bootstrap = r#"node: {id: edge, cluster: edge}
static_resources:
  listeners:
  - address: {socket_address: {address: 0.0.0.0, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          rds:
            route_config_name: app
            config_source: {path_config_source: {path: routes.yaml}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: app
    load_assignment:
      cluster_name: app
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.5, port_value: 9001}}}}]}]
"#;
    let routes = "resources:\n- \"@type\": type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n  name: app\n  virtual_hosts:\n  - name: app\n    domains: [\"*\"]\n    routes:\n    # hoplint: websocket\n    - match: {prefix: /ws}\n      route:\n        cluster: app\n";
    let dir = site(&[("envoy.yaml", bootstrap), ("routes.yaml", routes)]);
    let out = hoplint(dir.path(), &["check", "--fix", "--select", "envoy/upgrade-not-enabled", "envoy.yaml"]);
    assert!(said(&out).contains("corrected 1 finding"), "{}", said(&out));
    assert_eq!(read(&dir, "envoy.yaml"), bootstrap);
    assert_eq!(read(&dir, "routes.yaml"), format!("{routes}        upgrade_configs:\n        - upgrade_type: websocket\n"));
}

#[test]
fn a_backend_is_corrected_in_the_file_that_it_stands_in() {
    let front = "defaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\nfrontend web\n    bind :80\n    default_backend chat\n";
    let back = "# hoplint: websocket heartbeat=60s\nbackend chat\n    server chat1 127.0.0.1:9000\n";
    let dir = site(&[("haproxy.d/00-front.cfg", front), ("haproxy.d/10-back.cfg", back)]);
    let out = hoplint(dir.path(), &["check", "--fix", "haproxy.d"]);
    assert_eq!(read(&dir, "haproxy.d/00-front.cfg"), front, "{}", said(&out));
    let mended = back.replace("backend chat\n", "backend chat\n    timeout tunnel 120s\n");
    assert_eq!(read(&dir, "haproxy.d/10-back.cfg"), mended, "{}", said(&out));
}

/// A report on more text than corrections are tried for says so, and what to do.
#[test]
fn a_report_says_for_how_many_findings_no_correction_was_tried() {
    let chat = CHAT.replace("include snippets/proxy.conf;", "proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;");
    let padding = format!("# {}\n", "x".repeat(1000)).repeat(2200);
    let dir = site(&[("nginx.conf", &format!("events {{}}\nhttp {{\n{padding}{chat}}}\n"))]);
    let out = hoplint(dir.path(), &["check", "nginx.conf"]);
    assert!(said(&out).contains("were not tried") && said(&out).contains("--diff"), "{}", said(&out));
    let out = hoplint(dir.path(), &["check", "--format", "json", "nginx.conf"]);
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let untried = |f: &&serde_json::Value| f["fix"].is_null() && f["unmended"].as_str().is_some_and(|w| w.contains("not tried"));
    let all = report["findings"].as_array().unwrap();
    assert!(all.iter().any(|f| f["rule"] == RULE[1] && untried(&f)), "{all:?}");
    assert_eq!(report["summary"]["untried"], all.iter().filter(untried).count());
    let out = hoplint(dir.path(), &["check", "--fix", RULE[0], RULE[1], "nginx.conf"]);
    assert!(said(&out).contains("corrected 1 finding"), "{}", said(&out));
}

/// What a proxy refuses, where one text can be meant.
#[test]
fn what_is_refused_is_spelt_as_it_is_taken() {
    let cases = [
        ("a.cfg", "defaults\r\n    mode http\r\n    timeout client 30s\r\nfrontend web\r\n    bind :80", "", "\r\n"),
        ("a.conf", "server {\n    listen 80;;\n    root /srv;\n}\n", ";;", ";"),
        (
            "a.yaml",
            "static_resources:\n  clusters:\n  - name: 7\n    connect_timeout: 500ms  # slow\n",
            "7\n    connect_timeout: 500ms",
            "\"7\"\n    connect_timeout: \"0.5s\"",
        ),
    ];
    for (name, text, old, new) in cases {
        let dir = site(&[(name, text)]);
        let out = hoplint(dir.path(), &["check", "--fix", "--select", "syntax/*", name]);
        let want = if old.is_empty() { format!("{text}{new}") } else { text.replace(old, new) };
        assert_eq!(read(&dir, name), want, "{}", said(&out));
    }
}

/// A rule that keeps upgrades out keeps out all but those that are meant.
#[test]
fn other_upgrades_stay_out() {
    let text = "defaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\nfrontend web\n    bind :80\n    http-request del-header Upgrade  # no h2c\n    # hoplint: websocket\n    default_backend chat\nbackend chat\n    timeout tunnel 1h\n    server chat1 127.0.0.1:9000\n";
    let dir = site(&[("haproxy.cfg", text)]);
    let out = hoplint(dir.path(), &["check", "--fix", "--select", "websocket/*", "haproxy.cfg"]);
    let want = text.replace("del-header Upgrade  #", "del-header Upgrade unless { req.hdr(Upgrade) -i websocket }  #");
    assert_eq!(read(&dir, "haproxy.cfg"), want, "{}", said(&out));
}

/// What a correction alone would bring is dealt with along with it.
#[test]
fn a_correction_takes_along_what_it_would_bring() {
    let tcp = "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\nfrontend web\n    bind :80\n    use_backend chat if { hdr(Upgrade) -i websocket }\n    default_backend pages\nbackend chat\n    server chat1 127.0.0.1:9000\nbackend pages\n    server pages1 127.0.0.1:8080\n";
    let dir = site(&[("haproxy.cfg", tcp)]);
    let out = hoplint(dir.path(), &["check", "--fix", "--unsafe-fixes", "--heartbeat", "30s", "haproxy.cfg"]);
    assert!(said(&out).contains("haproxy/http-condition-in-tcp: wait for the request, and set `timeout tunnel 60s`"), "{}", said(&out));
    let want = tcp
        .replace("    use_backend", "    tcp-request inspect-delay 5s\n    tcp-request content accept if HTTP\n    use_backend")
        .replace("backend chat\n", "backend chat\n    timeout tunnel 60s\n");
    assert_eq!(read(&dir, "haproxy.cfg"), want);
    assert_eq!(hoplint(dir.path(), &["check", "--diff", "--unsafe-fixes", "--heartbeat", "30s", "haproxy.cfg"]).status.code(), Some(0));

    // What was refused as a whole served nothing: that the route then cuts sockets is corrected with it, safely.
    let envoy = "static_resources:\n  listeners:\n  - name: edge\n    address: {socket_address: {address: 0.0.0.0, port_value: 8080}}\n    filter_chains:\n    - filters:\n      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: edge\n          upgrade_configs: [{upgrade_type: websocket}]\n          route_config:\n            virtual_hosts:\n            - name: app\n              domains: [\"*\"]\n              routes:\n              - match: {prefix: /ws}\n                route:\n                  cluster: app\n                  idle_timeout: 500ms\n          http_filters:\n          - name: envoy.filters.http.router\n            typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n  clusters:\n  - name: app\n    load_assignment:\n      cluster_name: app\n      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.5, port_value: 9001}}}}]}]\n";
    let dir = site(&[("envoy.yaml", envoy)]);
    let out = hoplint(dir.path(), &["check", "--fix", "--heartbeat", "30s", "envoy.yaml"]);
    assert_eq!(read(&dir, "envoy.yaml"), envoy.replace("500ms", "\"60s\""), "{}", said(&out));
}

/// Where two corrections want to change what the other needs, one waits for the next round.
#[test]
fn what_does_not_go_together_goes_one_after_the_other() {
    let envoy = "static_resources:\n  listeners:\n  - name: edge\n    address: {socket_address: {address: 0.0.0.0, port_value: 8080}}\n    filter_chains:\n    - filters:\n      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: edge\n          upgrade_configs:\n          - upgrade_type: websocket\n            filters:\n            - name: envoy.filters.http.cors\n              typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}\n          route_config:\n            virtual_hosts:\n            - name: app\n              domains: [\"*\"]\n              routes:\n              - match: {prefix: /ws}\n                route: {cluster: app}\n          http_filters:\n          - name: envoy.filters.http.router\n            typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n  clusters:\n  - name: app\n    load_assignment:\n      cluster_name: app\n      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.5, port_value: 9001}}}}]}]\n";
    let dir = site(&[("envoy.yaml", envoy)]);
    let out = hoplint(dir.path(), &["check", "--fix", "--unsafe-fixes", "--route", "/ws=websocket", "envoy.yaml"]);
    let router = "            - name: envoy.filters.http.router\n              typed_config:\n                \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n";
    let cors = "            - name: envoy.filters.http.cors\n              typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}\n";
    assert_eq!(read(&dir, "envoy.yaml"), envoy.replace(cors, router), "{}", said(&out));
}

/// Whether the upgrade lines are sent is decided out of sight; the protocol is a setting of its own.
#[test]
fn a_fragment_gets_the_protocol_that_its_surroundings_may_need() {
    let text = "server {\n    listen 8080;\n    location /ws/ {\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let dir = site(&[("chat.conf", text)]);
    let rule = ["--select", "websocket/http-1.0-upstream", "--route", "/ws/=websocket"];
    let out = hoplint(dir.path(), &[&["check", "--fix", "chat.conf"], &rule[..]].concat());
    assert!(said(&out).contains("corrected 1 finding"), "{}", said(&out));
    assert_eq!(read(&dir, "chat.conf"), text.replace("        proxy_pass", "        proxy_http_version 1.1;\n        proxy_pass"));
    let again = hoplint(dir.path(), &[&["check", "chat.conf"], &rule[..]].concat());
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
}
