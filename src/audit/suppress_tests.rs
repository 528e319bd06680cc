#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const KNOWN: [&str; 3] = ["cors/preflight-refused", "websocket/http-1-0", "websocket/upgrade-not-forwarded"];

struct Bench {
    map: SourceMap,
    text: String,
}

impl Bench {
    fn new(text: &str) -> Self {
        let mut map = SourceMap::default();
        // A file in front, so that a local offset taken for a global one shows.
        map.add("first.conf", b"events {}\n".to_vec()).unwrap();
        map.add("site.conf", text.as_bytes().to_vec()).unwrap();
        Self { map, text: text.into() }
    }

    fn span(&self, what: &str) -> Span {
        let base = self.map.files().last().unwrap().1.base();
        Span { start: base + self.text.find(what).unwrap() as u32, len: what.len() as u32 }
    }

    fn finding(&self, rule: &'static str, at: &str) -> Finding {
        Finding { message: "m".into(), ..Finding::new(rule, Level::Error, "nginx", self.span(at)) }
    }

    fn suppression(&self, comment: &str, rules: &[&str]) -> Suppression {
        Suppression {
            span_of_comment: self.span(comment),
            rules: rules.iter().map(|&r| r.to_owned()).collect(),
            reason: Some("because".into()),
            line_target: Vec::new(),
            block: None,
            file: false,
            proxy: "nginx",
            site: 0,
        }
    }

    fn run(&self, at: &str, suppressions: &[Suppression]) -> (usize, Vec<&'static str>) {
        let Applied { kept, silenced, meta } = apply(&self.map, vec![self.finding(KNOWN[1], at)], suppressions, &KNOWN);
        assert_eq!(kept.len() + silenced.len(), 1);
        (silenced.len(), meta.iter().map(|f| f.rule).collect())
    }
}

const TEXT: &str =
    "location /a {\n    one 1; # allow here\n    two 2;\n}\n# allow below\n\n  # a remark\nlocation /b {\n    three 3;\n}\nfour 4;\n# last";

#[test]
fn a_comment_at_the_end_of_a_line_holds_for_that_line() {
    let bench = Bench::new(TEXT);
    let mut s = bench.suppression("# allow here", &["websocket/http-1-0"]);
    assert_eq!(bench.run("one", std::slice::from_ref(&s)), (1, vec![]));
    assert_eq!(bench.run("two", std::slice::from_ref(&s)), (0, vec![UNUSED]));
    assert_eq!(bench.run("location /a", std::slice::from_ref(&s)), (0, vec![UNUSED]));
    // A block is for comments that stand alone.
    s.block = Some(bench.span(TEXT));
    assert_eq!(bench.run("two", &[s]), (0, vec![UNUSED]));
}

#[test]
fn a_comment_alone_holds_for_the_next_code_and_its_block() {
    let bench = Bench::new(TEXT);
    let mut s = bench.suppression("# allow below", &["websocket/http-1-0"]);
    assert_eq!(bench.run("location /b", std::slice::from_ref(&s)), (1, vec![]));
    assert_eq!(bench.run("three", std::slice::from_ref(&s)), (0, vec![UNUSED]));
    s.block = Some(bench.span("{\n    three 3;\n}"));
    assert_eq!(bench.run("three", std::slice::from_ref(&s)), (1, vec![]));
    assert_eq!(bench.run("four", std::slice::from_ref(&s)), (0, vec![UNUSED]));
    assert_eq!(bench.run("one", &[s]), (0, vec![UNUSED]));
}

#[test]
fn a_comment_for_the_file_holds_everywhere_in_it() {
    let bench = Bench::new(TEXT);
    let s = Suppression { file: true, ..bench.suppression("# last", &["websocket"]) };
    assert_eq!(bench.run("location /a", std::slice::from_ref(&s)), (1, vec![]));
    let first = Finding { span: Span { start: 0, len: 6 }, ..bench.finding(KNOWN[1], "one") };
    assert_eq!(apply(&bench.map, vec![first], &[s], &KNOWN).kept.len(), 1, "another file");
}

#[test]
fn a_place_that_the_finding_relates_to_counts_too() {
    let bench = Bench::new(TEXT);
    let mut finding = bench.finding(KNOWN[1], "four");
    finding.related.push(crate::rules::Related { span: bench.span("one"), message: "inherited here".into() });
    let mut s = bench.suppression("# allow here", &["websocket"]);
    assert_eq!(apply(&bench.map, vec![finding.clone()], std::slice::from_ref(&s), &KNOWN).silenced.len(), 1);
    s = bench.suppression("# allow below", &["websocket"]);
    assert_eq!(apply(&bench.map, vec![finding.clone()], &[s], &KNOWN).silenced.len(), 0, "another place");
    let first = Finding { span: Span { start: 0, len: 6 }, ..finding };
    let s = Suppression { file: true, ..bench.suppression("# last", &["websocket"]) };
    assert_eq!(apply(&bench.map, vec![first], &[s], &KNOWN).silenced.len(), 0, "a whole file is silenced for its own findings only");
}

#[test]
fn a_target_given_by_the_dialect_goes_before_the_lines() {
    let bench = Bench::new(TEXT);
    let mut s = bench.suppression("# allow below", &["websocket"]);
    s.line_target = vec![bench.span("four 4;")];
    assert_eq!(bench.run("four", std::slice::from_ref(&s)), (1, vec![]));
    assert_eq!(bench.run("location /b", &[s]), (0, vec![UNUSED]));
}

#[test]
fn nothing_follows_the_last_comment() {
    let bench = Bench::new(TEXT);
    assert_eq!(bench.run("four", &[bench.suppression("# last", &["websocket"])]), (0, vec![UNUSED]));
}

#[test]
fn rules_are_named_exactly_or_by_category() {
    for (written, gone, meta) in [
        ("websocket/http-1-0", 1, vec![]),
        ("websocket/*", 1, vec![]),
        ("websocket", 1, vec![]),
        ("websocket/upgrade-not-forwarded", 0, vec![UNUSED]),
        ("cors", 0, vec![UNUSED]),
        ("web", 0, vec![UNKNOWN_RULE]),
        ("*", 0, vec![UNKNOWN_RULE]),
        ("*/*", 0, vec![UNKNOWN_RULE]),
        ("websocket/", 0, vec![UNKNOWN_RULE]),
        ("", 0, vec![UNKNOWN_RULE]),
    ] {
        let bench = Bench::new(TEXT);
        assert_eq!(bench.run("one", &[bench.suppression("# allow here", &[written])]), (gone, meta), "{written:?}");
    }
}

#[test]
fn every_rule_of_a_comment_answers_for_itself() {
    let bench = Bench::new(TEXT);
    let mut s = bench.suppression("# allow here", &["websocket/http-1-0", "cors/preflight-refused", "cors/nonsense"]);
    s.reason = Some("  ".into());
    assert_eq!(bench.run("one", &[s]), (1, vec![UNUSED, UNKNOWN_RULE, MISSING_REASON]));
    assert_eq!(bench.run("one", &[bench.suppression("# allow here", &[])]), (0, vec![UNKNOWN_RULE]));
}

#[test]
fn two_comments_for_one_finding_are_both_used() {
    let bench = Bench::new("# above\none 1; # beside\n");
    let both = [bench.suppression("# above", &["websocket"]), bench.suppression("# beside", &["websocket"])];
    assert_eq!(bench.run("one", &both), (1, vec![]));
}

#[test]
fn a_comment_outside_of_every_file_does_nothing() {
    let bench = Bench::new(TEXT);
    let mut s = bench.suppression("# last", &["websocket"]);
    s.span_of_comment = Span { start: u32::MAX - 1, len: 1 };
    assert_eq!(bench.run("one", &[s]), (0, vec![UNUSED]));
}

#[test]
fn crlf_and_a_byte_order_mark_change_nothing() {
    let bench = Bench::new("\u{feff}# above\r\n\r\none 1;\r\ntwo 2;\r\n");
    assert_eq!(bench.run("one", &[bench.suppression("# above", &["websocket"])]), (1, vec![]));
    assert_eq!(bench.run("two", &[bench.suppression("# above", &["websocket"])]), (0, vec![UNUSED]));
}

#[test]
fn the_nearest_rule_is_offered() {
    assert_eq!(nearest("http-1-0", &KNOWN), Some("websocket/http-1-0"));
    assert_eq!(nearest("websocket/upgrade-not-forwaded", &KNOWN), Some(KNOWN[2]));
    assert_eq!(nearest("tls/expired", &KNOWN), None);
    assert_eq!(nearest("", &KNOWN), None);
    assert_eq!(nearest(&"ä".repeat(5000), &KNOWN), None);
}
