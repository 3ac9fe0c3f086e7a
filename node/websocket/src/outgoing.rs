//! A message on its way out, encoded once however many connections it goes to.

use bytes::{Bytes, BytesMut};

use crate::limits::DEFLATE_BYTES_MIN;
use crate::{Deflate, Kind, Opcode, encode};

/// A message as a server's frame, cheap to clone and to share.
#[derive(Debug, Clone)]
pub struct Outgoing {
    kind: Kind,
    plain: Bytes,
    /// Bytes of the frame's header.
    header: usize,
    deflated: Option<Bytes>,
}

impl Outgoing {
    /// Encodes a message. A text must be UTF-8, which is up to the caller.
    #[must_use]
    pub fn new(kind: Kind, payload: &[u8]) -> Self {
        let plain = frame(kind, false, payload);
        Self {
            kind,
            header: plain.len() - payload.len(),
            plain,
            deflated: None,
        }
    }

    /// Encodes a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(Kind::Text, text.as_bytes())
    }

    /// The same message with a compressed form beside the plain one, for the connections that
    /// agreed on it ([`crate::Sender::deflates`]). Short messages and those that compressing does
    /// not make smaller stay plain for all.
    #[must_use]
    pub fn deflate(mut self, deflate: &mut Deflate) -> Self {
        let payload = &self.plain[self.header..];
        if payload.len() >= DEFLATE_BYTES_MIN && self.deflated.is_none() {
            let small = deflate.message(payload);
            self.deflated = small.map(|small| frame(self.kind, true, &small));
        }
        self
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.plain[self.header..]
    }

    /// The frame for a connection.
    pub(crate) fn frame(&self, deflates: bool) -> &Bytes {
        match &self.deflated {
            Some(deflated) if deflates => deflated,
            _ => &self.plain,
        }
    }
}

fn frame(kind: Kind, deflated: bool, payload: &[u8]) -> Bytes {
    let opcode = match kind {
        Kind::Text => Opcode::Text,
        Kind::Binary => Opcode::Binary,
    };
    let mut out = BytesMut::new();
    encode(opcode, true, deflated, payload, None, &mut out);
    out.freeze()
}
