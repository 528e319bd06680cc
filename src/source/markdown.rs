//! Configurations inside Markdown: fenced code blocks (CommonMark 0.31, section 4.5).

use std::ops::Range;

/// A fenced block: the words behind its opening fence, and where its text lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    /// The info string.
    pub(super) info: String,
    /// Offset of the first byte of the text.
    pub(super) start: usize,
    /// Offset behind its last byte.
    pub(super) end: usize,
}

/// All fenced blocks; one that is never closed ends with the text.
pub(super) fn fences(text: &[u8]) -> Vec<Fence> {
    let mut out: Vec<Fence> = Vec::new();
    let mut open: Option<(u8, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        let (from, to) = (at, at + line.len());
        at = to;
        let indent = line.iter().take_while(|b| **b == b' ').count();
        let body = &line[indent..];
        let mark = body.first().copied().filter(|b| matches!(b, b'`' | b'~'));
        let run = mark.map_or(0, |m| body.iter().take_while(|b| **b == m).count());
        let rest = body[run..].trim_ascii();
        match open {
            Some((m, n)) if mark == Some(m) && run >= n && rest.is_empty() && indent < 4 => {
                if let Some(last) = out.last_mut() {
                    last.end = from;
                }
                open = None;
            }
            Some(_) => {}
            // A fence of backticks has none in its info string.
            None if run >= 3 && !(mark == Some(b'`') && rest.contains(&b'`')) => {
                open = mark.map(|m| (m, run));
                out.push(Fence { info: String::from_utf8_lossy(rest).into_owned(), start: to, end: text.len() });
            }
            None => {}
        }
    }
    out
}

/// The text with everything outside of a part blanked, line ends kept: a byte of the part keeps its offset, its line and its
/// column.
pub(super) fn masked(text: &[u8], part: &Range<usize>) -> Vec<u8> {
    let blank = |b: &u8| if matches!(b, b'\n' | b'\r') { *b } else { b' ' };
    let mut out: Vec<u8> = text[..part.start].iter().map(blank).collect();
    out.extend_from_slice(&text[part.clone()]);
    out.extend(text[part.end..].iter().map(blank));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_their_info() {
        let text = b"# a\n```nginx error\nlisten 80;\n```\n\n~~~~ haproxy\n```\n~~~\n~~~~\n``` not `a` fence\n  ```yaml envoy\nx: 1\n";
        let found: Vec<(String, String)> =
            fences(text).into_iter().map(|f| (f.info, String::from_utf8_lossy(&text[f.start..f.end]).into_owned())).collect();
        let expected = [("nginx error", "listen 80;\n"), ("haproxy", "```\n~~~\n"), ("yaml envoy", "x: 1\n")];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn a_masked_text_keeps_every_place() {
        let text = "é\r\n```nginx\nlisten 80;\n```\nend".as_bytes();
        let fence = fences(text).remove(0);
        let view = masked(text, &(fence.start..fence.end));
        assert_eq!(view.len(), text.len());
        let line_ends = |t: &[u8]| t.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(line_ends(&view), line_ends(text));
        assert_eq!(view[fence.start..fence.end], *b"listen 80;\n");
        assert_eq!(String::from_utf8_lossy(&view).split_whitespace().collect::<Vec<_>>(), ["listen", "80;"]);
    }
}
