//! Durations as nginx writes them (`ngx_parse_time`).

/// Milliseconds of a millisecond-resolution setting: a bare number is seconds; units `w d h m s ms` in falling order, each
/// once. `M`, `y`, fractions, signs and words are refused `[time-unit-*]`.
pub fn milliseconds(text: &str) -> Option<u64> {
    parse(text, &[("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1), ("", 1_000)])
}

/// Seconds of a second-resolution setting: `y M w d h m s`.
pub fn seconds(text: &str) -> Option<u64> {
    parse(text, &[("y", 31_536_000), ("M", 2_592_000), ("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1), ("", 1)])
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim_matches(' ');
    if rest.is_empty() {
        return None;
    }
    let mut total = 0u64;
    let mut last = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == ' ').unwrap_or(rest.len());
        let (at, factor) = units.iter().enumerate().find(|(_, u)| u.0 == &rest[..letters]).map(|(i, u)| (i + 1, u.1))?;
        if at <= last {
            return None;
        }
        last = at;
        total = number.checked_mul(factor).and_then(|n| total.checked_add(n))?;
        rest = rest[letters..].trim_start_matches(' ');
    }
    Some(total)
}
