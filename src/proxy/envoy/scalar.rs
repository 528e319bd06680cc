//! How Envoy types a YAML scalar (yaml-cpp, then proto JSON), measured on 1.36 to 1.40. Any tag but `!` undoes the quotes.

use super::yaml::{Kind, NodeId, Style, Tree};
use std::borrow::Cow;

/// A scalar as Envoy understands it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scalar<'a> {
    /// Unset: `~`, `null`, nothing at all.
    Null,
    /// A bare `yes`, `off`, `true`, `n`, …
    Bool(bool),
    /// A bare integer within 32 bits.
    Int(i64),
    /// Everything else, quoted text above all.
    Str(Cow<'a, str>),
}

/// A scalar node as Envoy types it; none for maps, lists and broken aliases. Aliases are followed.
pub fn scalar(tree: &Tree, id: NodeId) -> Option<Scalar<'_>> {
    let node = tree.node(tree.resolve(id));
    let Kind::Scalar { text, style, .. } = &node.kind else { return None };
    let quoted = match node.tag {
        Some(tag) => tag.len == 1,
        None => *style != Style::Plain,
    };
    Some(if quoted { Scalar::Str(Cow::Borrowed(text)) } else { plain(text) })
}

fn plain(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        _ => {}
    }
    match yaml_integer(text) {
        Some(n) if i32::try_from(n).is_ok() => Scalar::Int(n),
        // Beyond 32 bits it reaches the field as the text of its value.
        Some(n) => Scalar::Str(Cow::Owned(n.to_string())),
        None => Scalar::Str(Cow::Borrowed(text)),
    }
}

/// `9001`, `0x2329`, `021451` (octal), with a sign; none beyond 64 bits.
fn yaml_integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits {
        "0" => (10, digits),
        _ if digits.starts_with("0x") => (16, &digits[2..]),
        _ if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|b| (b as char).is_digit(radix)) {
        return None;
    }
    let n = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -n } else { n }).ok()
}

/// What an integer field makes of a scalar; none if it is refused. Since 1.37 a fraction of zeros, an exponent and `0x` in
/// quotes are taken.
pub fn integer(value: &Scalar<'_>) -> Option<i128> {
    match value {
        Scalar::Int(n) => Some(i128::from(*n)),
        Scalar::Str(text) => {
            if let Ok(n) = text.parse::<i128>() {
                return Some(n);
            }
            if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                return hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| i128::from_str_radix(hex, 16).ok()).flatten();
            }
            let n = decimal(text)?;
            // Within 2^100 the conversion is exact enough to tell a fraction and a range.
            #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
            (n.fract() == 0.0 && n.abs() < 1.0e30).then_some(n as i128)
        }
        Scalar::Null | Scalar::Bool(_) => None,
    }
}

/// What a `double` field makes of a scalar; none if it is refused.
pub fn number(value: &Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Int(n) => i32::try_from(*n).ok().map(f64::from),
        Scalar::Str(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => decimal(text),
        },
        Scalar::Null | Scalar::Bool(_) => None,
    }
}

/// `12`, `-1.5`, `.5`, `1e3`: digits, at most one point, an exponent.
fn decimal(text: &str) -> Option<f64> {
    let shape = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    let digit = text.bytes().next_back().is_some_and(|b| b.is_ascii_digit() || b == b'.');
    (digit && text.bytes().all(shape)).then(|| text.parse().ok()).flatten()
}

/// What a `bool` field makes of a scalar; none if it is refused. `"on"` and a bare `1` are.
pub fn boolean(value: &Scalar<'_>) -> Option<bool> {
    match value {
        Scalar::Bool(b) => Some(*b),
        Scalar::Str(text) => match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "1" => Some(true),
            "f" | "false" | "n" | "no" | "0" => Some(false),
            _ => None,
        },
        Scalar::Null | Scalar::Int(_) => None,
    }
}

/// Seconds that a `Duration` may hold at most.
pub const LONGEST_SECONDS: i128 = 315_576_000_000;

/// Nanoseconds of `"1.5s"`: digits, a fraction of at most nine, `s`. `15`, `1m`, `500ms`, `.5s` are refused.
pub fn nanoseconds(value: &Scalar<'_>) -> Option<i128> {
    let Scalar::Str(text) = value else { return None };
    let text = text.strip_suffix('s')?;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !all(whole) || !all(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i128 = whole.parse().ok()?;
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    let total = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    (total <= LONGEST_SECONDS * 1_000_000_000).then_some(if negative { -total } else { total })
}

/// The other spelling of a field: `stream_idle_timeout` as `streamIdleTimeout`.
pub fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        match c {
            '_' if !up => up = true,
            '_' => out.push('_'),
            c if up && (c.is_ascii_lowercase() || c.is_ascii_digit()) => {
                out.push(c.to_ascii_uppercase());
                up = false;
            }
            c => {
                if up {
                    out.push('_');
                }
                up = false;
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::proxy::envoy::yaml::{Source, parse};

    fn of(text: &str) -> Scalar<'static> {
        let yaml = format!("k: {text}\n");
        let tree = parse(&Source::whole(yaml.as_bytes(), 0));
        match scalar(&tree, tree.get(tree.root().unwrap(), "k").unwrap()).unwrap() {
            Scalar::Str(s) => Scalar::Str(Cow::Owned(s.into_owned())),
            Scalar::Null => Scalar::Null,
            Scalar::Bool(b) => Scalar::Bool(b),
            Scalar::Int(n) => Scalar::Int(n),
        }
    }

    fn text(s: &str) -> Scalar<'static> {
        Scalar::Str(Cow::Owned(s.to_owned()))
    }

    #[test]
    fn plain_scalars_are_typed_as_measured() {
        assert_eq!(of(""), Scalar::Null);
        assert_eq!(of("~"), Scalar::Null);
        assert_eq!(of("n"), Scalar::Bool(false));
        assert_eq!(of("\"n\""), text("n"));
        assert_eq!(of("yEs"), text("yEs"));
        assert_eq!(of("021451"), Scalar::Int(9001));
        assert_eq!(of("08"), text("08"));
        assert_eq!(of("0x2329"), Scalar::Int(9001));
        assert_eq!(of("+9001"), Scalar::Int(9001));
        assert_eq!(of("4294967295"), text("4294967295"));
        assert_eq!(of("1_000"), text("1_000"));
        assert_eq!(of("9001.0"), text("9001.0"));
        assert_eq!(of("!!str \"7\""), Scalar::Int(7));
        assert_eq!(of("! \"7\""), text("7"));
        assert_eq!(of("!!null x"), text("x"));
    }

    #[test]
    fn fields_take_what_was_measured() {
        assert_eq!(integer(&of("\"060\"")), Some(60));
        assert_eq!(integer(&of("9.001e3")), Some(9001));
        assert_eq!(integer(&of("1.5")), None);
        assert_eq!(integer(&of("\"0x3c\"")), Some(60));
        assert_eq!(integer(&of("\"\"")), None);
        assert_eq!(integer(&of("yes")), None);
        assert_eq!(number(&of(".5")), Some(0.5));
        assert_eq!(number(&of(".inf")), None);
        assert_eq!(boolean(&of("\"yes\"")), Some(true));
        assert_eq!(boolean(&of("1")), None);
        assert_eq!(boolean(&of("\"on\"")), None);
        assert_eq!(nanoseconds(&of("1.5s")), Some(1_500_000_000));
        assert_eq!(nanoseconds(&of("-1s")), Some(-1_000_000_000));
        for bad in ["15", "0", "1m", "500ms", "15S", ".5s", "+5s", "1.0123456789s", "' 5s'", "315576000001s"] {
            assert_eq!(nanoseconds(&of(bad)), None, "{bad}");
        }
    }

    #[test]
    fn the_other_spelling_follows_protobuf() {
        assert_eq!(camel_case("stream_idle_timeout"), "streamIdleTimeout");
        assert_eq!(camel_case("http2_protocol_options"), "http2ProtocolOptions");
        assert_eq!(camel_case("max_requests_per_io_cycle"), "maxRequestsPerIoCycle");
        assert_eq!(camel_case("name"), "name");
    }
}
