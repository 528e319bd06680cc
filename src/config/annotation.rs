//! Comments that speak to hoplint.

use super::{Purpose, parse_duration};
use crate::spelling::distance;
use std::ops::Range;

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Annotation {
    /// `hoplint: websocket heartbeat=30s`
    Purpose {
        /// What the route is for.
        purpose: Purpose,
        /// Heartbeat in milliseconds.
        heartbeat: Option<u64>,
    },
    /// `hoplint: ignore[rule-a, rule-b] -- reason`, `hoplint: ignore-file[rule-a] -- reason`
    Ignore {
        /// Whether it speaks of the whole file.
        file: bool,
        /// The rules.
        rules: Vec<String>,
        /// Why.
        reason: Option<String>,
    },
}

/// Reads the text of a comment; `None` if it does not speak to hoplint.
///
/// # Errors
/// The inner error says what is wrong with it.
pub fn parse_annotation(text: &str) -> Option<Result<Annotation, String>> {
    // What follows another `#` is a comment on the comment.
    let said = text.trim_start_matches('#').split('#').next()?.trim().strip_prefix("hoplint:")?.trim();
    Some(parse(said))
}

fn parse(said: &str) -> Result<Annotation, String> {
    if let Some(rest) = said.strip_prefix("ignore") {
        let (file, rest) = rest.strip_prefix("-file").map_or((false, rest), |rest| (true, rest));
        let (rules, rest) = rest
            .trim_start()
            .strip_prefix('[')
            .and_then(|r| r.split_once(']'))
            .ok_or_else(|| "write the rules in brackets: `hoplint: ignore[category/rule] -- reason`".to_owned())?;
        let rules = rules.split(',').map(|r| r.trim().to_owned()).filter(|r| !r.is_empty()).collect();
        let reason = rest.trim().strip_prefix("--").map(|r| r.trim().to_owned()).filter(|r| !r.is_empty());
        return Ok(Annotation::Ignore { file, rules, reason });
    }
    let mut words = said.split_whitespace();
    let purpose = words.next().unwrap_or_default();
    let purpose = Purpose::named(purpose).ok_or_else(|| format!("`{purpose}` is not understood: websocket, sse, cors or ignore[…]"))?;
    let mut heartbeat = None;
    for word in words {
        match word.split_once('=') {
            Some(("heartbeat", beat)) => heartbeat = Some(parse_duration(beat)?),
            _ => return Err(format!("`{word}` is not `heartbeat=30s`")),
        }
    }
    Ok(Annotation::Purpose { purpose, heartbeat })
}

/// The word that was probably meant where a comment (with its mark) speaks to hoplint in words that mean nothing, and where
/// the one stands that was written.
pub fn respelt(comment: &str) -> Option<(Range<usize>, &'static str)> {
    let start = comment.find("hoplint:")? + "hoplint:".len();
    let start = start + comment[start..].len() - comment[start..].trim_start().len();
    let len = comment[start..].find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(comment.len() - start);
    let written = &comment[start..start + len];
    let near = ["websocket", "sse", "cors", "ignore", "ignore-file"].map(|word| (distance(&written.to_lowercase(), word), word));
    let (distance, word) = near.into_iter().min()?;
    // Of three letters one is not enough to tell.
    (written != word && distance * 3 < word.len()).then_some((start..start + len, word))
}

#[cfg(test)]
mod tests {
    use super::respelt;

    #[test]
    fn slips_of_the_pen_are_respelt() {
        let said = |comment: &str| respelt(comment).map(|(at, word)| (comment[at].to_owned(), word));
        assert_eq!(said("# hoplint: websockets heartbeat=30s"), Some(("websockets".into(), "websocket")));
        assert_eq!(said("#hoplint:WebSocket"), Some(("WebSocket".into(), "websocket")));
        assert_eq!(said("# hoplint: ignroe[x/y] -- z"), Some(("ignroe".into(), "ignore")));
        assert_eq!(said("# hoplint: ignorefile[x/y] -- z"), Some(("ignorefile".into(), "ignore-file")));
        assert_eq!(said("# hoplint: websocket heartbeat=30"), None, "the word is right, something else is not");
        assert_eq!(said("# hoplint: grpc"), None);
        assert_eq!(said("# hoplint:"), None);
    }
}
