//! The edge from outside: raw bytes in, raw bytes out, and a service that says what it saw.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod bodies;
mod drain;
mod h2;
mod hostile;
mod http1;
mod proxy;
mod slow;
mod support;
mod upgrade;
