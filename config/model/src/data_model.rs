//! A model: the shape of a body as a JSON schema (AWS's word; `Model` is the whole configuration).

use alloc::string::String;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::ModelId;

/// A model (AWS v2: Model).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataModel {
    /// The id.
    pub model_id: ModelId,
    /// The name, letters and digits, unique in the API: routes refer to it.
    pub name: String,
    /// The content type that it describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON schema, draft 4, as text.
    pub schema: String,
}
