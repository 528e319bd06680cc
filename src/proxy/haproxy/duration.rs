//! Durations as HAProxy writes them (`parse_time_err` of its `src/tools.c`).

/// A duration, and what stands behind it and is not read (`15min` is 15 minutes).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duration<'a> {
    /// Its length; what is shorter counts as one millisecond.
    pub milliseconds: u64,
    /// Whether a unit is written.
    pub unit: bool,
    /// What is not read.
    pub rest: &'a str,
}

/// Longest duration in milliseconds, 24.8 days.
pub const LONGEST: u64 = 2_147_483_647;

/// Reads a duration; a bare number is milliseconds. `None`: refused (`1H`, `1.5h`, `-1`, `1w`, more than 24.8 days).
pub fn read(text: &str) -> Option<Duration<'_>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let unit = &text[digits..];
    let (per, divide, length) = match unit.as_bytes() {
        [] => (1, 1, 0),
        [b'u', b's', ..] => (1, 1000, 2),
        [b'm', b's', ..] => (1, 1, 2),
        [b's', ..] => (1000, 1, 1),
        [b'm', ..] => (60_000, 1, 1),
        [b'h', ..] => (3_600_000, 1, 1),
        [b'd', ..] => (86_400_000, 1, 1),
        _ => return None,
    };
    let milliseconds = number.checked_mul(per)?.div_ceil(divide);
    (milliseconds <= LONGEST).then_some(Duration { milliseconds, unit: length > 0, rest: &unit[length..] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_measured() {
        for (text, want) in [
            ("30", Some((30, false, ""))),
            ("1500us", Some((2, true, ""))),
            ("99ms", Some((99, true, ""))),
            ("15min", Some((900_000, true, "in"))),
            ("1h30m", Some((3_600_000, true, "30m"))),
            ("20s;", Some((20_000, true, ";"))),
            ("24d", Some((2_073_600_000, true, ""))),
            ("25d", None),
            ("1H", None),
            ("1.5h", None),
            ("-1", None),
            ("1w", None),
            ("infinite", None),
            ("", None),
        ] {
            assert_eq!(read(text).map(|d| (d.milliseconds, d.unit, d.rest)), want, "{text}");
        }
    }
}
