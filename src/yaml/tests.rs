//! The tree against texts whose bytes are known, and against any bytes.

use super::*;
use proptest::prelude::*;

fn tree(text: &str) -> Tree {
    parse(&Source::whole(text.as_bytes(), 0))
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end() as usize]
}

const SAMPLE: &str = "# head
a: &x [1, \"two\", {k: v, n: }]  # right
b:
- c: 1
  d: |

    lit
      more

    end
  # above e
  e:
- *x
- !!str \"7\"

# free

c: !foo
  - - x
    -
f: >-
  folded
  text
\"q\": 'it''s'
a: again
# tail
";

#[test]
fn keys_values_and_collections_have_exact_bytes() {
    let t = tree(SAMPLE);
    assert!(t.errors.is_empty(), "{:?}", t.errors);
    let root = t.root().unwrap();
    let say = |id: NodeId| slice(SAMPLE, t.span(id));
    let first = t.entries(root)[0];
    assert_eq!(say(first.key), "a");
    assert_eq!(say(first.value), "[1, \"two\", {k: v, n: }]");
    assert_eq!(slice(SAMPLE, t.node(first.value).anchor.unwrap()), "&x");
    let flow = t.items(first.value)[2];
    assert_eq!(say(flow), "{k: v, n: }");
    assert_eq!(t.span(t.get(flow, "n").unwrap()), Span { start: SAMPLE.find("n: }").unwrap() as u32 + 2, len: 0 });
    let b = t.get(root, "b").unwrap();
    assert!(say(b).starts_with("- c: 1") && say(b).ends_with("- !!str \"7\""), "{:?}", say(b));
    let item = t.items(b)[0];
    assert!(say(item).starts_with("c: 1") && say(item).ends_with("e:"), "{:?}", say(item));
    let block = t.get(item, "d").unwrap();
    assert_eq!(t.text(block), Some("\nlit\n  more\n\nend\n"));
    assert!(say(block).starts_with("lit\n") && say(block).ends_with("end"));
    assert_eq!(t.resolve(t.items(b)[1]), first.value);
    assert_eq!(slice(SAMPLE, t.node(t.items(b)[2]).tag.unwrap()), "!!str");
    let c = t.get(root, "c").unwrap();
    assert_eq!(say(c), "- - x\n    -");
    assert_eq!(t.items(t.items(c)[0]).len(), 2);
    assert_eq!(t.text(t.get(root, "f").unwrap()), Some("folded text"));
    assert_eq!(say(t.get(root, "f").unwrap()), "folded\n  text");
    assert_eq!(t.text(t.get(root, "q").unwrap()), Some("it's"));
}

#[test]
fn duplicate_keys_are_all_there_and_the_last_counts() {
    let t = tree(SAMPLE);
    let root = t.root().unwrap();
    assert_eq!(t.entries(root).iter().filter(|e| t.text(e.key) == Some("a")).count(), 2);
    assert_eq!(t.text(t.get(root, "a").unwrap()), Some("again"));
}

#[test]
fn paths_name_the_way_from_the_root() {
    let t = tree(SAMPLE);
    let root = t.root().unwrap();
    let item = t.items(t.get(root, "b").unwrap())[0];
    assert_eq!(t.path(t.get(item, "d").unwrap()), "b[0].d");
    let t = tree("m:\n  envoy.filters.http.cors: {a: 1}\n");
    let inner = t.find(t.root().unwrap(), &["m", "envoy.filters.http.cors", "a"]).unwrap();
    assert_eq!(t.path(inner), "m[\"envoy.filters.http.cors\"].a");
}

#[test]
fn comments_know_what_they_stand_at() {
    let t = tree(SAMPLE);
    let said: Vec<(&str, Placement, Option<&str>)> =
        t.comments.iter().map(|c| (&*c.text, c.placement, t.about(c).map(|s| slice(SAMPLE, s)))).collect();
    assert_eq!(said[1], (" right", Placement::Right, Some("a: &x [1, \"two\", {k: v, n: }]")));
    assert_eq!(said[2], (" above e", Placement::Above, Some("e:")));
    assert_eq!(said[3].1, Placement::Free);
    let text = "l:\n# first\n- name: x\n  y: 1\n- name: z # beside\n";
    let t = tree(text);
    assert_eq!(slice(text, t.about(&t.comments[0]).unwrap()), "name: x\n  y: 1");
    assert_eq!(slice(text, t.about(&t.comments[1]).unwrap()), "name: z");
}

#[test]
fn an_alias_inside_of_its_own_node_is_an_error_and_no_cycle() {
    let t = tree("a: &a\n  b: *a\n  c: *none\n");
    let faults: Vec<Fault> = t.errors.iter().map(|e| e.fault).collect();
    assert_eq!(faults, [Fault::Cycle, Fault::UnknownAnchor]);
    let b = t.find(t.root().unwrap(), &["a", "b"]).unwrap();
    assert_eq!(t.resolve(b), b);
}

#[test]
fn a_broken_text_keeps_what_was_read_and_the_next_document() {
    let text = "a: 1\nb: [1,\nc: 2\n---\nd: 3\n";
    let t = tree(text);
    assert_eq!(t.errors.len(), 1);
    assert_eq!(t.errors[0].fault, Fault::Unterminated);
    assert_eq!(slice(text, t.errors[0].span), "[");
    assert_eq!(t.text(t.get(t.root().unwrap(), "a").unwrap()), Some("1"));
    assert_eq!(t.documents().len(), 2);
    assert_eq!(t.text(t.get(t.documents()[1].unwrap(), "d").unwrap()), Some("3"));
}

#[test]
fn template_tags_are_opaque_and_move_no_byte() {
    let text = "{{- if .x }}\nport: {{ .port }}\nname: \"a-{{ .n }}\"\n{{- end }}\nv: ${V:-1}\nlua: |\n  a {{ b }}\n    c\nplain: 1\n";
    let t = tree(text);
    assert!(t.errors.is_empty(), "{:?}", t.errors);
    let root = t.root().unwrap();
    for (key, said) in [("port", "{{ .port }}"), ("name", "a-{{ .n }}"), ("v", "${V:-1}"), ("lua", "a {{ b }}\n  c\n")] {
        let v = t.get(root, key).unwrap();
        assert!(t.is_opaque(v), "{key}");
        assert_eq!(t.text(v), Some(said));
    }
    assert!(!t.is_opaque(t.get(root, "plain").unwrap()));
    let holes: Vec<&str> = t.holes.iter().map(|h| slice(text, *h)).collect();
    assert_eq!(holes, ["{{- if .x }}", "{{- end }}"]);
    assert!(t.has_hole(root));
}

#[test]
fn an_embedded_text_maps_into_its_host() {
    let host = "kind: ConfigMap\ndata:\n  envoy.yaml: |\n\n    ---\n    admin:\n      ä: {b: 1}\n\n    x:\n    - y\n  other: z\n";
    let outer = tree(host);
    let node = outer.find(outer.root().unwrap(), &["data", "envoy.yaml"]).unwrap();
    let source = Source::embedded(&outer, node, slice(host, outer.span(node)).as_bytes()).unwrap();
    let t = parse(&source);
    assert!(t.errors.is_empty(), "{:?}", t.errors);
    let root = t.root().unwrap();
    let b = t.find(root, &["admin", "ä", "b"]).unwrap();
    assert_eq!(slice(host, t.span(b)), "1");
    assert_eq!(slice(host, t.span(t.get(root, "admin").unwrap())), "ä: {b: 1}");
    assert_eq!(slice(host, t.span(t.get(root, "x").unwrap())), "- y");
}

#[test]
fn json_is_yaml() {
    let text = "{\n\t\"a\": [1, \"\\u00e9\\ud83d\\ude00\\/\", true,],\"b\":{\"c\":null}}\n";
    let t = tree(text);
    assert!(t.errors.is_empty(), "{:?}", t.errors);
    let a = t.get(t.root().unwrap(), "a").unwrap();
    assert_eq!(t.text(t.items(a)[1]), Some("é😀/"));
    assert_eq!(t.items(a).len(), 3);
}

#[test]
fn deep_texts_do_not_overflow() {
    for unit in ["[", "{a: ", "- ", "? ", "a:\n "] {
        let t = tree(&unit.repeat(100_000));
        assert!(!t.errors.is_empty() || unit == "a:\n ");
    }
}

/// Whatever is in no key, scalar, alias, anchor, tag or comment is punctuation.
fn tiles(text: &str) {
    let t = tree(text);
    if !t.errors.is_empty() {
        return;
    }
    let mut covered: Vec<Span> = Vec::new();
    for id in t.all() {
        let n = t.node(id);
        covered.extend(n.anchor);
        covered.extend(n.tag);
        if let Some(p) = n.parent {
            assert!(t.span(p).holds(n.span), "a child outside of its parent in {text:?}");
        }
        if matches!(n.kind, Kind::Scalar { .. } | Kind::Alias { .. }) {
            covered.push(n.span);
        }
    }
    covered.extend(t.comments.iter().map(|c| c.span));
    let inside = |h: &Span| covered.iter().any(|c| c.holds(*h));
    let holes: Vec<Span> = t.holes.iter().filter(|h| !inside(h)).copied().collect();
    covered.extend(holes);
    covered.retain(|s| s.len > 0);
    covered.sort_unstable();
    for pair in covered.windows(2) {
        assert!(pair[0].end() <= pair[1].start, "spans overlap in {text:?}: {pair:?}");
    }
    let mut at = 0;
    for s in covered.iter().chain([&Span { start: text.len() as u32, len: 0 }]) {
        let gap = &text[at..s.start as usize];
        assert!(
            gap.chars().all(|c| c.is_whitespace() || "-?:,[]{}|>+.0123456789".contains(c) || c == '\u{feff}') || gap.contains('%'),
            "bytes are lost in {text:?}: {gap:?}"
        );
        at = s.end() as usize;
    }
}

#[test]
fn the_sample_is_tiled() {
    tiles(SAMPLE);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let t = parse(&Source::whole(&bytes, 7));
        for id in t.all() {
            let s = t.span(id);
            prop_assert!(s.start >= 7 && s.end() as usize <= 7 + bytes.len());
            t.path(id);
        }
    }

    #[test]
    fn yaml_like_texts_are_tiled(parts in proptest::collection::vec(prop::sample::select(vec![
        "a", "b:", ": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ", "&x ", "*x", "!t ", "# c\n", "|\n", ">-\n", "'q'", "\"d\"", "? ", "~", "1",
        "---\n", "...\n", "\r\n", "é", "<<: *x", "{{ t }}",
    ]), 0..40)) {
        tiles(&parts.concat());
    }
}
