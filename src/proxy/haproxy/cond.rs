//! The predicates of `.if` and `.elif`, in three values.

/// Yes, no, or known only where HAProxy runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// True.
    Yes,
    /// False.
    No,
    /// Not known.
    Maybe,
}

impl Truth {
    /// Both.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    /// At least one.
    fn or(self, other: Self) -> Self {
        self.negate().and(other.negate()).negate()
    }

    fn negate(self) -> Self {
        self.negate_if(true)
    }

    /// The opposite, if asked for.
    pub fn negate_if(self, not: bool) -> Self {
        match (self, not) {
            (Self::Yes, true) => Self::No,
            (Self::No, true) => Self::Yes,
            (same, _) => same,
        }
    }
}

impl From<bool> for Truth {
    fn from(b: bool) -> Self {
        if b { Self::Yes } else { Self::No }
    }
}

/// Evaluates a predicate; parentheses that group make it unknown. `since`: whether the release is at least that one.
pub fn eval(text: &str, since: &dyn Fn((u16, u16, u16)) -> bool) -> Truth {
    split(text, "||").into_iter().fold(Truth::No, |any, term| {
        any.or(split(term, "&&").into_iter().fold(Truth::Yes, |all, factor| all.and(one(factor.trim(), since))))
    })
}

/// Splits outside of parentheses.
fn split<'a>(text: &'a str, at: &str) -> Vec<&'a str> {
    let (mut depth, mut from, mut out) = (0i32, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && i >= from && text[i..].starts_with(at) => {
                out.push(&text[from..i]);
                from = i + at.len();
            }
            _ => {}
        }
    }
    out.push(&text[from.min(text.len())..]);
    out
}

fn one(text: &str, since: &dyn Fn((u16, u16, u16)) -> bool) -> Truth {
    let bare = text.trim_start_matches('!');
    let not = (text.len() - bare.len()) % 2 == 1;
    let bare = bare.trim();
    if let Ok(number) = bare.parse::<i64>() {
        return Truth::from(number != 0).negate_if(not);
    }
    if bare.is_empty() {
        return Truth::No.negate_if(not);
    }
    let Some((name, rest)) = bare.split_once('(') else { return Truth::Maybe };
    let args: Vec<&str> = rest.trim_end_matches(')').split(',').map(|a| a.trim().trim_matches(['"', '\''])).collect();
    let plain = !rest.contains('$') && !rest.contains('{');
    let version = || {
        let mut parts = args.first()?.split(['.', '-']).map(|p| p.parse::<u16>().ok());
        Some((parts.next()??, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)))
    };
    let truth = match (name, args.as_slice()) {
        ("version_atleast", _) => version().map_or(Truth::Maybe, |v| since(v).into()),
        ("version_before", _) => version().map_or(Truth::Maybe, |v| (!since(v)).into()),
        ("streq", [a, b]) if plain => (a == b).into(),
        ("strneq", [a, b]) if plain => (a != b).into(),
        ("strstr", [a, b]) if plain => a.contains(b).into(),
        _ => Truth::Maybe,
    };
    truth.negate_if(not)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_have_three_values() {
        let at = |v: (u16, u16, u16)| (2, 6, 0) >= v;
        for (text, want) in [
            ("version_atleast(2.4)", Truth::Yes),
            ("!version_atleast(2.4)", Truth::No),
            ("version_before(2.4) || streq(a,a)", Truth::Yes),
            ("version_atleast(2.4) && defined(X)", Truth::Maybe),
            ("0 && defined(X)", Truth::No),
            ("", Truth::No),
        ] {
            assert_eq!(eval(text, &at), want, "{text}");
        }
    }
}
