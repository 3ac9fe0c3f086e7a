//! What is to be written, gathered so that a small response is one write, a batch of them too, and
//! a large body is not copied.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::encode::write_chunk_size;
use crate::scratch::Scratch;

/// From this size on a piece of a body is written from where it is; below, copying it costs less
/// than the kernel's bookkeeping of one more piece.
const COPIED_BYTES_MAX: usize = 16 * 1024;
/// Gathered bytes after which nothing more is added before they are written.
const GATHERED_BYTES_MAX: usize = 16 * 1024;

/// Bytes on their way out, in this order: gathered ones, a piece of a body, its end.
#[derive(Default)]
pub(crate) struct Outbox {
    gathered: BytesMut,
    piece: Bytes,
    piece_end: &'static [u8],
    /// Written to a layer that may hold them back.
    unflushed: bool,
}

impl Outbox {
    /// Whether everything was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_written() && !self.unflushed
    }

    /// Whether it must be written before more is added.
    pub(crate) fn is_full(&self) -> bool {
        self.gathered.len() >= GATHERED_BYTES_MAX
            || !self.piece.is_empty()
            || !self.piece_end.is_empty()
    }

    /// Where to add bytes.
    pub(crate) fn gather(&mut self, scratch: &Scratch) -> &mut BytesMut {
        debug_assert!(self.piece.is_empty() && self.piece_end.is_empty(), "order");
        if self.gathered.capacity() == 0 {
            self.gathered = scratch.take();
        }
        &mut self.gathered
    }

    /// Adds a piece of a body, as a chunk or as it is.
    pub(crate) fn push(&mut self, piece: Bytes, chunked: bool, scratch: &Scratch) {
        let end: &[u8] = if chunked { b"\r\n" } else { b"" };
        let gathered = self.gather(scratch);
        if chunked {
            write_chunk_size(gathered, piece.len());
        }
        if piece.len() < COPIED_BYTES_MAX {
            gathered.extend_from_slice(&piece);
            gathered.extend_from_slice(end);
        } else {
            self.piece = piece;
            self.piece_end = end;
        }
    }

    /// Gives the buffer back when nothing is in it.
    pub(crate) fn rest(&mut self, scratch: &Scratch) {
        if self.gathered.is_empty() {
            scratch.give(core::mem::take(&mut self.gathered));
        }
    }

    /// Until everything is with the kernel.
    pub(crate) fn poll_flush<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_written() {
            let io = Pin::new(&mut *io);
            let written = if self.is_full() {
                let slices = [&*self.gathered, &*self.piece, self.piece_end].map(IoSlice::new);
                io.poll_write_vectored(cx, &slices)
            } else {
                io.poll_write(cx, &self.gathered)
            };
            let count = ready!(written)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn is_written(&self) -> bool {
        self.gathered.is_empty() && self.piece.is_empty() && self.piece_end.is_empty()
    }

    fn advance(&mut self, mut count: usize) {
        if count >= self.gathered.len() {
            count -= self.gathered.len();
            self.gathered.clear();
        } else {
            self.gathered.advance(count);
            return;
        }
        let of_piece = count.min(self.piece.len());
        self.piece.advance(of_piece);
        if self.piece.is_empty() {
            self.piece = Bytes::new();
        }
        self.piece_end = &self.piece_end[count - of_piece..];
    }
}
