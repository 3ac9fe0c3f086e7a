//! The WebSocket connections of this node, and the way to those of the others.
//!
//! A connection's id names its owner, so any node passes a call on in one hop and asks nobody where
//! a connection is; nothing about a connection is replicated. [`Places`] is the table of this
//! node's own; [`Sockets`] is [`Connections`] for the whole cluster; a [`ConnectionActor`] lives
//! on the worker that holds the client's socket and sees to the connection's life.

mod actor;
mod id;
mod places;
mod reach;
mod tally;
mod wire;

pub use actor::Opener;
pub use reach::Sockets;
pub(crate) use reach::answerer;
pub(crate) use tally::Tally;

pub(crate) use id::ConnectionId;
pub(crate) use places::Places;
