//! Finds the arms of a choice that may fit, without trying them all.

use crate::model::{Arm, Cond, CondId, Matcher, Proxy, Subject, Table, Text, Why};

/// Tables with fewer arms are searched from end to end.
const WORTH_IT: usize = 8;
/// How deep conditions are followed.
const DEEPEST: u32 = 8;

/// How a text must look for an arm to fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Whole,
    Head,
    Tail,
}

/// What a table says of a request.
pub(super) enum Picked {
    Arm(Arm),
    Miss,
    /// Not decidable.
    Unknown(Why),
}

/// Arms by what they need.
#[derive(Debug, Default)]
pub(super) struct TableIndex {
    /// By a text that one subject must have.
    keyed: Vec<Keyed>,
    /// Arms that need nothing in particular.
    others: Vec<u32>,
}

/// Arms that need something of one subject.
#[derive(Debug)]
pub(super) struct Keyed {
    pub(super) of: Subject,
    /// Whether the texts are in lower case, because some arm ignores it.
    lower: bool,
    whole: Marked,
    heads: Affixes,
    tails: Affixes,
}

/// Arms by the marks of their texts, in order. Another text might have the same mark: whoever finds an arm still tests it.
#[derive(Debug, Default)]
struct Marked(Vec<(u64, u32)>);

impl Marked {
    fn find(&self, mark: u64, out: &mut Vec<u32>) {
        let from = self.0.partition_point(|m| m.0 < mark);
        out.extend(self.0[from..].iter().take_while(|m| m.0 == mark).map(|m| m.1));
    }
}

/// Texts at an end, and their lengths.
#[derive(Debug, Default)]
struct Affixes {
    marked: Marked,
    lengths: Vec<usize>,
}

impl Affixes {
    fn finish(&mut self) {
        self.marked.0.sort_unstable();
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    /// Adds the arms of every affix of a text, given from that end on.
    fn find(&self, bytes: impl Iterator<Item = u8>, out: &mut Vec<u32>) {
        let (mut mark, mut lengths) = (MARK, self.lengths.iter());
        let Some(mut next) = lengths.next() else { return };
        for (i, byte) in bytes.enumerate() {
            mark = marked(mark, byte);
            if i + 1 == *next {
                self.marked.find(mark, out);
                let Some(longer) = lengths.next() else { return };
                next = longer;
            }
        }
    }
}

/// The mark of no text, and of one with a byte more (FNV-1a).
const MARK: u64 = 0xcbf2_9ce4_8422_2325;

const fn marked(mark: u64, byte: u8) -> u64 {
    (mark ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

impl TableIndex {
    /// The index of a table; `None` where it is not worth it.
    pub(super) fn of(proxy: &Proxy, table: &Table) -> Option<Self> {
        if table.arms.len() < WORTH_IT {
            return None;
        }
        let mut index = Self::default();
        for (i, arm) in table.arms.iter().enumerate() {
            match need(proxy, arm.test, 0) {
                Some(need) => index.add(i as u32, &need),
                None => index.others.push(i as u32),
            }
        }
        for keyed in &mut index.keyed {
            keyed.whole.0.sort_unstable();
            keyed.heads.finish();
            keyed.tails.finish();
        }
        // With hardly anything keyed there is nothing to win.
        (index.others.len() < table.arms.len()).then_some(index)
    }

    fn add(&mut self, arm: u32, need: &Need<'_>) {
        let at = self.keyed.iter().position(|k| k.of == *need.of && k.lower == need.fold);
        let at = at.unwrap_or_else(|| {
            let (whole, heads, tails) = (Marked::default(), Affixes::default(), Affixes::default());
            self.keyed.push(Keyed { of: need.of.clone(), lower: need.fold, whole, heads, tails });
            self.keyed.len() - 1
        });
        let keyed = &mut self.keyed[at];
        for (shape, text) in &need.texts {
            let forwards = keyed.cased(text.bytes()).fold(MARK, marked);
            match shape {
                Shape::Whole => keyed.whole.0.push((forwards, arm)),
                Shape::Head => {
                    keyed.heads.lengths.push(text.len());
                    keyed.heads.marked.0.push((forwards, arm));
                }
                Shape::Tail => {
                    let backwards = keyed.cased(text.bytes().rev()).fold(MARK, marked);
                    keyed.tails.lengths.push(text.len());
                    keyed.tails.marked.0.push((backwards, arm));
                }
            }
        }
    }

    /// What must be read to find the arms.
    pub(super) fn keyed(&self) -> &[Keyed] {
        &self.keyed
    }

    /// Arms that need nothing in particular.
    pub(super) fn others(&self) -> &[u32] {
        &self.others
    }
}

impl Keyed {
    /// Adds the arms that a text may fit.
    pub(super) fn find(&self, text: &str, out: &mut Vec<u32>) {
        self.whole.find(self.cased(text.bytes()).fold(MARK, marked), out);
        self.heads.find(self.cased(text.bytes()), out);
        self.tails.find(self.cased(text.bytes().rev()), out);
    }

    fn cased(&self, bytes: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
        let lower = self.lower;
        bytes.map(move |b| if lower { b.to_ascii_lowercase() } else { b })
    }
}

/// One of these texts, or the condition is not met.
struct Need<'a> {
    of: &'a Subject,
    fold: bool,
    texts: Vec<(Shape, &'a Text)>,
}

/// What a condition needs of one subject.
fn need(proxy: &Proxy, cond: CondId, depth: u32) -> Option<Need<'_>> {
    if depth > DEEPEST {
        return None;
    }
    match proxy.cond(cond) {
        Cond::Test(atom) if !atom.not => {
            let (shape, list) = match &atom.is {
                Matcher::Is(list) => (Shape::Whole, list),
                Matcher::Starts(list) => (Shape::Head, list),
                Matcher::Ends(list) => (Shape::Tail, list),
                _ => return None,
            };
            // The root is the head of every path, and the empty text of every text.
            let selective = list.iter().all(|t| t.len() > 1 || shape == Shape::Whole);
            let texts = list.iter().map(|t| (shape, t)).collect();
            selective.then_some(Need { of: &atom.of, fold: atom.fold, texts })
        }
        // The part that asks for whole texts divides best.
        Cond::All(parts) => {
            let needs = parts.iter().filter_map(|p| need(proxy, *p, depth + 1));
            needs.min_by_key(|n| n.texts.iter().any(|t| t.0 != Shape::Whole))
        }
        Cond::Any(parts) => {
            let mut parts = parts.iter().map(|p| need(proxy, *p, depth + 1));
            let mut first = parts.next()??;
            for part in parts {
                let part = part?;
                if part.of != first.of || part.fold != first.fold {
                    return None;
                }
                first.texts.extend(part.texts);
            }
            Some(first)
        }
        _ => None,
    }
}
