//! Until when a connection must have done what.

use crate::Limits;
use crate::limits::CLOSE_WRITE_MS_MAX;
use crate::local::Local;
use crate::wheel::{NEVER, Tick};

/// Deadlines in ticks of the worker.
#[derive(Debug)]
pub(super) struct Deadlines {
    pub(super) idle: Tick,
    pub(super) age: Tick,
    /// When the client is asked for a sign of life.
    pub(super) ping: Tick,
    /// When it must have given one.
    pub(super) pong: Tick,
    /// When it must have taken some of what is being written.
    pub(super) blocked: Tick,
    /// When the message that it has begun must be whole.
    pub(super) message: Tick,
    /// When it is closed because of a drain.
    pub(super) drain: Tick,
    /// When a connection that is being closed is dropped.
    pub(super) close: Tick,
    /// The latest that `close` is moved to.
    last: Tick,
}

impl Deadlines {
    pub(super) fn new(limits: &Limits, local: &Local) -> Self {
        let age = limits.age_ms.map_or(NEVER, |age| after(local, age));
        let mut deadlines = Self {
            idle: NEVER,
            age,
            ping: NEVER,
            pong: NEVER,
            blocked: NEVER,
            message: NEVER,
            drain: NEVER,
            close: NEVER,
            last: NEVER,
        };
        deadlines.active(limits, local);
        deadlines.heard(limits, local);
        deadlines
    }

    /// The nearest.
    pub(super) fn next(&self) -> Tick {
        let all = [
            self.idle,
            self.age,
            self.ping,
            self.pong,
            self.blocked,
            self.message,
            self.drain,
            self.close,
        ];
        all.into_iter().fold(NEVER, Tick::min)
    }

    /// Whether the connection is being closed: then it is woken for that and nothing else.
    fn closes(&self) -> bool {
        self.close != NEVER
    }

    /// A message passed, in either direction, or the client wants to be kept.
    pub(super) fn active(&mut self, limits: &Limits, local: &Local) {
        if !self.closes() {
            self.idle = limits.idle_ms.map_or(NEVER, |idle| after(local, idle));
        }
    }

    /// The client sent something.
    pub(super) fn heard(&mut self, limits: &Limits, local: &Local) {
        if !self.closes() {
            self.pong = NEVER;
            self.ping = limits.ping_ms.map_or(NEVER, |ping| after(local, ping));
        }
    }

    /// The client is asked for a sign of life.
    pub(super) fn asked(&mut self, limits: &Limits, local: &Local) {
        self.ping = NEVER;
        self.pong = after(local, limits.pong_ms);
    }

    /// The client has begun a message, or not even that.
    pub(super) fn begun(&mut self, begun: bool, limits: &Limits, local: &Local) {
        if !begun {
            self.message = NEVER;
        } else if self.message == NEVER && !self.closes() {
            self.message = after(local, limits.message_ms);
        }
    }

    /// The client cannot be heard, through no fault of its own.
    pub(super) fn excuse(&mut self, limits: &Limits, local: &Local) {
        self.active(limits, local);
        self.heard(limits, local);
        let begun = self.message != NEVER;
        self.message = NEVER;
        self.begun(begun, limits, local);
    }

    /// The client takes nothing of what is written.
    pub(super) fn stuck(&mut self, limits: &Limits, local: &Local) {
        if self.blocked == NEVER && !self.closes() {
            self.blocked = after(local, limits.blocked_ms);
        }
    }

    /// Nothing else matters from now on.
    pub(super) fn closing(&mut self, limits: &Limits, local: &Local) {
        *self = Self {
            idle: NEVER,
            age: NEVER,
            ping: NEVER,
            pong: NEVER,
            blocked: NEVER,
            message: NEVER,
            drain: NEVER,
            close: after(local, limits.close_ms),
            last: after(local, limits.close_ms.saturating_add(CLOSE_WRITE_MS_MAX)),
        };
    }

    /// The client took some of what is in front of the close, or the close.
    pub(super) fn taken(&mut self, limits: &Limits, local: &Local) {
        if self.closes() {
            self.close = after(local, limits.close_ms).min(self.last);
        }
    }
}

/// So many milliseconds from now, at the least: the clock is up to a tick behind.
fn after(local: &Local, wait_ms: u64) -> Tick {
    local.now() + local.ticks(wait_ms) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_closes_is_not_woken_for_anything_else() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let limits = Limits {
                    idle_ms: Some(1),
                    ping_ms: Some(1),
                    message_ms: 1,
                    blocked_ms: 1,
                    ..Limits::default()
                };
                let local = Local::new();
                let mut deadlines = Deadlines::new(&limits, &local);
                let close = after(&local, limits.close_ms);
                assert!(deadlines.next() < close);
                deadlines.closing(&limits, &local);
                deadlines.heard(&limits, &local);
                deadlines.active(&limits, &local);
                deadlines.begun(true, &limits, &local);
                deadlines.stuck(&limits, &local);
                assert_eq!(deadlines.next(), close);
            })
            .await;
    }
}
