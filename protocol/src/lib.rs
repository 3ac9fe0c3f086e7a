//! Names, units, limits and byte formats that every other package shares.
//!
//! This package imports nothing of ours and knows no runtime: `no_std` keeps clocks, threads,
//! files and sockets out of it at compile time.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod clock;
pub mod codec;
pub mod codes;
pub mod hex;
pub mod ids;
pub mod limits;
pub mod metrics;
pub mod rate;
pub mod table;

pub use clock::{Clock, Millis};
pub use rate::Rate;
pub use table::Table;
