//! The bounded queue between those who send to a connection, on whatever thread, and its session.
//!
//! Why not a channel of tokio: it bounds messages and not bytes, and its first block alone takes
//! more than an idle connection may. The lock is held for a push or a swap and never while
//! anything is written.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Waker;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::close::is_sent;
use crate::{CloseFrame, Limits, Outgoing};

/// Slots that an empty queue keeps.
const KEPT_SLOTS: usize = 4;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is in the queue, behind what was queued before: it is written unless the connection ends.
    Queued,
    /// The client does not keep up; nothing was queued. A moment later there may be room.
    Full,
    /// The connection is closed or about to be.
    Closed,
}

/// Makes the two ends of a connection's queue. Messages may be sent before there is a session.
#[must_use]
pub fn channel(limits: &Limits) -> (Sender, Receiver) {
    let channel = Arc::new(Channel {
        frames_max: limits.queue_frames_max,
        bytes_max: limits.queue_bytes_max,
        active_ms: AtomicU64::new(unix_ms()),
        deflates: AtomicBool::new(false),
        state: Mutex::default(),
    });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

/// A frame that waits to be written.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    /// Whether it has a place in the queue, as messages have: control frames are bounded otherwise.
    pub(crate) counted: bool,
}

struct Channel {
    frames_max: usize,
    bytes_max: usize,
    active_ms: AtomicU64,
    deflates: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Piece>,
    /// What is queued and what the session took and has not written yet.
    frames: usize,
    bytes: usize,
    /// The session, when it waits for something to be queued.
    waker: Option<Waker>,
    close: Option<CloseFrame>,
    closed: bool,
}

impl Channel {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it is held leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // 64 bits of milliseconds last longer than any clock.
    since.map_or(0, |since| since.as_millis() as u64)
}

/// Sends to one connection, from any thread. Clones are cheap and send to the same.
#[derive(Clone)]
pub struct Sender(Arc<Channel>);

impl Sender {
    /// Queues a message. What one caller queued first arrives first.
    pub fn try_send(&self, message: &Outgoing) -> Sent {
        let frame = message.frame(self.deflates());
        let mut state = self.0.state();
        if state.closed || state.close.is_some() {
            return Sent::Closed;
        }
        if state.frames >= self.0.frames_max || state.bytes + frame.len() > self.0.bytes_max {
            return Sent::Full;
        }
        state.frames += 1;
        state.bytes += frame.len();
        state.queue.push_back(Piece {
            bytes: frame.clone(),
            counted: true,
        });
        // Behind others it is taken when they are: only the first is news.
        let first = state.queue.len() == 1;
        let waker = if first { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Sent::Queued
    }

    /// Closes the connection behind what is queued; nothing can be queued from now on. False when
    /// it is closed, or being closed, already, and for a code that no frame may carry, such as 1006
    /// (RFC 6455, section 7.4.1). A reason of more than 123 bytes is cut.
    pub fn close(&self, code: u16, reason: &str) -> bool {
        if !is_sent(code) {
            return false;
        }
        let mut state = self.0.state();
        if state.closed || state.close.is_some() {
            return false;
        }
        state.close = Some(CloseFrame::new(code, reason));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Whether nothing can be sent any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let state = self.0.state();
        state.closed || state.close.is_some()
    }

    /// Frames that wait to be written, and their bytes.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        let state = self.0.state();
        (state.frames, state.bytes)
    }

    /// When the last message went over the connection in either direction, in Unix milliseconds.
    #[must_use]
    pub fn active_ms(&self) -> u64 {
        self.0.active_ms.load(Ordering::Relaxed)
    }

    /// Whether the connection agreed on compression. False until the session began.
    #[must_use]
    pub fn deflates(&self) -> bool {
        self.0.deflates.load(Ordering::Relaxed)
    }

    /// Whether both send to the same connection.
    #[must_use]
    pub fn same_connection(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The session's end. Dropping it closes the connection to its senders.
pub struct Receiver(Arc<Channel>);

impl Receiver {
    pub(crate) fn set_deflates(&self, deflates: bool) {
        self.0.deflates.store(deflates, Ordering::Relaxed);
    }

    /// A message passed.
    pub(crate) fn touch(&self) {
        self.0.active_ms.store(unix_ms(), Ordering::Relaxed);
    }

    /// Swaps what is queued into `taken`, which is empty; then what close was asked for behind it.
    pub(crate) fn take(&self, taken: &mut VecDeque<Piece>) -> Option<CloseFrame> {
        let mut state = self.0.state();
        core::mem::swap(&mut state.queue, taken);
        let close = state.close.take();
        // Whoever asked has his answer: to senders the connection is closed.
        state.closed |= close.is_some();
        close
    }

    /// The close that was asked for, behind what is queued: it is told once.
    pub(crate) fn take_close(&self) -> Option<CloseFrame> {
        let mut state = self.0.state();
        let close = state.close.take();
        state.closed |= close.is_some();
        close
    }

    /// Waits for something to take, or only for a close while what was taken is not `written`;
    /// false when there is something already.
    pub(crate) fn wait(&self, waker: &Waker, written: bool) -> bool {
        let mut state = self.0.state();
        let taken = state.queue.is_empty() || !written;
        if !taken || state.close.is_some() {
            return false;
        }
        state.queue.shrink_to(KEPT_SLOTS);
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            None => state.waker = Some(waker.clone()),
        }
        true
    }

    /// So many of the taken frames are written or given up.
    pub(crate) fn release(&self, frames: usize, bytes: usize) {
        let mut state = self.0.state();
        state.frames -= frames;
        state.bytes -= bytes;
    }

    /// Whether half of the queue is in use.
    pub(crate) fn is_crowded(&self) -> bool {
        let state = self.0.state();
        state.frames * 2 >= self.0.frames_max || state.bytes * 2 >= self.0.bytes_max
    }

    /// Closes the connection to its senders and swaps what they queued into `taken`, which is
    /// empty: one step, or what is queued in between would be lost with its sender told otherwise.
    pub(crate) fn take_last(&self, taken: &mut VecDeque<Piece>) {
        let mut state = self.0.state();
        core::mem::swap(&mut state.queue, taken);
        // A close that was asked for at the same time is the same close.
        (state.closed, state.close, state.waker) = (true, None, None);
    }

    /// Nothing more is taken; what waits is given up.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        (state.closed, state.waker) = (true, None);
        let queue = core::mem::take(&mut state.queue);
        state.frames -= queue.len();
        state.bytes -= queue.iter().map(|it| it.bytes.len()).sum::<usize>();
        drop(state);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.close();
        // What the session had taken is gone with it.
        let mut state = self.0.state();
        (state.frames, state.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_no_frame_may_carry_close_nothing() {
        let (sender, _receiver) = channel(&Limits::default());
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            assert!(!sender.close(code, "") && !sender.is_closed(), "{code}");
        }
        assert!(sender.close(4999, "") && sender.is_closed());
    }

    #[test]
    fn what_was_queued_before_the_end_is_taken() {
        let limits = Limits {
            queue_frames_max: usize::MAX / 2,
            queue_bytes_max: usize::MAX / 2,
            ..Limits::default()
        };
        let message = Outgoing::text("a");
        for _ in 0..100 {
            let (sender, receiver) = channel(&limits);
            let begun = Arc::new(AtomicBool::new(false));
            let (seen, message) = (Arc::clone(&begun), message.clone());
            let sending = std::thread::spawn(move || {
                let mut queued = 0;
                while sender.try_send(&message) == Sent::Queued {
                    queued += 1;
                    seen.store(true, Ordering::Relaxed);
                }
                queued
            });
            while !begun.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
            let mut taken = VecDeque::new();
            receiver.take_last(&mut taken);
            let queued = sending.join().unwrap();
            assert_eq!(taken.len(), queued, "lost, and answered as queued");
        }
    }
}
