//! A case: what is sent on a fresh connection, and what must come back.

use std::net::SocketAddr;

use crate::frames::{self, BINARY, CLOSE, Frame, PING, PONG, TEXT, close};
use crate::raw::Raw;

/// What must come back.
#[derive(Debug, Clone)]
pub(crate) enum Expect {
    /// A text or a binary message.
    Message(u8, Vec<u8>),
    /// A pong with this payload. Those of earlier pings may have been left out (RFC 6455, 5.5.3).
    Pong(Vec<u8>),
    /// A close frame with this code, `None` without one, and the end of the stream.
    Close(Option<u16>),
    /// Nothing of it ended the connection: a ping is answered, and so is an orderly close.
    Alive,
}

/// How bytes reach the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delivery {
    /// With one write.
    Whole,
    /// With a write for so many bytes.
    Pieces(usize),
}

/// A case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    path: &'static str,
    deflate: bool,
    delivery: Delivery,
    bytes: Vec<u8>,
    expects: Vec<Expect>,
}

impl Case {
    pub(crate) fn new<'f>(
        name: impl Into<String>,
        sent: impl IntoIterator<Item = &'f Frame>,
    ) -> Self {
        Self {
            name: name.into(),
            path: "/",
            deflate: false,
            delivery: Delivery::Whole,
            bytes: sent.into_iter().flat_map(Frame::bytes).collect(),
            expects: Vec::new(),
        }
    }

    pub(crate) fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub(crate) fn deflate(self) -> Self {
        Self {
            deflate: true,
            ..self
        }
    }

    /// Only so many bytes are sent.
    pub(crate) fn cut(mut self, count: usize) -> Self {
        self.bytes.truncate(count);
        self
    }

    pub(crate) fn message(mut self, opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        self.expects.push(Expect::Message(opcode, payload.into()));
        self
    }

    pub(crate) fn text(self, text: impl Into<Vec<u8>>) -> Self {
        self.message(TEXT, text)
    }

    pub(crate) fn binary(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.message(BINARY, bytes)
    }

    pub(crate) fn pong(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.expects.push(Expect::Pong(payload.into()));
        self
    }

    pub(crate) fn fails(mut self, code: u16) -> Self {
        self.expects.push(Expect::Close(Some(code)));
        self
    }

    pub(crate) fn closes(mut self, code: Option<u16>) -> Self {
        self.expects.push(Expect::Close(code));
        self
    }

    pub(crate) fn alive(mut self) -> Self {
        self.expects.push(Expect::Alive);
        self
    }

    /// The case as it is, and again with the bytes in pieces of these lengths.
    pub(crate) fn delivered(self, pieces: &[usize]) -> Vec<Self> {
        let again = pieces.iter().map(|&bytes| Self {
            name: format!("{}, in pieces of {bytes}", self.name),
            delivery: Delivery::Pieces(bytes),
            ..self.clone()
        });
        let again: Vec<_> = again.collect();
        std::iter::once(self).chain(again).collect()
    }

    /// Runs it; what is wrong, if anything.
    pub(crate) fn run(&self, server: SocketAddr) -> Result<(), String> {
        let fields = if self.deflate {
            "sec-websocket-extensions: permessage-deflate\r\n"
        } else {
            ""
        };
        let mut raw = Raw::open(server, self.path, fields);
        let pieces = match self.delivery {
            Delivery::Whole => self.bytes.len(),
            Delivery::Pieces(bytes) => bytes,
        };
        for piece in self.bytes.chunks(pieces.max(1)) {
            // A server that refused the bytes before may have closed.
            if raw.send(piece).is_err() {
                break;
            }
        }
        for expect in &self.expects {
            meets(&mut raw, expect).map_err(|wrong| format!("{expect:?}: {wrong}"))?;
        }
        Ok(())
    }
}

fn meets(raw: &mut Raw, expect: &Expect) -> Result<(), String> {
    match expect {
        Expect::Message(opcode, payload) => {
            let frame = next(raw)?;
            if (frame.opcode, &frame.payload) != (*opcode, payload) {
                return Err(shown(&frame));
            }
        }
        Expect::Pong(payload) => loop {
            let frame = next(raw)?;
            if frame.opcode != PONG {
                return Err(shown(&frame));
            }
            if &frame.payload == payload {
                break;
            }
        },
        Expect::Close(code) => {
            let frame = next(raw)?;
            let said = frame
                .payload
                .first_chunk()
                .map(|code| u16::from_be_bytes(*code));
            if frame.opcode != CLOSE || said != *code {
                return Err(shown(&frame));
            }
            if let Some(after) = raw.frame().map_err(|error| error.to_string())? {
                return Err(format!("after its close: {}", shown(&after)));
            }
        }
        Expect::Alive => {
            let last = [
                frames::frame(PING, "alive?").bytes(),
                close(1000, "").bytes(),
            ];
            raw.send(&last.concat())
                .map_err(|error| error.to_string())?;
            meets(raw, &Expect::Pong(b"alive?".to_vec()))?;
            meets(raw, &Expect::Close(Some(1000)))?;
        }
    }
    Ok(())
}

fn next(raw: &mut Raw) -> Result<crate::raw::Received, String> {
    match raw.frame() {
        Ok(Some(frame)) => Ok(frame),
        Ok(None) => Err("the end of the stream".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn shown(frame: &crate::raw::Received) -> String {
    let begin = &frame.payload[..frame.payload.len().min(40)];
    format!(
        "opcode {} with {} bytes, \"{}\"",
        frame.opcode,
        frame.payload.len(),
        begin.escape_ascii()
    )
}
