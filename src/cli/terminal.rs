//! What the terminal can show.

use super::args::Color;
use crate::output::Look;

/// Decides on colours, links and width. `variable` looks up the environment, `terminal` tells whether a person reads along, and
/// `columns` how wide the terminal is.
///
/// An option goes before the environment; of the latter `NO_COLOR` goes first (<https://no-color.org>), then `CLICOLOR_FORCE` and
/// `CLICOLOR` (<https://bixense.com/clicolors>).
pub fn look(color: Color, variable: impl Fn(&str) -> Option<String>, terminal: bool, columns: impl Fn() -> Option<usize>) -> Look {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let dumb = set("TERM").is_some_and(|term| term == "dumb");
    let colour = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR").is_some() => false,
        Color::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Color::Auto if set("CLICOLOR").is_some_and(|value| value == "0") => false,
        Color::Auto => terminal && !dumb,
    };
    let width = set("COLUMNS")
        .and_then(|value| value.trim().parse::<usize>().ok())
        .or_else(|| terminal.then(columns).flatten())
        .filter(|width| *width > 0);
    Look { colour, links: colour && terminal && !dumb, width: width.map_or(Look::default().width, |width| width.clamp(40, 200)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(color: Color, variables: &[(&str, &str)], terminal: bool) -> Look {
        look(color, |name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()), terminal, || None)
    }

    #[test]
    fn colour_follows_option_then_environment_then_terminal() {
        for (color, variables, terminal, expected) in [
            (Color::Auto, &[][..], true, true),
            (Color::Auto, &[], false, false),
            (Color::Auto, &[("NO_COLOR", "1")], true, false),
            (Color::Auto, &[("NO_COLOR", "")], true, true),
            (Color::Auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true, false),
            (Color::Auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (Color::Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Color::Auto, &[("CLICOLOR", "0")], true, false),
            (Color::Auto, &[("TERM", "dumb")], true, false),
            (Color::Always, &[("NO_COLOR", "1")], false, true),
            (Color::Never, &[("CLICOLOR_FORCE", "1")], true, false),
        ] {
            assert_eq!(with(color, variables, terminal).colour, expected, "{color:?} {variables:?} {terminal}");
        }
    }

    #[test]
    fn links_need_a_terminal() {
        assert!(with(Color::Auto, &[], true).links);
        assert!(!with(Color::Always, &[], false).links);
        assert!(!with(Color::Never, &[], true).links);
    }

    #[test]
    fn width_comes_from_columns_within_reason() {
        let width = |value| with(Color::Auto, &[("COLUMNS", value)], true).width;
        let wide = |variables: &[(&str, &str)], terminal| {
            look(Color::Auto, |name| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned()), terminal, || Some(72)).width
        };
        assert_eq!([wide(&[], true), wide(&[("COLUMNS", "80")], true), wide(&[], false)], [72, 80, 100], "a pipe has no width");
        assert_eq!([width("80"), width("5"), width("9999"), width("x"), width("0"), width("")], [80, 40, 200, 100, 100, 100]);
    }
}
