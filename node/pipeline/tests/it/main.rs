//! The request path from end to end in memory: hand-built snapshots, scripted back ends.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod plans;
mod support;

mod addressing;
mod admission;
mod attacks;
mod caching;
mod closed;
mod compiled;
mod cors;
mod data_trace;
mod ending;
mod events;
mod faults;
mod hostile;
mod http;
mod logs;
mod mapping;
mod replies;
mod websocket;
