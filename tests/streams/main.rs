//! Streams through the proxy: as large as they like, as slow as they like, in either direction, and
//! what a client sees when one breaks.

mod faults;
mod gigabyte;
mod raw;
mod upgrade;
