//! The replicated state machine: a pure function from commands to state.
//!
//! [`State::apply`] is the only door. It is total, ordered and silent: no clock (times come in
//! with entries), no randomness, no floats, no hash order, no logging. A command that cannot be
//! carried out changes nothing and says so in its reply. `no_std` lets the compiler deny the rest.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

extern crate alloc;

mod command;
mod history;
mod iam;
mod levels;
mod membership;
mod nodes;
mod period;
mod proposals;
mod quota;
mod snapshot;
mod state;
mod succession;
mod tokens;

#[cfg(test)]
mod tests;

pub use command::{
    AdmitRefusal, Applied, Command, Effect, Entry, Hash, LeaseBatch, LeaseItem, LeaseReply,
    LeaseVerdict, NodeId, ProposalId, Reply,
};
pub use history::{Action, MARKS_MAX, RevisionRecord, Touched};
pub use iam::{AccessKey, Group, Iam, IamChange, ManagedPolicy, RootKeys, SealedKey, User};
pub use levels::LEVELS;
pub use nodes::{Addresses, Founding, Node};
pub use period::{Window, window_at};
pub use quota::{Bucket, GRANT_FLOOR_MAX, Lease, LeaseId, QuotaTable, WindowState};
pub use snapshot::{Decoded, Records, Restore, RestoreError};
pub use state::State;
pub use succession::Quotas;
pub use tokens::Token;
