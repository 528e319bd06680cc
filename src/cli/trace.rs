//! `hoplint trace`

use super::args::{Http, ListFormat, Trace};
use super::{CLEAN, WRONG};
use crate::config::Settings;
use crate::model::{Dial, Era, Proxy, Request, Text, Version};
use crate::output;
use crate::probe::{Assume, Credentials, trace};
use crate::proxy::{DIALECTS, Dialect, Reading, dialect};
use crate::source::{FileId, Files};

/// An URL in its parts, nothing normalised.
struct Url<'a> {
    scheme: &'a str,
    authority: &'a str,
    target: &'a str,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an URL such as `ws://example.test/ws/`");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        if !matches!(scheme, "http" | "https" | "ws" | "wss") {
            return Err(format!("`{scheme}` is not a scheme that trace knows: http, https, ws or wss"));
        }
        let (authority, target) = rest.find(['/', '?', '#']).map_or((rest, "/"), |i| rest.split_at(i));
        if authority.is_empty() {
            return Err(wrong());
        }
        // A fragment never leaves the client.
        let target = target.split('#').next().unwrap_or("/");
        Ok(Self { scheme, authority, target: if target.is_empty() { "/" } else { target } })
    }

    fn is_handshake(&self) -> bool {
        self.scheme.starts_with("ws")
    }

    fn is_tls(&self) -> bool {
        matches!(self.scheme, "https" | "wss")
    }

    fn port(&self) -> &str {
        let after = self.authority.rsplit(']').next().unwrap_or(self.authority);
        after.rsplit_once(':').map_or(if self.is_tls() { "443" } else { "80" }, |(_, port)| port)
    }
}

pub(super) fn run(args: &Trace) -> Result<u8, String> {
    let url = Url::parse(&args.url)?;
    let mut files = Files::with_include_maps(args.include_map.clone());
    let mut ids: Vec<FileId> = Vec::new();
    for path in &args.configs {
        let id = files.read(path).map_err(|e| format!("{path}: {e}"))?;
        ids.push(files.split_dump(id).map_err(|e| e.to_string())?.unwrap_or(id));
    }
    let room = room(args, &files, &ids)?;
    let settings = Settings { targets: args.target.clone(), ..Settings::default() };
    let version = settings.target(room.name()).or_else(|| room.versions().last().copied()).unwrap_or(Version(0, 0, 0));
    let era = Era::new(version);
    let sites = room.read(&mut files, &ids, &Reading { context: None, explicit: true, together: true });
    let Some(site) = sites.first() else { return Err("nothing to trace in these files".to_owned()) };
    if let Some(first) = site.refusal(files.map(), &era) {
        let place = files.map().place(first.span);
        output::to_stderr(&format!("error: {} does not start with this configuration: {place}: {}", room.name(), first.message));
        return Ok(WRONG);
    }
    let proxy = site.lower(&era);
    let at = listener(args, &url, &proxy)?;
    // Only this machine itself reaches a loopback address.
    let loopback = args.listener.as_deref().unwrap_or(&proxy.listeners[at].at).starts_with("127.");
    let request = request(args, &url, at, loopback);
    let text = |t: &String| Text::from(t.as_str());
    let assume = Assume {
        credentials: Credentials::AsSent,
        far: args.upstream.iter().rev().find(|u| u.0 == "*").map_or(Assume::default().far, |u| u.1.clone()),
        replies: args.upstream.iter().filter(|u| u.0 != "*").map(|(a, far)| (text(a), far.clone())).collect(),
        lines: args.upstream_header.iter().map(|(a, (n, v))| (text(a), (text(n), text(v)))).collect(),
        told: true,
        ..Assume::default()
    };
    let answer = trace::trace(&proxy, &request, &assume, url.is_handshake());
    let about = output::trace::About { proxy: room.name(), target: version.to_string(), request: &request };
    output::to_stdout(false, |out| match args.format {
        ListFormat::Text => output::trace::text(out, files.map(), &about, &answer),
        ListFormat::Json => output::trace::json(out, files.map(), &about, &answer),
    })
    .map_err(|e| e.to_string())?;
    Ok(CLEAN)
}

fn room(args: &Trace, files: &Files, ids: &[FileId]) -> Result<&'static dyn Dialect, String> {
    if let Some(room) = args.dialect.as_deref().and_then(dialect) {
        return Ok(room);
    }
    let Some(first) = ids.first() else { return Err("no configuration was given".to_owned()) };
    let file = files.map().file(*first);
    let head = &file.bytes()[..file.bytes().len().min(64 * 1024)];
    DIALECTS.iter().copied().find(|d| d.claims(file.name(), head)).ok_or_else(|| {
        let names: Vec<&str> = DIALECTS.iter().map(|d| d.name()).collect();
        format!("{}: not recognised; say with --dialect what it is ({})", file.name(), names.join(", "))
    })
}

/// The listener that takes the connection: by `--listener`, otherwise by the URL's port and whether it speaks TLS.
fn listener(args: &Trace, url: &Url<'_>, proxy: &Proxy) -> Result<usize, String> {
    let port_of = |at: &str| at.rsplit(':').next().unwrap_or_default().to_owned();
    let all = || {
        let names: Vec<String> = proxy.listeners.iter().map(|l| format!("`{}`", l.at)).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    if let Some(wanted) = &args.listener {
        let exact = proxy.listeners.iter().position(|l| *l.at == **wanted);
        let family = if wanted.starts_with('[') { '[' } else { '*' };
        let any = || {
            proxy.listeners.iter().position(|l| l.at.starts_with(['*', family]) && is_wildcard(&l.at) && port_of(&l.at) == port_of(wanted))
        };
        return exact.or_else(any).ok_or_else(|| format!("no listener takes `{wanted}`; there are {}", all()));
    }
    let fitting: Vec<usize> = (0..proxy.listeners.len()).filter(|i| port_of(&proxy.listeners[*i].at) == url.port()).collect();
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] if proxy.listeners.len() == 1 => Ok(0),
        [] => Err(format!("no listener on port {}; say with --listener where the connection arrives: {}", url.port(), all())),
        _ => Err(format!("several listeners on port {}; say with --listener which: {}", url.port(), all())),
    }
}

fn is_wildcard(at: &str) -> bool {
    at.starts_with("*:") || at.starts_with("0.0.0.0:") || at.starts_with("[::]:")
}

/// The request that the URL and the options describe.
fn request(args: &Trace, url: &Url<'_>, listener: usize, loopback: bool) -> Request {
    let replaced = |name: &str| args.headers.iter().any(|h| h.0.eq_ignore_ascii_case(name));
    let mut lines: Vec<(Text, Text)> = Vec::new();
    let mut put = |name: &str, value: &str| lines.push((name.into(), value.into()));
    let mut rest: Vec<&(String, String)> = args.headers.iter().collect();
    if !args.no_host {
        match rest.iter().position(|h| h.0.eq_ignore_ascii_case("host")) {
            Some(i) => {
                let (name, value) = rest.remove(i);
                put(name, value);
            }
            None => put("Host", url.authority),
        }
    }
    if url.is_handshake() && args.http != Http::H2 {
        for (name, value) in crate::probe::handshake::LINES {
            if !replaced(name) {
                put(name, value);
            }
        }
    }
    if url.is_handshake() && args.http == Http::H2 && !replaced(":protocol") {
        put(":protocol", "websocket");
    }
    for (name, value) in rest {
        put(name, value);
    }
    if args.body_size > 0 && !replaced("content-length") && !replaced("transfer-encoding") {
        put("Content-Length", &args.body_size.to_string());
    }
    let http = match args.http {
        Http::H10 => "1.0",
        Http::H11 => "1.1",
        Http::H2 => "2",
    };
    let method = args.method.as_deref().unwrap_or(if url.is_handshake() && args.http == Http::H2 { "CONNECT" } else { "GET" });
    let sni = url.is_tls().then(|| args.sni.as_deref().unwrap_or_else(|| url.authority.split(':').next().unwrap_or_default()).into());
    Request {
        listener,
        http: http.into(),
        method: method.into(),
        target: args.raw_target.as_deref().unwrap_or(url.target).into(),
        headers: lines,
        dial: if url.is_tls() { Dial::Tls } else { Dial::Plain },
        sni,
        offers: args.alpn.iter().flat_map(|l| l.split(',')).map(|p| p.trim().into()).collect(),
        client: loopback.then(|| "127.0.0.1".into()),
    }
}
