//! What goes over a connection: frames of a fixed head and a body.
//!
//! ```text
//! body length u32 | shape u8 | kind u8 | flags u16 | call u64 | within u32 (ms) | body
//! ```
//! All integers are little endian; flags are for later versions and zero. There is no checksum: TLS
//! has a better one, and what bodies hold has its own envelope. A length is judged before a byte of
//! the body is read or room made for it.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::Refusal;
use crate::limits::{BODY_BYTES_MAX, JOIN_BODY_BYTES_MAX, NOTE_BYTES_MAX, READ_BYTES};

/// The bytes of a frame before its body.
pub(crate) const HEAD_BYTES: usize = 20;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Shape {
    /// The dialler's first frame: who and what for.
    Hello = 1,
    /// The acceptor's first frame.
    Welcome = 2,
    /// A no to the call of this id, or with id 0 to the connection, which then ends.
    Refused = 3,
    Call = 4,
    Answer = 5,
    /// The caller no longer waits for this call.
    Cancel = 6,
    Ping = 7,
    /// With the id of the ping.
    Pong = 8,
}

impl Shape {
    const ALL: [Self; 8] = [
        Self::Hello,
        Self::Welcome,
        Self::Refused,
        Self::Call,
        Self::Answer,
        Self::Cancel,
        Self::Ping,
        Self::Pong,
    ];
}

/// Which end of a connection reads, and so which shapes it takes and how long they may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The acceptor before it knows who calls.
    Greeting,
    /// The acceptor of a member's lane.
    Acceptor,
    /// The acceptor of a joiner.
    JoinAcceptor,
    /// The dialler.
    Dialler,
}

impl Side {
    /// The longest body of this shape; `None` when the shape has no business here.
    fn body_bytes_max(self, shape: Shape) -> Option<usize> {
        match (self, shape) {
            (Self::Greeting, Shape::Hello) => Some(NOTE_BYTES_MAX),
            (Self::Acceptor, Shape::Call) | (Self::Dialler, Shape::Answer) => Some(BODY_BYTES_MAX),
            (Self::JoinAcceptor, Shape::Call) => Some(JOIN_BODY_BYTES_MAX),
            (Self::Acceptor | Self::JoinAcceptor, Shape::Cancel) => Some(0),
            (Self::Dialler, Shape::Welcome | Shape::Refused) => Some(NOTE_BYTES_MAX),
            (Self::Acceptor | Self::JoinAcceptor | Self::Dialler, Shape::Ping | Shape::Pong) => {
                Some(0)
            }
            _ => None,
        }
    }
}

/// Why what came is no frame. The connection is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of unknown shape {0}")]
    Shape(u8),
    #[error("a frame of shape {0} out of place")]
    OutOfPlace(u8),
    #[error("a frame announces {0} bytes")]
    TooLong(u32),
    #[error("a frame has unknown flags")]
    Flags,
    #[error("a body cannot be read")]
    Body,
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) shape: Shape,
    pub(crate) kind: u8,
    pub(crate) call: u64,
    pub(crate) within_ms: u32,
    pub(crate) body: Bytes,
}

impl Frame {
    /// A frame that has no kind and no deadline.
    pub(crate) fn plain(shape: Shape, call: u64, body: Bytes) -> Self {
        Self {
            shape,
            kind: 0,
            call,
            within_ms: 0,
            body,
        }
    }

    /// A no to a call, or with 0 to the connection.
    pub(crate) fn refused(call: u64, refusal: &Refusal) -> Self {
        let mut body = BytesMut::with_capacity(2 + refusal.text.len());
        body.put_u16_le(refusal.code);
        // Built by hand, a refusal may still be too long.
        let text = Refusal::new(refusal.code, refusal.text.as_str()).text;
        body.put_slice(text.as_bytes());
        Self::plain(Shape::Refused, call, body.freeze())
    }

    /// What [`Frame::refused`] says.
    pub(crate) fn refusal(&self) -> Result<Refusal, FrameError> {
        let mut body = self.body.clone();
        let code = body.try_get_u16_le().map_err(|_| FrameError::Body)?;
        let text = std::str::from_utf8(&body).map_err(|_| FrameError::Body)?;
        // A peer's text goes into logs.
        let text = text.replace(char::is_control, " ");
        Ok(Refusal::new(code, text))
    }

    pub(crate) fn head(&self) -> [u8; HEAD_BYTES] {
        let length = u32::try_from(self.body.len()).expect("bodies are bounded when they come in");
        let mut head = [0; HEAD_BYTES];
        let mut out = head.as_mut_slice();
        out.put_u32_le(length);
        out.put_u8(self.shape as u8);
        out.put_u8(self.kind);
        out.put_u16_le(0);
        out.put_u64_le(self.call);
        out.put_u32_le(self.within_ms);
        head
    }
}

/// A judged head: the frame but for its body, and the length of that.
fn judge(mut head: &[u8], side: Side) -> Result<(Frame, usize), FrameError> {
    let length = head.get_u32_le();
    let shape = head.get_u8();
    let known = Shape::ALL.into_iter().find(|known| *known as u8 == shape);
    let known = known.ok_or(FrameError::Shape(shape))?;
    let kind = head.get_u8();
    if head.get_u16_le() != 0 {
        return Err(FrameError::Flags);
    }
    let max = side
        .body_bytes_max(known)
        .ok_or(FrameError::OutOfPlace(shape))?;
    let bytes = usize::try_from(length).map_err(|_| FrameError::TooLong(length))?;
    if bytes > max {
        return Err(FrameError::TooLong(length));
    }
    let frame = Frame {
        shape: known,
        kind,
        call: head.get_u64_le(),
        within_ms: head.get_u32_le(),
        body: Bytes::new(),
    };
    Ok((frame, bytes))
}

/// Frames out of a stream of bytes. Dropping a read loses nothing.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    stream: R,
    buffer: BytesMut,
    side: Side,
}

/// Why there is no further frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("read from the peer")]
    Io(#[source] io::Error),
    #[error("the peer closed the connection")]
    Ended,
    #[error(transparent)]
    Malformed(#[from] FrameError),
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(stream: R, side: Side) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            side,
        }
    }

    /// Goes on as another side, with what was read already.
    pub(crate) fn become_side(&mut self, side: Side) {
        self.side = side;
    }

    /// The next whole frame that was read already.
    pub(crate) fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(head) = self.buffer.get(..HEAD_BYTES) else {
            return Ok(None);
        };
        let (mut frame, length) = judge(head, self.side)?;
        if self.buffer.len() < HEAD_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(HEAD_BYTES);
        frame.body = self.buffer.split_to(length).freeze();
        Ok(Some(frame))
    }

    /// Waits for more bytes, at most [`READ_BYTES`].
    pub(crate) async fn fill(&mut self) -> Result<(), ReadError> {
        self.buffer.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.buffer).await;
        match read.map_err(ReadError::Io)? {
            0 => Err(ReadError::Ended),
            _ => Ok(()),
        }
    }

    /// Reads and forgets.
    pub(crate) async fn discard(&mut self) -> Result<(), ReadError> {
        self.buffer.clear();
        self.fill().await
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Result<Frame, ReadError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }
}

#[cfg(test)]
mod tests;
