//! Makes text fit for a terminal.

use std::borrow::Cow;

/// Characters that change how a terminal shows others: control characters, and those that turn the direction of writing.
fn harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Bytes as text of the same length in bytes, so that offsets hold: what is not UTF-8 and what a terminal would act on becomes
/// question marks. A tab stays.
pub(super) fn clean_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c != '\t' && harmful(c) {
                out.extend(std::iter::repeat_n('?', c.len_utf8()));
            } else {
                out.push(c);
            }
        }
        out.extend(std::iter::repeat_n('?', chunk.invalid().len()));
    }
    out
}

/// The same for text of ours that may quote a configuration; line breaks stay.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)) {
        return Cow::Borrowed(text);
    }
    text.chars().filter(|c| *c != '\r').map(|c| if c != '\n' && harmful(c) { if c == '\t' { ' ' } else { '?' } } else { c }).collect()
}

/// The same on one line.
pub(super) fn clean_line(text: &str) -> Cow<'_, str> {
    let clean = clean(text);
    if clean.contains('\n') { clean.replace('\n', " ").into() } else { clean }
}

/// Breaks long lines between words, never inside of a word or of `code in backticks` that would fit on a line, so that
/// directives and header names can be copied. Lines indented by four spaces are code and stay.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let width = width.max(20);
    let mut out = Vec::new();
    for line in text.trim_end().split('\n') {
        let line = line.trim_end();
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        if line.chars().count() <= width || indent.len() >= 4 {
            out.push(line.to_owned());
            continue;
        }
        let mut current = String::from(indent);
        let mut empty = true;
        for word in words(body, width - indent.len()) {
            if !empty && current.chars().count() + 1 + word.chars().count() > width {
                out.push(std::mem::replace(&mut current, indent.to_owned()));
                empty = true;
            }
            if !empty {
                current.push(' ');
            }
            current.push_str(&word);
            empty = false;
        }
        out.push(current);
    }
    out.join("\n")
}

/// Words, where a pair of backticks holds several together unless that is wider than a line, and a number keeps its unit.
fn words(line: &str, width: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for word in line.split(' ').filter(|w| !w.is_empty()) {
        match out.last_mut() {
            Some(last) if (open || is_quantity(last, word)) && last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => out.push(word.to_owned()),
        }
        if word.matches('`').count() % 2 == 1 {
            open = !open;
        }
    }
    out
}

/// `30` and `s`, perhaps with a comma behind it.
fn is_quantity(number: &str, unit: &str) -> bool {
    let unit = unit.trim_end_matches([',', ';', '.', ':', ')']);
    matches!(unit, "ms" | "s" | "min" | "h" | "d") && number.bytes().last().is_some_and(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_keeps_the_length_in_bytes() {
        for bytes in [&b"a\xFFb\xC3"[..], "ä\u{1b}[31m\u{9b}\u{202e}x\t\u{0}".as_bytes(), b"\xF0\x9F\x98", b"", b"\r"] {
            let clean = clean_bytes(bytes);
            assert_eq!(clean.len(), bytes.len(), "{clean:?}");
            assert!(!clean.chars().any(|c| c != '\t' && harmful(c)));
        }
        assert_eq!(clean_bytes("ä\u{1b}[1m\t".as_bytes()), "ä?[1m\t");
        assert_eq!(clean("a\r\nb\tc\u{1b}"), "a\nb c?");
    }

    #[test]
    fn words_and_code_stay_whole() {
        let text = "write `proxy_set_header Upgrade $http_upgrade;` in the block Sec-WebSocket-Extensions";
        assert_eq!(wrap(text, 45), "write\n`proxy_set_header Upgrade $http_upgrade;` in\nthe block Sec-WebSocket-Extensions");
        assert_eq!(wrap("  one two three four five six", 20), "  one two three four\n  five six");
        assert_eq!(wrap("    code that is long and must stay as it is", 20), "    code that is long and must stay as it is");
        assert_eq!(wrap("a `pair that is much wider than the whole line` z", 20), "a `pair that is much\nwider than the whole\nline` z");
        assert_eq!(wrap("one two three four 30 s, and", 21), "one two three four\n30 s, and");
        assert_eq!(wrap("", 0), "");
        assert_eq!(wrap(&format!("x {}", "y".repeat(50)), 20), format!("x\n{}", "y".repeat(50)));
    }
}
