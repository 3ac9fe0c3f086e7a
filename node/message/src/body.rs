//! A message body: nothing, bytes at hand, or a stream with back-pressure.

use core::future::poll_fn;
use core::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::Upgrade;

/// A stream of body chunks. It lives on the worker thread that made it, so it need not be `Send`.
/// The reader sets the pace: a chunk is produced only when it is asked for.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>>>>;

/// A message body.
#[derive(Default)]
pub enum Body {
    /// No body at all, as in a GET request or a 204 reply.
    #[default]
    Empty,
    /// The whole body is at hand.
    Full(Bytes),
    /// The body arrives in chunks.
    Stream {
        /// The chunks.
        stream: BodyStream,
        /// The exact length when it was announced (`Content-Length`), in bytes.
        length: Option<u64>,
    },
    /// Of a response with status 101 only: the connection goes on by another protocol. Elsewhere
    /// it is no body at all.
    Upgrade(Upgrade),
}

/// Why a body ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The sender closed or reset the connection before the end.
    #[error("the peer closed the connection before the end of the body")]
    Closed,
    /// The framing was broken: a bad chunk, more or fewer bytes than announced.
    #[error("broken body framing: {0}")]
    Framing(String),
    /// More bytes than the limit that applies, in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// Nothing arrived for as long as the limit that applies.
    #[error("the body stalled")]
    Stalled,
}

impl Body {
    /// Whether it is known that no byte will come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Upgrade(_) => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream { length, .. } => *length == Some(0),
        }
    }

    /// The exact length in bytes, when it is known beforehand.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty | Self::Upgrade(_) => Some(0),
            Self::Full(bytes) => Some(bytes.len() as u64),
            Self::Stream { length, .. } => *length,
        }
    }

    /// Takes the next chunk; `None` at the end.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        match self {
            Self::Empty | Self::Upgrade(_) => None,
            Self::Full(bytes) => {
                let bytes = core::mem::take(bytes);
                *self = Self::Empty;
                if bytes.is_empty() {
                    None
                } else {
                    Some(Ok(bytes))
                }
            }
            Self::Stream { stream, .. } => poll_fn(|cx| stream.as_mut().poll_next(cx)).await,
        }
    }

    /// Reads the whole body into memory, at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] past the limit, else whatever ended the stream.
    pub async fn collect(mut self, bytes_max: u64) -> Result<Bytes, BodyError> {
        if self.length().is_some_and(|n| n > bytes_max) {
            return Err(BodyError::TooLarge(bytes_max));
        }
        let Some(first) = self.chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await.transpose()? else {
            return if first.len() as u64 > bytes_max {
                Err(BodyError::TooLarge(bytes_max))
            } else {
                Ok(first)
            };
        };
        let mut all = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if (all.len() + chunk.len()) as u64 > bytes_max {
                return Err(BodyError::TooLarge(bytes_max));
            }
            all.extend_from_slice(&chunk);
            next = self.chunk().await.transpose()?;
        }
        Ok(all.freeze())
    }
}

impl core::fmt::Debug for Body {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream { length, .. } => write!(f, "Stream({length:?})"),
            Self::Upgrade(_) => f.write_str("Upgrade"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Full(bytes)
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}
