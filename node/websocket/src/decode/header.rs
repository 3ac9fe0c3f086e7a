//! A frame header that may arrive byte by byte, refused at the first byte that makes it bad.

use super::{Policy, Role};
use crate::frame::{HEADER_BYTES_MAX, SHORT_BYTES_MAX};
use crate::{Opcode, Violation};

/// Bits of the first byte.
const LAST: u8 = 0x80;
const DEFLATED: u8 = 0x40;
const RESERVED: u8 = 0x30;
/// Bit of the second byte.
const MASKED: u8 = 0x80;

/// A header that was checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) last: bool,
    pub(super) deflated: bool,
    pub(super) key: Option<[u8; 4]>,
    pub(super) length: u64,
}

/// What has arrived of a header.
#[derive(Debug, Default)]
pub(super) struct HeaderReader {
    bytes: [u8; HEADER_BYTES_MAX],
    count: usize,
}

impl HeaderReader {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes a header from `input`; `None` when it is cut. `joined` says how many bytes of a
    /// message are there already, `None` when no message began.
    pub(super) fn read(
        &mut self,
        input: &mut &mut [u8],
        policy: &Policy,
        joined: Option<usize>,
    ) -> Result<Option<Header>, Violation> {
        if !self.fill(input, 2) {
            return Ok(None);
        }
        let [first, second, ..] = self.bytes;
        let opcode = check_start(first, second, policy, joined)?;
        let length_bytes = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if !self.fill(input, 2 + length_bytes) {
            return Ok(None);
        }
        let length = self.length(length_bytes)?;
        check_length(opcode, length, policy, joined)?;
        let key_bytes = if second & MASKED == 0 { 0 } else { 4 };
        if !self.fill(input, 2 + length_bytes + key_bytes) {
            return Ok(None);
        }
        let key = self.bytes[2 + length_bytes..].first_chunk::<4>();
        let header = Header {
            opcode,
            last: first & LAST != 0,
            deflated: first & DEFLATED != 0,
            key: key.copied().filter(|_| key_bytes > 0),
            length,
        };
        self.count = 0;
        Ok(Some(header))
    }

    /// Takes bytes until there are `wanted`.
    fn fill(&mut self, input: &mut &mut [u8], wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.count);
        let count = missing.min(input.len());
        let (taken, rest) = core::mem::take(input).split_at_mut(count);
        self.bytes[self.count..self.count + count].copy_from_slice(taken);
        self.count += count;
        *input = rest;
        count == missing
    }

    fn length(&self, length_bytes: usize) -> Result<u64, Violation> {
        let mut length = 0_u64;
        for &byte in &self.bytes[2..2 + length_bytes] {
            length = length << 8 | u64::from(byte);
        }
        match length_bytes {
            0 => Ok(u64::from(self.bytes[1] & !MASKED)),
            2 if length > SHORT_BYTES_MAX => Ok(length),
            8 if length > 0xffff && length >> 63 == 0 => Ok(length),
            _ => Err(Violation::BadLength),
        }
    }
}

/// What the first two bytes say.
fn check_start(
    first: u8,
    second: u8,
    policy: &Policy,
    joined: Option<usize>,
) -> Result<Opcode, Violation> {
    if first & RESERVED != 0 {
        return Err(Violation::ReservedBit);
    }
    let opcode = Opcode::parse(first & 0x0f)?;
    let begins = matches!(opcode, Opcode::Text | Opcode::Binary);
    if first & DEFLATED != 0 && !(policy.deflate && begins) {
        return Err(Violation::ReservedBit);
    }
    if opcode.is_control() {
        if first & LAST == 0 {
            return Err(Violation::FragmentedControl);
        }
        if u64::from(second & !MASKED) > SHORT_BYTES_MAX {
            return Err(Violation::LongControl);
        }
    }
    match (policy.role, second & MASKED != 0) {
        (Role::Server, false) => return Err(Violation::MaskMissing),
        (Role::Client, true) => return Err(Violation::MaskUnexpected),
        _ => {}
    }
    match (opcode, joined) {
        (Opcode::Continuation, None) => Err(Violation::ContinuationUnexpected),
        (Opcode::Text | Opcode::Binary, Some(_)) => Err(Violation::ContinuationExpected),
        (Opcode::Binary, None) if !policy.binary => Err(Violation::BinaryRefused),
        _ => Ok(opcode),
    }
}

fn check_length(
    opcode: Opcode,
    length: u64,
    policy: &Policy,
    joined: Option<usize>,
) -> Result<(), Violation> {
    if opcode.is_control() {
        return Ok(());
    }
    if length > policy.frame_bytes_max {
        return Err(Violation::FrameTooLarge);
    }
    let whole = length.saturating_add(joined.unwrap_or(0) as u64);
    if whole > policy.message_bytes_max as u64 {
        return Err(Violation::MessageTooLarge);
    }
    Ok(())
}
