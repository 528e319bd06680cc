//! nginx, and how a fragment becomes a whole configuration for it.

use super::{Addresses, CERTIFICATE, Edits, Ground, Installed, KEY, Skip, Staged};
use hoplint::{
    proxy::nginx::{
        conf,
        syntax::{NONE, Tree, decode, parse},
    },
    source::Files,
};
use std::{collections::BTreeSet, fs, path::Path, process::Command};

pub(crate) struct Nginx;

/// Where Debian's package puts what is not compiled in.
const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

impl Installed for Nginx {
    fn dialect(&self) -> &'static str {
        "nginx"
    }

    fn ask_version(&self) -> Command {
        command(&["-v"])
    }

    fn stage(&self, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip> {
        let mut files = Files::new();
        let file = files.add("example.conf", text.as_bytes().to_vec()).unwrap();
        let context = match ground.context {
            Some(word) => conf::Context::named(word).unwrap(),
            None => conf::read(&mut files, file, None).context,
        };
        let tree = parse(text.as_bytes());
        let mut work = Work { text, tree: &tree, ground, addresses: Addresses::default(), edits: Edits::of(text), extra: BTreeSet::new() };
        work.names();
        work.block(NONE);
        let Work { mut addresses, edits, extra, .. } = work;
        let body = edits.done();
        // Broken text may hide its listeners.
        if addresses.given.is_empty() {
            addresses.of("80");
        }
        let listen = format!("listen {};", addresses.given[0].1);
        let dir = ground.dir.display();
        let mut http = String::new();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            http.push_str(&format!("{kind}_temp_path {dir}/tmp/{kind};\n"));
        }
        http.push_str("access_log off;\n");
        http.extend(extra);
        let top = format!("pid {dir}/nginx.pid;\nerror_log stderr;\n");
        let whole = match context {
            conf::Context::Main => main(&body, &http, &top),
            conf::Context::Http => format!("{top}events {{}}\nhttp {{\n{http}{body}\n}}\n"),
            conf::Context::Server => format!("{top}events {{}}\nhttp {{\n{http}server {{\n{listen}\n{body}\n}}\n}}\n"),
            conf::Context::Stream => format!("{top}events {{}}\nstream {{\n{body}\n}}\n"),
            _ => format!("{top}events {{}}\nhttp {{\n{http}server {{\n{listen}\nlocation / {{\n{body}\n}}\n}}\n}}\n"),
        };
        let tree = parse(whole.as_bytes());
        let streams = tree.children(NONE).any(|n| name(&tree, &whole, n) == "stream");
        let whole = if streams && Path::new(STREAM_MODULE).exists() { format!("load_module {STREAM_MODULE};\n{whole}") } else { whole };
        let main = ground.dir.join("nginx.conf");
        fs::create_dir_all(ground.dir.join("tmp")).unwrap();
        fs::write(&main, whole).unwrap();
        fs::write(ground.dir.join("cert.pem"), CERTIFICATE).unwrap();
        fs::write(ground.dir.join("key.pem"), KEY).unwrap();
        // `member:secret`
        fs::write(ground.dir.join("members"), "member:{PLAIN}secret\n").unwrap();
        Ok(Staged { main, listeners: addresses.given })
    }

    fn check(&self, staged: &Staged) -> Command {
        let mut check = configured(staged);
        check.arg("-t");
        check
    }

    fn serve(&self, staged: &Staged) -> Command {
        let mut serve = configured(staged);
        // One process, so that killing it ends it.
        serve.args(["-g", "daemon off; master_process off;"]);
        serve
    }
}

/// The program, also where it is not on an ordinary user's path.
fn command(args: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin")).args(args);
    command
}

fn configured(staged: &Staged) -> Command {
    let dir = staged.main.parent().unwrap().to_str().unwrap();
    command(&["-e", "stderr", "-p", dir, "-c", staged.main.to_str().unwrap()])
}

/// A whole configuration with lines put into its `http` block.
fn main(body: &str, http: &str, top: &str) -> String {
    let tree = parse(body.as_bytes());
    let mut edits = Edits::of(body);
    if let Some(block) = tree.children(NONE).find(|n| name(&tree, body, *n) == "http") {
        let node = tree.nodes[block as usize];
        if node.head_end != NONE {
            let at = tree.tokens[node.head_end as usize].end as usize;
            edits.replace(at..at, format!("\n{http}"));
        }
    }
    top.to_owned() + &edits.done()
}

fn name<'a>(tree: &Tree, text: &'a str, node: u32) -> &'a str {
    tree.words(node).next().map_or("", |t| &text[t.start as usize..t.end as usize])
}

struct Work<'a> {
    text: &'a str,
    tree: &'a Tree,
    ground: &'a Ground<'a>,
    addresses: Addresses,
    edits: Edits<'a>,
    /// Lines for the `http` block.
    extra: BTreeSet<String>,
}

impl Work<'_> {
    fn word(&self, node: u32, n: usize) -> Option<(std::ops::Range<usize>, String)> {
        let token = self.tree.words(node).nth(n)?;
        let range = token.start as usize..token.end as usize;
        let decoded = decode(&self.text.as_bytes()[range.clone()], token.kind);
        Some((range, String::from_utf8_lossy(&decoded).into_owned()))
    }

    fn all(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.tree.nodes.len() as u32
    }

    /// Provides what the example only names: upstreams and caches.
    fn names(&mut self) {
        let mut known = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        for node in self.all() {
            let arg = |n| self.word(node, n).map(|w| w.1);
            match name(self.tree, self.text, node) {
                "upstream" => known.extend(arg(1)),
                "proxy_pass" => {
                    let target = arg(1).unwrap_or_default();
                    let host = target.split_once("://").map_or(&*target, |(_, rest)| rest).split('/').next().unwrap_or_default();
                    if !host.is_empty() && !host.contains(['$', ':', '.']) {
                        wanted.insert(host.to_owned());
                    }
                }
                "proxy_cache_path" => {
                    let zone = self
                        .tree
                        .words(node)
                        .map(|t| &self.text[t.start as usize..t.end as usize])
                        .find_map(|w| w.strip_prefix("keys_zone="));
                    known.extend(zone.and_then(|z| z.split(':').next()).map(|z| format!("cache {z}")));
                }
                "proxy_cache" => {
                    wanted.extend(arg(1).filter(|zone| zone != "off").map(|zone| format!("cache {zone}")));
                }
                _ => {}
            }
        }
        for missing in wanted.difference(&known) {
            let line = match missing.strip_prefix("cache ") {
                Some(zone) => format!("proxy_cache_path {}/cache/{zone} keys_zone={zone}:1m;\n", self.ground.dir.display()),
                None => format!("upstream {missing} {{ server {}; }}\n", self.ground.backend),
            };
            self.extra.insert(line);
        }
    }

    fn block(&mut self, of: u32) {
        let parent = if of == NONE { "" } else { name(self.tree, self.text, of) };
        let grandparent =
            (of != NONE).then(|| self.tree.nodes[of as usize].parent).filter(|p| *p != NONE).map_or("", |p| name(self.tree, self.text, p));
        let children: Vec<u32> = self.tree.children(of).collect();
        let listens = |n: &u32| name(self.tree, self.text, *n) == "listen";
        if parent == "server" && grandparent != "stream" && !children.iter().any(listens) {
            let at = self.addresses.of("80");
            let head = self.tree.nodes[of as usize].head_end;
            if head != NONE {
                let behind = self.tree.tokens[head as usize].end as usize;
                self.edits.replace(behind..behind, format!(" listen {at};"));
            }
        }
        for node in children {
            self.directive(node, parent);
            self.block(node);
        }
    }

    fn directive(&mut self, node: u32, parent: &str) {
        let Some((first, value)) = self.word(node, 1) else { return };
        let (dir, backend) = (self.ground.dir, self.ground.backend);
        match name(self.tree, self.text, node) {
            "listen" => {
                let at = self.addresses.of(&value);
                self.edits.replace(first, at.to_string());
                if !self.ground.tls {
                    self.drop_words(node, &["ssl", "http2", "quic"]);
                }
            }
            "http2" if !self.ground.tls => self.edits.replace(first, "off"),
            "server" if parent == "upstream" => self.edits.replace(first, backend.to_string()),
            "proxy_pass" => {
                let (scheme, rest) = value.split_once("://").unwrap_or(("", &value));
                let (host, uri) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let numbered = host.contains([':', '.']) && !host.contains('$') || rest.starts_with("unix:");
                let host = if numbered { backend.to_string() } else { host.to_owned() };
                let uri = if rest.starts_with("unix:") { rest.rsplit_once(':').map_or("", |(_, uri)| uri) } else { uri };
                // The backend speaks no TLS.
                let scheme = if scheme.is_empty() { "" } else { "http://" };
                if !value.contains('$') {
                    self.edits.replace(first, format!("{scheme}{host}{uri}"));
                }
            }
            "include" if self.ground.provide && !value.contains(['*', '?', '[']) => {
                let name = value.replace('/', "_");
                fs::write(dir.join(&name), "").unwrap();
                self.edits.replace(first, dir.join(name).display().to_string());
            }
            "auth_basic_user_file" => self.edits.replace(first, dir.join("members").display().to_string()),
            "ssl_certificate" | "ssl_trusted_certificate" | "proxy_ssl_trusted_certificate" | "proxy_ssl_certificate" => {
                self.edits.replace(first, dir.join("cert.pem").display().to_string());
            }
            "ssl_certificate_key" | "proxy_ssl_certificate_key" => self.edits.replace(first, dir.join("key.pem").display().to_string()),
            "root" | "alias" => {
                let path = format!("{}/www/{}", dir.display(), value.trim_start_matches('/'));
                fs::create_dir_all(&path).unwrap();
                fs::write(Path::new(&path).join("index.html"), "hello\n").unwrap();
                self.edits.replace(first, path);
            }
            "proxy_cache_path" => self.edits.replace(first, dir.join(format!("cache{node}")).display().to_string()),
            "access_log" => self.edits.replace(first, "off"),
            "error_log" => self.edits.replace(first, "stderr"),
            // Whoever runs the tests.
            "user" | "pid" => {
                let at = self.tree.words(node).next().unwrap().start as usize;
                self.edits.replace(at..at, "#");
            }
            timer if self.ground.faster > 1 && timer.ends_with("_timeout") => {
                if let Ok(ms) = hoplint::config::parse_duration(&value) {
                    self.edits.replace(first, format!("{}ms", ms / u64::from(self.ground.faster)));
                }
            }
            _ => {}
        }
    }

    fn drop_words(&mut self, node: u32, words: &[&str]) {
        for token in self.tree.words(node).skip(2) {
            let range = token.start as usize..token.end as usize;
            if words.contains(&&self.text[range.clone()]) {
                self.edits.replace(range, "");
            }
        }
    }
}
