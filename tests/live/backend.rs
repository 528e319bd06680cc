//! Strict RFC 6455 servers that tell what they received: one for each upstream address of a configuration.

use super::{
    accept::{accept, is_key},
    wire::{self, Frame, Head, Socket, Waited},
};
use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long a connection may live, whatever happens on it.
const LONGEST: Duration = Duration::from_secs(180);
/// How often everything looks up whether it shall stop.
const TICK: Duration = Duration::from_millis(20);
/// How long a request may take to come.
const WAIT: Duration = Duration::from_secs(5);

/// How long the last event waits for whoever was to hear the first one.
const HEARD: Duration = Duration::from_secs(5);

/// What an event stream is like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Events {
    /// Three; before the last the server waits until the client has [heard](Backend::hear) something, or for seconds.
    Watched,
    /// So many, so long apart.
    Steady(u32, Duration),
}

/// How the servers behave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// This status to everything, handshakes too.
    pub status: Option<u16>,
    /// This status to all that is no handshake.
    pub plain: Option<u16>,
    /// Further header lines on every answer.
    pub headers: Vec<(String, String)>,
    /// How often they send a ping over an open WebSocket.
    pub heartbeat: Option<Duration>,
    /// They answer plain requests with events.
    pub events: Option<Events>,
    /// They refuse handshakes of pages from another host than the one that is asked for, as many servers do.
    pub same_origin: bool,
    /// Connections go on after an answer.
    pub keeps: bool,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub head: Head,
    /// The upstream's address as the configuration writes it.
    pub at: String,
    /// Which connection it came over.
    pub connection: usize,
}

#[derive(Debug)]
struct Shared {
    manner: Manner,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    stop: AtomicBool,
    /// Whether a client has got something of an event stream, and whether that was so before its last event was sent.
    heard: [AtomicBool; 2],
}

/// One of the servers.
#[derive(Debug)]
struct Listening {
    /// The address that the configuration writes.
    written: String,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// Running servers; they end with this value.
#[derive(Debug)]
pub(crate) struct Backend {
    shared: Arc<Shared>,
    listening: Mutex<Vec<Listening>>,
    absent: bool,
}

impl Backend {
    /// Servers on free ports of 127.0.0.1.
    pub(crate) fn start(manner: Manner) -> Self {
        Self::new(manner, false)
    }

    /// Nobody listens anywhere.
    pub(crate) fn absent() -> Self {
        Self::new(Manner::default(), true)
    }

    fn new(manner: Manner, absent: bool) -> Self {
        let shared = Shared {
            manner,
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            heard: Default::default(),
        };
        Self { shared: Arc::new(shared), listening: Mutex::default(), absent }
    }

    /// The only server, where one is enough.
    pub(crate) fn address(&self) -> SocketAddr {
        self.at("")
    }

    /// The server that stands for an upstream, by the address that the configuration writes.
    pub(crate) fn at(&self, written: &str) -> SocketAddr {
        let mut listening = self.listening.lock().unwrap();
        if let Some(there) = listening.iter().find(|l| l.written == written) {
            return there.address;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = (!self.absent).then(|| {
            listener.set_nonblocking(true).unwrap();
            let (shared, written) = (Arc::clone(&self.shared), written.to_owned());
            std::thread::spawn(move || {
                std::thread::scope(|scope| {
                    while !shared.stop.load(Ordering::Relaxed) {
                        match listener.accept() {
                            Ok((stream, _)) => {
                                let (shared, written) = (&shared, &written);
                                scope.spawn(move || serve(stream, written, shared));
                            }
                            Err(_) => std::thread::sleep(TICK),
                        }
                    }
                });
            })
        });
        listening.push(Listening { written: written.to_owned(), address, thread });
        address
    }

    /// The client tells that something of an event stream has come.
    pub(crate) fn hear(&self) {
        self.shared.heard[0].store(true, Ordering::SeqCst);
    }

    /// Whether it was told before the last event was sent: events pass live.
    pub(crate) fn heard_in_time(&self) -> bool {
        self.shared.heard[1].load(Ordering::SeqCst)
    }

    /// The requests so far, in order of arrival.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for server in self.listening.get_mut().unwrap() {
            if let Some(thread) = server.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// Why a request is no handshake, in the order of RFC 6455 §4.2.1; empty if it is one.
pub(crate) fn objections(head: &Head) -> Vec<&'static str> {
    let mut words = head.line.split(' ');
    let (method, version) = (words.next(), words.nth(1));
    let checks = [
        (method == Some("GET"), "method"),
        (version == Some("HTTP/1.1"), "version"),
        (head.only("host").is_some_and(|h| !h.is_empty()), "Host"),
        (head.has_token("upgrade", "websocket"), "Upgrade"),
        (head.has_token("connection", "upgrade"), "Connection"),
        (head.only("sec-websocket-key").is_some_and(is_key), "Sec-WebSocket-Key"),
        (head.only("sec-websocket-version") == Some("13"), "Sec-WebSocket-Version"),
    ];
    checks.into_iter().filter(|(good, _)| !good).map(|(_, name)| name).collect()
}

/// Whether a page of another host asks.
fn foreign(head: &Head) -> bool {
    let page = head.only("origin").and_then(|o| o.split_once("://"));
    page.is_some_and(|(_, host)| head.only("host") != Some(host))
}

fn serve(mut stream: TcpStream, at: &str, shared: &Shared) {
    let manner = &shared.manner;
    // A listener that does not block may hand on that property.
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_nodelay(true);
    let _ = stream.set_write_timeout(Some(WAIT));
    let connection = shared.connections.fetch_add(1, Ordering::Relaxed);
    loop {
        let Ok(Some((head, rest))) = wire::read_head(&mut stream, WAIT) else { return };
        shared.seen.lock().unwrap().push(Seen { head: head.clone(), at: at.to_owned(), connection });
        let objections = objections(&head);
        let mut further = String::new();
        for (name, value) in &manner.headers {
            further.push_str(&format!("{name}: {value}\r\n"));
        }
        let refused = manner.status.or((manner.same_origin && foreign(&head)).then_some(403));
        if let (None, [], Some(key)) = (refused, &objections[..], head.only("sec-websocket-key")) {
            let accept = accept(key);
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{further}\r\n"
            );
            if stream.write_all(answer.as_bytes()).is_ok() {
                talk(Socket::new(stream, rest, false), manner.heartbeat, &shared.stop);
            }
            return;
        }
        if wire::read_body(&mut stream, &head, rest, WAIT).is_err() {
            return;
        }
        if let Some(events) = manner.events {
            let _ = send_events(&mut stream, events, &further, shared, head.line.ends_with("HTTP/1.1"));
            return;
        }
        // RFC 9112 §3.2 asks for exactly one Host, before HTTP/1.1 for at most one.
        let hosts = head.all("host").count();
        let malformed = hosts > 1 || hosts == 0 && head.line.ends_with("HTTP/1.1");
        let status = refused.unwrap_or(match head.all("sec-websocket-key").next() {
            _ if malformed => 400,
            key => manner.plain.unwrap_or(if key.is_some() { 426 } else { 200 }),
        });
        let body = format!("missing for a handshake: {}\n", objections.join(", "));
        let upgrade = if status == 426 { "Upgrade: websocket\r\n" } else { "" };
        let ends = !manner.keeps || head.has_token("connection", "close") || head.line.ends_with("HTTP/1.0");
        let close = if ends { "Connection: close\r\n" } else { "" };
        let sent = write!(
            stream,
            "HTTP/1.1 {status} Answer\r\n{upgrade}Content-Type: text/plain\r\nContent-Length: {}\r\n{close}{further}\r\n{body}",
            body.len()
        );
        if ends || sent.is_err() {
            return;
        }
    }
}

/// Echoes text, answers pings and sends its own.
fn talk(mut socket: Socket, heartbeat: Option<Duration>, stop: &AtomicBool) {
    let born = Instant::now();
    let mut beat = heartbeat.map(|h| born + h);
    while born.elapsed() < LONGEST && !stop.load(Ordering::Relaxed) {
        let done = match socket.receive(Instant::now() + TICK) {
            Waited::Frame(Frame::Text(text)) => socket.send(&Frame::Text(text)),
            Waited::Frame(Frame::Ping(body)) => socket.send(&Frame::Pong(body)),
            Waited::Frame(Frame::Pong(_)) | Waited::Nothing => Ok(()),
            Waited::Frame(Frame::Close) => {
                let _ = socket.send(&Frame::Close);
                return;
            }
            Waited::Gone => return,
        };
        if done.is_err() {
            return;
        }
        if let (Some(at), Some(every)) = (beat, heartbeat)
            && Instant::now() >= at
        {
            if socket.send(&Frame::Ping(b"heartbeat".to_vec())).is_err() {
                return;
            }
            beat = Some(at + every);
        }
    }
}

/// Events, the last one followed by the end; in chunks, unless the request is of a version without them.
fn send_events(stream: &mut TcpStream, events: Events, further: &str, shared: &Shared, chunks: bool) -> std::io::Result<()> {
    let framing = if chunks { "Transfer-Encoding: chunked" } else { "Connection: close" };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n{framing}\r\n{further}\r\n")?;
    let number = if let Events::Steady(number, _) = events { number } else { 3 };
    let heard = || shared.heard[0].load(Ordering::SeqCst);
    for n in 1..=number {
        if matches!(events, Events::Watched) && n == number {
            wait(HEARD, || heard() || shared.stop.load(Ordering::Relaxed));
            shared.heard[1].store(heard(), Ordering::SeqCst);
        }
        let event = format!("data: {n}\n\n");
        if chunks {
            write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
        } else {
            write!(stream, "{event}")?;
        }
        stream.flush()?;
        if let Events::Steady(_, pause) = events {
            wait(pause, || shared.stop.load(Ordering::Relaxed));
        }
    }
    if chunks { write!(stream, "0\r\n\r\n") } else { Ok(()) }
}

/// Until then, or until something holds.
fn wait(time: Duration, until: impl Fn() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end && !until() {
        std::thread::sleep(TICK);
    }
}
