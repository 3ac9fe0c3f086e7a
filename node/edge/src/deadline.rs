//! A timer that is cheap to move.
//!
//! Deadlines move forward with every request. Re-arming tokio's timer each time takes a lock and
//! a walk in its wheel, so the timer stays where it is and is moved only when it fires too early
//! or when the new deadline is nearer.

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that can be set, moved and cleared.
#[derive(Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Sets the deadline unless one is set.
    pub(crate) fn start(&mut self, at: impl FnOnce() -> Instant) {
        if self.at.is_none() {
            self.at = Some(at());
        }
    }

    /// Sets or moves the deadline.
    pub(crate) fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    /// Clears the deadline.
    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    /// Whether the deadline has passed; clears it then. Otherwise the task is woken when it does.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.at else { return false };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        loop {
            match sleep.poll_unpin(cx) {
                Poll::Pending => return false,
                Poll::Ready(()) if sleep.deadline() >= at => {
                    self.at = None;
                    return true;
                }
                Poll::Ready(()) => sleep.as_mut().reset(at),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;
    use core::time::Duration;

    use super::*;

    async fn expiry(deadline: &mut Deadline) -> Instant {
        poll_fn(|cx| {
            if deadline.poll_expired(cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        Instant::now()
    }

    #[tokio::test]
    async fn moves_in_both_directions() {
        let start = Instant::now();
        let mut deadline = Deadline::default();
        deadline.set(start + Duration::from_millis(20));
        // Arms the timer, then moves the deadline past it and back before it.
        assert!(!poll_fn(|cx| Poll::Ready(deadline.poll_expired(cx))).await);
        deadline.set(start + Duration::from_millis(60));
        assert!(expiry(&mut deadline).await >= start + Duration::from_millis(60));
        deadline.set(start + Duration::from_secs(3600));
        assert!(!poll_fn(|cx| Poll::Ready(deadline.poll_expired(cx))).await);
        deadline.set(start + Duration::from_millis(80));
        assert!(expiry(&mut deadline).await >= start + Duration::from_millis(80));
        deadline.start(|| start + Duration::from_secs(3600));
        deadline.clear();
        assert!(!poll_fn(|cx| Poll::Ready(deadline.poll_expired(cx))).await);
    }
}
