//! permessage-deflate (RFC 7692) without context takeover in either direction.
//!
//! A window that lives on from message to message takes tens of kilobytes a connection. Without
//! it, one compressor and one decompressor serve all connections of a worker, an idle connection
//! holds nothing, and a message to many is compressed once.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::Violation;
use crate::limits::DEFLATE_WINDOW_BITS;

/// What a sender leaves out of the end of a message (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// An empty last block: what a decompressor only takes between two blocks.
const LAST_BLOCK: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// Fast rather than small: a gateway pays for each message.
const LEVEL: u32 = 2;
/// By how much an output grows at least, in bytes.
const GROWTH_BYTES_MIN: usize = 512;

/// Decompresses messages one after the other.
#[derive(Default)]
pub struct Inflate(Option<Decompress>);

impl Inflate {
    /// A decompressor; it takes memory when it is first used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A message of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Violation::NotDeflate`], [`Violation::MessageTooLarge`].
    pub fn message(&mut self, payload: &[u8], bytes_max: usize) -> Result<Bytes, Violation> {
        let state = self.0.get_or_insert_with(|| Decompress::new(false));
        state.reset(false);
        let guess = payload
            .len()
            .saturating_mul(2)
            .clamp(GROWTH_BYTES_MIN, 1 << 20);
        let mut out = Vec::with_capacity(guess.min(bytes_max.saturating_add(1)));
        // Of nothing, nothing can be cut.
        if payload.is_empty() || inflate_part(state, payload, &mut out, bytes_max)? {
            // Whoever ends with a last block has nothing left out, though he should have.
            return Ok(Bytes::from(out));
        }
        // Of a payload that is cut the tail would be taken for data or for half a block.
        let whole = out.len();
        inflate_part(state, &TAIL, &mut out, bytes_max)?;
        let ended = inflate_part(state, &LAST_BLOCK, &mut out, bytes_max)?;
        if !ended || out.len() != whole {
            return Err(Violation::NotDeflate);
        }
        Ok(Bytes::from(out))
    }
}

/// Whether it ended with a last block.
fn inflate_part(
    state: &mut Decompress,
    mut input: &[u8],
    out: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<bool, Violation> {
    loop {
        let (read, written) = (state.total_in(), out.len());
        let status = state
            .decompress_vec(input, out, FlushDecompress::Sync)
            .map_err(|_| Violation::NotDeflate)?;
        // No more than a slice was read.
        let count = (state.total_in() - read) as usize;
        input = &input[count..];
        if out.len() > bytes_max {
            return Err(Violation::MessageTooLarge);
        }
        if status == Status::StreamEnd {
            // A last block need not be the end of the message (section 7.2.3.4).
            state.reset(false);
            if input.is_empty() {
                return Ok(true);
            }
        } else if out.len() == out.capacity() {
            // One byte more than allowed tells that it is too many.
            let room = bytes_max.saturating_add(1) - out.len();
            out.reserve_exact(out.len().max(GROWTH_BYTES_MIN).min(room));
        } else if input.is_empty() || (count == 0 && out.len() == written) {
            return Ok(false);
        }
    }
}

/// Compresses messages one after the other.
pub struct Deflate(Compress);

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}

impl Deflate {
    /// A compressor, of about 50 KB.
    #[must_use]
    pub fn new() -> Self {
        let level = Compression::new(LEVEL);
        Self(Compress::new_with_window_bits(
            level,
            false,
            DEFLATE_WINDOW_BITS,
        ))
    }

    /// The payload of a compressed message; `None` when that is no shorter.
    pub fn message(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        self.0.reset();
        let mut out = Vec::with_capacity(payload.len() / 2 + GROWTH_BYTES_MIN);
        let mut input = payload;
        loop {
            let read = self.0.total_in();
            self.0
                .compress_vec(input, &mut out, FlushCompress::Sync)
                .ok()?;
            // No more than a slice was read.
            input = &input[(self.0.total_in() - read) as usize..];
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(out.len());
        }
        debug_assert!(input.is_empty(), "there was room for all of it");
        let length = out.len().checked_sub(TAIL.len())?;
        if !out.ends_with(&TAIL) || length >= payload.len() {
            return None;
        }
        out.truncate(length);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7692() {
        let mut inflate = Inflate::new();
        // Section 7.2.3: one block, no compression, a last block, two blocks.
        let hello: [&[u8]; 4] = [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ];
        for payload in hello {
            let text = inflate.message(payload, 5).unwrap();
            assert_eq!(&text[..], b"Hello", "{payload:x?}");
            let refused = inflate.message(payload, 4);
            assert_eq!(refused, Err(Violation::MessageTooLarge), "{payload:x?}");
        }
    }

    #[test]
    fn there_and_back() {
        let (mut deflate, mut inflate) = (Deflate::new(), Inflate::new());
        for length in [64, 500, 4_096, 20_000, 300_000] {
            let text: Vec<u8> = (0..length).map(|at: u32| (at / 7 % 60) as u8).collect();
            let small = deflate.message(&text).unwrap();
            assert!(small.len() < text.len());
            assert_eq!(inflate.message(&small, text.len()).unwrap(), text);
            let cut = inflate.message(&small, text.len() - 1);
            assert_eq!(cut, Err(Violation::MessageTooLarge));
        }
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let noise: Vec<u8> = (0..1_000)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random >> 32) as u8
            })
            .collect();
        assert_eq!(deflate.message(&noise), None);
        assert_eq!(deflate.message(b""), None);
    }

    #[test]
    fn what_is_cut_is_refused() {
        let mut inflate = Inflate::new();
        for payload in [
            // A stored block of 5 bytes of which one is there, and of 12: the tail is no data.
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48][..],
            &[0x00, 0x0c, 0x00, 0xf3, 0xff, 0x48],
            // Half of a stored block's length.
            &[0x00, 0x05],
            // Fixed codes that break off behind "Hel", and without the octet of an empty block.
            &[0xf2, 0x48, 0xcd, 0xc9],
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07],
        ] {
            let refused = inflate.message(payload, 100);
            assert_eq!(refused, Err(Violation::NotDeflate), "{payload:x?}");
        }
        let text: Vec<u8> = (0..2_000_u32).map(|at| (at * at % 251) as u8).collect();
        let small = Deflate::new().message(&text).unwrap();
        assert!(inflate.message(&small, text.len()).is_ok());
        for cut in 1..small.len() {
            let refused = inflate.message(&small[..cut], text.len());
            assert!(refused.is_err(), "{cut} of {}", small.len());
        }
        for empty in [&[0][..], &[]] {
            assert_eq!(inflate.message(empty, 1), Ok(Bytes::new()));
        }
    }

    #[test]
    fn a_bomb_takes_no_more_than_is_allowed() {
        // A mebibyte of zeros, a thousand times smaller.
        let bomb = Deflate::new().message(&vec![0; 1 << 20]).unwrap();
        assert!(bomb.len() < 8_192, "{}", bomb.len());
        let mut out = Vec::new();
        let mut state = Decompress::new(false);
        let refused = inflate_part(&mut state, &bomb, &mut out, 10_000);
        assert_eq!(refused, Err(Violation::MessageTooLarge));
        assert!(out.capacity() <= 10_001, "{}", out.capacity());
        assert_eq!(
            Inflate::new().message(b"\xff\xff\xff", 100),
            Err(Violation::NotDeflate)
        );
    }
}
