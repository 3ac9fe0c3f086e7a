//! The admin listener on a real socket, over a real door on a real disk; only the node around it
//! is played.

mod apply;
mod auth;
mod connections;
mod history;
mod iam;
mod judged;
mod members;
mod retries;
mod stages;
pub(crate) mod support;
mod usage;
