//! The reference part of `docs/api-file.md`, generated from the schema.

/// The reference in Markdown.
#[must_use]
pub fn reference() -> String {
    String::new()
}
