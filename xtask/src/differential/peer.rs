//! The real thing: a proxy as a child, two servers that answer as the tool assumes, and a client.

use super::cgi;
use super::request::{Asked, Plan};
use super::{Kind, Places};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Header of every request by which a server tells which one it is.
pub(super) const MARK: &str = "X-Probe";
const PATIENCE: Duration = Duration::from_secs(5);

/// A request as a server saw it, or an answer as the client did.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) first: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Message {
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|h| h.0.eq_ignore_ascii_case(name)).map(|h| &*h.1).collect()
    }
}

/// Names of the servers.
pub(super) const NAMES: [&str; 3] = ["b1", "b2", "own"];
/// The one that only the proxy itself asks.
pub(super) const OWN: usize = 2;

/// What the servers shall answer to a request, and what they saw: which server, and the request.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) plan: Plan,
    pub(super) requests: Vec<(usize, Message)>,
}

/// Exchanges by mark.
pub(super) type Seen = Arc<Mutex<HashMap<String, Exchange>>>;

/// Starts the servers; they live as long as the process.
pub(super) fn backends(seen: &Seen) -> std::io::Result<[u16; 3]> {
    let mut ports = [0; 3];
    for (server, port) in ports.iter_mut().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        let seen = Arc::clone(seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(stream, server, &seen));
            }
        });
    }
    Ok(ports)
}

/// One request, one answer, in whatever protocol it comes: 101 to a handshake, 426 when a key came, otherwise 200, unless
/// another status is planned.
fn serve(mut stream: TcpStream, server: usize, seen: &Seen) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut first = [0];
    stream.peek(&mut first).ok()?;
    let spoken = cgi::Spoken::by(first[0]);
    // Nobody sends the body along when the proxy asks for itself.
    let asked = match spoken {
        cgi::Spoken::Http => read(&mut stream, server != OWN).ok()??,
        other => cgi::read(&mut stream, other).ok()?,
    };
    let says = |header: &str, token: &str| asked.values(header).iter().any(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)));
    let key = !asked.values("Sec-WebSocket-Key").is_empty();
    let valid = key
        && says("Upgrade", "websocket")
        && says("Connection", "upgrade")
        && !asked.first.ends_with("HTTP/1.0")
        && asked.first.starts_with("GET ");
    let mut plan = Plan::default();
    if let (Some(mark), Ok(mut all)) = (asked.values(MARK).first(), seen.lock()) {
        let exchange = all.entry((*mark).to_owned()).or_default();
        exchange.requests.push((server, asked.clone()));
        plan.clone_from(&exchange.plan);
    }
    let status = plan.status[server].unwrap_or(if valid {
        101
    } else if key {
        426
    } else {
        200
    });
    let mut head = if status == 101 {
        // What belongs to the key that all handshakes have here.
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        format!("101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{accept}")
    } else {
        format!("{status} Status\r\nContent-Length: 0\r\nConnection: close\r\n")
    };
    head.push_str(&format!("X-Backend: {}\r\n", NAMES[server]));
    for (_, name, value) in plan.lines.iter().filter(|l| l.0 == server) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(&spoken.answer(&head)).ok()
}

/// Reads a head, and the body if it comes along. `None`: closed before anything came.
fn read(stream: &mut TcpStream, with_body: bool) -> std::io::Result<Option<Message>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect();
    let mut message = Message { first, headers, body: String::new() };
    let length = message.values("Content-Length").first().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while with_body && body.len() < length {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => body.extend_from_slice(&buffer[..n]),
        }
    }
    message.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(message))
}

/// A running proxy; killed when dropped.
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a proxy in a directory of its own; the inner error is what it says when it refuses the configuration.
pub(super) fn start(kind: Kind, binary: &str, dir: &Path, places: &Places) -> std::io::Result<Result<Running, String>> {
    // nginx writes this once it listens.
    let pid = dir.join("nginx.pid");
    let _ = std::fs::remove_file(&pid);
    let file = dir.join(kind.file());
    let mut command = Command::new(binary);
    match kind {
        Kind::Nginx => command.arg("-p").arg(dir).arg("-c").arg(file),
        Kind::Haproxy => command.arg("-db").arg("-f").arg(file),
        Kind::Envoy => command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]).arg(file),
    };
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(dir.join("stderr"))?).spawn()?;
    let mut running = Running(child);
    let begun = Instant::now();
    let listens = || match kind {
        Kind::Nginx => pid.exists(),
        Kind::Haproxy | Kind::Envoy => TcpStream::connect(("127.0.0.1", places.front)).is_ok(),
    };
    loop {
        if running.0.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
            return Ok(Err(std::fs::read_to_string(dir.join("stderr"))?));
        }
        if listens() {
            return Ok(Ok(running));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Sends a request. `None`: the connection was closed without an answer.
pub(super) fn ask(places: &Places, asked: &Asked, mark: &str) -> std::io::Result<Option<Message>> {
    let mut stream = TcpStream::connect(("127.0.0.1", places.front))?;
    let mut text = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target);
    for (name, value) in &asked.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("{MARK}: {mark}\r\n\r\n{}", asked.body));
    stream.write_all(text.as_bytes())?;
    let mut answer = read(&mut stream, asked.method != "HEAD");
    if asked.method == "HEAD"
        && let Ok(Some(answer)) = &mut answer
    {
        answer.body.clear();
    }
    match answer {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::ConnectionReset) => Ok(None),
        other => other,
    }
}
