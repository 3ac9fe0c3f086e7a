//! How the nodes of a cluster reach and trust each other.
//!
//! [`authority`] says who is a node: a certificate authority of the cluster's own. [`token`] is how
//! a machine becomes one.
#![forbid(unsafe_code)]

pub mod authority;
mod name;
mod pin;
mod random;
pub mod token;

pub use name::{ClusterId, Member, NotAClusterId};
pub use pin::Pin;
pub use tollgate_protocol::ids::NodeId;
