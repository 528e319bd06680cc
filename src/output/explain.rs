//! The page of a rule on a terminal.

use std::io::{self, Write};

/// Prints a Markdown page. Without colour it is the page itself; with colour headings are bold and code is dim.
///
/// # Errors
/// What the writer reports.
pub fn print(out: &mut dyn Write, page: &str, colour: bool) -> io::Result<()> {
    let mut fence: Option<&str> = None;
    for line in page.trim_end().lines() {
        let mark = line.trim_start();
        let ticks = &mark[..mark.len() - mark.trim_start_matches('`').len()];
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
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
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
        super::print(&mut out, page, colour).unwrap();
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
    fn a_fence_that_never_ends_is_code() {
        assert_eq!(run("````\n```\nx", true), "    \u{1b}[2m```\u{1b}[0m\n    \u{1b}[2mx\u{1b}[0m\n");
    }
}
