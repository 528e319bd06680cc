//! Texts that every request has, made once for each thread: a text that two threads share is one that they wait for.

use crate::model::Text;

thread_local! {
    static WORDS: Vec<(&'static str, Text)> =
        ["", "GET", "1.1", "Host", "http", "https", "HTTP/1.1", "/"].into_iter().map(|word| (word, word.into())).collect();
}

/// A common text.
pub(super) fn word(text: &str) -> Text {
    WORDS.with(|words| words.iter().find(|w| w.0 == text).map_or_else(|| text.into(), |w| w.1.clone()))
}

/// The empty text.
pub(super) fn nothing() -> Text {
    WORDS.with(|words| words[0].1.clone())
}
