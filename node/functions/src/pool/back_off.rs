//! When a function that cannot start may try again. A plain value without a clock.

use core::time::Duration;
use std::sync::Arc;

use tokio::time::Instant;

use crate::limits::{BACK_OFF_FIRST, BACK_OFF_MAX};

/// Why the last start failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InitFailure {
    /// For example `Runtime.ImportModuleError`.
    pub(crate) error_type: Arc<str>,
    /// For the reader of a log.
    pub(crate) message: Arc<str>,
}

/// The failed starts since the last good one.
#[derive(Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
    until: Option<Instant>,
    last: Option<InitFailure>,
}

impl BackOff {
    /// A start failed.
    pub(crate) fn failed(&mut self, failure: InitFailure, now: Instant) {
        self.until = Some(now + self.pause());
        self.failures = self.failures.saturating_add(1);
        self.last = Some(failure);
    }

    /// A process asked for work. Whether it can do any is not known yet, so the next failure
    /// still counts as one more.
    pub(crate) fn ready(&mut self) {
        self.until = None;
        self.last = None;
    }

    /// A process got work.
    pub(crate) fn worked(&mut self) {
        *self = Self::default();
    }

    /// Until when no process may be started.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// Whether the last start failed, so that one process at a time has to show that it works.
    pub(crate) fn probing(&self) -> bool {
        self.last.is_some()
    }

    /// Why the last start failed.
    pub(crate) fn last(&self) -> Option<&InitFailure> {
        self.last.as_ref()
    }

    fn pause(&self) -> Duration {
        let doubled = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        BACK_OFF_FIRST.saturating_mul(doubled).min(BACK_OFF_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_limit_and_starts_over_after_success() {
        let now = Instant::now();
        let mut back_off = BackOff::default();
        let failure = InitFailure {
            error_type: "T".into(),
            message: "m".into(),
        };
        let mut pauses = Vec::new();
        for _ in 0..40 {
            back_off.failed(failure.clone(), now);
            pauses.push((back_off.closed_until(now).unwrap() - now).as_millis());
        }
        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(
            pauses[8..],
            [[25_600].as_slice(), &[30_000; 31]].concat()[..]
        );
        back_off.worked();
        assert!(!back_off.probing() && back_off.last().is_none());
        back_off.failed(failure, now);
        assert_eq!(back_off.closed_until(now), Some(now + BACK_OFF_FIRST));
        assert_eq!(back_off.closed_until(now + BACK_OFF_FIRST), None);
    }
}
