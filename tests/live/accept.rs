//! The answer to a `Sec-WebSocket-Key` (RFC 6455 §4.2.2), with the SHA-1 (FIPS 180-4) and base64 that it takes.

/// The `Sec-WebSocket-Accept` of a key.
pub(crate) fn accept(key: &str) -> String {
    base64(&sha1(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes()))
}

/// Whether a text is the base64 of 16 bytes.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 24 && text.ends_with("==") && text.bytes().take(22).all(|b| ALPHABET.contains(&b))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            out.push(if i <= chunk.len() { ALPHABET[(bits >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
    out
}

fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words: Vec<u32> = block.chunks(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
        for i in 16..80 {
            words.push((words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1));
        }
        let mut now = state;
        for (i, word) in words.iter().enumerate() {
            let [first, x, y, z, last] = now;
            let (mixed, constant) = match i / 20 {
                0 => (x & y | !x & z, 0x5A82_7999u32),
                1 => (x ^ y ^ z, 0x6ED9_EBA1),
                2 => (x & y | x & z | y & z, 0x8F1B_BCDC),
                _ => (x ^ y ^ z, 0xCA62_C1D6),
            };
            let next = first.rotate_left(5).wrapping_add(mixed).wrapping_add(last).wrapping_add(constant).wrapping_add(*word);
            now = [next, first, x.rotate_left(30), y, z];
        }
        for (sum, value) in state.iter_mut().zip(now) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut out = [0; 20];
    for (bytes, value) in out.chunks_mut(4).zip(state) {
        bytes.copy_from_slice(&value.to_be_bytes());
    }
    out
}

#[test]
fn keys_are_answered_as_in_the_standard() {
    assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(sha1(&[b'a'; 56])[..4], [0xC2, 0xDB, 0x33, 0x0F]);
    assert!(is_key("dGhlIHNhbXBsZSBub25jZQ==") && !is_key("dGhlIHNhbXBsZQ==") && !is_key(""));
}
