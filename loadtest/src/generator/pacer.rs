//! Hands out the arrivals of a worker's schedule, each at its time.
//!
//! Connections queue for the pacer in turn (a fair mutex). The one at the front waits for the next
//! arrival and leaves with it; when all connections are busy past an arrival, the next to return
//! gets it at once, late, with its intended time. No queue of requests is needed, so none can grow.
//!
//! Tokio's timers tick in milliseconds, which would bunch a schedule of thousands per second and
//! show up as latency. A timerfd has the kernel's resolution.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::schedule::Schedule;

/// One arrival, taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When the request should leave.
    pub(crate) intended: Instant,
    /// How much later the generator itself was, when a connection stood ready; `None` when the
    /// arrival had to wait for one, which is the server's doing.
    pub(crate) lag: Option<Duration>,
}

/// The arrivals of one worker, from a common start.
#[derive(Debug)]
pub(crate) struct Pacer {
    schedule: Schedule,
    start: Instant,
    timer: Timer,
}

impl Pacer {
    /// Begins the schedule at `start`.
    ///
    /// # Errors
    /// If the kernel refuses a timer.
    pub(crate) fn new(schedule: Schedule, start: Instant) -> io::Result<Self> {
        Ok(Self {
            schedule,
            start,
            timer: Timer::new()?,
        })
    }

    /// Waits for the next arrival and returns it; `None` after the last.
    ///
    /// # Errors
    /// If the timer fails.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Arrival>> {
        let Some(offset) = self.schedule.next() else {
            return Ok(None);
        };
        let intended = self.start + offset;
        let waited = self.timer.sleep_until(intended).await?;
        let lag = waited.then(|| Instant::now().saturating_duration_since(intended));
        Ok(Some(Arrival { intended, lag }))
    }

    /// How many arrivals intended at or after `from` nobody has taken.
    pub(crate) fn remaining(&self, from: Instant) -> u64 {
        self.schedule
            .clone()
            .filter(|offset| self.start + *offset >= from)
            .count() as u64
    }
}

/// A one-shot timer of nanosecond resolution.
#[derive(Debug)]
struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    #[expect(
        deprecated,
        reason = "the replacement is unsafe; an OwnedFd upholds what it asks for"
    )]
    fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self(AsyncFd::new(timerfd_create(
            TimerfdClockId::Monotonic,
            flags,
        )?)?))
    }

    /// Whether there was anything to wait for.
    async fn sleep_until(&self, deadline: Instant) -> io::Result<bool> {
        let wait = deadline.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Ok(false);
        }
        let once = Itimerspec {
            it_interval: timespec(Duration::ZERO),
            it_value: timespec(wait),
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        let mut expirations = [0u8; 8];
        loop {
            let mut ready = self.0.readable().await?;
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?));
            if let Ok(read) = read {
                return read.map(|_| true);
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    // Waits are bounded by a run's length of an hour, far inside both fields.
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Arrivals;

    #[tokio::test]
    async fn arrivals_are_never_early_and_late_ones_come_at_once() {
        let start = Instant::now();
        let end = Duration::from_millis(50);
        let schedule = Schedule::new(Arrivals::Constant, 1000.0, end, 0, 1, 1);
        let mut pacer = Pacer::new(schedule, start).unwrap();
        for index in 0..20u32 {
            let Arrival { intended, .. } = pacer.next().await.unwrap().unwrap();
            assert_eq!(intended, start + Duration::from_millis(1) * index);
            assert!(Instant::now() >= intended, "arrival {index} came early");
        }
        assert_eq!(pacer.remaining(start), 30);
        // The rest is due: taking it needs no timer, so this ends even with the clock stopped.
        let late = Pacer::new(pacer.schedule.clone(), start - Duration::from_secs(1)).unwrap();
        let mut late = Pacer {
            schedule: late.schedule,
            ..late
        };
        let mut taken = 0;
        while let Some(arrival) = late.next().await.unwrap() {
            assert!(arrival.intended < start && arrival.lag.is_none());
            taken += 1;
        }
        assert_eq!(taken, 30);
        assert_eq!(late.remaining(late.start), 0);
    }
}
