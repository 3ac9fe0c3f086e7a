//! Frames as bytes, good and bad: nothing of what they say is checked here.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The mask unless a case says otherwise.
const KEY: [u8; 4] = [0x5a, 0x00, 0xff, 0x13];

/// How a length is written.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    /// In as few bytes as it takes.
    Minimal,
    /// In two bytes.
    Two,
    /// In eight.
    Eight,
    /// In eight, whatever the payload.
    Announced(u64),
}

/// A frame to be.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) last: bool,
    /// The three reserved bits, the first of them 4.
    pub(crate) reserved: u8,
    pub(crate) opcode: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) length: Length,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(opcode: u8, payload: impl Into<Vec<u8>>) -> Frame {
    Frame {
        last: true,
        reserved: 0,
        opcode,
        key: Some(KEY),
        length: Length::Minimal,
        payload: payload.into(),
    }
}

/// A close frame with a code and a reason.
pub(crate) fn close(code: u16, reason: &str) -> Frame {
    frame(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
}

impl Frame {
    pub(crate) fn more(self) -> Self {
        Self {
            last: false,
            ..self
        }
    }

    pub(crate) fn reserved(self, reserved: u8) -> Self {
        Self { reserved, ..self }
    }

    pub(crate) fn key(self, key: Option<[u8; 4]>) -> Self {
        Self { key, ..self }
    }

    pub(crate) fn length(self, length: Length) -> Self {
        Self { length, ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.last) << 7 | self.reserved << 4 | self.opcode];
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        let count = self.payload.len() as u64;
        match (self.length, count) {
            (Length::Minimal, 0..126) => out.push(masked | count as u8),
            (Length::Two, _) | (Length::Minimal, 126..0x1_0000) => {
                out.push(masked | 126);
                out.extend((count as u16).to_be_bytes());
            }
            (Length::Minimal | Length::Eight, _) => {
                out.push(masked | 127);
                out.extend(count.to_be_bytes());
            }
            (Length::Announced(length), _) => {
                out.push(masked | 127);
                out.extend(length.to_be_bytes());
            }
        }
        out.extend(self.key.iter().flatten());
        let key = self.key.unwrap_or_default();
        let masked = self.payload.iter().enumerate();
        out.extend(masked.map(|(at, byte)| byte ^ key[at % 4]));
        out
    }
}

/// The payload of a compressed message (RFC 7692, section 7.2.1).
pub(crate) fn deflated(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 100);
    Compress::new(Compression::default(), false)
        .compress_vec(text, &mut out, FlushCompress::Sync)
        .expect("compress");
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]), "there was no room");
    out.truncate(out.len() - 4);
    out
}

/// What a compressed payload says.
pub(crate) fn inflated(payload: &[u8]) -> Vec<u8> {
    let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(1 << 20);
    Decompress::new(false)
        .decompress_vec(&whole, &mut out, FlushDecompress::Sync)
        .expect("inflate");
    assert!(out.len() < out.capacity(), "there was no room");
    out
}
