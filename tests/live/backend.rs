//! A strict RFC 6455 server that tells what it received.

use super::{
    accept::{accept, is_key},
    wire::{self, Frame, Head, Socket, Waited},
};
use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long a connection may live, whatever happens on it.
const LONGEST: Duration = Duration::from_secs(60);
/// How often everything looks up whether it shall stop.
const TICK: Duration = Duration::from_millis(20);

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// This status to everything, handshakes too.
    pub status: Option<u16>,
    /// Further header lines on every answer.
    pub headers: Vec<(String, String)>,
    /// How often it sends a ping over an open WebSocket.
    pub heartbeat: Option<Duration>,
    /// Answers plain requests with three events, so long apart.
    pub events: Option<Duration>,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Backend {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Head>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::<Mutex<Vec<Head>>>::default(), Arc::<AtomicBool>::default());
        let (seen2, stop2) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                while !stop2.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((stream, _)) => {
                            let (manner, seen, stop) = (&manner, &seen2, &stop2);
                            scope.spawn(move || serve(stream, manner, seen, stop));
                        }
                        Err(_) => std::thread::sleep(TICK),
                    }
                }
            });
        });
        Self { address, seen, stop, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far, in order of arrival.
    pub(crate) fn seen(&self) -> Vec<Head> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
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

fn serve(mut stream: TcpStream, manner: &Manner, seen: &Mutex<Vec<Head>>, stop: &AtomicBool) {
    // A listener that does not block may hand on that property.
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
    let Ok(Some((head, rest))) = wire::read_head(&mut stream, Duration::from_secs(5)) else { return };
    seen.lock().unwrap().push(head.clone());
    let objections = objections(&head);
    let mut further = String::new();
    for (name, value) in &manner.headers {
        further.push_str(&format!("{name}: {value}\r\n"));
    }
    if let (None, [], Some(key)) = (manner.status, &objections[..], head.only("sec-websocket-key")) {
        let accept = accept(key);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{further}\r\n"
        );
        if stream.write_all(answer.as_bytes()).is_ok() {
            talk(Socket::new(stream, rest, false), manner.heartbeat, stop);
        }
        return;
    }
    if let Some(pause) = manner.events {
        let _ = send_events(&mut stream, pause, &further, stop, head.line.ends_with("HTTP/1.1"));
        return;
    }
    // RFC 9112 §3.2 asks for exactly one Host, before HTTP/1.1 for at most one.
    let hosts = head.all("host").count();
    let malformed = hosts > 1 || hosts == 0 && head.line.ends_with("HTTP/1.1");
    let status = manner.status.unwrap_or(match head.all("sec-websocket-key").next() {
        _ if malformed => 400,
        Some(_) => 426,
        None => 200,
    });
    let body = format!("missing for a handshake: {}\n", objections.join(", "));
    let upgrade = if status == 426 { "Upgrade: websocket\r\n" } else { "" };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Answer\r\n{upgrade}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n{further}\r\n{body}",
        body.len()
    );
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

/// Three events, the last one followed by the end; in chunks, unless the request is of a version without them.
fn send_events(stream: &mut TcpStream, pause: Duration, further: &str, stop: &AtomicBool, chunks: bool) -> std::io::Result<()> {
    let framing = if chunks { "Transfer-Encoding: chunked" } else { "Connection: close" };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n{framing}\r\n{further}\r\n")?;
    for n in 1..=3 {
        let event = format!("data: {n}\n\n");
        if chunks {
            write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
        } else {
            write!(stream, "{event}")?;
        }
        stream.flush()?;
        let end = Instant::now() + pause;
        while Instant::now() < end && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
        }
    }
    if chunks { write!(stream, "0\r\n\r\n") } else { Ok(()) }
}
