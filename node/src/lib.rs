//! The tollgate binary: boot, run, drain.
//!
//! What holds the parts together: actors that own mutable state, workers that serve requests,
//! the admin and ops listeners, and the order in which all of it starts and stops.

pub mod actors;
pub mod admin;
pub mod clock;
pub mod logs;
pub mod metrics;
pub mod process;
pub mod worker;
pub mod boot;
pub mod credentials;
pub mod ops;
pub mod runtime;
pub mod tls;
