//! What nginx knows: its directives with their contexts and arguments, and its variables, by release.

use super::Context;
use super::words::{ENUMERATED, Words};
use crate::model::Version;
use std::sync::LazyLock;

/// How the value of a directive with one argument is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::proxy::nginx) enum Value {
    /// `on` or `off`, in any letter case.
    Flag,
    /// Digits.
    Number,
    /// Bytes with `k` or `m`.
    Size,
    /// Bytes with `k`, `m` or `g`.
    Offset,
    /// A duration with the resolution of milliseconds.
    Milliseconds,
    /// A duration with the resolution of seconds.
    Seconds,
    /// A number and a size.
    Buffers,
    /// Anything, as far as the table knows.
    Word,
}

/// One way to write a directive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::proxy::nginx) struct Form {
    /// Bit `n`: `n` arguments are right.
    counts: u16,
    /// That many and more are right.
    least: Option<u8>,
    /// Whether it opens a block.
    pub(in crate::proxy::nginx) block: bool,
    /// Bits of the contexts.
    places: u16,
    /// How its value is read.
    pub(in crate::proxy::nginx) value: Value,
    /// Whether it may stand only once in a block.
    pub(in crate::proxy::nginx) once: bool,
}

impl Form {
    /// Whether so many arguments are right.
    pub(in crate::proxy::nginx) fn takes(&self, arguments: usize) -> bool {
        arguments < 16 && self.counts & 1 << arguments != 0 || self.least.is_some_and(|l| arguments >= usize::from(l))
    }

    /// Whether it may stand there.
    pub(in crate::proxy::nginx) fn fits(&self, context: Context) -> bool {
        self.places & place(context) != 0
    }

    /// The argument counts in words.
    pub(in crate::proxy::nginx) fn counts(&self) -> String {
        if let Some(least) = self.least {
            return format!("at least {least}");
        }
        let all: Vec<String> = (0..16).filter(|n| self.counts & 1 << n != 0).map(|n| n.to_string()).collect();
        match &all[..] {
            [one] if one == "0" => "no".to_owned(),
            [one] => one.clone(),
            [most @ .., last] => format!("{} or {last}", most.join(", ")),
            [] => "no".to_owned(),
        }
    }

    /// Where it may stand, in words.
    pub(in crate::proxy::nginx) fn places(&self) -> impl Iterator<Item = &'static str> + '_ {
        PLACES.iter().filter(|(_, context, _)| self.fits(*context)).map(|(_, _, name)| *name)
    }
}

/// A directive.
#[derive(Debug)]
pub(in crate::proxy::nginx) struct Entry {
    /// Its name.
    pub(in crate::proxy::nginx) name: &'static str,
    /// The release that brought it, if that is after the oldest supported one.
    pub(in crate::proxy::nginx) since: Option<Version>,
    /// The first release without it.
    pub(in crate::proxy::nginx) gone: Option<Version>,
    /// All ways to write it.
    pub(in crate::proxy::nginx) forms: Vec<Form>,
    /// The closed list that its words are of.
    pub(in crate::proxy::nginx) words: Option<&'static Words>,
}

/// Contexts as the table writes them, and in words.
const PLACES: &[(char, Context, &str)] = &[
    ('m', Context::Main, "main"),
    ('e', Context::Events, "events"),
    ('h', Context::Http, "http"),
    ('s', Context::Server, "server"),
    ('l', Context::Location, "location"),
    ('i', Context::IfInServer, "if in server"),
    ('j', Context::IfInLocation, "if in location"),
    ('x', Context::LimitExcept, "limit_except"),
    ('u', Context::Upstream, "upstream"),
    ('T', Context::Stream, "stream"),
    ('S', Context::StreamServer, "server in stream"),
    ('U', Context::StreamUpstream, "upstream in stream"),
];

/// The bit of a context; none for data.
const fn place(context: Context) -> u16 {
    match context {
        Context::Main => 1,
        Context::Events => 1 << 1,
        Context::Http => 1 << 2,
        Context::Server => 1 << 3,
        Context::Location => 1 << 4,
        Context::IfInServer => 1 << 5,
        Context::IfInLocation => 1 << 6,
        Context::LimitExcept => 1 << 7,
        Context::Upstream => 1 << 8,
        Context::Stream => 1 << 9,
        Context::StreamServer => 1 << 10,
        Context::StreamUpstream => 1 << 11,
        Context::Mail | Context::Free | Context::Foreign => 0,
    }
}

/// A context in words.
pub(in crate::proxy::nginx) fn called(context: Context) -> &'static str {
    PLACES.iter().find(|(_, c, _)| *c == context).map_or("this block", |(_, _, name)| name)
}

/// All directives, in byte order of their names.
pub(in crate::proxy::nginx) static DIRECTIVES: LazyLock<Vec<Entry>> =
    LazyLock::new(|| lines(include_str!("directives.txt")).filter_map(entry).collect());

/// The index of a directive.
pub(in crate::proxy::nginx) fn find(name: &str) -> Option<usize> {
    DIRECTIVES.binary_search_by(|e| e.name.cmp(name)).ok()
}

/// A built-in variable, and the release that brought it.
pub(in crate::proxy::nginx) static VARIABLES: LazyLock<Vec<(&'static str, Option<Version>)>> = LazyLock::new(|| {
    lines(include_str!("variables.txt"))
        .filter_map(|line| {
            let (name, since) = line.split_once(" +").map_or((line, None), |(n, s)| (n, s.parse().ok()));
            Some((name, since)).filter(|(n, _)| !n.is_empty())
        })
        .collect()
});

/// Whether a name is one of a built-in variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::proxy::nginx) enum BuiltIn {
    /// It is not.
    No,
    /// In all supported releases.
    Always,
    /// From that release on.
    Since(Version),
}

/// Whether a name is one of a built-in variable. A trailing `_` in the table stands for any rest.
pub(in crate::proxy::nginx) fn variable(name: &str) -> BuiltIn {
    let exact = VARIABLES.binary_search_by(|v| v.0.cmp(name)).ok().map(|i| &VARIABLES[i]);
    let found = exact.or_else(|| VARIABLES.iter().find(|v| v.0.ends_with('_') && name.starts_with(v.0)));
    match found {
        None => BuiltIn::No,
        Some((_, None)) => BuiltIn::Always,
        Some((_, Some(since))) => BuiltIn::Since(*since),
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|l| !l.starts_with('#'))
}

fn entry(line: &'static str) -> Option<Entry> {
    let (head, forms) = line.split_once(" : ")?;
    let mut words = head.split(' ');
    let name = words.next()?;
    let (mut since, mut gone) = (None, None);
    for word in words {
        if let Some(v) = word.strip_prefix('+') {
            since = v.parse().ok();
        } else if let Some(v) = word.strip_prefix('-') {
            gone = v.parse().ok();
        }
    }
    let words = ENUMERATED.iter().find(|w| w.directive == name);
    Some(Entry { name, since, gone, forms: forms.split(" | ").filter_map(form).collect(), words })
}

fn form(text: &str) -> Option<Form> {
    let mut words = text.split(' ');
    let (counts, places, value) = (words.next()?, words.next()?, words.next()?);
    let (block, counts) = counts.strip_prefix('{').map_or((false, counts), |c| (true, c));
    let mut form = Form { counts: 0, least: None, block, places: 0, value: Value::Word, once: value.ends_with('!') };
    for count in counts.split(',') {
        match count.strip_suffix('+') {
            Some(least) => form.least = least.parse().ok(),
            None => form.counts |= 1 << count.parse::<u8>().ok()?,
        }
    }
    for letter in places.chars() {
        form.places |= match letter {
            '*' => u16::MAX,
            _ => place(PLACES.iter().find(|p| p.0 == letter)?.1),
        };
    }
    form.value = match value.trim_end_matches('!') {
        "flag" => Value::Flag,
        "num" => Value::Number,
        "size" => Value::Size,
        "off" => Value::Offset,
        "msec" => Value::Milliseconds,
        "sec" => Value::Seconds,
        "bufs" => Value::Buffers,
        _ => Value::Word,
    };
    Some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        assert_eq!(DIRECTIVES.len(), lines(include_str!("directives.txt")).count());
        assert_eq!(DIRECTIVES.len(), 642);
        assert!(DIRECTIVES.is_sorted_by(|a, b| a.name < b.name), "names are looked up by bisection");
        assert!(DIRECTIVES.iter().all(|e| !e.forms.is_empty()));
        assert_eq!(VARIABLES.len(), lines(include_str!("variables.txt")).count());
        assert!(VARIABLES.is_sorted_by(|a, b| a.0 < b.0), "names are looked up by bisection");
    }

    #[test]
    fn a_directive_has_its_forms() {
        let server = &DIRECTIVES[find("server").expect("in the table")];
        let of = |c| server.forms.iter().filter(|f| f.fits(c)).map(|f| (f.block, f.takes(0), f.takes(3))).collect::<Vec<_>>();
        assert_eq!(of(Context::Http), [(true, true, false)]);
        assert_eq!(of(Context::Upstream), [(false, false, true)]);
        assert_eq!(of(Context::Location), []);
        let http2 = &DIRECTIVES[find("http2").expect("in the table")];
        assert_eq!((http2.since, http2.gone), (Some(Version(1, 25, 1)), None));
        let ssl = &DIRECTIVES[find("ssl").expect("in the table")];
        assert_eq!((ssl.since, ssl.gone), (None, Some(Version(1, 25, 1))));
    }

    #[test]
    fn variables_are_found_by_name_and_by_prefix() {
        assert_eq!(variable("http_x_any_header"), BuiltIn::Always);
        assert_eq!(variable("request_port"), BuiltIn::Since(Version(1, 29, 3)));
        assert_eq!(variable("connection_upgrade"), BuiltIn::No);
    }
}
