//! Where template tags stand alone between directives: what they become is not known.

use super::syntax::{Kind, NONE, Tree};

/// A place where a template may put directives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The block around it: an index into [`Tree::nodes`], or [`NONE`].
    pub within: u32,
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

/// The tags that may put a setting into the block they stand in. Comments put none, and a statement around whole blocks
/// decides about those blocks only.
pub fn gaps(tree: &Tree, text: &[u8]) -> Vec<Gap> {
    let mut out = Vec::new();
    let mut around: Vec<u32> = Vec::new();
    // Nodes are in the order in which their heads end.
    let mut node = 0;
    for (i, token) in tree.tokens.iter().enumerate() {
        let i = i as u32;
        while tree.nodes.get(node).is_some_and(|n| n.head_end == NONE && n.words.1 < i) {
            node += 1;
        }
        match token.kind {
            Kind::Semicolon | Kind::Open if tree.nodes.get(node).is_some_and(|n| n.head_end == i) => {
                if token.kind == Kind::Open {
                    around.push(node as u32);
                }
                node += 1;
            }
            Kind::Close => {
                around.pop();
            }
            Kind::Template => {
                let within = around.last().copied().unwrap_or(NONE);
                let next = tree.nodes.get(node).filter(|n| n.parent == within);
                if sets(&text[token.start as usize..token.end as usize], next.is_some_and(|n| !n.block)) {
                    out.push(Gap { within, start: token.start, end: token.end });
                }
            }
            _ => {}
        }
    }
    out
}

/// Whether a tag may stand for a setting, or make the one behind it conditional.
fn sets(tag: &[u8], before_setting: bool) -> bool {
    if tag.starts_with(b"{#") {
        return false;
    }
    let statement = tag.strip_prefix(b"{%").or_else(|| tag.strip_prefix(b"<%"));
    let Some(statement) = statement else { return !is_go_statement(tag) || before_setting };
    let words = statement.trim_ascii_start();
    let words = words.strip_prefix(b"-").map_or(words, <[u8]>::trim_ascii_start);
    before_setting || words.starts_with(b"=") || [b"include".as_slice(), b"block", b"call", b"render"].iter().any(|w| words.starts_with(w))
}

/// `{{ if … }}`, `{{ end }}` and `{{#if …}}` decide; `{{ name }}` is text.
fn is_go_statement(tag: &[u8]) -> bool {
    let Some(inner) = tag.strip_prefix(b"{{") else { return false };
    let inner = inner.strip_prefix(b"-").unwrap_or(inner).trim_ascii_start();
    if matches!(inner.first(), Some(b'#' | b'/' | b'^' | b'!')) {
        return true;
    }
    let word = inner.split(|b| !b.is_ascii_alphanumeric()).next().unwrap_or_default();
    matches!(word, b"if" | b"else" | b"end" | b"range" | b"with" | b"define" | b"block" | b"break" | b"continue") || inner.starts_with(b"$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::nginx::syntax::parse;

    fn found(text: &str) -> Vec<(u32, &str)> {
        gaps(&parse(text.as_bytes()), text.as_bytes()).iter().map(|g| (g.within, &text[g.start as usize..g.end as usize])).collect()
    }

    #[test]
    fn text_and_conditions_before_settings_are_gaps() {
        assert_eq!(found("location / {\n {{ extra }}\n a;\n}\n"), [(0, "{{ extra }}")]);
        assert_eq!(found("location / {\n{% if x %}\na;\n{% endif %}\n}\nb;\n"), [(0, "{% if x %}")]);
        assert_eq!(found("a;\n${EXTRA_LINES}\n"), [(NONE, "${EXTRA_LINES}")]);
        assert_eq!(found("s {\n{%- include 'x' %}\n}"), [(0, "{%- include 'x' %}")]);
        assert_eq!(found("a\n}\nb {\n<%= c %>\n}"), [(1, "<%= c %>")]);
    }

    #[test]
    fn statements_around_blocks_and_comments_are_none() {
        assert_eq!(found("{% for s in all %}\nserver {\n a;\n}\n{% endfor %}\n"), []);
        assert_eq!(found("{{ range .All }}\nserver {\n a;\n}\n{{ end }}\n"), []);
        assert_eq!(found("server {\n{# what it is #}\na;\n}\n"), []);
    }
}
