//! Moves frames over one connection, in both directions at once, until it ends. Who dialled and
//! who accepted differ only in their [`Endpoint`].

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::Refusal;
use crate::frame::{Frame, FrameError, Frames, ReadError, Shape};
use crate::limits::{LAST_WORDS_WITHIN, SILENCE_MAX, WRITE_BYTES};
use crate::pulse::Pulse;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("no calls")]
    Idle,
    #[error("the peer was silent")]
    Silent,
    #[error("the peer does not read")]
    Stuck,
    #[error("the connection broke")]
    Broken(#[source] ReadError),
    #[error("write to the peer")]
    Write(#[source] io::Error),
    #[error("the peer ended it: {0}")]
    Refused(Refusal),
    #[error("this node ended it: {0}")]
    Told(Refusal),
}

/// What comes next on the way out.
pub(crate) enum Next {
    Frame(Frame),
    /// The last frame of the connection.
    Last(Refusal),
    /// Nothing to send and nothing expected: close.
    Close,
    Nothing,
}

/// One end of a connection.
pub(crate) trait Endpoint: Sync {
    /// The next frame to send. Pings are not its business.
    fn next(&self, now: Instant) -> Next;
    /// Signalled when [`Endpoint::next`] has something new.
    fn wake(&self) -> &Notify;
    /// A frame came in. An error ends the connection, with these last words.
    fn receive(&self, frame: Frame) -> Result<(), Refusal>;
    /// Something came in.
    fn heard(&self, now: Instant);
    /// A ping was answered after this time.
    fn measured(&self, round_trip: Duration);
    /// Waits until this end can take another frame.
    fn room(&self) -> impl Future<Output = ()> + Send;
    /// Sets the last words; [`Endpoint::next`] returns them before anything else.
    fn tell(&self, refusal: Refusal);
}

/// Runs a greeted connection to its end.
pub(crate) async fn pump<S: AsyncRead + AsyncWrite>(
    mut frames: Frames<ReadHalf<S>>,
    mut out: WriteHalf<S>,
    endpoint: &impl Endpoint,
) -> End {
    let pulse = Pulse::new(Instant::now());
    let end = {
        let mut reading = pin!(read(&mut frames, endpoint, &pulse));
        let mut writing = pin!(write(&mut out, endpoint, &pulse));
        select! {
            biased;
            end = &mut writing => end,
            end = &mut reading => match end {
                End::Told(refusal) => {
                    endpoint.tell(refusal);
                    timeout(LAST_WORDS_WITHIN, writing).await.unwrap_or(End::Stuck)
                }
                end => end,
            },
        }
    };
    if matches!(end, End::Idle | End::Told(_)) {
        part(frames, out).await;
    }
    end
}

/// Closes so that the last frame arrives: who closes a socket with unread bytes in it resets the
/// connection, and the peer may lose what it had not read yet.
pub(crate) async fn part<S: AsyncRead + AsyncWrite>(
    mut frames: Frames<ReadHalf<S>>,
    mut out: WriteHalf<S>,
) {
    let parting = async {
        if out.shutdown().await.is_ok() {
            while frames.discard().await.is_ok() {}
        }
    };
    // The peer has had its time.
    timeout(LAST_WORDS_WITHIN, parting)
        .await
        .unwrap_or_default();
}

fn told(error: FrameError) -> End {
    End::Told(Refusal::new(Refusal::MALFORMED, error.to_string()))
}

async fn read<R: AsyncRead + Unpin>(
    frames: &mut Frames<R>,
    endpoint: &impl Endpoint,
    pulse: &Pulse,
) -> End {
    loop {
        endpoint.room().await;
        let frame = match frames.take() {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                match timeout(SILENCE_MAX, frames.fill()).await {
                    Err(_) => return End::Silent,
                    Ok(Err(error)) => return End::Broken(error),
                    Ok(Ok(())) => endpoint.heard(Instant::now()),
                }
                continue;
            }
            Err(error) => return told(error),
        };
        match frame.shape {
            Shape::Ping => {
                pulse.pinged(frame.call);
                endpoint.wake().notify_one();
            }
            Shape::Pong => {
                if let Some(round_trip) = pulse.ponged(frame.call, Instant::now()) {
                    endpoint.measured(round_trip);
                }
            }
            Shape::Refused if frame.call == 0 => match frame.refusal() {
                Ok(refusal) => return End::Refused(refusal),
                Err(error) => return told(error),
            },
            _ => {
                if let Err(refusal) = endpoint.receive(frame) {
                    return End::Told(refusal);
                }
            }
        }
    }
}

async fn write<W: AsyncWrite + Unpin>(out: &mut W, endpoint: &impl Endpoint, pulse: &Pulse) -> End {
    let mut staged = BytesMut::new();
    loop {
        let now = Instant::now();
        // A beat first: it is small, and it is what tells the peer that this end lives.
        let next = pulse.next(now).map(Next::Frame);
        let last = match next.unwrap_or_else(|| endpoint.next(now)) {
            Next::Frame(frame) => {
                stage(&mut staged, &frame);
                if staged.len() >= WRITE_BYTES
                    && let Err(end) = send(out, &mut staged).await
                {
                    return end;
                }
                continue;
            }
            Next::Last(refusal) => {
                stage(&mut staged, &Frame::refused(0, &refusal));
                Some(End::Told(refusal))
            }
            Next::Close => Some(End::Idle),
            Next::Nothing => None,
        };
        if !staged.is_empty()
            && let Err(end) = send(out, &mut staged).await
        {
            return end;
        }
        if let Some(end) = last {
            return end;
        }
        select! {
            biased;
            () = endpoint.wake().notified() => {}
            () = sleep_until(pulse.next_ping()) => {}
        }
    }
}

fn stage(staged: &mut BytesMut, frame: &Frame) {
    staged.extend_from_slice(&frame.head());
    staged.extend_from_slice(&frame.body);
}

/// Writes what is staged. A peer that takes nothing for [`SILENCE_MAX`] is as good as gone.
pub(crate) async fn send<W: AsyncWrite + Unpin>(
    out: &mut W,
    staged: &mut BytesMut,
) -> Result<(), End> {
    let stuck = |result: Result<io::Result<usize>, _>| match result {
        Err(_) => Err(End::Stuck),
        Ok(result) => result.map_err(End::Write),
    };
    while !staged.is_empty() {
        stuck(timeout(SILENCE_MAX, out.write_buf(staged)).await)?;
    }
    stuck(timeout(SILENCE_MAX, async { out.flush().await.map(|()| 0) }).await)?;
    // One large body does not make every connection large.
    if staged.capacity() > 2 * WRITE_BYTES {
        *staged = BytesMut::new();
    }
    Ok(())
}

/// Sends one frame outside of [`pump`], while greeting.
pub(crate) async fn send_frame<W: AsyncWrite + Unpin>(
    out: &mut W,
    frame: &Frame,
) -> Result<(), End> {
    let mut staged = BytesMut::new();
    stage(&mut staged, frame);
    send(out, &mut staged).await
}
