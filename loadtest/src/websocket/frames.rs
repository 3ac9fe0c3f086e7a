//! The little of RFC 6455 that a client needs: masked frames out, whole unmasked frames in.

use bytes::{Buf, BytesMut};

/// The mask of all frames. It protects proxies from scripts (section 10.3), and there is no script.
const KEY: [u8; 4] = [0x21, 0x84, 0x5c, 0xe3];
/// Longest payload that is taken; a longer one is a failure of the server.
const PAYLOAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) const TEXT: u8 = 1;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// A frame from the server was none that a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Appends a frame.
pub(super) fn write(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(KEY);
    let masked = payload.iter().zip(KEY.iter().cycle());
    out.extend(masked.map(|(byte, key)| byte ^ key));
}

/// Takes a whole frame from the front: opcode and payload. Fragments come as they are, since a
/// payload's time is in the first.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<(u8, BytesMut)>, Broken> {
    let (Some(&first), Some(&second)) = (buffer.first(), buffer.get(1)) else {
        return Ok(None);
    };
    if first & 0x70 != 0 || second & 0x80 != 0 {
        return Err(Broken);
    }
    let (length, header) = match second {
        126 => match buffer[2..].first_chunk::<2>() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 4),
            None => return Ok(None),
        },
        127 => match buffer[2..].first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    if length > PAYLOAD_BYTES_MAX {
        return Err(Broken);
    }
    let length = usize::try_from(length).map_err(|_| Broken)?;
    if buffer.len() < header + length {
        return Ok(None);
    }
    buffer.advance(header);
    Ok(Some((first & 0x0f, buffer.split_to(length))))
}
