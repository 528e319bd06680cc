//! Texts that every request has, made once for each thread: a text that two threads share is one that they wait for.

use crate::model::Text;

/// In all requests, or in all handshakes.
const COMMON: [&str; 16] = [
    "",
    "GET",
    "1.1",
    "Host",
    "http",
    "https",
    "HTTP/1.1",
    "/",
    "Upgrade",
    "websocket",
    "Connection",
    "Sec-WebSocket-Key",
    "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version",
    "13",
    "Origin",
];

thread_local! {
    static WORDS: Vec<(&'static str, Text)> = COMMON.into_iter().map(|word| (word, word.into())).collect();
}

/// A common text.
pub(super) fn word(text: &str) -> Text {
    WORDS.with(|words| words.iter().find(|w| w.0 == text).map_or_else(|| text.into(), |w| w.1.clone()))
}

/// The empty text.
pub(super) fn nothing() -> Text {
    WORDS.with(|words| words[0].1.clone())
}
