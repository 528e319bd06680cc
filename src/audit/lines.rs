//! Lines of a file, by number.

use crate::source::{SourceFile, Span};

/// Index of the line that holds a local offset.
pub(super) fn line_of(file: &SourceFile, offset: u32) -> usize {
    file.line_starts().partition_point(|&start| start <= offset).saturating_sub(1)
}

/// A line with its end mark. The last one reaches one byte past the end, where a finding about something absent may stand.
pub(super) fn line_span(file: &SourceFile, line: usize) -> Span {
    let starts = file.line_starts();
    let start = starts.get(line).copied().unwrap_or_default();
    let end = starts.get(line + 1).copied().unwrap_or(file.span().len + 1);
    Span::between(file.base() + start, file.base() + end)
}
