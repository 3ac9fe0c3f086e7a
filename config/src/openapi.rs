//! OpenAPI 3 documents as APIs: the part of OpenAPI that AWS's HTTP API import reads (reference
//! 19), and our `x-tollgate` extensions.
//!
//! What is read becomes the same items as those of an API file, so everything after that (names,
//! ids, rules, messages) is shared. What is not supported is a warning at its line; what would leave
//! an operation open to everyone is an error. `export` writes the same part of OpenAPI.

mod document;
mod export;
mod extension;
mod import;
mod security;
mod text;
mod variables;

pub(crate) use document::{Imported, read, read_file};
pub use export::{ExportOptions, export};
pub use import::{ImportedApi, import_api};
pub use text::{to_json, to_yaml};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::document::{LoadContext, Loaded, load_openapi};

/// What becomes of the path in a document's server URL (AWS: `basepath`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BasePath {
    /// It is left out.
    #[default]
    Ignore,
    /// It is put before every path.
    Prepend,
    /// Its first segment is left out, the rest is put before every path.
    Split,
}

/// Imports an OpenAPI document from a text; `name` stands for it in findings.
///
/// # Errors
/// Everything that is wrong in the document.
pub fn import(
    name: &str,
    text: &str,
    base_path: BasePath,
    context: &LoadContext,
) -> Result<Loaded, Vec<Diagnostic>> {
    load_openapi(name, text, base_path, context)
}
