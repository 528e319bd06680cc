//! "Did you mean".

use crate::spelling::distance;

/// The name nearest to what was written, if it is near enough to be meant.
pub(in crate::proxy::envoy) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = snake(written);
    let longest = written.chars().count().max(3);
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let d = distance(&written, &snake(name));
        if d * 4 <= longest && best.is_none_or(|(b, _)| d < b) {
            best = Some((d, name));
        }
    }
    best.map(|(_, name)| name)
}

/// One spelling for all: small letters, `_` between words.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        match c {
            '-' | ' ' | '.' => out.push('_'),
            c if c.is_ascii_uppercase() => {
                if !out.is_empty() && !out.ends_with('_') && !out.ends_with(|p: char| p.is_ascii_uppercase()) {
                    out.push('_');
                }
                out.push(c.to_ascii_lowercase());
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_seen_and_other_words_are_not() {
        let names = ["stream_idle_timeout", "timeout", "name", "cluster"];
        let near = |w| nearest(w, names.iter().copied());
        assert_eq!(near("stream_idel_timeout"), Some("stream_idle_timeout"));
        assert_eq!(near("StreamIdleTimeout"), Some("stream_idle_timeout"));
        assert_eq!(near("stream-idle-timeout"), Some("stream_idle_timeout"));
        assert_eq!(near("timout"), Some("timeout"));
        assert_eq!(near("nmae"), Some("name"));
        assert_eq!(near("hosts"), None);
        assert_eq!(near("prefix"), None);
    }
}
