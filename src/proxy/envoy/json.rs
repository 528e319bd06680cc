//! The words of JSON: YAML reads more than that, and Envoy reads a file as YAML by its name only.

/// The first thing that is no word of JSON: its place and what it is. How words follow each other is not looked at.
pub(super) fn foreign(text: &[u8]) -> Option<(usize, usize, &'static str)> {
    let mut at = 0;
    if text.starts_with(b"\xef\xbb\xbf") {
        return Some((0, 3, "a byte order mark"));
    }
    while let Some(b) = text.get(at) {
        match b {
            b' ' | b'\t' | b'\r' | b'\n' | b'{' | b'}' | b'[' | b']' | b':' | b',' => at += 1,
            b'"' => {
                let mut end = at + 1;
                while let Some(c) = text.get(end) {
                    match c {
                        b'\\' => end += 1,
                        b'"' | b'\n' => break,
                        _ => {}
                    }
                    end += 1;
                }
                if text.get(end) != Some(&b'"') {
                    return Some((at, at + 1, "a string that does not end on its line"));
                }
                at = end + 1;
            }
            b'#' => return Some((at, line(text, at), "a comment")),
            b'/' if matches!(text.get(at + 1), Some(b'/' | b'*')) => return Some((at, line(text, at), "a comment")),
            b'\'' => return Some((at, at + 1, "a single quote")),
            _ => {
                let stop = |b: &u8| b" \t\r\n{}[]:,\"".contains(b);
                let end = text[at..].iter().position(stop).map_or(text.len(), |n| at + n);
                let word = &text[at..end];
                let number = word.iter().all(|b| b.is_ascii_digit() || b"+-.eE".contains(b));
                if !number && !matches!(word, b"true" | b"false" | b"null") {
                    return Some((at, end, "a word without quotes"));
                }
                at = end;
            }
        }
    }
    None
}

fn line(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n)
}

#[cfg(test)]
mod tests {
    use super::foreign;

    #[test]
    fn only_words_of_json_pass() {
        assert_eq!(foreign(b"{\"a\": [1, -2.5e3, true, null, \"x\\\"}\"],}\r\n"), None);
        assert_eq!(foreign(b"{\n// c\n}"), Some((2, 6, "a comment")));
        assert_eq!(foreign(b"{a: 1}"), Some((1, 2, "a word without quotes")));
        assert_eq!(foreign(b"\xef\xbb\xbf{}"), Some((0, 3, "a byte order mark")));
        assert_eq!(foreign(b"{\"a\n\": 1}"), Some((1, 2, "a string that does not end on its line")));
    }
}
