//! A request body on its way out, for both protocols.
//!
//! The next chunk is pulled only when the server takes bytes, so a slow server slows the sender.
//! The body also checks its own length: a body that is longer or shorter than announced
//! must not shift the framing of the next request.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tollgate_message::{Body, BodyError, BodyStream};

/// A request body on its way out.
pub(crate) enum SendBody {
    Empty,
    Full(Bytes),
    Stream {
        stream: BodyStream,
        left: Option<u64>,
        upload: Rc<Upload>,
    },
}

/// How far a streamed body got; seen by whoever waits for the response.
pub(crate) struct Upload {
    /// When the last chunk was taken from the sender.
    pub(crate) progress: Cell<Instant>,
    /// Whether the sender is what is waited for.
    pub(crate) starved: Cell<bool>,
    /// Why the body ended early, if it did.
    pub(crate) failed: RefCell<Option<BodyError>>,
}

impl SendBody {
    pub(crate) fn new(body: Body, now: Instant) -> Self {
        match body {
            Body::Stream { stream, length } if length != Some(0) => {
                let upload = Upload {
                    progress: Cell::new(now),
                    starved: Cell::new(false),
                    failed: RefCell::new(None),
                };
                Self::Stream {
                    stream,
                    left: length,
                    upload: Rc::new(upload),
                }
            }
            Body::Full(bytes) if !bytes.is_empty() => Self::Full(bytes),
            _ => Self::Empty,
        }
    }

    /// The same body again, when it is at hand.
    pub(crate) fn replay(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Full(bytes) => Some(Self::Full(bytes.clone())),
            Self::Stream { .. } => None,
        }
    }

    pub(crate) fn upload(&self) -> Option<Rc<Upload>> {
        match self {
            Self::Stream { upload, .. } => Some(Rc::clone(upload)),
            _ => None,
        }
    }

    /// The exact length in bytes, `None` when only the end will tell.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Full(bytes) => Some(bytes.len() as u64),
            Self::Stream { left, .. } => *left,
        }
    }
}

impl SendBody {
    /// The next chunk; `None` at the end.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Self::Stream {
            stream,
            left,
            upload,
        } = self
        else {
            return Poll::Ready(match core::mem::replace(self, Self::Empty) {
                Self::Full(bytes) => Some(Ok(bytes)),
                _ => None,
            });
        };
        upload.starved.set(true);
        let next = ready!(stream.as_mut().poll_next(cx));
        upload.starved.set(false);
        upload.progress.set(Instant::now());
        let fault = match next {
            Some(Ok(chunk)) => match left {
                Some(left) if chunk.len() as u64 > *left => {
                    BodyError::Framing("more bytes than announced".to_owned())
                }
                Some(left) => {
                    *left -= chunk.len() as u64;
                    return Poll::Ready(Some(Ok(chunk)));
                }
                None => return Poll::Ready(Some(Ok(chunk))),
            },
            Some(Err(fault)) => fault,
            None if left.is_none_or(|left| left == 0) => return Poll::Ready(None),
            None => BodyError::Closed,
        };
        *upload.failed.borrow_mut() = Some(fault.clone());
        Poll::Ready(Some(Err(fault)))
    }
}

impl http_body::Body for SendBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let chunk = ready!(self.get_mut().poll_chunk(cx));
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
