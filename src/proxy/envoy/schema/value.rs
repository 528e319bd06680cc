//! Whether a field takes a scalar, and what to write instead.

use super::suggest::nearest;
use super::{Schema, Type};
use crate::model::{ProblemKind, Version};
use crate::proxy::envoy::scalar::{self, Scalar};

/// Why a scalar is refused.
pub(super) struct Refusal {
    pub(super) kind: ProblemKind,
    /// Ends the sentence "`field` …".
    pub(super) reason: String,
    pub(super) help: String,
    /// What is taken in its place, and whether that is only guessed.
    pub(super) instead: Option<(String, bool)>,
    /// The first release that takes it.
    pub(super) until: Option<Version>,
}

fn refuse(kind: ProblemKind, reason: String, help: String) -> Result<(), Refusal> {
    Err(Refusal { kind, reason, help, instead: None, until: None })
}

/// Refused, and this is meant.
fn meant(kind: ProblemKind, reason: String, text: String) -> Result<(), Refusal> {
    Err(Refusal { kind, reason, help: format!("write `{text}`"), instead: Some((text, false)), until: None })
}

/// What a scalar is to Envoy, in words.
pub(super) fn describe(value: &Scalar<'_>, raw: &str) -> String {
    let raw = raw.trim();
    match value {
        Scalar::Null => "nothing".to_owned(),
        Scalar::Bool(_) => format!("the boolean `{raw}`"),
        Scalar::Int(_) => format!("the number `{raw}`"),
        Scalar::Str(text) if text.is_empty() => "an empty string".to_owned(),
        Scalar::Str(text) => format!("`{}`", shorten(text)),
    }
}

fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut}...") } else { cut }
}

/// Checks a scalar against a field's type; null has been dealt with.
pub(super) fn check(schema: &Schema, of: Type, value: &Scalar<'_>, raw: &str) -> Result<(), Refusal> {
    let said = describe(value, raw);
    match of {
        Type::Text => match value {
            Scalar::Bool(_) | Scalar::Int(_) => {
                meant(ProblemKind::WrongType, format!("takes a string, and {said} is none without quotes"), format!("\"{}\"", raw.trim()))
            }
            _ => Ok(()),
        },
        Type::Bool => match (scalar::boolean(value), value) {
            (Some(_), _) => Ok(()),
            (None, Scalar::Int(n)) => meant(
                ProblemKind::WrongType,
                format!("takes `true` or `false`, not {said}"),
                if *n == 0 { "false" } else { "true" }.to_owned(),
            ),
            _ => refuse(ProblemKind::BadValue, format!("takes `true` or `false`, not {said}"), "write `true` or `false`".to_owned()),
        },
        Type::Integer { signed, bits } => integer(signed, bits, value, &said),
        Type::Float => match scalar::number(value) {
            Some(_) => Ok(()),
            None => refuse(kind(value), format!("takes a number, not {said}"), "write a number".to_owned()),
        },
        Type::Bytes => match value {
            Scalar::Str(text) if is_base64(text) => Ok(()),
            _ => refuse(kind(value), format!("takes bytes in base64, not {said}"), "encode the bytes in base64".to_owned()),
        },
        Type::Enum(id) => {
            let names = || schema.enum_of(id).values.iter().map(|v| v.0);
            match value {
                Scalar::Bool(_) => {
                    let reason = format!("takes a name, and {said} is none without quotes");
                    match names().find(|n| n.eq_ignore_ascii_case(raw.trim())) {
                        Some(name) => meant(ProblemKind::WrongType, reason, format!("\"{name}\"")),
                        None => refuse(ProblemKind::WrongType, reason, list(names())),
                    }
                }
                Scalar::Str(text) if !is_integer(text) && !names().any(|n| n.eq_ignore_ascii_case(text)) => {
                    let near = nearest(text, names());
                    Err(Refusal {
                        kind: ProblemKind::BadValue,
                        reason: format!("has no value {said}"),
                        help: near.map_or_else(|| list(names()), |n| format!("did you mean `{n}`?")),
                        instead: near.map(|n| (format!("\"{n}\""), true)),
                        until: None,
                    })
                }
                _ => Ok(()),
            }
        }
        Type::Message(_) => Ok(()),
    }
}

fn kind(value: &Scalar<'_>) -> ProblemKind {
    if matches!(value, Scalar::Bool(_)) { ProblemKind::WrongType } else { ProblemKind::BadValue }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(8).map(|n| format!("`{n}`")).collect();
    format!("its values are {}", names.join(", "))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn integer(signed: bool, bits: u8, value: &Scalar<'_>, said: &str) -> Result<(), Refusal> {
    let Some(n) = scalar::integer(value) else {
        return refuse(kind(value), format!("takes a whole number, not {said}"), "write a whole number".to_owned());
    };
    let (low, high) = if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
    if n < low || n > high {
        return refuse(ProblemKind::BadValue, format!("takes {low} to {high}, not {said}"), format!("write a number from {low} to {high}"));
    }
    match value {
        Scalar::Str(text) if !is_integer(text.trim_start_matches('+')) => Err(Refusal {
            kind: ProblemKind::BadValue,
            reason: format!("takes digits, not {said}, before Envoy 1.37"),
            help: format!("write `{n}`"),
            instead: Some((n.to_string(), false)),
            until: Some(Version(1, 37, 0)),
        }),
        _ => Ok(()),
    }
}

/// Base64, also URL-safe and without padding.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let pad = text.len() - body.len();
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-');
    body.bytes().all(word) && body.len() % 4 != 1 && (pad == 0 || (body.len() + pad).is_multiple_of(4))
}

/// What a regular expression asks for that RE2 does not have.
pub(super) fn beyond_re2(regex: &str) -> Option<&'static str> {
    let bytes = regex.as_bytes();
    let mut class = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                if !class && bytes.get(at + 1).is_some_and(|b| (b'1'..=b'9').contains(b)) {
                    return Some("a back reference");
                }
                // `\Q...\E` is text.
                if bytes.get(at + 1) == Some(&b'Q') {
                    at = regex[at..].find("\\E").map_or(bytes.len(), |n| at + n);
                }
                at += 1;
            }
            b'[' if !class => {
                class = true;
                // A `]` right at the start is a member.
                at += usize::from(bytes.get(at + 1) == Some(&b'^'));
                at += usize::from(bytes.get(at + 1) == Some(&b']'));
            }
            b']' => class = false,
            b'(' if !class && ["(?=", "(?!", "(?<=", "(?<!", "(?>"].iter().any(|l| regex[at..].starts_with(l)) => {
                return Some("a look-around");
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Nanoseconds that a timer of Envoy's can count.
const LONGEST: i128 = 9_223_372_035 * 1_000_000_000;

/// Why a text is no duration, and what to write.
pub(super) fn duration(value: &Scalar<'_>, raw: &str) -> Result<(), Refusal> {
    let said = describe(value, raw);
    match scalar::nanoseconds(value) {
        Some(n) if n < 0 => {
            return refuse(ProblemKind::BadValue, format!("takes no negative duration such as {said}"), "write `0s` or more".to_owned());
        }
        Some(n) if n > LONGEST => {
            return refuse(ProblemKind::BadValue, format!("takes at most 9223372035s, not {said}"), "write a shorter time".to_owned());
        }
        Some(_) => return Ok(()),
        None => {}
    }
    let text = raw.trim().trim_matches(['"', '\'']);
    let reason = format!("takes a duration in seconds such as `60s`, not {said}");
    let Some(whole) = seconds(text) else {
        return refuse(kind(value), reason, "write seconds with an `s`, such as `60s` or `0.5s`".to_owned());
    };
    // Without a unit it may be anything.
    let bare = !text.bytes().any(|b| b.is_ascii_alphabetic());
    Err(Refusal { kind: kind(value), reason, help: format!("write `{whole}`"), instead: Some((format!("\"{whole}\""), bare)), until: None })
}

/// `1h30m`, `500ms`, `15`, `15S` in Envoy's form.
fn seconds(text: &str) -> Option<String> {
    let digits = |t: &str| t.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let n = digits(rest);
        let (whole, fraction) = rest[..n].split_once('.').unwrap_or((&rest[..n], ""));
        let unit = rest[n..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let factor: u128 = match rest[n..n + unit].to_ascii_lowercase().as_str() {
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" => 1_000,
            "m" | "min" | "mins" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return None,
        };
        let whole: u128 = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse().ok()? };
        let part: u128 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9.9}").parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(factor)?)?.checked_add(part.checked_mul(factor)? / 1_000_000_000)?;
        rest = &rest[n + unit..];
    }
    let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if text.is_empty() || whole > 315_576_000_000 {
        return None;
    }
    let fraction = format!("{part:09}");
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { format!("{whole}s") } else { format!("{whole}.{fraction}s") })
}

#[cfg(test)]
mod tests {
    use super::{beyond_re2, is_base64, seconds};

    #[test]
    fn what_re2_lacks_is_seen_outside_of_classes() {
        assert_eq!(beyond_re2("a(?!b)"), Some("a look-around"));
        assert_eq!(beyond_re2("(a)\\1"), Some("a back reference"));
        for fine in ["[(?=]", "(?:a|b)", "(?i)x", "\\(?=", "[]^(?!]", "\\d{1,2}", "\\Q(?=\\E"] {
            assert_eq!(beyond_re2(fine), None, "{fine}");
        }
    }

    #[test]
    fn durations_of_other_tools_are_translated() {
        for (text, want) in
            [("1m", "60s"), ("500ms", "0.5s"), ("15", "15s"), ("1h30m", "5400s"), (".5s", "0.5s"), ("15S", "15s"), ("0", "0s")]
        {
            assert_eq!(seconds(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds(""), None);
    }

    #[test]
    fn base64_with_and_without_padding() {
        assert!(is_base64("") && is_base64("YQ==") && is_base64("YQ") && is_base64("ab-_"));
        assert!(!is_base64("a") && !is_base64("YQ=") && !is_base64("a b c"));
    }
}
