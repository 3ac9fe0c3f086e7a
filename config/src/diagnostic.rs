//! What is wrong with a configuration file, where, and what would be right.
//!
//! One type for the API file, OpenAPI documents and `node.toml`, so that every error looks the same
//! on a terminal and as JSON. A diagnostic never holds a secret: the parts of source lines that are
//! secret are hidden before they get here (`mask`).

mod mask;
mod nearest;
mod render;

pub(crate) use mask::{hide_long_tokens, is_secret_key, shorten};
pub(crate) use nearest::nearest;
pub use render::{render, render_json};

use serde::Serialize;
use tollgate_protocol::codes::Code;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but a part of it does nothing or not what it seems to.
    Warning,
}

/// One finding in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The operator code, `TG0007` for API files.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The file, as it was named; empty for flags and environment variables.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The line, from 1; 0 when no line can be named.
    pub line: u32,
    /// The column in characters, from 1; 0 when no column can be named.
    pub column: u32,
    /// How many characters it spans.
    pub length: u32,
    /// Where in the document: `apis[0].routes[2].routeKey`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_path: String,
    /// The offending value, shortened; `None` when it is secret or not a scalar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// The valid key or value that is nearest to the one found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// The source line with its secrets hidden, of a long one what is around the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it only tells of a part that has no effect here and is no mistake (AWS:
    /// `importInfo`).
    #[serde(skip)]
    pub harmless: bool,
    /// Characters of the line before `source`.
    #[serde(skip_serializing_if = "is_zero")]
    pub source_start: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Diagnostic {
    /// A finding without a place, an error.
    #[must_use]
    pub fn new(code: &Code, reason: impl Into<String>) -> Self {
        Self {
            code: code.code,
            severity: Severity::Error,
            file: String::new(),
            line: 0,
            column: 0,
            length: 0,
            key_path: String::new(),
            value: None,
            reason: reason.into(),
            nearest: None,
            source: None,
            harmless: false,
            source_start: 0,
        }
    }

    /// The same finding in this file.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = file.into();
        self
    }

    /// Whether the file cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
