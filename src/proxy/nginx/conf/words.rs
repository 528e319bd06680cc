//! Words as they are written. What all places of a spelling share is kept once; a place is eight bytes.

use crate::model::Text;
use crate::proxy::nginx::directives::{self, Name};
use crate::proxy::nginx::syntax::{self, Kind};
use crate::source::Span;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// What is the same wherever a word is spelt so.
#[derive(Debug)]
struct Spelling {
    text: Text,
    /// Length as written, quotes included.
    len: u32,
    quoted: bool,
    opaque: bool,
    has_dollar: bool,
    has_groups: bool,
    name: Option<Name>,
}

/// All spellings of one reading.
#[derive(Debug, Default)]
pub(super) struct Spellings {
    all: Vec<Spelling>,
    by_raw: FxHashMap<Box<[u8]>, u32>,
}

impl Spellings {
    /// A word, by its bytes.
    fn add(&mut self, raw: &[u8], kind: Kind) -> u32 {
        if let Some(known) = self.by_raw.get(raw) {
            return *known;
        }
        let decoded = syntax::decode(raw, kind);
        let text: Text = String::from_utf8_lossy(&decoded).into();
        let opaque = is_template(&text);
        let id = self.all.len() as u32;
        let (has_dollar, has_groups) = (text.contains('$'), text.contains("(?"));
        let (len, quoted) = (raw.len() as u32, kind == Kind::Quoted);
        self.all.push(Spelling { text, len, quoted, opaque, has_dollar, has_groups, name: None });
        self.by_raw.insert(raw.into(), id);
        id
    }

    /// The place of a word. `begins_line`: a line ends between it and the word before it.
    pub(super) fn place(&mut self, raw: &[u8], kind: Kind, start: u32, begins_line: bool) -> Place {
        Place { word: self.add(raw, kind) << 1 | u32::from(begins_line), start }
    }

    /// Notes that a word names a directive.
    pub(super) fn name(&mut self, place: Place) {
        let spelling = &mut self.all[place.spelling() as usize];
        if spelling.name.is_none() {
            spelling.name = Some(directives::name(&spelling.text));
        }
    }

    /// Takes in those of another reading. What each of them is here, unless there were none: then they stay what they are.
    pub(super) fn join(&mut self, other: Self) -> Option<Vec<u32>> {
        if self.all.is_empty() {
            *self = other;
            return None;
        }
        let mut raws: Vec<(Box<[u8]>, u32)> = other.by_raw.into_iter().collect();
        raws.sort_unstable_by_key(|(_, id)| *id);
        let here = raws.into_iter().zip(other.all).map(|((raw, _), spelling)| match self.by_raw.entry(raw) {
            Entry::Occupied(known) => {
                let name = &mut self.all[*known.get() as usize].name;
                *name = name.or(spelling.name);
                *known.get()
            }
            Entry::Vacant(free) => {
                self.all.push(spelling);
                *free.insert(self.all.len() as u32 - 1)
            }
        });
        Some(here.collect())
    }

    /// No further word will come.
    pub(super) fn close(&mut self) {
        self.by_raw = FxHashMap::default();
        self.all.shrink_to_fit();
    }

    pub(super) fn word(&self, place: Place) -> Word<'_> {
        let spelling = &self.all[place.spelling() as usize];
        Word {
            text: &spelling.text,
            span: Span { start: place.start, len: spelling.len },
            quoted: spelling.quoted,
            opaque: spelling.opaque,
            has_dollar: spelling.has_dollar,
            has_groups: spelling.has_groups,
            begins_line: place.word & 1 == 1,
            spelling: place.spelling(),
            shared: spelling,
        }
    }
}

/// Where a word stands: its spelling, whether it begins a line, and its first byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    word: u32,
    start: u32,
}

impl Place {
    const fn spelling(self) -> u32 {
        self.word >> 1
    }

    /// Its spelling is that one of another reading.
    pub(super) fn respell(&mut self, here: &[u32]) {
        self.word = here[self.spelling() as usize] << 1 | self.word & 1;
    }

    /// Global offset of its first byte.
    pub(super) const fn start(self) -> u32 {
        self.start
    }
}

/// A word, decoded.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its bytes, quotes included.
    pub span: Span,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// Whether a template fills a part of it in later.
    pub opaque: bool,
    /// Whether a `$` is in it.
    pub has_dollar: bool,
    /// Whether it may hold named groups of a regular expression.
    pub has_groups: bool,
    /// Whether a line ends between it and the word before it.
    pub begins_line: bool,
    /// Equal for words that are written alike.
    pub spelling: u32,
    shared: &'a Spelling,
}

impl Word<'_> {
    /// Its text, to be kept.
    pub fn shared(&self) -> Text {
        self.shared.text.clone()
    }

    /// What it says as the name of a directive; for names only.
    pub fn named(&self) -> Name {
        self.shared.name.unwrap_or_default()
    }
}

/// The arguments of a directive.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    spellings: &'a Spellings,
    places: &'a [Place],
}

impl<'a> Args<'a> {
    pub(super) const fn new(spellings: &'a Spellings, places: &'a [Place]) -> Self {
        Self { spellings, places }
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.places.is_empty()
    }

    /// One of them, from 0.
    pub fn get(self, n: usize) -> Option<Word<'a>> {
        self.places.get(n).map(|p| self.spellings.word(*p))
    }

    /// The first.
    pub fn first(self) -> Option<Word<'a>> {
        self.get(0)
    }

    /// The last.
    pub fn last(self) -> Option<Word<'a>> {
        self.places.last().map(|p| self.spellings.word(*p))
    }

    /// All of them, if there are so many.
    pub fn exactly<const N: usize>(self) -> Option<[Word<'a>; N]> {
        let places: &[Place; N] = self.places.try_into().ok()?;
        Some(places.map(|p| self.spellings.word(p)))
    }

    /// All without the last, and the last.
    pub fn split_last(self) -> Option<(Word<'a>, Self)> {
        let (last, places) = self.places.split_last()?;
        Some((self.spellings.word(*last), Self { places, ..self }))
    }

    /// In the order of the text.
    pub fn iter(self) -> Words<'a> {
        Words { spellings: self.spellings, places: self.places.iter() }
    }

    /// Whether a template fills one of them in.
    pub fn opaque(self) -> bool {
        self.iter().any(|w| w.opaque)
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = Word<'a>;
    type IntoIter = Words<'a>;

    fn into_iter(self) -> Words<'a> {
        self.iter()
    }
}

/// Goes through the arguments of a directive.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    spellings: &'a Spellings,
    places: std::slice::Iter<'a, Place>,
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        self.places.next().map(|p| self.spellings.word(*p))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl DoubleEndedIterator for Words<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.places.next_back().map(|p| self.spellings.word(*p))
    }
}

impl ExactSizeIterator for Words<'_> {}

/// `{{ }}`, `{% %}`, `<% %>`, `@NAME@`, `%%NAME%%`, `${NAME}` in capitals: filled in before nginx sees it.
pub(crate) fn is_template(text: &str) -> bool {
    let capitals = |s: &str| {
        !s.is_empty()
            && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && s.bytes().any(|b| b.is_ascii_uppercase())
    };
    let between = |open: &str, close: &str| text.split(open).skip(1).any(|part| part.find(close).is_some_and(|end| capitals(&part[..end])));
    text.bytes().any(|b| matches!(b, b'{' | b'<' | b'@' | b'%'))
        && (text.contains("{{") && text.contains("}}")
            || text.contains("{%") && text.contains("%}")
            || text.contains("<%") && text.contains("%>")
            || between("${", "}")
            || between("@", "@")
            || between("%%", "%%")
            || between("<", ">")
            || between("{", "}") && !text.contains('\\'))
}
