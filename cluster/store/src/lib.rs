//! The durable log and snapshots.
