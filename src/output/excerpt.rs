//! Cuts the lines out of the files that one finding shows.
//!
//! The drawing of miette works on one text. Here it gets a small one of its own, made of chunks that know their file and
//! lines; a label that would join two chunks is refused, which is what makes miette draw each in a frame of its own. As the text
//! is ours, it can be fit to be seen: long lines are shortened around the labels, and what is not UTF-8 is replaced.

use std::cmp::Reverse;

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::text::{clean_bytes, clean_line};
use crate::source::{SourceFile, SourceMap, Span};

/// Lines shown above and below a label.
const CONTEXT: usize = 1;
/// A label over more lines than this marks its first line only.
const TALL: usize = 8;
/// A line of more bytes than this is shortened.
const LONG: usize = 300;
/// What stays of a shortened line before and behind each end of a label.
const AROUND: (usize, usize) = (40, 80);

/// A place to point at.
pub(super) struct Mark<'a> {
    pub(super) span: Span,
    pub(super) text: &'a str,
    pub(super) primary: bool,
}

/// Lines of one file that stand together.
#[derive(Debug)]
struct Chunk {
    name: String,
    /// Where it lies in the text.
    start: usize,
    end: usize,
    first_line: usize,
    lines: usize,
}

/// A place in the text and where it stands in its file, from 0.
#[derive(Debug)]
struct Anchor {
    offset: usize,
    line: usize,
    column: usize,
}

/// The lines to show, with labels.
#[derive(Debug)]
pub(super) struct Excerpt {
    text: String,
    chunks: Vec<Chunk>,
    anchors: Vec<Anchor>,
    labels: Vec<LabeledSpan>,
}

/// A mark, made to fit into its file.
struct Placed<'a> {
    file: &'a SourceFile,
    /// Local offsets.
    start: usize,
    end: usize,
    first: usize,
    last: usize,
    text: String,
    primary: bool,
}

impl Excerpt {
    /// Cuts out what the marks need; marks outside of every file are left out.
    pub(super) fn new(map: &SourceMap, marks: &[Mark<'_>]) -> Self {
        let mut placed: Vec<Placed<'_>> = Vec::new();
        for mark in marks {
            let Some(new) = place(map, mark) else { continue };
            // Two labels under the same bytes cannot be drawn; one with both texts can.
            match placed.iter_mut().find(|p| p.file.base() == new.file.base() && (p.start, p.end) == (new.start, new.end)) {
                Some(old) => {
                    old.primary |= new.primary;
                    if !new.text.is_empty() && new.text != old.text {
                        let glue = if old.text.is_empty() { "" } else { "; " };
                        old.text = format!("{}{glue}{}", old.text, new.text);
                    }
                }
                None => placed.push(new),
            }
        }
        placed.sort_by_key(|p| (p.file.base(), p.start, Reverse(p.end)));

        // Marks that share lines, or nearly, go together; the group with the primary label comes first.
        let mut groups: Vec<(usize, usize, Vec<Placed<'_>>)> = Vec::new();
        for mark in placed {
            let end = visible_lines(mark.file).max(mark.last + 1);
            let (from, to) = (mark.first.saturating_sub(CONTEXT), (mark.last + 1 + CONTEXT).min(end));
            match groups.last_mut() {
                Some((_, last, group)) if group.iter().any(|g| g.file.base() == mark.file.base()) && from <= *last + 1 => {
                    *last = to.max(*last);
                    group.push(mark);
                }
                _ => groups.push((from, to, vec![mark])),
            }
        }
        groups.sort_by_key(|(_, _, group)| !group.iter().any(|m| m.primary));

        let mut excerpt = Self { text: String::new(), chunks: Vec::new(), anchors: Vec::new(), labels: Vec::new() };
        for (from, to, group) in &groups {
            excerpt.add(*from, *to, group);
        }
        excerpt
    }

    fn add(&mut self, from: usize, to: usize, group: &[Placed<'_>]) {
        let Some(file) = group.first().map(|m| m.file) else { return };
        let start = self.text.len();
        let mut ends: Vec<(usize, usize)> = vec![(start, start); group.len()];
        for line in from..to {
            let (line_start, line_end) = line_bytes(file, line);
            // Both ends of each mark, as far as they stand on this line.
            let mut points = Vec::new();
            for (i, mark) in group.iter().enumerate() {
                for (at_line, offset, is_end) in [(mark.first, mark.start, false), (mark.last, mark.end, true)] {
                    if at_line == line {
                        points.push((i, is_end, offset.clamp(line_start, line_end) - line_start));
                    }
                }
            }
            let at = self.text.len();
            let offsets: Vec<usize> = points.iter().map(|p| p.2).collect();
            let (text, places) = shorten(&file.bytes()[line_start..line_end], &offsets);
            self.text.push_str(&text);
            self.text.push('\n');
            for ((mark, is_end, _), place) in points.into_iter().zip(places) {
                let slot = &mut ends[mark];
                if is_end { slot.1 = at + place } else { slot.0 = at + place }
            }
        }
        for (mark, (start, end)) in group.iter().zip(ends) {
            let position = file.position(mark.start as u32);
            self.anchors.push(Anchor { offset: start, line: mark.first, column: (position.column as usize).saturating_sub(1) });
            let text = Some(mark.text.clone()).filter(|t| !t.is_empty());
            let span = SourceSpan::from((start, end.saturating_sub(start)));
            self.labels.push(if mark.primary {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            });
        }
        let chunk = Chunk { name: clean_line(file.name()).into_owned(), start, end: self.text.len(), first_line: from, lines: to - from };
        self.chunks.push(chunk);
    }

    /// The labels, with spans of this text, in the order in which they are drawn.
    pub(super) fn labels(&self) -> &[LabeledSpan] {
        &self.labels
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, _after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let chunk = self.chunks.iter().find(|c| c.start <= start && end <= c.end).ok_or(MietteError::OutOfBounds)?;
        let contents = if before == 0 {
            // Asked without context only to learn where a label starts.
            let anchor = self.anchors.iter().find(|a| a.offset == start);
            let (line, column) = anchor.map_or((chunk.first_line, 0), |a| (a.line, a.column));
            MietteSpanContents::new_named(chunk.name.clone(), &self.text.as_bytes()[start..end], *span, line, column, 1)
        } else {
            let all = SourceSpan::from((chunk.start, chunk.end - chunk.start));
            let data = &self.text.as_bytes()[chunk.start..chunk.end];
            MietteSpanContents::new_named(chunk.name.clone(), data, all, chunk.first_line, 0, chunk.lines)
        };
        Ok(Box::new(contents))
    }
}

fn place<'a>(map: &'a SourceMap, mark: &Mark<'_>) -> Option<Placed<'a>> {
    let (_, file) = map.file_at(mark.span.start)?;
    let start = (mark.span.start - file.base()) as usize;
    let mut end = (u64::from(mark.span.start) + u64::from(mark.span.len)).saturating_sub(u64::from(file.base())) as usize;
    end = end.clamp(start, file.bytes().len());
    // A block that ends with its line break would be drawn as if it went on below.
    end = start + file.bytes()[start..end].trim_ascii_end().len();
    let first = line_at(file, start);
    let mut last = line_at(file, end);
    if last - first >= TALL {
        last = first;
        end = line_bytes(file, first).1.max(start);
    }
    Some(Placed { file, start, end, first, last, text: clean_line(mark.text).into_owned(), primary: mark.primary })
}

/// Index of the line of a local offset.
fn line_at(file: &SourceFile, offset: usize) -> usize {
    file.line_starts().partition_point(|&s| s as usize <= offset).saturating_sub(1)
}

/// Local bounds of a line without its line break.
fn line_bytes(file: &SourceFile, line: usize) -> (usize, usize) {
    let starts = file.line_starts();
    let Some(&start) = starts.get(line) else { return (file.bytes().len(), file.bytes().len()) };
    let start = start as usize;
    let end = starts.get(line + 1).map_or(file.bytes().len(), |&next| next as usize - 1);
    let end = end - usize::from(end > start && starts.len() > line + 1 && file.bytes()[end - 1] == b'\r');
    (start, end)
}

/// How many lines people count: what follows the last line break is none when it is empty.
fn visible_lines(file: &SourceFile) -> usize {
    let starts = file.line_starts();
    starts.len() - usize::from(starts.len() > 1 && starts.last().is_some_and(|&s| s as usize == file.bytes().len()))
}

/// A line as shown, and where its points are then. What is left out of a long line becomes an ellipsis.
fn shorten(line: &[u8], points: &[usize]) -> (String, Vec<usize>) {
    let text = clean_bytes(line);
    if text.len() <= LONG {
        return (text, points.to_vec());
    }
    let mut windows: Vec<(usize, usize)> =
        points.iter().map(|&p| (floor(&text, p.saturating_sub(AROUND.0)), ceil(&text, (p + AROUND.1).min(text.len())))).collect();
    if windows.is_empty() {
        windows.push((0, ceil(&text, AROUND.0 + AROUND.1)));
    }
    windows.sort_unstable();
    windows.dedup_by(|right, left| {
        // An ellipsis pays only for what is longer than itself.
        let joins = right.0 <= left.1 + 3;
        if joins {
            left.1 = left.1.max(right.1);
        }
        joins
    });
    let mut out = String::new();
    let mut places = vec![0; points.len()];
    for &(from, to) in &windows {
        if from > 0 {
            out.push('…');
        }
        for (place, &point) in places.iter_mut().zip(points) {
            if (from..=to).contains(&point) {
                *place = out.len() + point - from;
            }
        }
        out.push_str(&text[from..to]);
    }
    if windows.last().is_some_and(|w| w.1 < text.len()) {
        out.push('…');
    }
    (out, places)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lines_stay() {
        assert_eq!(shorten(b"a\xFFb", &[1, 3]), ("a?b".into(), vec![1, 3]));
        assert_eq!(shorten(b"", &[0]), (String::new(), vec![0]));
    }

    #[test]
    fn long_lines_keep_what_is_around_the_points() {
        let line = format!("{}HERE{}THERE{}", "ä".repeat(500), "b".repeat(900), "c".repeat(400));
        let points = [1000, 1004, 1904, 1909];
        let (text, places) = shorten(line.as_bytes(), &points);
        assert!(text.len() < 500 && text.matches('…').count() == 3, "{text}");
        assert!(text[places[0]..].starts_with("HERE") && text[places[2]..].starts_with("THERE"));
        assert_eq!((places[1] - places[0], places[3] - places[2]), (4, 5));
    }

    #[test]
    fn long_lines_without_points_keep_their_start() {
        let (text, places) = shorten("ä".repeat(1000).as_bytes(), &[]);
        assert_eq!((text.chars().count(), places.len()), (61, 0));
        assert!(text.ends_with('…'));
    }

    #[test]
    fn points_at_the_ends_and_inside_of_characters_hold() {
        let line = "ä".repeat(1000);
        for point in [0, 1, 777, 1999, 2000] {
            let (text, places) = shorten(line.as_bytes(), &[point]);
            assert!(places[0] <= text.len(), "{point}");
        }
    }
}
