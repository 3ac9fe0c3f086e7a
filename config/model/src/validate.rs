//! The rules that a model must keep, whichever door a change comes through.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Model;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: `apis.shop.routes.GET /pets.target`.
    pub path: String,
    /// The same, step by step.
    pub segments: Vec<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// All broken rules of a model, in the order of the model.
#[must_use]
pub fn validate(_model: &Model) -> Vec<Violation> {
    Vec::new()
}
