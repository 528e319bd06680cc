//! What browsers do, in small: handshakes, preflights, plain requests, event streams. It judges as they do.

use super::{
    accept::accept,
    wire::{self, Frame, Head, Socket, Waited},
};
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);
/// The key of the standard's own example.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request to send.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    pub target: String,
    pub host: String,
    /// Header lines besides Host.
    pub headers: Vec<(String, String)>,
    /// So many bytes of a body.
    pub body: usize,
    /// How long after the connection it is sent.
    pub late: Duration,
    /// How long the answer may take.
    pub patience: Duration,
}

impl Request {
    pub(crate) fn get(target: &str, host: &str) -> Self {
        Self {
            method: "GET".into(),
            target: target.into(),
            host: host.into(),
            headers: Vec::new(),
            body: 0,
            late: Duration::ZERO,
            patience: PATIENCE,
        }
    }

    /// The opening handshake of RFC 6455 §4.1.
    pub(crate) fn handshake(target: &str, host: &str) -> Self {
        Self::get(target, host)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Key", KEY)
            .with("Sec-WebSocket-Version", "13")
    }

    /// What a browser asks before a PUT with these headers.
    pub(crate) fn preflight(target: &str, host: &str, origin: &str, headers: &str) -> Self {
        let mut request = Self::get(target, host)
            .with("Origin", origin)
            .with("Access-Control-Request-Method", "PUT")
            .with("Access-Control-Request-Headers", headers);
        request.method = "OPTIONS".into();
        request
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
    /// When the last piece of the body came, counted from the sending.
    pub last: Duration,
    /// Whether it came to its end.
    pub whole: bool,
}

/// An attempt to open a WebSocket.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Null when there was no answer.
    pub status: Option<u16>,
    /// The socket, if a client may take the answer for an opened one (RFC 6455 §4.1).
    pub socket: Option<Socket>,
    /// Whether the connection stood open without an answer.
    pub waited: bool,
}

fn send(at: SocketAddr, request: &Request) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_nodelay(true)?;
    if !request.late.is_zero() {
        std::thread::sleep(request.late);
        // What was not waited for must not get lost in a connection that is written to nevertheless.
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        if stream.peek(&mut [0]).is_ok() {
            return Ok(stream);
        }
    }
    let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, request.host);
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if request.body > 0 {
        text.push_str(&format!("Content-Length: {}\r\n", request.body));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    // Whoever refuses it need not read it.
    let _ = stream.write_all(&vec![b'x'; request.body]);
    Ok(stream)
}

/// Sends a request and reads the whole answer, or what comes of it.
///
/// # Errors
/// When nothing readable comes in time.
pub(crate) fn ask(at: SocketAddr, request: &Request) -> io::Result<Answer> {
    listen(at, request, &|| {})
}

/// The same; `heard` is called whenever a piece of the body comes.
///
/// # Errors
/// When nothing readable comes in time.
pub(crate) fn listen(at: SocketAddr, request: &Request, heard: &dyn Fn()) -> io::Result<Answer> {
    let started = Instant::now();
    let end = started + request.patience;
    let closing = request.clone().with("Connection", "close");
    let mut stream = send(at, if request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("upgrade")) { request } else { &closing })?;
    let (head, mut raw) = wire::read_head(&mut stream, request.patience)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let bodiless = request.method == "HEAD" || matches!(head.status(), Some(100..=199 | 204 | 304));
    let length = head.only("content-length").and_then(|l| l.parse::<usize>().ok());
    let chunked = head.has_token("transfer-encoding", "chunked");
    let mut last = Duration::ZERO;
    if !raw.is_empty() {
        last = started.elapsed();
        heard();
    }
    let whole = |raw: &[u8]| bodiless || length.is_some_and(|l| raw.len() >= l) || chunked && raw.ends_with(b"0\r\n\r\n");
    while !whole(&raw) {
        match wire::more(&mut stream, &mut raw, end) {
            Ok(0) => break,
            Ok(_) => {
                last = started.elapsed();
                heard();
            }
            Err(e) if e.kind() == io::ErrorKind::TimedOut => return Err(e),
            Err(_) => break,
        }
    }
    // Without a length and without chunks the connection's end is the answer's end.
    let whole = whole(&raw) || length.is_none() && !chunked;
    Ok(Answer { head, body: raw, last, whole })
}

/// Opens a WebSocket.
pub(crate) fn open(at: SocketAddr, request: &Request) -> Opened {
    let refused = |status| Opened { status, socket: None, waited: false };
    let Ok(mut stream) = send(at, request) else { return refused(None) };
    let (head, rest) = match wire::read_head(&mut stream, request.patience) {
        Ok(Some(read)) => read,
        Err(e) if e.kind() == io::ErrorKind::TimedOut => return Opened { waited: true, ..refused(None) },
        _ => return refused(None),
    };
    let status = head.status();
    let good = status == Some(101)
        && head.has_token("upgrade", "websocket")
        && head.has_token("connection", "upgrade")
        && head.only("sec-websocket-accept") == Some(&accept(KEY));
    Opened { status, socket: good.then(|| Socket::new(stream, rest, true)), waited: false }
}

/// Whether a message comes back.
pub(crate) fn echoes(socket: &mut Socket) -> bool {
    let text = Frame::Text(b"are you there?".to_vec());
    socket.send(&text).is_ok() && answers_pings_until(socket, Instant::now() + PATIENCE, Some(&text))
}

/// Sends nothing but pongs for a while; false if the connection was cut.
pub(crate) fn holds(socket: &mut Socket, time: Duration) -> bool {
    answers_pings_until(socket, Instant::now() + time, None)
}

/// True when the awaited frame came, or, without one, when the time passed.
fn answers_pings_until(socket: &mut Socket, end: Instant, awaited: Option<&Frame>) -> bool {
    loop {
        match socket.receive(end) {
            Waited::Frame(Frame::Ping(body)) => {
                if socket.send(&Frame::Pong(body)).is_err() {
                    return false;
                }
            }
            Waited::Frame(Frame::Close) | Waited::Gone => return false,
            Waited::Frame(frame) if Some(&frame) == awaited => return true,
            Waited::Frame(_) => {}
            Waited::Nothing => return awaited.is_none(),
        }
    }
}

/// Why a browser would not let a page of that origin read the answer (Fetch standard, "CORS check").
///
/// # Errors
/// Names what is missing.
pub(crate) fn cors_check(head: &Head, origin: &str) -> Result<(), String> {
    let allowed: Vec<&str> = head.all("access-control-allow-origin").collect();
    let credentials = head.only("access-control-allow-credentials") == Some("true");
    match allowed[..] {
        [] => Err("no Access-Control-Allow-Origin".into()),
        ["*"] if credentials => Err("`*` with credentials".into()),
        ["*"] => Ok(()),
        [one] if one == origin => Ok(()),
        [one] => Err(format!("`{one}` is not the origin")),
        _ => Err("several Access-Control-Allow-Origin lines".into()),
    }
}

/// Why a browser would give up after a preflight (Fetch standard, "CORS-preflight fetch").
///
/// # Errors
/// Names what is missing.
pub(crate) fn preflight_check(head: &Head, request: &Request) -> Result<(), String> {
    let asked = |name: &str| request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v.as_str());
    match head.status() {
        Some(200..=299) => {}
        other => return Err(format!("status {other:?}")),
    }
    cors_check(head, asked("Origin"))?;
    let credentials = head.only("access-control-allow-credentials") == Some("true");
    let wild = |name| !credentials && head.has_token(name, "*");
    let method = asked("Access-Control-Request-Method");
    let simple = matches!(method, "GET" | "HEAD" | "POST");
    // Methods are compared to the letter.
    let named = head.all("access-control-allow-methods").flat_map(|v| v.split(',')).any(|m| m.trim() == method);
    if !simple && !named && !wild("access-control-allow-methods") {
        return Err(format!("{method} is not in Access-Control-Allow-Methods"));
    }
    for header in asked("Access-Control-Request-Headers").split(',').map(str::trim).filter(|h| !h.is_empty()) {
        let list = "access-control-allow-headers";
        // The wildcard never covers this one.
        let by_wildcard = wild(list) && !header.eq_ignore_ascii_case("authorization");
        if !head.has_token(list, header) && !by_wildcard {
            return Err(format!("{header} is not in Access-Control-Allow-Headers"));
        }
    }
    Ok(())
}
