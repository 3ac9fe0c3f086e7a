//! One door for every change of state.
//!
//! [`Door`] takes commands, makes them durable, applies them and answers. Here it stands before a
//! cluster of one; the replicated log takes the same place. [`Leases`] is the node's side of
//! quotas: a plain struct that turns wishes into batches and answers into tokens.
#![forbid(unsafe_code)]

mod asking;
pub mod autopilot;
pub mod backup;
mod credentials;
mod door;
mod effects;
mod everywhere;
mod faults;
mod fresh;
mod introductions;
mod joining;
mod leases;
mod leave;
mod lines;
mod mark;
mod meeting;
mod member;
mod members;
pub mod peers;
mod pilot;
mod proposer;
mod raft;
mod rates;
mod renewal;
mod reports;
mod retirement;
mod serve;
mod sieve;
mod status;
pub mod succession;

#[cfg(test)]
mod tests;

pub use asking::{ANSWER_BYTES_MAX, Answerer, Topic};
pub use credentials::CredentialsError;
pub use credentials::has_lost_its_log;
pub use door::{Door, DoorError, Opened, Published, TokenError};
pub use effects::{Effects, QuotaNews};
pub use joining::{JoinFailure, Joined, Joiner, join};
pub use leases::{LeaseNumbers, Leases, Outcome, Place, Times};
pub use leave::LeaveError;
pub use member::Peering;
pub use members::Members;
pub use rates::Rates;
pub use reports::{Reports, Scope, Told};
pub use serve::{Refused, Server};
pub use status::NodeStatus;
pub use tollgate_link::authority::ClusterKey;
pub use tollgate_link::token::JoinToken;
pub use tollgate_link::vault::{Vault, VaultError};

/// A new cluster's id: 128 random bits as 32 hexadecimal digits.
#[must_use]
pub fn new_cluster_id() -> String {
    tollgate_link::ClusterId::generate().to_string()
}
