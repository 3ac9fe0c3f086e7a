//! The byte format on disk and between nodes, and the only module that names bincode.
//!
//! bincode 2.0.1 is its last working release (RUSTSEC-2025-0141: unmaintained). Everything that
//! is encoded goes through here, in an envelope that carries its own format number, so that a
//! successor can be swapped in behind this module.
//!
//! ```text
//! magic u16 "TG" | format u8 | kind u8 | length u32 | crc32c u32 | body
//! ```
//! All integers are little endian. The checksum covers kind and body.

use alloc::vec::Vec;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};

pub use bincode;
pub use bincode::{Decode, Encode};

/// What the few types need that cannot derive their bytes.
pub(crate) mod by_hand {
    pub(crate) use bincode::BorrowDecode;
    pub(crate) use bincode::de::{BorrowDecoder, Decoder};
    pub(crate) use bincode::enc::Encoder;
    pub(crate) use bincode::error::{DecodeError, EncodeError};
}

use crate::limits::COMMAND_BYTES_MAX;

const MAGIC: [u8; 2] = *b"TG";
const FORMAT: u8 = 1;
/// The bytes of an envelope before its body.
pub const ENVELOPE_BYTES: usize = 12;

type Config = Configuration<LittleEndian, Varint, Limit<COMMAND_BYTES_MAX>>;

const CONFIG: Config = bincode::config::standard()
    .with_variable_int_encoding()
    .with_limit::<COMMAND_BYTES_MAX>();

/// Why bytes could not be read. None of them names the content, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodecError {
    /// Fewer bytes than the envelope announces: a torn write or a cut frame.
    Truncated,
    /// The bytes do not begin with an envelope.
    NotAnEnvelope,
    /// Written by a newer release: its format number.
    UnknownFormat(u8),
    /// Another kind of record than the one asked for: the kind found.
    WrongKind(u8),
    /// The checksum does not match: the bytes were changed after they were written.
    Checksum,
    /// The envelope is whole but its body is not what the kind says.
    Malformed,
    /// Above [`COMMAND_BYTES_MAX`].
    TooLarge,
}

impl core::fmt::Display for CodecError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated => f.write_str("the record is cut short"),
            Self::NotAnEnvelope => f.write_str("the bytes are not a record of this product"),
            Self::UnknownFormat(n) => write!(f, "record format {n} is newer than this release"),
            Self::WrongKind(n) => write!(f, "record kind {n} where another was expected"),
            Self::Checksum => f.write_str("the checksum does not match"),
            Self::Malformed => f.write_str("the record's body cannot be read"),
            Self::TooLarge => f.write_str("the record is larger than the limit"),
        }
    }
}

impl core::error::Error for CodecError {}

/// Encodes `value` in an envelope of this kind.
///
/// # Errors
/// [`CodecError::TooLarge`] above the limit.
pub fn seal<T: Encode>(kind: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let body = bincode::encode_to_vec(value, CONFIG).map_err(|_| CodecError::TooLarge)?;
    let length = u32::try_from(body.len()).map_err(|_| CodecError::TooLarge)?;
    if body.len() > COMMAND_BYTES_MAX {
        return Err(CodecError::TooLarge);
    }
    let mut out = Vec::with_capacity(ENVELOPE_BYTES + body.len());
    out.extend_from_slice(&MAGIC);
    out.push(FORMAT);
    out.push(kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(kind, &body).to_le_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

/// The bytes of the envelope at the start of `bytes`, with its body, whether they are all there
/// or not.
///
/// # Errors
/// [`CodecError::Truncated`] when not even its length is there, [`CodecError::NotAnEnvelope`] when
/// it is something else.
pub fn sealed_len(bytes: &[u8]) -> Result<usize, CodecError> {
    let head = bytes.get(..ENVELOPE_BYTES).ok_or(CodecError::Truncated)?;
    if head[..2] != MAGIC {
        return Err(CodecError::NotAnEnvelope);
    }
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    Ok(ENVELOPE_BYTES.saturating_add(length))
}

/// Decodes the envelope at the start of `bytes`, which must end with it.
///
/// # Errors
/// Whatever of [`CodecError`] is true of the bytes. Never panics, never allocates past the limit.
pub fn open<T: Decode<()>>(kind: u8, bytes: &[u8]) -> Result<T, CodecError> {
    check(bytes)?;
    let (head, rest) = bytes
        .split_at_checked(ENVELOPE_BYTES)
        .ok_or(CodecError::Truncated)?;
    if head[3] != kind {
        return Err(CodecError::WrongKind(head[3]));
    }
    let (value, used) =
        bincode::decode_from_slice(rest, CONFIG).map_err(|_| CodecError::Malformed)?;
    if used == rest.len() {
        Ok(value)
    } else {
        Err(CodecError::Malformed)
    }
}

/// Checks that `bytes` are one whole envelope that nobody changed, without reading its body.
///
/// # Errors
/// As [`open`], but for what only the body tells.
pub fn check(bytes: &[u8]) -> Result<(), CodecError> {
    let (head, rest) = bytes
        .split_at_checked(ENVELOPE_BYTES)
        .ok_or(CodecError::Truncated)?;
    if head[..2] != MAGIC {
        return Err(CodecError::NotAnEnvelope);
    }
    if head[2] != FORMAT {
        return Err(CodecError::UnknownFormat(head[2]));
    }
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let sum = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    if rest.len() < length {
        return Err(CodecError::Truncated);
    }
    if rest.len() > length {
        return Err(CodecError::Malformed);
    }
    if checksum(head[3], rest) != sum {
        return Err(CodecError::Checksum);
    }
    Ok(())
}

/// The checksum of bytes that have no envelope of their own.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

fn checksum(kind: u8, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), body)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn what_is_sealed_opens_and_any_flipped_bit_is_found() {
        let value: (u64, String) = (300, "quota".into());
        let bytes = seal(7, &value).unwrap();
        assert_eq!(open::<(u64, String)>(7, &bytes).unwrap(), value);
        assert_eq!(
            open::<(u64, String)>(8, &bytes),
            Err(CodecError::WrongKind(7))
        );
        for cut in 0..bytes.len() {
            assert!(open::<(u64, String)>(7, &bytes[..cut]).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open::<(u64, String)>(7, &bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn golden_bytes_never_change() {
        let bytes = seal(1, &(300u64, String::from("quota"))).unwrap();
        let hex: String = bytes.iter().map(|b| alloc::format!("{b:02x}")).collect();
        assert_eq!(hex, "5447010109000000385ab59afb2c010571756f7461");
    }
}
