//! IAM's policy language: JSON documents are parsed once, decisions are a pure function of them.
//!
//! Sources: IAM User Guide, "IAM JSON policy element reference", "Grammar of the IAM JSON policy
//! language" and "Policy evaluation logic"; API Gateway Developer Guide, "Control access to a REST
//! API with API Gateway resource policies" and "Output from an API Gateway Lambda authorizer".
//!
//! Nothing here reads a clock, an address or an identity: what conditions look at is in the
//! [`Context`] that the caller fills. A document that this package does not understand wholly is
//! refused, with the place and the mend, and never half obeyed. Where AWS accepts what cannot mean
//! anything (an empty list of actions, an operator without a key), it is refused as well.
//!
//! Where AWS's text is silent or says two things, this holds:
//! - a key with several values under an operator without a set operator fits when one value does,
//!   and fits a negated one when none does;
//! - a value that cannot be read as what its operator compares fits nothing, so negated operators
//!   hold for it;
//! - `ForAnyValue:...IfExists` holds for an absent key: the suffix is the more specific of two
//!   rules;
//! - what a policy variable stands for is literal: a `*` in a tag is no wildcard;
//! - an account's root user has no policies of his own, so what a resource policy allows to his
//!   account it allows to him;
//! - a principal of S3 (`CanonicalUser`) and a resource whose service has wildcards are refused.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod condition;
mod context;
mod document;
mod error;
mod evaluate;
mod json;
pub mod limits;
mod pattern;
mod principal;
mod resource;
mod statement;
mod template;
mod value;

pub use context::{Caller, Context, Request};
pub use document::{Kind, Policy};
pub use error::{Error, Problem};
pub use evaluate::{By, Decision, combine, evaluate};
