//! WebSocket load: how fast connections open, what they cost while they wait, and how long messages
//! take that come back or go to many.
//!
//! Every message carries the time at which it should have left, so a delivery is timed by what it
//! says, whoever sent it and however the server wraps it. One thread does it all: what is measured
//! is the server, by its process id, and thousands of connections that mostly wait need no second.

mod client;
mod drive;
mod frames;
mod outcome;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::task::LocalSet;

pub use self::client::PAYLOAD_BYTES_MIN;
pub use self::outcome::{ServerUse, SocketOutcome};
use crate::generator::connection::Dialer;
use crate::outcome::ErrorKind;
use crate::stop::Stop;
use crate::target::Target;

/// What the connections do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// They open, wait and answer pings.
    Idle,
    /// Each message goes over one of them, in turn, and must come back over the same.
    Echo,
    /// Each message is published and must come to all of them.
    FanOut,
}

/// A run, complete and bounded.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to connect.
    pub dialer: Dialer,
    /// What the connections do.
    pub scenario: Scenario,
    /// How many there are.
    pub connections: usize,
    /// How many open in a second.
    pub ramp_per_s: f64,
    /// Messages, or bursts of them, in a second.
    pub rate_per_s: f64,
    /// Messages that leave together.
    pub burst: usize,
    /// Bytes of a message's payload.
    pub message_bytes: usize,
    /// What a message looks like; `PAYLOAD` stands for the payload.
    pub template: String,
    /// Where a message is published by POST; over a connection of its own when not given.
    pub publish: Option<Target>,
    /// Header fields of handshakes and publications.
    pub headers: Vec<String>,
    /// Load before the measured part.
    pub warmup: Duration,
    /// The measured part.
    pub duration: Duration,
    /// Longest wait for a handshake.
    pub timeout: Duration,
    /// The server's process, to say what it took.
    pub server_pid: Option<u32>,
}

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too few connections could be opened to measure anything.
    #[error("of {wanted} connections {opened} opened, then: {}", kind.name())]
    Open {
        /// How many should have.
        wanted: usize,
        /// How many did.
        opened: usize,
        /// Why the next did not.
        kind: ErrorKind,
    },
    /// What is published cannot be sent.
    #[error("cannot publish: {0}")]
    Publish(String),
    /// The generator could not get what it needs from the system.
    #[error("the generator failed")]
    Generator(#[from] io::Error),
}

/// Runs `plan` to its end, or until `stop`, blocking the calling thread.
///
/// # Errors
/// If connections cannot be opened or the generator fails as a whole.
pub fn run(plan: &Plan, stop: &Stop) -> Result<SocketOutcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, drive::drive(plan, stop.clone()))
}
