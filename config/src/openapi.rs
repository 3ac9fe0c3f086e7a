//! OpenAPI 3 documents as APIs: the part of OpenAPI that AWS's HTTP API import reads.
use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::{ApiItem, IntegrationItem, LoadContext, Node, Report, RouteItem, TreePath};

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

#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub item: ApiItem,
    pub root: Option<Node>,
    pub routes: Vec<(RouteItem, TreePath)>,
    pub integrations: Vec<(String, IntegrationItem, TreePath)>,
}
pub(crate) fn read_file(
    _: &std::path::Path,
    _: &str,
    _: BasePath,
    _: &mut Report,
    _: &LoadContext,
) -> Result<Option<Imported>, String> {
    Ok(None)
}
pub(crate) fn read(_: &Node, _: BasePath, _: &mut Report, _: &LoadContext) -> Imported {
    Imported::default()
}
