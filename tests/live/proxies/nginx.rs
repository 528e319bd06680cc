//! nginx, and how a fragment becomes a whole configuration for it.

use super::{Addresses, CERTIFICATE, Edits, Ground, KEY, Proxy, Release, Skip, Staged};
use hoplint::{
    model::Version,
    proxy::nginx::{
        conf,
        syntax::{NONE, Tree, decode, parse},
    },
    source::Files,
};
use std::{collections::BTreeSet, fs, path::Path, process::Command};

pub(crate) struct Nginx;

/// Where Debian's package puts what is not compiled in.
const STREAM_MODULE: &str = "usr/lib/nginx/modules/ngx_stream_module.so";

/// Since then it is told where its first words go.
const EARLY_LOG: Version = Version(1, 19, 5);

impl Proxy for Nginx {
    fn dialect(&self) -> &'static str {
        "nginx"
    }

    fn asks_version(&self) -> &'static str {
        "-v"
    }

    fn stage(&self, release: &Release, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip> {
        let mut files = Files::new();
        let file = files.add("example.conf", text.as_bytes().to_vec()).unwrap();
        let context = match ground.context {
            Some(word) => conf::Context::named(word).unwrap(),
            None => conf::read(&mut files, file, None).context,
        };
        let mut parts = Parts::new(ground);
        let body = parts.rewrite(&[text]).remove(0);
        let Parts { mut addresses, extra, .. } = parts;
        // Broken text may hide its listeners.
        if addresses.given.is_empty() {
            addresses.of("80");
        }
        let listen = format!("listen {};", addresses.given[0].1);
        let (top, http) = surroundings(ground.dir, &extra);
        let whole = match context {
            conf::Context::Main => main(&body, &http, &top),
            conf::Context::Http => format!("{top}events {{}}\nhttp {{\n{http}{body}\n}}\n"),
            conf::Context::Server => format!("{top}events {{}}\nhttp {{\n{http}server {{\n{listen}\n{body}\n}}\n}}\n"),
            conf::Context::Stream => format!("{top}events {{}}\nstream {{\n{body}\n}}\n"),
            _ => format!("{top}events {{}}\nhttp {{\n{http}server {{\n{listen}\nlocation / {{\n{body}\n}}\n}}\n}}\n"),
        };
        let tree = parse(whole.as_bytes());
        let streams = tree.children(NONE).any(|n| name(&tree, &whole, n) == "stream");
        let module = release.root.join(STREAM_MODULE);
        let whole = if streams && module.exists() { format!("load_module {};\n{whole}", module.display()) } else { whole };
        let main = ground.dir.join("nginx.conf");
        provide(ground.dir);
        fs::write(&main, whole).unwrap();
        Ok(Staged { listeners: addresses.given, ..Staged::of(main) })
    }

    fn check(&self, release: &Release, staged: &Staged) -> Command {
        let mut check = configured(release, staged);
        check.arg("-t");
        check
    }

    fn serve(&self, release: &Release, staged: &Staged) -> Command {
        let mut serve = configured(release, staged);
        // One process, so that killing it ends it.
        serve.args(["-g", "daemon off; master_process off;"]);
        serve
    }
}

/// Makes a whole site of several files ready; its main file comes first. Paths below `/etc/nginx` are those of the site.
pub(crate) fn stage_site(files: &[(String, String)], ground: &Ground<'_>) -> Staged {
    let texts: Vec<String> = files.iter().map(|(_, text)| text.replace("/etc/nginx/", "")).collect();
    for (name, _) in files {
        fs::create_dir_all(ground.dir.join(name).parent().unwrap()).unwrap();
        // Includes look whether a file is there before the texts are written.
        fs::write(ground.dir.join(name), "").unwrap();
    }
    let mut parts = Parts::new(ground);
    let bodies = parts.rewrite(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let (top, http) = surroundings(ground.dir, &parts.extra);
    provide(ground.dir);
    for (i, ((name, _), body)) in files.iter().zip(bodies).enumerate() {
        fs::write(ground.dir.join(name), if i == 0 { main(&body, &http, &top) } else { body }).unwrap();
    }
    Staged { listeners: parts.addresses.given, ..Staged::of(ground.dir.join(&files[0].0)) }
}

/// Lines for the top of the main file and for its `http` block.
fn surroundings(dir: &Path, extra: &BTreeSet<String>) -> (String, String) {
    let dir = dir.display();
    let mut http = String::from("access_log off;\n");
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        http.push_str(&format!("{kind}_temp_path {dir}/tmp/{kind};\n"));
    }
    http.extend(extra.iter().map(String::as_str));
    (format!("pid {dir}/nginx.pid;\nerror_log stderr;\n"), http)
}

/// Files that configurations name and that a test cannot leave out.
fn provide(dir: &Path) {
    fs::create_dir_all(dir.join("tmp")).unwrap();
    fs::write(dir.join("cert.pem"), CERTIFICATE).unwrap();
    fs::write(dir.join("key.pem"), KEY).unwrap();
    fs::write(dir.join("members"), "member:{PLAIN}secret\n").unwrap();
}

fn configured(release: &Release, staged: &Staged) -> Command {
    let dir = staged.main.parent().unwrap().to_str().unwrap();
    let mut command = release.command(&["-p", dir, "-c", staged.main.to_str().unwrap()]);
    if release.version >= EARLY_LOG {
        command.args(["-e", "stderr"]);
    }
    command
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

/// The texts of one configuration.
struct Parts<'a> {
    ground: &'a Ground<'a>,
    addresses: Addresses,
    /// Lines for the `http` block.
    extra: BTreeSet<String>,
}

impl<'a> Parts<'a> {
    fn new(ground: &'a Ground<'a>) -> Self {
        Self { ground, addresses: Addresses::default(), extra: BTreeSet::new() }
    }

    fn rewrite(&mut self, texts: &[&str]) -> Vec<String> {
        let trees: Vec<Tree> = texts.iter().map(|t| parse(t.as_bytes())).collect();
        let (mut known, mut wanted) = (BTreeSet::new(), BTreeSet::new());
        for (text, tree) in texts.iter().zip(&trees) {
            names(tree, text, &mut known, &mut wanted);
        }
        // What is only named is provided: upstreams and caches.
        for missing in wanted.difference(&known) {
            self.extra.insert(match missing.strip_prefix("cache ") {
                Some(zone) => format!("proxy_cache_path {}/cache/{zone} keys_zone={zone}:1m;\n", self.ground.dir.display()),
                None => format!("upstream {missing} {{ server {}; }}\n", self.ground.upstreams.at(missing)),
            });
        }
        if self.ground.provide && texts.iter().any(|t| t.contains("$connection_upgrade")) && !known.contains("$connection_upgrade") {
            self.extra.insert("map $http_upgrade $connection_upgrade { default upgrade; '' ''; }\n".to_owned());
        }
        if self.ground.provide && !texts.iter().any(|t| t.contains("ssl_certificate")) {
            let dir = self.ground.dir.display();
            self.extra.insert(format!("ssl_certificate {dir}/cert.pem;\nssl_certificate_key {dir}/key.pem;\n"));
        }
        let edited = texts.iter().zip(&trees).map(|(text, tree)| {
            let mut work = Work { text, tree, ground: self.ground, addresses: &mut self.addresses, edits: Edits::of(text) };
            work.block(NONE);
            work.edits.done()
        });
        edited.collect()
    }
}

/// Upstreams, caches and variables that are defined, and upstreams and caches that are used.
fn names(tree: &Tree, text: &str, known: &mut BTreeSet<String>, wanted: &mut BTreeSet<String>) {
    for node in 0..tree.nodes.len() as u32 {
        let arg = word(tree, text, node, 1).map(|w| w.1);
        match name(tree, text, node) {
            "upstream" => known.extend(arg),
            "map" => known.extend(word(tree, text, node, 2).map(|w| w.1)),
            "proxy_pass" => {
                let target = arg.unwrap_or_default();
                let host = target.split_once("://").map_or(&*target, |(_, rest)| rest).split('/').next().unwrap_or_default();
                if !host.is_empty() && !host.contains(['$', ':', '.']) {
                    wanted.insert(host.to_owned());
                }
            }
            "proxy_cache_path" => {
                let zone = tree.words(node).map(|t| &text[t.start as usize..t.end as usize]).find_map(|w| w.strip_prefix("keys_zone="));
                known.extend(zone.and_then(|z| z.split(':').next()).map(|z| format!("cache {z}")));
            }
            "proxy_cache" => wanted.extend(arg.filter(|zone| zone != "off").map(|zone| format!("cache {zone}"))),
            _ => {}
        }
    }
}

/// A word of a directive: where it stands, and decoded.
fn word(tree: &Tree, text: &str, node: u32, n: usize) -> Option<(std::ops::Range<usize>, String)> {
    let token = tree.words(node).nth(n)?;
    let range = token.start as usize..token.end as usize;
    let decoded = decode(&text.as_bytes()[range.clone()], token.kind);
    Some((range, String::from_utf8_lossy(&decoded).into_owned()))
}

struct Work<'a> {
    text: &'a str,
    tree: &'a Tree,
    ground: &'a Ground<'a>,
    addresses: &'a mut Addresses,
    edits: Edits<'a>,
}

impl Work<'_> {
    fn block(&mut self, of: u32) {
        let parent = if of == NONE { "" } else { name(self.tree, self.text, of) };
        let grandparent =
            (of != NONE).then(|| self.tree.nodes[of as usize].parent).filter(|p| *p != NONE).map_or("", |p| name(self.tree, self.text, p));
        let children: Vec<u32> = self.tree.children(of).collect();
        let listens = |n: &u32| name(self.tree, self.text, *n) == "listen";
        if parent == "server" && self.tree.nodes[of as usize].block && grandparent != "stream" && !children.iter().any(listens) {
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
        let Some((first, value)) = word(self.tree, self.text, node, 1) else { return };
        let (dir, upstreams) = (self.ground.dir, self.ground.upstreams);
        match name(self.tree, self.text, node) {
            "listen" => {
                let at = self.addresses.of(&value);
                self.edits.replace(first, at.to_string());
                if !self.ground.tls {
                    self.drop_words(node, &["ssl", "http2", "quic"]);
                }
            }
            "http2" if !self.ground.tls => self.edits.replace(first, "off"),
            "server" if parent == "upstream" => self.edits.replace(first, upstreams.at(&value).to_string()),
            "proxy_pass" => {
                let (scheme, rest) = value.split_once("://").unwrap_or(("", &value));
                let (host, uri) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let numbered = host.contains([':', '.']) && !host.contains('$') || rest.starts_with("unix:");
                let host = if numbered { upstreams.at(host).to_string() } else { host.to_owned() };
                let uri = if rest.starts_with("unix:") { rest.rsplit_once(':').map_or("", |(_, uri)| uri) } else { uri };
                // The backend speaks no TLS.
                let scheme = if scheme.is_empty() { "" } else { "http://" };
                if !value.contains('$') {
                    self.edits.replace(first, format!("{scheme}{host}{uri}"));
                }
            }
            "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" if value.contains(':') => {
                self.edits.replace(first, upstreams.at(&value).to_string());
            }
            "grpc_pass" if value.contains(':') => self.edits.replace(first, format!("grpc://{}", upstreams.at(&value))),
            "include" if self.ground.provide && !value.contains(['*', '?', '[']) && !dir.join(&value).exists() => {
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
            log @ ("access_log" | "error_log") => {
                let end = self.tree.words(node).last().unwrap().end as usize;
                self.edits.replace(first.start..end, if log == "access_log" { "off" } else { "stderr" });
            }
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
