//! Where a finding stands, in the numbers that other tools ask for.

use crate::source::{SourceMap, Span};

/// A run of text in a file. Lines and columns from 1, columns in characters; the end is behind the last character.
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) end_line: u32,
    pub(super) end_column: u32,
    /// Bytes from the start of the file.
    pub(super) offset: u32,
    /// In bytes.
    pub(super) length: u32,
    /// Bytes from the start of the line to the start, and to the end.
    pub(super) bytes_in_line: (u32, u32),
}

impl<'a> Place<'a> {
    /// `None`: it lies in no file.
    pub(super) fn of(map: &'a SourceMap, span: Span) -> Option<Self> {
        let (_, file) = map.file_at(span.start)?;
        let (from, to) = (file.position(span.start - file.base()), file.position(span.end() - file.base()));
        let line_start = |line: u32| file.line_starts().get(line.saturating_sub(1) as usize).copied().unwrap_or_default();
        Some(Self {
            file: file.name(),
            line: from.line,
            column: from.column,
            end_line: to.line,
            end_column: to.column,
            offset: from.offset,
            length: to.offset - from.offset,
            bytes_in_line: (from.offset - line_start(from.line), to.offset - line_start(to.line)),
        })
    }
}

/// A path as a reference that other tools can follow: relative ones stay relative, absolute ones become `file:` addresses.
pub(super) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for b in path.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'~' | b'+' | b'@' | b'=' | b',') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("conf.d/a b.conf"), "conf.d/a%20b.conf");
        assert_eq!(uri("/etc/nginx/é.conf"), "file:///etc/nginx/%C3%A9.conf");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }

    #[test]
    fn places_count_characters_and_bytes() {
        let mut map = SourceMap::default();
        map.add("a", b"x\n".to_vec()).unwrap_or_else(|e| panic!("{e}"));
        let id = map.add("b", "one\n\u{e9}\u{e9} two\n".as_bytes().to_vec()).unwrap_or_else(|e| panic!("{e}"));
        let base = map.file(id).base();
        let p = Place::of(&map, Span { start: base + 9, len: 3 }).expect("it lies in a file");
        assert_eq!((p.file, p.line, p.column, p.end_line, p.end_column), ("b", 2, 4, 2, 7));
        assert_eq!((p.offset, p.length, p.bytes_in_line), (9, 3, (5, 8)));
    }
}
