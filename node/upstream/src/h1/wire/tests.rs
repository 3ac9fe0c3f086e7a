//! The protocol over scripted streams: every way of cutting, breaking and stuffing a response.

mod properties;
mod requests;
mod responses;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Waker;
use std::time::Instant;

use tokio::io::ReadBuf;
use tollgate_message::Body;

use super::*;

/// What a stream does behind its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Silence,
    End,
    Reset,
}

/// A stream that gives one piece a read, with a wait between them.
struct Script {
    pieces: VecDeque<Vec<u8>>,
    last: Last,
    waits: bool,
    written: Vec<u8>,
    /// How many bytes one write takes; 0 for none until there is an answer to read.
    takes: usize,
    /// How many bytes are taken before writing fails.
    fails_behind: usize,
}

impl Script {
    fn new(pieces: &[&[u8]], last: Last) -> Self {
        Self {
            pieces: pieces.iter().map(|piece| piece.to_vec()).collect(),
            last,
            waits: false,
            written: Vec::new(),
            takes: usize::MAX,
            fails_behind: usize::MAX,
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.waits = !this.waits;
        if this.waits {
            return Poll::Pending;
        }
        while this.pieces.front().is_some_and(Vec::is_empty) {
            this.pieces.pop_front();
        }
        let Some(piece) = this.pieces.front_mut() else {
            return match this.last {
                Last::Silence => Poll::Pending,
                Last::End => Poll::Ready(Ok(())),
                Last::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            };
        };
        let taken = piece.len().min(buf.remaining());
        buf.put_slice(&piece[..taken]);
        piece.drain(..taken);
        // The rest of a piece that did not fit is there at once.
        this.waits = !piece.is_empty();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut room = this.fails_behind - this.written.len();
        if room == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if this.takes == 0 {
            return Poll::Pending;
        }
        room = room.min(this.takes);
        let before = this.written.len();
        for buf in bufs {
            let taken = buf.len().min(room);
            this.written.extend_from_slice(&buf[..taken]);
            room -= taken;
        }
        Poll::Ready(Ok(this.written.len() - before))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Response {
        status: u16,
        fields: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
        /// `None` when it still waits for more.
        end: Option<Result<(), BodyError>>,
        is_clean: bool,
    },
    Failed(&'static str),
    Waits,
}

/// Polls until ready; `None` when only something that never comes would help.
fn drive<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    let mut cx = Context::from_waker(Waker::noop());
    // Scripts are shorter than this: one wait a byte.
    for _ in 0..100_000 {
        if let Poll::Ready(value) = poll(&mut cx) {
            return Some(value);
        }
    }
    None
}

/// As `drive`, for scripts of few pieces.
fn drive_briefly<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>, pieces: usize) -> Option<T> {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 * pieces + 8 {
        if let Poll::Ready(value) = poll(&mut cx) {
            return Some(value);
        }
    }
    None
}

/// A connection on which a GET has begun.
fn begun(script: Script, body: SendBody) -> (Wire<Script>, Turn) {
    let mut wire = Wire::new(script, true);
    let request = Request {
        path: "/".to_owned(),
        ..Request::default()
    };
    let turn = wire.begin(&request, body, false).ok().unwrap();
    (wire, turn)
}

/// Sends a request of this method and reads the response to its end.
fn exchange(method: &Method, pieces: &[&[u8]], last: Last) -> Outcome {
    let mut wire = Wire::new(Script::new(pieces, last), true);
    let request = Request {
        method: method.clone(),
        path: "/".to_owned(),
        ..Request::default()
    };
    let mut turn = wire.begin(&request, SendBody::Empty, false).ok().unwrap();
    let answer = drive_briefly(
        |cx| {
            wire.poll_answer(cx, &mut turn)
                .map_ok(|answer| (answer, wire.gather(cx)))
        },
        pieces.len(),
    );
    let (answer, mut piece) = match answer {
        None => return Outcome::Waits,
        Some(Err(failed)) => return Outcome::Failed(failed.error.kind.as_str()),
        Some(Ok(answered)) => answered,
    };
    let mut body = Vec::new();
    let end = loop {
        body.extend_from_slice(&piece.bytes);
        if let Some(end) = piece.end {
            break Some(end);
        }
        match drive_briefly(|cx| wire.poll_body(cx), pieces.len()) {
            Some(next) => piece = next,
            None => break None,
        }
    };
    Outcome::Response {
        status: answer.status,
        fields: answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect(),
        body,
        is_clean: end == Some(Ok(())) && wire.is_clean(),
        end,
    }
}

/// The outcome of a GET, checked to be the same however the response is cut in two, and when it
/// comes byte by byte.
fn get(response: impl AsRef<[u8]>, last: Last) -> Outcome {
    ask(&Method::Get, response, last)
}

fn ask(method: &Method, response: impl AsRef<[u8]>, last: Last) -> Outcome {
    let response = response.as_ref();
    let whole = exchange(method, &[response], last);
    let shown = String::from_utf8_lossy(response);
    for at in 0..=response.len() {
        let (first, second) = response.split_at(at);
        let cut = exchange(method, &[first, second], last);
        assert_eq!(cut.settled(), whole.settled(), "cut at {at}: {shown:?}");
    }
    let bytes: Vec<&[u8]> = response.chunks(1).collect();
    let trickled = exchange(method, &bytes, last);
    assert_eq!(trickled.settled(), whole.settled(), "bytewise: {shown:?}");
    whole
}

impl Outcome {
    /// What must not depend on how the bytes came. Whether surplus bytes are seen does: those that
    /// come later are found by the look before the next use.
    fn settled(&self) -> Self {
        let mut settled = self.clone();
        if let Self::Response { is_clean, .. } = &mut settled {
            *is_clean = false;
        }
        settled
    }

    fn body(&self) -> (&str, Option<&Result<(), BodyError>>, bool) {
        match self {
            Self::Response {
                body,
                end,
                is_clean,
                ..
            } => (core::str::from_utf8(body).unwrap(), end.as_ref(), *is_clean),
            other => panic!("no response: {other:?}"),
        }
    }
}
