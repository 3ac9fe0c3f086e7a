//! The body of a streamed answer: chunks that cross from the connection of the function to the
//! worker that serves the client, with back-pressure.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;
use tollgate_message::BodyError;

use crate::limits::STREAM_CHUNKS_MAX;

/// What goes through the channel. The end is said: a channel that just closes means that the
/// sender died, and a client must not take half an answer for a whole one.
enum Chunk {
    Data(Bytes),
    End,
    Broken(BodyError),
}

/// Chunks of a streamed answer. It is `Send`. After an error comes nothing more. When it is
/// dropped early, the function finishes undisturbed and the rest of its answer is dropped.
pub struct PayloadStream {
    front: Option<Bytes>,
    rest: mpsc::Receiver<Chunk>,
    done: bool,
}

impl PayloadStream {
    /// Both halves of a stream that holds at most [`STREAM_CHUNKS_MAX`] chunks.
    pub(crate) fn channel() -> (ChunkSender, Self) {
        let (sender, rest) = mpsc::channel(STREAM_CHUNKS_MAX);
        (
            ChunkSender(sender),
            Self {
                front: None,
                rest,
                done: false,
            },
        )
    }

    /// Takes the next chunk; `None` at the end.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        core::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Puts bytes back, to be read first.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        debug_assert!(self.front.is_none(), "one chunk was taken, one is put back");
        if !bytes.is_empty() {
            self.front = Some(bytes);
        }
    }
}

impl Stream for PayloadStream {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(bytes) = this.front.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        if this.done {
            return Poll::Ready(None);
        }
        let item = match ready!(this.rest.poll_recv(cx)) {
            Some(Chunk::Data(bytes)) => return Poll::Ready(Some(Ok(bytes))),
            Some(Chunk::End) => None,
            Some(Chunk::Broken(error)) => Some(Err(error)),
            None => Some(Err(BodyError::Closed)),
        };
        this.done = true;
        Poll::Ready(item)
    }
}

impl fmt::Debug for PayloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadStream")
    }
}

/// The sending half: the function's connection. Dropping it without [`Self::end`] breaks the body.
pub(crate) struct ChunkSender(mpsc::Sender<Chunk>);

impl ChunkSender {
    /// Sends a chunk once there is room. `false`: nobody reads any more.
    pub(crate) async fn send(&self, bytes: Bytes) -> bool {
        self.0.send(Chunk::Data(bytes)).await.is_ok()
    }

    /// The body is complete.
    pub(crate) async fn end(self) {
        // Nobody may be there to hear it.
        drop(self.0.send(Chunk::End).await);
    }

    /// The body is broken.
    pub(crate) async fn fail(self, error: BodyError) {
        drop(self.0.send(Chunk::Broken(error)).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_that_is_not_said_is_an_error() {
        let (sender, mut body) = PayloadStream::channel();
        assert!(sender.send(Bytes::from_static(b"half")).await);
        drop(sender);
        assert_eq!(body.chunk().await, Some(Ok(Bytes::from_static(b"half"))));
        assert_eq!(body.chunk().await, Some(Err(BodyError::Closed)));
        assert_eq!(body.chunk().await, None);

        let (sender, mut body) = PayloadStream::channel();
        sender.end().await;
        assert_eq!(body.chunk().await, None);
        assert_eq!(body.chunk().await, None);
    }
}
