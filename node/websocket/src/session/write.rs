//! Writing: several frames at a time, each where it is, none of them copied for later.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::io;

use bytes::{Bytes, BytesMut};

use super::{Inner, Phase};
use crate::channel::{Piece, Receiver};
use crate::close::Cause;
use crate::limits::WRITE_BYTES;
use crate::{Opcode, encode};

/// What a session has taken from the queue, and its own control frames.
#[derive(Default)]
pub(super) struct Writing {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that are written.
    offset: usize,
    /// The answer to the newest ping; those before it need none (RFC 6455, section 5.5.3).
    pub(super) pong: Option<Bytes>,
    /// Where in `pieces` a pong waits: one at a time, so that pings queue up nothing.
    pong_at: Option<usize>,
    /// Written to a layer that may hold it back.
    unflushed: bool,
}

impl Writing {
    /// Whether everything was written and let go.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && !self.unflushed
    }

    fn push_control(&mut self, bytes: Bytes) {
        self.pieces.push_back(Piece {
            bytes,
            counted: false,
        });
    }

    /// Adds the last frame; not even a pong may come behind it.
    pub(super) fn push_close(&mut self, frame: Bytes) {
        self.place_pong();
        self.pong = None;
        self.push_control(frame);
    }

    pub(super) fn push_ping(&mut self) {
        let mut ping = BytesMut::new();
        encode(Opcode::Ping, true, false, b"", None, &mut ping);
        self.push_control(ping.freeze());
    }

    /// Takes what is queued behind what was taken, and closes the queue.
    pub(super) fn take_last(&mut self, receiver: &Receiver) {
        let mut rest = VecDeque::new();
        receiver.take_last(&mut rest);
        self.pieces.append(&mut rest);
    }

    /// Gives up all but the frame that is half written.
    pub(super) fn drop_unsent(&mut self, receiver: &Receiver) {
        let kept = usize::from(self.offset > 0);
        for piece in self.pieces.drain(kept.min(self.pieces.len())..) {
            if piece.counted {
                receiver.release(1, piece.bytes.len());
            }
        }
        self.pong = None;
        self.pong_at = self.pong_at.filter(|&at| at < kept);
    }

    /// Puts the pong in front of what can still be overtaken.
    fn place_pong(&mut self) {
        if self.pong_at.is_some() {
            return;
        }
        if let Some(bytes) = self.pong.take() {
            let at = usize::from(self.offset > 0);
            let piece = Piece {
                bytes,
                counted: false,
            };
            self.pieces.insert(at, piece);
            self.pong_at = Some(at);
        }
    }

    /// So many bytes are written: the frames and bytes of the queue that are done with.
    fn advance(&mut self, count: usize) -> (usize, usize) {
        let (mut frames, mut bytes) = (0, 0);
        self.offset += count;
        while let Some(first) = self.pieces.front()
            && self.offset >= first.bytes.len()
        {
            self.offset -= first.bytes.len();
            if first.counted {
                frames += 1;
                bytes += first.bytes.len();
            }
            self.pieces.pop_front();
            self.pong_at = self.pong_at.and_then(|at| at.checked_sub(1));
        }
        (frames, bytes)
    }
}

impl Inner {
    /// Until everything that is queued is with the kernel.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.phase == Phase::Open
                && self.writing.pieces.is_empty()
                && let Some(frame) = self.receiver.take(&mut self.writing.pieces)
            {
                self.begin_close(&frame, Cause::Requested);
            }
            self.writing.place_pong();
            let polled = if self.writing.pieces.is_empty() {
                self.poll_flush(cx)
            } else {
                self.poll_some(cx)
            };
            if polled.is_pending() {
                if self.phase == Phase::Open {
                    self.deadlines.stuck(&self.limits, &self.local);
                }
                return Poll::Pending;
            }
            self.deadlines.blocked = crate::wheel::NEVER;
            if ready!(polled)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// 0 when all is flushed.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.writing.unflushed {
            ready!(Pin::new(&mut *self.io).poll_flush(cx))?;
            self.writing.unflushed = false;
        }
        Poll::Ready(Ok(0))
    }

    fn poll_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Writing { pieces, offset, .. } = &self.writing;
        let io = Pin::new(&mut *self.io);
        let first = &pieces[0].bytes[*offset..];
        let polled = if pieces.len() == 1 || first.len() >= WRITE_BYTES {
            io.poll_write(cx, first)
        } else {
            let mut gathered = self.local.take_write();
            gathered.extend_from_slice(first);
            for piece in pieces.iter().skip(1) {
                if gathered.len() + piece.bytes.len() > WRITE_BYTES {
                    break;
                }
                gathered.extend_from_slice(&piece.bytes);
            }
            let polled = io.poll_write(cx, &gathered);
            self.local.give_write(gathered);
            polled
        };
        let count = ready!(polled)?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.writing.unflushed = true;
        self.deadlines.taken(&self.limits, &self.local);
        let (frames, bytes) = self.writing.advance(count);
        if frames > 0 {
            self.receiver.release(frames, bytes);
            self.receiver.touch();
            self.deadlines.active(&self.limits, &self.local);
        }
        Poll::Ready(Ok(count))
    }
}
