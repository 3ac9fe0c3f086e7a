//! One door for every change of state.
//!
//! [`Door`] takes commands, makes them durable, applies them and answers. Here it stands before a
//! cluster of one; the replicated log takes the same place. [`Leases`] is the node's side of
//! quotas: a plain struct that turns wishes into batches and answers into tokens.
#![forbid(unsafe_code)]

mod door;
mod leases;
mod writer;

#[cfg(test)]
mod tests;

pub use door::{Door, DoorError, Opened, Published};
pub use leases::{LeaseNumbers, Leases, Outcome, Place};
