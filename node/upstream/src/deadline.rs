//! Timers that are armed once and kept.
//!
//! Nearly every deadline of a request passes unused. Arming and disarming a timer for each would
//! be most of the timer wheel's work, so a worker keeps its timers and lets them run: one that is
//! armed for an earlier time than the deadline at hand wakes its task early, once per timeout
//! instead of once per request, and is then armed for the right time.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::limits::TIMERS_KEPT_MAX;

/// A worker's unused timers.
#[derive(Default)]
pub(crate) struct Timers {
    kept: RefCell<Vec<Pin<Box<Sleep>>>>,
}

/// A timer that can be asked about any instant.
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    timers: Rc<Timers>,
}

impl Deadline {
    pub(crate) fn new(timers: &Rc<Timers>) -> Self {
        Self {
            sleep: timers.kept.borrow_mut().pop(),
            timers: Rc::clone(timers),
        }
    }

    /// Ready once `due` has passed; otherwise the task is woken by then at the latest.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(due.into())));
        if sleep.deadline() > due.into() {
            sleep.as_mut().reset(due.into());
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= due.into() || Instant::now() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due.into());
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut kept = self.timers.kept.borrow_mut();
        if kept.len() < TIMERS_KEPT_MAX {
            kept.extend(self.sleep.take());
        }
    }
}

/// `now + wait`, and a far future where that cannot be told.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now + wait.min(FAR)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn an_early_timer_serves_a_later_deadline_and_a_late_one_an_earlier() {
        let timers = Rc::new(Timers::default());
        let start = Instant::now();
        for wait_ms in [60_000, 10, 30, 20] {
            let mut deadline = Deadline::new(&timers);
            let due = Instant::now() + Duration::from_millis(wait_ms);
            if wait_ms == 60_000 {
                let first = poll_fn(|cx| Poll::Ready(deadline.poll(cx, due))).await;
                assert!(first.is_pending());
                continue;
            }
            poll_fn(|cx| deadline.poll(cx, due)).await;
            assert!(Instant::now() >= due);
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "the first timer was re-armed"
        );
        assert_eq!(timers.kept.borrow().len(), 1, "one timer served all");
    }
}
