//! AWS's wire as pure functions over bytes: SigV4, ARNs, error shapes, operations, formats.
//!
//! Nothing here waits, reads a clock or draws random numbers: the caller passes those in. Nothing
//! panics on hostile input, and no secret reaches an error or a `Debug` text.
#![forbid(unsafe_code)]

pub mod arn;
mod error;
mod inputs;
pub mod operations;
mod secret;
mod service;
pub mod sigv4;
mod uri;
pub mod wire;

pub use error::{AwsError, Constraint, Denial, ErrorKind, RenderedError, Violation, Violations};
pub use inputs::{body_members, check_input, read_members};
pub use secret::Secret;
pub use service::Service;
pub use uri::{QueryPairs, decode_label, encode_label, query_pairs};
