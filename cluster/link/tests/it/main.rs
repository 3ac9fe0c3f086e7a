//! Links between nodes in one process: over TCP and TLS, in memory, and in a simulated network.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod calls;
mod forged;
mod hostile;
mod memory;
mod simulation;
mod support;
mod time;
mod trust;
