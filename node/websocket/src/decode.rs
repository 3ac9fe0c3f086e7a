//! From bytes to messages, without IO and without a buffer of its own: what is complete in the
//! bytes at hand is taken from there, and only what is cut is kept.
//!
//! Everything that can be known from a header is refused on the header: a frame that is announced
//! too large is never read. Memory grows with what has arrived, not with what was announced.

mod header;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};

use crate::close::CloseFrame;
use crate::deflate::Inflate;
use crate::limits::EMPTY_FRAGMENTS_MAX;
use crate::mask::mask;
use crate::utf8::Utf8;
use crate::{Limits, Opcode, Violation};
use header::{Header, HeaderReader};

/// Which end decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Frames must be masked.
    Server,
    /// Frames must not be.
    Client,
}

/// What a decoder takes.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Which end decodes.
    pub role: Role,
    /// See [`Limits::frame_bytes_max`].
    pub frame_bytes_max: u64,
    /// See [`Limits::message_bytes_max`].
    pub message_bytes_max: usize,
    /// See [`Limits::binary`].
    pub binary: bool,
    /// Whether permessage-deflate was agreed on, without context takeover by the sender.
    pub deflate: bool,
}

impl Policy {
    /// A server's, by these limits.
    #[must_use]
    pub fn server(limits: &Limits, deflate: bool) -> Self {
        Self {
            role: Role::Server,
            frame_bytes_max: limits.frame_bytes_max,
            message_bytes_max: limits.message_bytes_max,
            binary: limits.binary,
            deflate,
        }
    }
}

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its kind.
    pub kind: Kind,
    /// Its payload, joined, inflated and, for a text, checked.
    pub payload: Bytes,
}

impl Message {
    /// The text, `None` of a binary message.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.kind {
            Kind::Text => core::str::from_utf8(&self.payload).ok(),
            Kind::Binary => None,
        }
    }
}

/// What a peer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole message.
    Message(Message),
    /// Wants a pong with the same payload, at most 125 bytes.
    Ping(Bytes),
    /// A pong, also one that nobody asked for.
    Pong(Bytes),
    /// Nothing more comes.
    Close(CloseFrame),
}

impl Event {
    /// Bytes of what was said, inflated.
    pub(crate) fn payload_bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.payload.len(),
            Self::Ping(payload) | Self::Pong(payload) => payload.len(),
            Self::Close(frame) => frame.reason.len(),
        }
    }
}

/// Decodes what one peer sends. After a [`Violation`] or [`Event::Close`] it has nothing more to
/// say and must not be asked.
#[derive(Debug)]
pub struct Decoder {
    policy: Policy,
    header: HeaderReader,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// The message whose fragments are being read.
    message: Option<Joined>,
    /// What has arrived of a control frame that is cut.
    control: Vec<u8>,
    /// Messages are of no interest any more.
    discards: bool,
}

#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    last: bool,
    key: Option<[u8; 4]>,
    /// Payload bytes in all, and those that were read.
    length: u64,
    read: u64,
}

#[derive(Debug)]
struct Joined {
    kind: Kind,
    deflated: bool,
    bytes: BytesMut,
    utf8: Utf8,
    empty_fragments: u16,
}

impl Decoder {
    /// A decoder at the first byte after the handshake.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            header: HeaderReader::default(),
            frame: None,
            message: None,
            control: Vec::new(),
            discards: false,
        }
    }

    /// From now on gives control frames only: payloads of messages are neither kept nor inflated
    /// nor checked.
    pub(crate) fn discard(&mut self) {
        self.discards = true;
        if let Some(message) = &mut self.message {
            message.bytes = BytesMut::new();
        }
    }

    /// Whether nothing is kept: the peer is between two messages.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.frame.is_none() && self.message.is_none() && self.header.is_empty()
    }

    /// The next event of `input`, which is advanced past it; `None` when all of `input` was taken
    /// and there is more to come. Payloads are unmasked in place.
    ///
    /// # Errors
    /// The rule that the peer broke; the connection is to be failed.
    pub fn decode(
        &mut self,
        input: &mut &mut [u8],
        inflate: &mut Inflate,
    ) -> Result<Option<Event>, Violation> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let message = self.message.as_ref();
                    let joined = message.map(|message| message.bytes.len());
                    let Some(header) = self.header.read(input, &self.policy, joined)? else {
                        return Ok(None);
                    };
                    self.begin(&header)?
                }
            };
            let rest = frame.length - frame.read;
            let count = usize::try_from(rest).map_or(input.len(), |rest| rest.min(input.len()));
            let (piece, behind) = core::mem::take(input).split_at_mut(count);
            *input = behind;
            if let Some(key) = frame.key {
                mask(piece, key, frame.read);
            }
            frame.read += count as u64;
            let ended = frame.read == frame.length;
            let event = if frame.opcode.is_control() {
                self.control(&frame, piece, ended)?
            } else {
                self.data(&frame, piece, ended, inflate)?
            };
            if !ended {
                self.frame = Some(frame);
                return Ok(None);
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// A frame begins; so may a message.
    fn begin(&mut self, header: &Header) -> Result<Frame, Violation> {
        let kind = match header.opcode {
            Opcode::Text => Some(Kind::Text),
            Opcode::Binary => Some(Kind::Binary),
            _ => None,
        };
        if let Some(kind) = kind {
            self.message = Some(Joined {
                kind,
                deflated: header.deflated,
                bytes: BytesMut::new(),
                utf8: Utf8::default(),
                empty_fragments: 0,
            });
        }
        if let Some(message) = &mut self.message
            && !header.opcode.is_control()
            && header.length == 0
            && !header.last
        {
            message.empty_fragments += 1;
            if message.empty_fragments > EMPTY_FRAGMENTS_MAX {
                return Err(Violation::EmptyFragments);
            }
        }
        Ok(Frame {
            opcode: header.opcode,
            last: header.last,
            key: header.key,
            length: header.length,
            read: 0,
        })
    }

    fn control(
        &mut self,
        frame: &Frame,
        piece: &[u8],
        ended: bool,
    ) -> Result<Option<Event>, Violation> {
        if !ended {
            self.control.extend_from_slice(piece);
            return Ok(None);
        }
        let payload = if self.control.is_empty() {
            Bytes::copy_from_slice(piece)
        } else {
            let mut all = core::mem::take(&mut self.control);
            all.extend_from_slice(piece);
            Bytes::from(all)
        };
        Ok(Some(match frame.opcode {
            Opcode::Ping => Event::Ping(payload),
            Opcode::Pong => Event::Pong(payload),
            _ => Event::Close(CloseFrame::parse(&payload)?),
        }))
    }

    fn data(
        &mut self,
        frame: &Frame,
        piece: &[u8],
        ended: bool,
        inflate: &mut Inflate,
    ) -> Result<Option<Event>, Violation> {
        // The header of a continuation without a message was refused.
        let Some(message) = &mut self.message else {
            return Err(Violation::ContinuationUnexpected);
        };
        if self.discards {
            if ended && frame.last {
                self.message = None;
            }
            return Ok(None);
        }
        let checked = message.kind == Kind::Text && !message.deflated;
        if checked && !message.utf8.push(piece) {
            return Err(Violation::NotUtf8);
        }
        if !(ended && frame.last) {
            message.bytes.extend_from_slice(piece);
            return Ok(None);
        }
        if checked && !message.utf8.is_complete() {
            return Err(Violation::NotUtf8);
        }
        let payload = match (message.deflated, message.bytes.is_empty()) {
            (false, true) => Bytes::copy_from_slice(piece),
            (true, true) => inflate.message(piece, self.policy.message_bytes_max)?,
            (deflated, false) => {
                let mut all = core::mem::take(&mut message.bytes);
                all.extend_from_slice(piece);
                if deflated {
                    inflate.message(&all, self.policy.message_bytes_max)?
                } else {
                    all.freeze()
                }
            }
        };
        let kind = message.kind;
        let inflated_text = message.deflated && kind == Kind::Text;
        if inflated_text && core::str::from_utf8(&payload).is_err() {
            return Err(Violation::NotUtf8);
        }
        self.message = None;
        Ok(Some(Event::Message(Message { kind, payload })))
    }
}
