//! The page of a rule on a terminal.

use super::text::wrap;
use std::io::{self, Write};

/// Prints a Markdown page. Without colour and width it is the page itself; with colour headings are bold and code is dim, and for a
/// terminal of some width paragraphs are broken to fit.
///
/// # Errors
/// What the writer reports.
pub fn print(out: &mut dyn Write, page: &str, colour: bool, width: Option<usize>) -> io::Result<()> {
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    for line in page.trim_end().lines() {
        let mark = line.trim_start();
        let ticks = &mark[..mark.len() - mark.trim_start_matches('`').len()];
        let fenced = fence.is_some() || ticks.len() >= 3;
        if let Some(width) = width.filter(|_| !fenced && flows(line)) {
            // A line that goes on with an item of a list or a paragraph.
            if prose.is_empty() || mark.starts_with("- ") {
                paragraph(out, &mut prose, width)?;
                prose.push_str(line.trim_end());
            } else {
                prose.push(' ');
                prose.push_str(mark.trim_end());
            }
            continue;
        }
        paragraph(out, &mut prose, width.unwrap_or_default())?;
        match fence {
            // A fence ends with at least as many backticks as it began with, and nothing behind them.
            Some(open) if ticks.len() >= open.len() && mark.trim_end().len() == ticks.len() => fence = None,
            Some(_) if colour => {
                writeln!(out, "    {}", styled("2", line))?;
                continue;
            }
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None if colour && heading(line) => {
                writeln!(out, "{}", styled("1", line.trim_start_matches('#').trim()))?;
                continue;
            }
            None => {
                writeln!(out, "{line}")?;
                continue;
            }
        }
        // With colour the fences themselves are not shown; the indent and the dimness tell.
        if !colour {
            writeln!(out, "{}", if width.is_some() && !ticks.is_empty() { plain(line) } else { line })?;
        }
    }
    paragraph(out, &mut prose, width.unwrap_or_default())
}

/// A fence without the words that speak to tests.
fn plain(fence: &str) -> &str {
    let end = fence.split(' ').take_while(|word| !word.contains('=') && *word != "made").map(|word| word.len() + 1).sum::<usize>();
    fence.get(..end.saturating_sub(1)).unwrap_or(fence)
}

/// Whether a line belongs to a paragraph or to an item of a list.
fn flows(line: &str) -> bool {
    !line.trim().is_empty() && !heading(line) && !line.trim_start().starts_with('|')
}

/// Prints what was gathered, and begins anew. Lines after the first stand below the text of an item.
fn paragraph(out: &mut dyn Write, prose: &mut String, width: usize) -> io::Result<()> {
    let text = std::mem::take(prose);
    if text.is_empty() {
        return Ok(());
    }
    let blank = text.len() - text.trim_start().len();
    let indent = " ".repeat(blank + if text.trim_start().starts_with("- ") { 2 } else { 0 });
    let broken = wrap(&text[indent.len()..], width.saturating_sub(indent.len()).max(20));
    writeln!(out, "{}{}", &text[..indent.len()], broken.replace('\n', &format!("\n{indent}")))
}

fn heading(line: &str) -> bool {
    let text = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - text.len())) && text.starts_with(' ')
}

fn styled(code: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\u{1b}[{code}m{text}\u{1b}[0m") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    const PAGE: &str = "# websocket/x\n\nText with `code`.\n\n```nginx\n# no heading\nlisten 80; # error\n```\n\n## Why\n#hash\n";

    fn run(page: &str, colour: bool) -> String {
        let mut out = Vec::new();
        super::print(&mut out, page, colour, None).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_is_the_page_itself() {
        assert_eq!(run(PAGE, false), PAGE);
        assert_eq!(run("", false), "");
    }

    #[test]
    fn colour_marks_headings_and_code() {
        assert_eq!(
            run(PAGE, true),
            "\u{1b}[1mwebsocket/x\u{1b}[0m\n\nText with `code`.\n\n    \u{1b}[2m# no heading\u{1b}[0m\n    \u{1b}[2mlisten 80; # error\u{1b}[0m\n\n\u{1b}[1mWhy\u{1b}[0m\n#hash\n"
        );
    }

    #[test]
    fn paragraphs_are_broken_to_fit() {
        let page = "# a\n\nOne two three four five six\nseven `of code` eight.\n\n- an item that is longer than it may be\n  and goes on\n- another\n\n| a | table that is far longer than it may be |\n\n```nginx fixed made fix=safe\nproxy_set_header Connection $connection_upgrade;\n```\n";
        let mut out = Vec::new();
        super::print(&mut out, page, false, Some(24)).unwrap();
        let expected = "# a\n\nOne two three four five\nsix seven `of code`\neight.\n\n- an item that is longer\n  than it may be and\n  goes on\n- another\n\n| a | table that is far longer than it may be |\n\n```nginx fixed\nproxy_set_header Connection $connection_upgrade;\n```\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_fence_that_never_ends_is_code() {
        assert_eq!(run("````\n```\nx", true), "    \u{1b}[2m```\u{1b}[0m\n    \u{1b}[2mx\u{1b}[0m\n");
    }
}
