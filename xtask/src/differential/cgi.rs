//! FastCGI, uwsgi and SCGI, as far as one request and one answer need them.

use super::peer::Message;
use std::io::{Error, ErrorKind, Read, Result};
use std::net::TcpStream;
use std::time::Duration;

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http,
    FastCgi,
    Uwsgi,
    Scgi,
}

const STDIN: u8 = 5;
const PARAMS: u8 = 4;

impl Spoken {
    /// By the first byte: a version, a modifier, a length in digits, or a method.
    pub(super) const fn by(first: u8) -> Self {
        match first {
            1 => Self::FastCgi,
            0 => Self::Uwsgi,
            b'0'..=b'9' => Self::Scgi,
            _ => Self::Http,
        }
    }

    /// An answer that begins with status and reason.
    pub(super) fn answer(self, head: &str) -> Vec<u8> {
        match self {
            // A server that switches protocols speaks HTTP.
            _ if head.starts_with("101 ") => format!("HTTP/1.1 {head}").into_bytes(),
            Self::Http | Self::Uwsgi => format!("HTTP/1.1 {head}").into_bytes(),
            Self::Scgi => format!("Status: {head}").into_bytes(),
            Self::FastCgi => {
                let text = format!("Status: {head}");
                let mut out = record(6, text.as_bytes());
                out.extend(record(6, &[]));
                out.extend(record(3, &[0; 8]));
                out
            }
        }
    }
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    let mut out = vec![1, kind, 0, 1, length[0], length[1], 0, 0];
    out.extend_from_slice(content);
    out
}

/// Reads a request: its parameters as a message. `HTTP_X_ONE` is the line `x-one`.
pub(super) fn read(stream: &mut TcpStream, spoken: Spoken) -> Result<Message> {
    let pairs = match spoken {
        Spoken::Uwsgi => uwsgi(stream)?,
        Spoken::Scgi => scgi(stream)?,
        Spoken::FastCgi | Spoken::Http => fastcgi(stream)?,
    };
    let of = |name: &str| pairs.iter().find(|p| p.0 == name).map_or("", |p| &p.1);
    let first = format!("{} {}", of("REQUEST_METHOD"), of("REQUEST_URI"));
    if spoken != Spoken::FastCgi {
        // The body follows. It may never come: what the proxy asks for itself has none.
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        let _ = take(stream, of("CONTENT_LENGTH").parse().unwrap_or(0));
    }
    let headers = pairs.iter().filter_map(|(n, v)| Some((n.strip_prefix("HTTP_")?.replace('_', "-").to_ascii_lowercase(), v.clone())));
    Ok(Message { first, headers: headers.collect(), body: String::new() })
}

fn take(stream: &mut TcpStream, n: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; n];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn short() -> Error {
    Error::from(ErrorKind::UnexpectedEof)
}

fn uwsgi(stream: &mut TcpStream) -> Result<Vec<(String, String)>> {
    let head = take(stream, 4)?;
    let all = take(stream, usize::from(u16::from_le_bytes([head[1], head[2]])))?;
    let mut rest = &all[..];
    let mut next = || -> Option<String> {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (word, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        rest = after;
        Some(text(word))
    };
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (next(), next()) {
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn scgi(stream: &mut TcpStream) -> Result<Vec<(String, String)>> {
    let mut length = 0;
    loop {
        match take(stream, 1)?[0] {
            b':' => break,
            digit => length = length * 10 + usize::from(digit.saturating_sub(b'0')),
        }
    }
    let all = take(stream, length + 1)?;
    let words: Vec<String> = all.split(|b| *b == 0).map(text).collect();
    Ok(words.chunks_exact(2).map(|p| (p[0].clone(), p[1].clone())).collect())
}

fn fastcgi(stream: &mut TcpStream) -> Result<Vec<(String, String)>> {
    let mut params = Vec::new();
    loop {
        let head = take(stream, 8)?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let content = take(stream, length + usize::from(head[6]))?;
        match head[1] {
            PARAMS => params.extend_from_slice(&content[..length]),
            STDIN if length == 0 => break,
            _ => {}
        }
    }
    let mut pairs = Vec::new();
    let mut rest = &params[..];
    while !rest.is_empty() {
        let lengths = [length(&mut rest)?, length(&mut rest)?];
        let (name, after) = rest.split_at_checked(lengths[0]).ok_or_else(short)?;
        let (value, after) = after.split_at_checked(lengths[1]).ok_or_else(short)?;
        pairs.push((text(name), text(value)));
        rest = after;
    }
    Ok(pairs)
}

/// A length of one byte, or of four.
fn length(rest: &mut &[u8]) -> Result<usize> {
    let (first, after) = rest.split_first().ok_or_else(short)?;
    if first & 0x80 == 0 {
        *rest = after;
        return Ok(usize::from(*first));
    }
    let (more, after) = after.split_first_chunk::<3>().ok_or_else(short)?;
    *rest = after;
    Ok(u32::from_be_bytes([first & 0x7f, more[0], more[1], more[2]]) as usize)
}
