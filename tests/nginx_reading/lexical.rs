//! nginx's lexical grammar, case by case, and what holds for all texts.

use super::round_trip;
use hoplint::proxy::nginx::syntax::{self, Fault, Kind, Tree};
use proptest::prelude::*;

/// The directives of a text, as words and blocks: `a b; c { d; }` is `[a b] [c]{ [d] }`.
fn shape(text: &[u8]) -> String {
    let tree = syntax::parse(text);
    assert!(tree.errors.is_empty(), "{:?}: {:?}", String::from_utf8_lossy(text), tree.errors);
    shape_of(text, &tree)
}

fn shape_of(text: &[u8], tree: &Tree) -> String {
    fn block(text: &[u8], tree: &Tree, of: u32, out: &mut Vec<String>) {
        for node in tree.children(of) {
            let words: Vec<String> = tree
                .words(node)
                .map(|t| String::from_utf8_lossy(&syntax::decode(&text[t.start as usize..t.end as usize], t.kind)).into_owned())
                .collect();
            out.push(format!("[{}]", words.join("|")));
            if tree.nodes[node as usize].block {
                out.push("{".to_owned());
                block(text, tree, node, out);
                out.push("}".to_owned());
            }
        }
    }
    let mut out = Vec::new();
    block(text, tree, syntax::NONE, &mut out);
    out.join(" ")
}

fn faults(text: &[u8]) -> Vec<(Fault, u32)> {
    syntax::parse(text).errors.iter().map(|e| (e.fault, e.start)).collect()
}

#[test]
fn white_space_is_space_tab_cr_and_lf() {
    assert_eq!(shape(b"a b\tc\r\nd\n e ;"), "[a|b|c|d|e]");
    assert_eq!(shape("a\u{a0}b\x0bc;".as_bytes()), "[a\u{a0}b\x0bc]");
    assert_eq!(shape("säße ☃;".as_bytes()), "[säße|☃]");
    assert_eq!(shape(b"a;\r\nb;"), "[a] [b]");
}

#[test]
fn with_cr_alone_a_comment_takes_the_rest() {
    assert_eq!(shape(b"a; # x\rb;\rc;"), "[a]");
}

#[test]
fn a_comment_begins_only_where_a_token_does() {
    assert_eq!(shape(b"a b#c;"), "[a|b#c]");
    assert_eq!(shape(b"a;#c\nb{#d\n}"), "[a] [b] { }");
    assert_eq!(shape(b"a # one\n b;"), "[a|b]");
    assert_eq!(faults(b"a \"b\"#c\n;"), [(Fault::AfterQuote, 5)]);
}

#[test]
fn quotes_count_only_at_the_start_of_a_token() {
    assert_eq!(shape(b"a b\"c\"d it's;"), "[a|b\"c\"d|it's]");
    assert_eq!(shape(b"a \"b c\" 'd;{}#e';"), "[a|b c|d;{}#e]");
    assert_eq!(shape(b"\"a\" '';"), "[a|]");
    assert_eq!(shape(b"a \"b\nc\";"), "[a|b\nc]");
    assert_eq!(shape(b"if (\"a\") { }"), "[if|(\"a\")] { }");
    assert_eq!(shape(b"a \"b\");"), "[a|b|)]");
    assert_eq!(faults(b"a \"b\"c;"), [(Fault::AfterQuote, 5)]);
    assert_eq!(faults(b"a \"b\"'c';"), [(Fault::AfterQuote, 5)]);
}

#[test]
fn backslashes() {
    assert_eq!(shape(br#"a "x\"y" 'it\'s' b\\c \"q;"#), r#"[a|x"y|it's|b\c|"q]"#);
    assert_eq!(shape(br"a x\ty\rz\nw;"), "[a|x\ty\rz\nw]");
    assert_eq!(shape(br"a b\ c d\;e f\{g \.h;"), r"[a|b\ c|d\;e|f\{g|\.h]");
    assert_eq!(shape(br#"a "\d+\.x";"#), r"[a|\d+\.x]");
}

#[test]
fn braces() {
    assert_eq!(shape(b"a ${b}c $d{ e; }"), "[a|${b}c|$d] { [e] }");
    assert_eq!(shape(b"location /x{a}b; }"), "[location|/x] { [a}b] }");
    assert_eq!(shape(b"a \"^/x{2,3}$\" ;"), "[a|^/x{2,3}$]");
    // The quantifier opens a block.
    let text = br"location ~ ^/\d{4}$ { a; } }";
    assert_eq!(shape(text), r"[location|~|^/\d] { [4}$] { [a] } }");
}

#[test]
fn ends_of_directives() {
    assert_eq!(faults(b"a;;"), [(Fault::Unexpected, 2)]);
    assert_eq!(faults(b"a { };"), [(Fault::Unexpected, 5)]);
    assert_eq!(faults(b"a { b }"), [(Fault::MissingSemicolon, 4)]);
    assert_eq!(faults(b"{ a; }"), [(Fault::Unexpected, 0)]);
    assert_eq!(faults(b"a; }"), [(Fault::StrayClose, 3)]);
    assert_eq!(faults(b"a b"), [(Fault::OpenDirective, 0)]);
    assert_eq!(faults(b"a { b;"), [(Fault::OpenBlock, 2)]);
    assert_eq!(faults(b"a \"b;\n}"), [(Fault::OpenQuote, 2)]);
    assert_eq!(shape(b"a;b{c;}d;"), "[a] [b] { [c] } [d]");
    assert_eq!(shape(b""), "");
}

#[test]
fn reading_goes_on_behind_errors() {
    let text = b"a;; b \"c\"d; e { f } g;";
    let tree = syntax::parse(text);
    assert_eq!(shape_of(text, &tree), "[a] [b|c|d] [e] { [f] } [g]");
    assert_eq!(tree.errors.len(), 3);
}

#[test]
fn tokens_are_shorter_than_4096_bytes_comments_too() {
    let long = |n: usize| [b"a ".as_slice(), &b"x".repeat(n), b";"].concat();
    assert_eq!(faults(&long(4095)), []);
    assert_eq!(faults(&long(4096)), [(Fault::TooLong, 2)]);
    let comment = |n: usize| [b"#".as_slice(), &b"x".repeat(n), b"\na;"].concat();
    assert_eq!(faults(&comment(4094)), []);
    assert_eq!(faults(&comment(4096)), [(Fault::TooLong, 0)]);
}

#[test]
fn a_byte_order_mark_is_a_part_of_the_first_word() {
    assert_eq!(shape("\u{feff}events { }".as_bytes()), "[\u{feff}events] { }");
}

#[test]
fn lua_is_text_with_balanced_braces() {
    let scripts = [
        "local a = { 1, { 2 } }",
        "-- }",
        "local s = \"}\" .. '}' .. '\\'}'",
        "local s = [[ } ]] .. [==[ }]] } ]==]",
        "--[[ } \n } ]] f()",
        "return a[b[1]]",
    ];
    for script in scripts {
        for name in ["content_by_lua_block", "\"content_by_lua_block\""] {
            let text = format!("{name} {{ {script}\n }} a;");
            let tree = syntax::parse(text.as_bytes());
            assert!(tree.errors.is_empty(), "{text}: {:?}", tree.errors);
            assert_eq!(shape_of(text.as_bytes(), &tree), "[content_by_lua_block] { } [a]", "{text}");
            assert_eq!(tree.tokens.iter().filter(|t| t.kind == Kind::Script).count(), 1);
        }
    }
}

#[test]
fn blocks_of_data_are_words_and_semicolons() {
    assert_eq!(shape(b"map $a $b { '' x; ~^/a$ y; *.c.d 1; default 0; }"), "[map|$a|$b] { [|x] [~^/a$|y] [*.c.d|1] [default|0] }");
    assert_eq!(shape(b"types { text/html html htm; }"), "[types] { [text/html|html|htm] }");
}

#[test]
fn template_tags_are_opaque() {
    for text in [
        "server_name {{ host }};",
        "server_name {{ a ? \"x;y\" : '{' }}.com;",
        "{% if x %}\na;\n{% else %}\na;\n{% endif %}",
        "{# a comment; } of the template #}\na;",
        "listen <%= @port %>;",
        "<% if x %>\na;\n<% end %>",
        "listen ${PORT};",
        "listen @PORT@;",
        "listen {PORT};",
        "root %%ROOT%%;",
    ] {
        let tree = syntax::parse(text.as_bytes());
        assert!(tree.errors.is_empty(), "{text}: {:?}", tree.errors);
        round_trip(text.as_bytes());
    }
    // A comment of nginx, not of a template.
    assert_eq!(shape(b"a {# b #}\n}"), "[a] { }");
}

#[test]
fn blocks_nest_200_000_deep() {
    let deep = [b"a{".repeat(200_000), b"}".repeat(200_000)].concat();
    let tree = syntax::parse(&deep);
    assert!(tree.errors.is_empty());
    assert_eq!(tree.nodes.len(), 200_000);
    drop(tree);
    let open = b"a{".repeat(200_000);
    assert_eq!(faults(&open).len(), 1);
    // Through the whole reader, too.
    let mut files = hoplint::source::Files::new();
    let file = files.add("deep.conf", deep).unwrap();
    let room = hoplint::proxy::dialect("nginx").unwrap();
    let sites = room.read(&mut files, &[file], &hoplint::proxy::Reading::default());
    assert_eq!(sites.len(), 1);
    sites[0].lower(&hoplint::model::Era::new(hoplint::model::Version(1, 31, 5)));
}

/// Where reading were quadratic in the length of a line, this would take minutes.
#[test]
fn one_long_line_of_anything_is_read_to_its_end() {
    for piece in [
        "{{a}}",
        "{{",
        "{%",
        "{#",
        "<% %> x",
        "{{ a }} x;",
        "@A@;",
        "${A} ",
        "a${b}{{c}}",
        "\"a\"b",
        "[[",
        "{NAME}",
        "'",
        "}",
        "# hoplint: x",
    ] {
        for (before, behind) in [("", ""), ("a_by_lua_block {", "}"), ("a {", "}")] {
            let text = format!("{before}{}{behind}", piece.repeat((1 << 19) / piece.len()));
            round_trip(text.as_bytes());
        }
    }
}

/// Pieces of real shape, to be cut, joined and disturbed.
const PIECES: &[&str] = &[
    "events { worker_connections 1024; }\n",
    "http {\n",
    "map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n",
    "upstream app { server 10.0.0.1:80 weight=2; keepalive 8; }\n",
    "server {\n    listen 443 ssl;\n    server_name ~^(?<a>.+)\\.x$ .y;\n",
    "location ~* \"^/ws/(\\d{2,4})$\" {\n",
    "    proxy_set_header Upgrade $http_upgrade;\n",
    "    proxy_set_header Connection 'keep-alive, \"x\"';\n",
    "    if ($arg_a = \"\") { return 204; } # why\n",
    "    rewrite ^/a/(.*)$ /b/$1? break;\n",
    "    include snippets/*.conf;\n",
    "    content_by_lua_block { local a = { '}' } -- }\n }\n",
    "{% if tls %}\n listen {{ port }}; \n{% endif %}\n",
    "    add_header X ${VALUE} always;\n",
    "}\n",
    "\"",
    "\\",
    "#",
    ";",
    "{",
    "\u{feff}",
    "ñ",
    "\r\n",
];

fn shaped() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(0..PIECES.len(), 0..40);
    let wounds = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..6);
    (pieces, wounds).prop_map(|(pieces, wounds)| {
        let mut text: Vec<u8> = pieces.into_iter().flat_map(|i| PIECES[i].bytes()).collect();
        for (at, byte, how) in wounds {
            if text.is_empty() {
                break;
            }
            let at = at.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        text
    })
}

/// Whatever the text, everything is read, every release judges it, and every place lies in the file.
fn survives(text: &[u8]) {
    round_trip(text);
    for context in [None, Some("main"), Some("http"), Some("server"), Some("location"), Some("stream")] {
        let mut files = hoplint::source::Files::new();
        let file = files.add("any.conf", text.to_vec()).unwrap();
        let reading = hoplint::proxy::Reading { context: context.map(ToOwned::to_owned), ..Default::default() };
        let sites = hoplint::proxy::dialect("nginx").unwrap().read(&mut files, &[file], &reading);
        for site in sites {
            let era = hoplint::model::Era::new(hoplint::model::Version(1, 22, 1));
            site.lower(&era);
            for p in site.problems(files.map(), &era) {
                assert!(files.map().file(file).span().holds(p.span), "{} lies outside", p.message);
                assert!(!p.message.is_empty() && !p.help.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_survive(text in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(&text);
    }

    #[test]
    fn bytes_of_the_grammar_survive(text in "[a{};\"'\\\\$# \n<%}{(\r~*@]{0,60}") {
        survives(text.as_bytes());
    }

    #[test]
    fn disturbed_configurations_survive(text in shaped()) {
        survives(&text);
    }

    #[test]
    fn words_are_decoded_as_they_were_written(words in prop::collection::vec("[a-zA-Z0-9_/.;{}#$'\"\\\\ \t\n-]{0,12}", 1..6)) {
        // Quoted with every quote and backslash escaped, any text comes back.
        let quoted: Vec<String> = words.iter().map(|w| format!("\"{}\"", w.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        let text = format!("a {};", quoted.join(" "));
        let tree = syntax::parse(text.as_bytes());
        prop_assert!(tree.errors.is_empty());
        let got: Vec<String> = tree.words(0).skip(1)
            .map(|t| String::from_utf8(syntax::decode(&text.as_bytes()[t.start as usize..t.end as usize], t.kind)).unwrap())
            .collect();
        prop_assert_eq!(got, words);
    }
}
