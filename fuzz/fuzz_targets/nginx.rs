//! Any bytes as nginx configuration: `cargo +nightly fuzz run nginx` (seeds: `cargo +nightly fuzz run nginx tests/peers/lex`).
//! Everything is read without a panic, tokens tile the text, and every place that is named lies in the file.
#![no_main]

use hoplint::{
    model::{Era, Version},
    proxy::{Reading, dialect, nginx::syntax},
    source::Files,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let mut at = 0;
    for token in syntax::parse(text).tokens {
        assert_eq!(token.start, at);
        at = token.end;
    }
    assert_eq!(at as usize, text.len());
    let (Some((first, rest)), Some(room)) = (text.split_first(), dialect("nginx")) else { return };
    let context = ["main", "http", "server", "location", "stream"].get(usize::from(*first)).map(ToString::to_string);
    let mut files = Files::new();
    let Ok(file) = files.add("fuzz.conf", rest.to_vec()) else { return };
    for site in room.read(&mut files, &[file], &Reading { context, ..Reading::default() }) {
        for version in [Version(1, 18, 0), Version(1, 31, 5)] {
            let era = Era::new(version);
            site.lower(&era);
            for problem in site.problems(&era) {
                assert!(files.map().file_at(problem.span.start).is_some());
            }
        }
    }
});
