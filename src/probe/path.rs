//! Paths in the form that routes see.

use crate::model::PathForm;

/// A path as routes are chosen by it.
pub(super) enum Path {
    /// As it was sent.
    AsIs,
    Is(String),
    Malformed,
    /// Decoded, it is no text.
    Binary,
}

/// A path in the form that routes see. Decoding and the removal of dot segments are one pass, as proxies do it: `%2e%2e` counts
/// as `..`, `%2F` as `/` once it is decoded.
pub(super) fn path_form(path: &str, form: PathForm, merge_slashes: bool) -> Path {
    if !path.starts_with('/') {
        return Path::Malformed;
    }
    // A plain path is in every form.
    let escaped = form != PathForm::AsSent && path.contains('%');
    let dotted = form != PathForm::AsSent && path.contains("/.");
    let plain = !(escaped || dotted || merge_slashes && path.contains("//"));
    if plain {
        return Path::AsIs;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(b) = rest.next() {
        if b != b'%' || form == PathForm::AsSent {
            bytes.push(b);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (high, low) = (rest.next(), rest.next());
        let (Some(h), Some(l)) = (digit(high), digit(low)) else { return Path::Malformed };
        match (h * 16 + l) as u8 {
            0 => return Path::Malformed,
            plain if form == PathForm::Decoded || plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => bytes.push(plain),
            _ => bytes.extend([b'%'].into_iter().chain(high).chain(low)),
        }
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = bytes[1..].split(|b| *b == b'/').collect();
    let dots = form != PathForm::AsSent;
    for (i, segment) in segments.iter().enumerate() {
        let last = i + 1 == segments.len();
        match *segment {
            b"." if last && dots => parts.push(b""),
            b"." if dots => {}
            b".." if dots => {
                if parts.pop().is_none() {
                    return Path::Malformed;
                }
                if last {
                    parts.push(b"");
                }
            }
            b"" if merge_slashes && !last => {}
            segment => parts.push(segment),
        }
    }
    let joined: Vec<u8> = parts.iter().flat_map(|p| std::iter::once(b'/').chain(p.iter().copied())).collect();
    match String::from_utf8(joined) {
        Ok(path) if path.is_empty() => Path::Is("/".to_owned()),
        Ok(path) => Path::Is(path),
        Err(_) => Path::Binary,
    }
}
