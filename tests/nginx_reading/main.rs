//! Reading nginx: tokens, files, and what nginx would refuse.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests that report their numbers")]

mod corpus;
mod files;
mod lexical;
mod peers;
mod recorded;

use hoplint::{
    model::{Era, Version},
    proxy::{Reading, dialect, nginx::syntax},
    source::Files,
};

/// A problem, as far as tests look at it.
struct Told {
    rule: String,
    certain: bool,
    message: String,
    place: String,
    line: u32,
}

/// What one release would refuse of a file, in a context that is told or worked out.
fn problems(path: &str, context: Option<&str>, version: Version) -> Vec<Told> {
    let mut files = Files::new();
    let file = files.read(path).unwrap();
    let reading = Reading { context: context.map(ToOwned::to_owned), ..Reading::default() };
    let sites = dialect("nginx").unwrap().read(&mut files, &[file], &reading);
    let found = sites.iter().flat_map(|s| s.problems(files.map(), &Era::new(version)));
    found
        .map(|p| Told {
            rule: format!("{:?}", p.kind),
            certain: p.certain,
            place: files.map().place(p.span),
            line: files.map().locate(p.span.start).unwrap().1.line,
            message: p.message,
        })
        .collect()
}

/// Tokens tile the text, and nodes lie within their parents.
fn round_trip(text: &[u8]) {
    let tree = syntax::parse(text);
    let mut at = 0;
    for token in &tree.tokens {
        assert_eq!(token.start, at, "a gap before byte {at}");
        assert!(token.end > token.start, "an empty token at {at}");
        at = token.end;
    }
    assert_eq!(at as usize, text.len(), "the tail is missing");
}
