//! The JSON Schema of the API file, generated from the types of `shape`.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value as Json;

use super::shape::ApiFile;

/// The JSON Schema (draft 2020-12) of the API file, as published for editors.
#[must_use]
pub fn schema() -> Json {
    of::<ApiFile>()
}

/// The same, made once.
pub(crate) fn compiled() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(schema)
}

/// The schema of a type, closed against unknown members.
pub(crate) fn of<T: JsonSchema>() -> Json {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    Close.transform(&mut schema);
    schema.to_value()
}

/// A comment's paragraphs, each on one line.
fn unwrap(text: &str) -> String {
    let paragraphs: Vec<String> = text.split("\n\n").map(|it| it.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}

/// Closes objects with named members: what is not named is a mistake. Unwraps descriptions.
struct Close;

impl Transform for Close {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema.insert("additionalProperties".into(), Json::Bool(false));
        }
        if let Some(Json::String(text)) = schema.get_mut("description") {
            *text = unwrap(text);
        }
        transform_subschemas(self, schema);
    }
}
