//! How connections end: codes, close frames, and what is told of an end.

use crate::limits::REASON_BYTES_MAX;
use crate::{Opcode, Violation, encode};
use bytes::{Bytes, BytesMut};

/// Close codes (RFC 6455, section 7.4.1).
pub mod code {
    /// The purpose is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// The server goes down, or the connection has lasted long enough.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// A kind of data that is not accepted.
    pub const UNSUPPORTED: u16 = 1003;
    /// Never sent: the close frame had no code.
    pub const NONE: u16 = 1005;
    /// Never sent: the connection ended without a close frame.
    pub const ABNORMAL: u16 = 1006;
    /// Data that does not fit its kind, such as a text that is not UTF-8.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// The peer broke a rule that has no code of its own.
    pub const POLICY: u16 = 1008;
    /// A message that is too large.
    pub const TOO_LARGE: u16 = 1009;
    /// The server failed.
    pub const INTERNAL: u16 = 1011;
}

/// What a close frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code; [`code::NONE`] when the frame is empty.
    pub code: u16,
    /// The reason, at most 123 bytes.
    pub reason: String,
}

impl CloseFrame {
    /// A close frame; a longer reason is cut.
    #[must_use]
    pub fn new(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            code,
            reason: reason[..end].to_owned(),
        }
    }

    /// Reads the payload of a close frame.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Violation> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return if payload.is_empty() {
                Ok(Self::new(code::NONE, ""))
            } else {
                Err(Violation::BadCloseCode)
            };
        };
        let code = u16::from_be_bytes(*code);
        if !is_sent(code) {
            return Err(Violation::BadCloseCode);
        }
        let reason = core::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
        Ok(Self::new(code, reason))
    }

    /// The frame of a server.
    pub(crate) fn encode(&self) -> Bytes {
        let mut payload = Vec::with_capacity(2 + self.reason.len());
        if is_sent(self.code) {
            payload.extend_from_slice(&self.code.to_be_bytes());
            payload.extend_from_slice(self.reason.as_bytes());
        }
        let mut out = BytesMut::with_capacity(payload.len() + 2);
        encode(Opcode::Close, true, false, &payload, None, &mut out);
        out.freeze()
    }
}

/// Whether a code may be in a frame: those of the RFC and of IANA's registry, those that libraries
/// register, and those of applications.
pub(crate) fn is_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The client closed it.
    Peer,
    /// Somebody here closed it ([`crate::Sender::close`]).
    Requested,
    /// The client broke a rule.
    Violation(Violation),
    /// Nothing happened for too long.
    Idle,
    /// It lasted as long as one may.
    Age,
    /// The client took nothing of what waited for it.
    Slow,
    /// The client gave no sign of life.
    Silent,
    /// The node drains.
    Drain,
    /// TCP ended or failed without a close frame.
    Lost,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The code that was sent first, by either side; [`code::ABNORMAL`] when none was.
    pub code: u16,
    /// The reason that came with it.
    pub reason: String,
    /// Why.
    pub cause: Cause,
}
