//! A second reading by the `nginx-config` crate, one directive at a time: it knows few directives and panics on some, but
//! where it accepts one and writes it again, the words must be those that hoplint reads.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test that reports its numbers")]

use hoplint::proxy::nginx::syntax::{self, Kind, Token};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Directives whose values it reads.
const KNOWN: &[&str] = &[
    "proxy_pass",
    "proxy_set_header",
    "proxy_http_version",
    "proxy_read_timeout",
    "proxy_buffering",
    "add_header",
    "listen",
    "server_name",
    "location",
    "if",
    "return",
    "rewrite",
    "set",
    "error_page",
    "try_files",
    "root",
    "auth_request",
];

/// What it reads wrongly: the slash of a socket's path, and letters beyond ASCII at the beginning of a word.
const ITS_FAULTS: &[&str] = &["listen unix:/", "ñandú"];

fn configurations(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            configurations(&path, out);
        } else if path.extension().is_some_and(|e| e == "conf") {
            out.push(path);
        }
    }
}

fn word(text: &[u8], t: Token) -> String {
    let decoded = syntax::decode(&text[t.start as usize..t.end as usize], t.kind);
    String::from_utf8_lossy(&decoded).into_owned()
}

fn words(text: &[u8]) -> Vec<String> {
    let tree = syntax::parse(text);
    let all = tree.tokens.iter().filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted)).map(|t| word(text, *t)).collect::<Vec<_>>();
    normal(&all)
}

/// What may be written in several ways: the parentheses of a condition may stand alone, the parameters of `listen` have no
/// order, and `${a}` is `$a`.
fn normal(words: &[String]) -> Vec<String> {
    let mut words: Vec<String> = words.iter().map(|w| w.replace("${", "$").replace('}', "")).collect();
    if words.first().is_some_and(|w| w == "listen") {
        words.sort();
    }
    if words.first().is_some_and(|w| w == "if") {
        return words.join(" ").replace("( ", "(").replace(" )", ")").split(' ').map(ToOwned::to_owned).collect();
    }
    words
}

#[test]
fn where_it_accepts_it_reads_the_same_words() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut files = Vec::new();
    configurations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut files);
    let (mut given, mut accepted, mut panics) = (0, 0, 0);
    let mut unlike = Vec::new();
    for path in files {
        let text = std::fs::read(&path).unwrap();
        let tree = syntax::parse(&text);
        for (i, node) in tree.nodes.iter().enumerate() {
            let Some(name) = tree.words(i as u32).next() else { continue };
            let name = word(&text, name);
            if !KNOWN.contains(&&*name) || node.head_end == syntax::NONE {
                continue;
            }
            let (from, to) = (tree.tokens[node.words.0 as usize].start, tree.tokens[node.head_end as usize].end);
            let mut piece = text[from as usize..to as usize].to_vec();
            if node.block {
                piece.extend(b" }");
            }
            let Ok(piece) = String::from_utf8(piece) else { continue };
            given += 1;
            let read =
                catch_unwind(|| nginx_config::parse_directives(&piece).ok().map(|d| d.iter().map(ToString::to_string).collect::<String>()));
            let again = match read {
                Err(_) => {
                    panics += 1;
                    continue;
                }
                Ok(None) => continue,
                Ok(Some(again)) => again,
            };
            accepted += 1;
            let (ours, theirs) = (words(piece.as_bytes()), words(again.as_bytes()));
            if ours != theirs && !ITS_FAULTS.iter().any(|f| piece.contains(f)) {
                unlike.push(format!("{}: {piece:?}: {ours:?}, but read by nginx-config as {again:?}", path.display()));
            }
        }
    }
    drop(std::panic::take_hook());
    println!("{given} directives given, {accepted} accepted, {panics} panics, {} differ", unlike.len());
    assert!(given > 3_000 && accepted * 10 > given * 9, "too few: {accepted} of {given}");
    assert!(unlike.is_empty(), "{}:\n{}", unlike.len(), unlike.join("\n"));
}
