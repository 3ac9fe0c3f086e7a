//! The heartbeat of one connection: pings that are due, pongs that are owed, and the round trip.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::frame::{Frame, Shape};
use crate::limits::BEAT;

#[derive(Debug)]
struct State {
    next_ping: Instant,
    number: u64,
    sent: Option<(u64, Instant)>,
    /// At most one pong is owed: the latest ping's stands for those before it.
    owed: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Pulse(Mutex<State>);

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            next_ping: now,
            number: 0,
            sent: None,
            owed: None,
        }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ping or pong that is due.
    pub(crate) fn next(&self, now: Instant) -> Option<Frame> {
        self.with(|state| {
            if let Some(number) = state.owed.take() {
                return Some(Frame::plain(Shape::Pong, number, Bytes::new()));
            }
            if now < state.next_ping {
                return None;
            }
            state.next_ping = now + BEAT;
            state.number += 1;
            // An unanswered ping stays the one that is timed, or a slow peer would look fast.
            if state.sent.is_none() {
                state.sent = Some((state.number, now));
            }
            Some(Frame::plain(Shape::Ping, state.number, Bytes::new()))
        })
    }

    pub(crate) fn next_ping(&self) -> Instant {
        self.with(|state| state.next_ping)
    }

    pub(crate) fn pinged(&self, number: u64) {
        self.with(|state| state.owed = Some(number));
    }

    /// The round trip, when this pong or a later one answers the timed ping.
    pub(crate) fn ponged(&self, number: u64, now: Instant) -> Option<Duration> {
        self.with(|state| {
            let (timed, at) = state.sent?;
            if number < timed || number > state.number {
                return None;
            }
            state.sent = None;
            Some(now.saturating_duration_since(at))
        })
    }
}
