//! How the nodes of a cluster reach and trust each other.
//!
//! [`authority`] says who is a node: a certificate authority of the cluster's own. [`token`] is how
//! a machine becomes one. [`Links`] carry calls between nodes, over TCP and mutual TLS 1.3, on
//! lanes that do not wait for each other. What a call means is its handler's business.
//!
//! Who dials a connection makes the calls on it, who accepts it answers them; two nodes that call
//! each other have a connection in each direction, so that neither depends on the other's wish to
//! keep one. Time is tokio's, jitter is seeded and the network is a trait: the same code runs in a
//! simulator.
#![forbid(unsafe_code)]

mod accept;
mod accepted;
pub mod authority;
mod calls;
mod closing;
mod contact;
mod dial;
mod error;
mod frame;
mod handler;
mod hello;
mod jitter;
mod join;
pub mod limits;
mod links;
mod name;
pub mod net;
mod nodes;
mod pin;
mod pulse;
mod pump;
mod random;
mod shared;
mod strangers;
mod tls;
pub mod token;
pub mod vault;

pub use contact::Contact;
pub use error::{CallError, IdentityError, Refusal, Unreachable};
pub use handler::{Caller, Handler, Incoming, Lane};
pub use join::{JoinCall, JoinError, join, simulate_join};
pub use links::{Links, Settings};
pub use name::{ClusterId, Member, NotAClusterId};
pub use nodes::Peer;
pub use pin::Pin;
pub use tls::Identity;
pub use tollgate_protocol::ids::NodeId;
