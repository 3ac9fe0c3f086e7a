//! Frame headers (RFC 6455, section 5.2).

use bytes::{BufMut, BytesMut};

use crate::Violation;
use crate::mask::mask;

/// A header with eight bytes of length and a mask.
pub(crate) const HEADER_BYTES_MAX: usize = 14;
/// The longest payload whose length is in the second byte, and of a control frame.
pub(crate) const SHORT_BYTES_MAX: u64 = 125;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message that began.
    Continuation = 0,
    /// Begins a text.
    Text = 1,
    /// Begins a binary message.
    Binary = 2,
    /// Ends the connection.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping, or just shows life.
    Pong = 10,
}

impl Opcode {
    pub(crate) fn parse(bits: u8) -> Result<Self, Violation> {
        Ok(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return Err(Violation::ReservedOpcode),
        })
    }

    /// Whether such frames may come between the fragments of a message.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Appends a frame. `deflated` is the bit of RFC 7692; a client gives a mask, a server none.
pub fn encode(
    opcode: Opcode,
    last: bool,
    deflated: bool,
    payload: &[u8],
    key: Option<[u8; 4]>,
    out: &mut BytesMut,
) {
    out.reserve(payload.len() + HEADER_BYTES_MAX);
    out.put_u8(u8::from(last) << 7 | u8::from(deflated) << 6 | opcode as u8);
    let masked = if key.is_some() { 0x80 } else { 0 };
    match payload.len() {
        // Each arm's length fits the type that it is written as.
        short @ 0..=125 => out.put_u8(masked | short as u8),
        medium @ 126..=0xffff => {
            out.put_u8(masked | 126);
            out.put_u16(medium as u16);
        }
        long => {
            out.put_u8(masked | 127);
            out.put_u64(long as u64);
        }
    }
    out.put_slice(key.as_ref().map_or(&[], |key| &key[..]));
    let begin = out.len();
    out.put_slice(payload);
    if let Some(key) = key {
        mask(&mut out[begin..], key, 0);
    }
}
