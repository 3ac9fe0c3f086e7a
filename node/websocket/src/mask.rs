//! Masking (RFC 6455, section 5.3): an exclusive or with four bytes that repeat, a word at a time.

/// Masks or unmasks `bytes`, of which the first is byte number `offset` of the payload.
pub(crate) fn mask(bytes: &mut [u8], mut key: [u8; 4], offset: u64) {
    // The remainder of four is one of four numbers.
    key.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_at_any_offset_is_as_byte_by_byte() {
        let key = [0x12, 0x9f, 0x00, 0xff];
        for length in 0..40 {
            for offset in 0..9_u64 {
                let plain: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(7)).collect();
                let mut masked = plain.clone();
                mask(&mut masked, key, offset);
                for (at, (byte, was)) in masked.iter().zip(&plain).enumerate() {
                    let place = (offset as usize + at) % 4;
                    assert_eq!(*byte, was ^ key[place], "{length} {offset} {at}");
                }
                mask(&mut masked, key, offset);
                assert_eq!(masked, plain);
            }
        }
    }
}
