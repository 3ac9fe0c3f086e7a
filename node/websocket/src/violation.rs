//! What a peer can do against the protocol or the limits, and the code that it is told.

use crate::close::code;

/// Why a connection is failed (RFC 6455, section 7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A reserved bit that no extension gave a meaning (5.2).
    #[error("reserved bit set")]
    ReservedBit,
    /// An opcode without a meaning (5.2).
    #[error("reserved opcode")]
    ReservedOpcode,
    /// A control frame in fragments (5.5).
    #[error("fragmented control frame")]
    FragmentedControl,
    /// A control frame of more than 125 bytes (5.5).
    #[error("control frame too long")]
    LongControl,
    /// A client's frame without a mask (5.1).
    #[error("frame not masked")]
    MaskMissing,
    /// A server's frame with a mask (5.1).
    #[error("frame masked")]
    MaskUnexpected,
    /// A length in more bytes than it needs, or of 2^63 and more (5.2).
    #[error("bad frame length")]
    BadLength,
    /// A continuation of nothing (5.4).
    #[error("continuation without a message")]
    ContinuationUnexpected,
    /// A new message inside of another (5.4).
    #[error("message inside of a message")]
    ContinuationExpected,
    /// More empty fragments than a message has a use for.
    #[error("too many empty fragments")]
    EmptyFragments,
    /// A text that is not UTF-8 (8.1).
    #[error("invalid UTF-8")]
    NotUtf8,
    /// Compressed data that is none (RFC 7692, section 7.2.2).
    #[error("invalid compressed data")]
    NotDeflate,
    /// A close frame with half a code or one that must not be sent (5.5.1, 7.4).
    #[error("bad close code")]
    BadCloseCode,
    /// A frame longer than [`crate::Limits::frame_bytes_max`].
    #[error("frame too large")]
    FrameTooLarge,
    /// A message longer than [`crate::Limits::message_bytes_max`].
    #[error("message too large")]
    MessageTooLarge,
    /// A message that took longer than [`crate::Limits::message_ms`].
    #[error("message took too long")]
    MessageTooSlow,
    /// A binary message where only texts are taken.
    #[error("binary messages are not accepted")]
    BinaryRefused,
}

impl Violation {
    /// The code of the close frame that says so (7.4.1).
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 | Self::NotDeflate => code::INVALID_PAYLOAD,
            Self::FrameTooLarge | Self::MessageTooLarge => code::TOO_LARGE,
            Self::BinaryRefused => code::UNSUPPORTED,
            Self::EmptyFragments | Self::MessageTooSlow => code::POLICY,
            _ => code::PROTOCOL,
        }
    }
}
