//! Comments that speak to hoplint, and what stands around them.

use crate::proxy::nginx::syntax::{Kind, NONE, Node, Tree};

/// A comment of a file; offsets are local, the rest are indexes into [`Tree::nodes`], or [`NONE`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Without `#`.
    pub(super) text: String,
    /// The block around it.
    pub(super) within: u32,
    /// The next directive of the same block.
    pub(super) next: u32,
    /// The directive that ends on its line.
    pub(super) trailing_of: u32,
}

/// All of them; comments that do not name hoplint say nothing to it.
pub(super) fn find(tree: &Tree, bytes: &[u8]) -> Vec<Found> {
    let speaks = memchr::memmem::Finder::new("hoplint:");
    if speaks.find(bytes).is_none() {
        return Vec::new();
    }
    let mut out = Vec::new();
    // Open blocks around the place that was reached; nodes are in the order in which their heads end.
    let mut around: Vec<u32> = Vec::new();
    let mut node = 0;
    let head_end = |n: &Node| if n.head_end == NONE { n.words.1 } else { n.head_end };
    for (at, token) in tree.tokens.iter().enumerate().filter(|(_, t)| t.kind == Kind::Comment) {
        let at = at as u32;
        let text = &bytes[token.start as usize..token.end as usize];
        if speaks.find(text).is_none() {
            continue;
        }
        let leave = |around: &mut Vec<u32>, at: u32| {
            while around.last().is_some_and(|b| tree.nodes[*b as usize].close < at) {
                around.pop();
            }
        };
        while let Some(n) = tree.nodes.get(node).filter(|n| head_end(n) < at) {
            if n.block {
                leave(&mut around, head_end(n));
                around.push(node as u32);
            }
            node += 1;
        }
        leave(&mut around, at);
        let within = around.last().copied().unwrap_or(NONE);
        let follows = |n: &Node| n.words.0 != NONE && n.words.0 > at;
        let mut next = tree.nodes.get(node).filter(|n| n.parent == within).map_or(NONE, |_| node as u32);
        while tree.nodes.get(next as usize).is_some_and(|n| !follows(n)) {
            next = tree.nodes[next as usize].next;
        }
        let line = bytes[..token.start as usize].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1) as u32;
        let ends_here = |t: u32| tree.tokens[t as usize].start >= line;
        let trailing_of = (0..node)
            .rev()
            .take_while(|n| ends_here(head_end(&tree.nodes[*n])))
            .find(|n| tree.nodes[*n].head_end != NONE)
            .map_or(NONE, |n| n as u32);
        let text = String::from_utf8_lossy(&text[1..]).trim_end().to_owned();
        out.push(Found { start: token.start, end: token.end, text, within, next, trailing_of });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::nginx::syntax::parse;

    fn told(text: &str) -> Vec<(String, [Option<&str>; 3])> {
        let tree = parse(text.as_bytes());
        let name = |n: u32| tree.words(if n == NONE { return None } else { n }).next().map(|t| &text[t.start as usize..t.end as usize]);
        find(&tree, text.as_bytes()).into_iter().map(|f| (f.text, [name(f.within), name(f.next), name(f.trailing_of)])).collect()
    }

    #[test]
    fn a_comment_knows_its_block_what_follows_and_what_it_stands_behind() {
        let text = "# hoplint: 1\na { # hoplint: 2\nb; # hoplint: 3\n# plain\nc { d; }\n# hoplint: 4\n}\n# hoplint: 5\ne;";
        let expected = [
            (" hoplint: 1", [None, Some("a"), None]),
            (" hoplint: 2", [Some("a"), Some("b"), Some("a")]),
            (" hoplint: 3", [Some("a"), Some("c"), Some("b")]),
            (" hoplint: 4", [Some("a"), None, None]),
            (" hoplint: 5", [None, Some("e"), None]),
        ];
        assert_eq!(told(text), expected.map(|(t, around)| (t.to_owned(), around)));
    }

    #[test]
    fn a_comment_inside_a_directive_is_followed_by_the_next_one() {
        assert_eq!(told("s { a # hoplint: x\n b; c; } d;"), [(" hoplint: x".to_owned(), [Some("s"), Some("c"), Some("s")])]);
    }
}
