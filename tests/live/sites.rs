//! The samples against the real proxy: it accepts them, what is reported is so, and what is not reported works.

use super::{
    backend::{Backend, Manner},
    client::{self, Request},
    proxies::{Ground, installed, nginx},
};
use std::{fs, net::SocketAddr, path::Path, process::Command};

/// Handshakes that open: site, path, host.
const HEALTHY: &[(&str, &str, &str)] = &[
    ("chat", "/ws/", "chat.example.com"),
    ("chat", "/presence", "chat.example.com"),
    ("monolith", "/cable", "intranet.example.com"),
    ("monolith", "/socket/", "wiki.example.com"),
];

/// Preflights that a browser accepts: site, path, host, origin.
const ANSWERED: &[(&str, &str, &str, &str)] = &[
    ("storefront", "/v2/orders/1", "api.example.com", "https://shop.example.com"),
    ("storefront", "/v2/search/", "api.example.com", "https://checkout.example.com"),
];

/// Every file below a folder with its name there, the main file first.
fn files(site: &Path) -> Vec<(String, String)> {
    fn walk(root: &Path, dir: &Path, out: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, out);
            } else {
                out.push((path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = if site.join("nginx").is_dir() { site.join("nginx") } else { site.to_owned() };
    let mut out = Vec::new();
    walk(&root, &root, &mut out);
    out.sort_by_key(|(name, _)| (name != "nginx.conf", name.clone()));
    out
}

/// The requests that hoplint's report on a site names: rule and request.
fn reported(site: &Path) -> Vec<(String, String)> {
    let out = Command::new(env!("CARGO_BIN_EXE_hoplint")).args(["check", "--format", "json"]).arg(site).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter_map(|f| Some((f["rule"].as_str()?.to_owned(), f["example"].as_str()?.to_owned()))).collect()
}

/// README says that this mends the finding that it shows: site, file, line, line with its remedy.
const MENDED: (&str, &str, &str, &str) = (
    "chat",
    "sites/chat.example.com.conf",
    "proxy_set_header X-Room-Shard",
    "include snippets/websocket.conf;\nproxy_set_header X-Room-Shard",
);

/// Says how many claims were tried.
pub(crate) fn nginx_samples() -> usize {
    let mut tried = 0;
    for site in ["chat", "storefront", "monolith"] {
        let folder = Path::new("samples/nginx").join(site);
        let dir = tempfile::tempdir().unwrap();
        let backend = Backend::start(Manner::default());
        let mut ground = Ground { tls: true, ..Ground::new(dir.path(), &backend) };
        let proxy = installed("nginx");
        let staged = nginx::stage_site(&files(&folder), &ground);
        let said = proxy.check(&staged).unwrap();
        assert!(said.accepted, "{site}: {}", said.text);
        ground.tls = false;
        let staged = nginx::stage_site(&files(&folder), &ground);
        let _running = proxy.serve(&staged, dir.path()).unwrap();
        let at: Vec<SocketAddr> = staged.listeners.iter().map(|l| l.1).collect();
        // Which of the listeners a request is for, its host tells.
        let opens = |path: &str, host: &str| {
            at.iter().any(|at| client::open(*at, &Request::handshake(path, host)).socket.as_mut().is_some_and(client::echoes))
        };
        let answered = |path: &str, host: &str, origin: &str| {
            let request = Request::preflight(path, host, origin, "authorization,content-type");
            at.iter().any(|at| client::ask(*at, &request).is_ok_and(|a| client::preflight_check(&a.head, &request).is_ok()))
        };
        for (rule, request) in reported(&folder) {
            let value = |name: &str| request.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix(": "));
            let path = request.split(' ').nth(1).unwrap();
            let host = value("Host").unwrap_or("api.example.com");
            match rule.split('/').next().unwrap() {
                "websocket" => assert!(!opens(path, host), "{site}: {rule}: {request} opens"),
                "cors" => assert!(!answered(path, host, value("Origin").unwrap()), "{site}: {rule}: {request} is answered"),
                // Idle limits are tried on the pages.
                _ => continue,
            }
            tried += 1;
        }
        for (_, path, host) in HEALTHY.iter().filter(|h| h.0 == site) {
            assert!(opens(path, host), "{site}: {path} of {host} does not open");
            tried += 1;
        }
        for (_, path, host, origin) in ANSWERED.iter().filter(|a| a.0 == site) {
            assert!(answered(path, host, origin), "{site}: {path} of {host} is not answered");
            tried += 1;
        }
    }
    tried + mended()
}

/// The handshake that README shows as broken opens when its advice is followed.
fn mended() -> usize {
    let (site, file, line, remedy) = MENDED;
    let dir = tempfile::tempdir().unwrap();
    let backend = Backend::start(Manner::default());
    let mut texts = files(&Path::new("samples/nginx").join(site));
    let text = &mut texts.iter_mut().find(|f| f.0 == file).unwrap().1;
    assert!(text.contains(line));
    *text = text.replace(line, remedy);
    let ground = Ground::new(dir.path(), &backend);
    let staged = nginx::stage_site(&texts, &ground);
    let _running = installed("nginx").serve(&staged, dir.path()).unwrap();
    let request = Request::handshake("/ws/rooms/", "chat.example.com");
    let opens = |at: &SocketAddr| client::open(*at, &request).socket.as_mut().is_some_and(client::echoes);
    assert!(staged.listeners.iter().any(|l| opens(&l.1)));
    1
}
