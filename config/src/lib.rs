//! Files in, model and snapshot out.
//!
//! Three parts that share nothing but the model: the node's own configuration (`node_config`), the
//! API file (`document`), and the compiler from the model to the immutable [`snapshot::Snapshot`]
//! that requests read.
#![forbid(unsafe_code)]

pub mod cells;
pub mod compile;
pub mod diagnostic;
pub mod document;
pub mod node_config;
pub mod openapi;
pub mod snapshot;
