//! Bytes as hexadecimal digits, in lower case both ways.

use alloc::string::String;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits for each byte.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The 32 bytes of a hash from its 64 digits; `None` for any other text, upper case among it, so
/// that one hash has one text.
#[must_use]
pub fn hash_from_hex(text: &[u8]) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 2 * out.len() {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(out)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_text() {
        let mut hash = [0; 32];
        for (at, byte) in (0_u8..).zip(hash.iter_mut()) {
            *byte = at * 8 + 3;
        }
        let text = to_hex(&hash);
        assert!(text.starts_with("030b131b"), "{text}");
        assert_eq!(hash_from_hex(text.as_bytes()), Some(hash));
        let upper = text.to_ascii_uppercase();
        for other in [&upper, &text[1..], &text.replace('b', "g")] {
            assert_eq!(hash_from_hex(other.as_bytes()), None, "{other}");
        }
    }
}
