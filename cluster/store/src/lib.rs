//! The durable log and snapshots.
//!
//! Bytes in, bytes out: this package does not know what entries mean. One writer thread owns a
//! [`Store`]. Whatever it acknowledged survives a crash; whatever is damaged is noticed when the
//! store is opened, never served.
#![forbid(unsafe_code)]

mod error;
mod identity;
mod log;
mod rewrite;
mod snapshot_file;
mod spool;
mod store;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use identity::{Identity, exists, has_identity, is_removed, mark_removed};
pub use log::{Change, Reader};
pub use rewrite::{Rewrite, Successor, belongs_to_a_node, foreign_file};
pub use snapshot_file::write_durably;
pub use spool::{OpenFile, Spool};
pub use store::{Loaded, SnapshotFile, Snapshots, Store, Written};
