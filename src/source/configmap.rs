//! Configurations inside of Kubernetes manifests: the literal blocks of a ConfigMap. They are found by lines, not by reading
//! YAML, since a chart full of template tags is none, and holds them all the same.

use std::ops::Range;

/// Keys and texts of the literal blocks (`nginx.conf: |`) of all documents that are a ConfigMap.
pub fn config_maps(text: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut out = Vec::new();
    for document in documents(text) {
        let is_map = |line: &[u8]| {
            let line = line.trim_ascii();
            let line = line.strip_prefix(b"- ").map_or(line, <[u8]>::trim_ascii_start);
            line.strip_prefix(b"kind:").is_some_and(|kind| matches!(kind.trim_ascii(), b"ConfigMap" | b"\"ConfigMap\"" | b"'ConfigMap'"))
        };
        if text[document.clone()].split(|b| *b == b'\n').any(is_map) {
            literals(text, document, &mut out);
        }
    }
    out
}

/// Where the documents of a stream lie.
fn documents(text: &[u8]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"---") && !matches!(line.get(3), Some(b) if !b.is_ascii_whitespace()) {
            out.push(start..at);
            start = at;
        }
        at += line.len();
    }
    out.push(start..at);
    out
}

/// The literal blocks of one document: lines indented deeper than their key, and empty ones among them.
fn literals(text: &[u8], document: Range<usize>, out: &mut Vec<(String, Range<usize>)>) {
    let mut open: Option<usize> = None;
    let mut at = document.start;
    for line in text[document].split_inclusive(|b| *b == b'\n') {
        let to = at + line.len();
        at = to;
        let indent = line.iter().take_while(|b| **b == b' ').count();
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let (Some(depth), Some((_, last))) = (open, out.last_mut())
            && indent > depth
        {
            last.end = to;
            continue;
        }
        open = None;
        if let Some(key) = opening(line) {
            open = Some(indent);
            out.push((key, to..to));
        }
    }
}

/// The key of a line that opens a literal block.
fn opening(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let (key, style) = line.rsplit_once(": |").or_else(|| line.rsplit_once(":\t|"))?;
    let style = style.split(" #").next().unwrap_or_default().trim_end();
    let key = key.trim().trim_matches(['"', '\'']);
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    (plain && style.bytes().all(|b| matches!(b, b'+' | b'-' | b'1'..=b'9'))).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::config_maps;

    fn found(text: &str) -> Vec<(String, &str)> {
        config_maps(text.as_bytes()).into_iter().map(|(key, at)| (key, &text[at])).collect()
    }

    #[test]
    fn literal_blocks_of_config_maps_are_found() {
        let text = "kind: Secret\ndata:\n  x.conf: |\n    no\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  other: value\n  nginx.conf: |-\n    http {\n\n    }\n\n  \"haproxy.cfg\": |2+ # kept\n      global\n  folded: >\n    a\n---\n";
        assert_eq!(found(text), [("nginx.conf".to_owned(), "    http {\n\n    }\n"), ("haproxy.cfg".to_owned(), "      global\n")]);
    }

    #[test]
    fn lists_templates_and_line_ends_do_not_matter() {
        let text = "{{- if .Values.on }}\r\nitems:\r\n- kind: ConfigMap\r\n  data:\r\n    a.conf: |\r\n      listen {{ .Values.port }};\r\n{{- end }}";
        assert_eq!(found(text), [("a.conf".to_owned(), "      listen {{ .Values.port }};\r\n")]);
        assert_eq!(found("kind: ConfigMap\ndata:\n  a: |"), [("a".to_owned(), "")]);
        assert_eq!(found(""), []);
    }
}
