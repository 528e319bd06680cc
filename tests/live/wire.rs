//! Bytes on the wire: HTTP/1 heads, WebSocket frames, and the answer to a key. Only what a test needs, and strict.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// Longer heads are refused.
const LONGEST_HEAD: usize = 64 * 1024;

/// A request or response head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// The request line or the status line.
    pub line: String,
    /// Header lines in order, names as sent.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// All values of a header.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The value of a header that stands there exactly once.
    pub(crate) fn only<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut all = self.all(name);
        let first = all.next()?;
        all.next().is_none().then_some(first)
    }

    /// Whether a comma-separated list holds a word, in any letter case.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|v| v.split(',')).any(|t| t.trim().eq_ignore_ascii_case(token))
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
    }
}

/// Reads up to the empty line; what was read behind it is returned too. `None` if the connection ended before anything came.
pub(crate) fn read_head(stream: &mut TcpStream, wait: Duration) -> io::Result<Option<(Head, Vec<u8>)>> {
    let end = Instant::now() + wait;
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok(Some((parse_head(&bytes[..at])?, rest)));
        }
        // Other protocols, such as FastCGI, begin with no letter.
        if bytes.first().is_some_and(|b| !b.is_ascii_alphabetic()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP"));
        }
        if bytes.len() > LONGEST_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "head too long"));
        }
        if more(stream, &mut bytes, end)? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

/// Reads the body that belongs to a request head and drops it; `read` was read behind the head.
pub(crate) fn read_body(stream: &mut TcpStream, head: &Head, mut read: Vec<u8>, wait: Duration) -> io::Result<()> {
    let end = Instant::now() + wait;
    let length = head.only("content-length").and_then(|l| l.parse::<usize>().ok());
    let chunked = head.has_token("transfer-encoding", "chunked");
    while length.is_some_and(|l| read.len() < l) || chunked && !read.ends_with(b"0\r\n\r\n") {
        if more(stream, &mut read, end)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Appends what comes next, waiting until then at most; 0 at the end of the stream.
pub(crate) fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>, end: Instant) -> io::Result<usize> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    let mut chunk = [0; 16 * 1024];
    match stream.read(&mut chunk) {
        Ok(n) => {
            bytes.extend_from_slice(&chunk[..n]);
            Ok(n)
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Err(io::ErrorKind::TimedOut.into()),
        Err(e) => Err(e),
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Head> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    for l in lines {
        let (name, value) = l.split_once(':').ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("header line `{l}`")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Head { line, headers })
}

/// What a WebSocket carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Frame {
    /// A text message in one piece.
    Text(Vec<u8>),
    /// Asks for a pong.
    Ping(Vec<u8>),
    /// Answers a ping.
    Pong(Vec<u8>),
    /// The last one.
    Close,
}

/// One end of an open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    read: Vec<u8>,
    /// Clients mask what they send (RFC 6455 §5.3).
    masks: bool,
}

/// What waiting for a frame brought.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Waited {
    /// A frame.
    Frame(Frame),
    /// The time was up.
    Nothing,
    /// The connection was closed or reset.
    Gone,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, read: Vec<u8>, masks: bool) -> Self {
        Self { stream, read, masks }
    }

    pub(crate) fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let (opcode, body): (u8, &[u8]) = match frame {
            Frame::Text(b) => (1, b),
            Frame::Close => (8, &[]),
            Frame::Ping(b) => (9, b),
            Frame::Pong(b) => (10, b),
        };
        let short = u8::try_from(body.len()).ok().filter(|n| *n < 126).ok_or(io::ErrorKind::InvalidInput)?;
        let mut bytes = vec![0x80 | opcode, short];
        if self.masks {
            let key = [0x5A, 0x11, 0xC3, 0x7E];
            bytes[1] |= 0x80;
            bytes.extend_from_slice(&key);
            bytes.extend(body.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
        } else {
            bytes.extend_from_slice(body);
        }
        self.stream.write_all(&bytes)
    }

    /// Waits for a frame until then.
    pub(crate) fn receive(&mut self, end: Instant) -> Waited {
        loop {
            match self.parse() {
                Waited::Nothing => {}
                waited => return waited,
            }
            match more(&mut self.stream, &mut self.read, end) {
                Ok(0) => return Waited::Gone,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::TimedOut => return Waited::Nothing,
                Err(_) => return Waited::Gone,
            }
        }
    }

    /// A whole frame of what was read; what breaks the protocol ends the connection.
    fn parse(&mut self) -> Waited {
        let (Some(&first), Some(&second)) = (self.read.first(), self.read.get(1)) else { return Waited::Nothing };
        let masked = second & 0x80 != 0;
        let len = usize::from(second & 0x7F);
        // Whole, short frames, masked exactly when they come from a client: nothing else is sent here.
        if first & 0xF0 != 0x80 || len > 125 || masked == self.masks {
            return Waited::Gone;
        }
        let body_at = if masked { 6 } else { 2 };
        if self.read.len() < body_at + len {
            return Waited::Nothing;
        }
        let mut frame: Vec<u8> = self.read.drain(..body_at + len).collect();
        let mut body = frame.split_off(body_at);
        if masked {
            for (b, k) in body.iter_mut().zip(frame[2..6].iter().cycle()) {
                *b ^= k;
            }
        }
        match first & 0x0F {
            1 => Waited::Frame(Frame::Text(body)),
            8 => Waited::Frame(Frame::Close),
            9 => Waited::Frame(Frame::Ping(body)),
            10 => Waited::Frame(Frame::Pong(body)),
            _ => Waited::Gone,
        }
    }
}
