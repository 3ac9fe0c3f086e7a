//! The tollgate binary: boot, run, drain.
//!
//! What holds the parts together: actors that own mutable state, workers that serve requests,
//! the admin and ops listeners, and the order in which all of it starts and stops.
#![forbid(unsafe_code)]

pub mod actors;
pub mod admin;
pub mod audit;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod connections;
pub(crate) mod console;
pub mod credentials;
pub mod iam;
pub mod logs;
pub mod metrics;
pub mod ops;
pub mod process;
pub mod runtime;
pub mod sockets;
mod standing;
pub mod tls;
pub(crate) mod trial;
pub mod worker;
