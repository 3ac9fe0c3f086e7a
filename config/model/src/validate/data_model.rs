//! Models: names and schemas (reference 11).

use alloc::format;

use super::Findings;
use super::text::notes;
use crate::{Api, DataModel};

/// Characters of a name and of a content type (AWS: 128 and 256).
const NAME_CHARS_MAX: usize = 128;
const CONTENT_TYPE_CHARS_MAX: usize = 256;
/// Characters of a schema (AWS: 32,768).
const SCHEMA_CHARS_MAX: usize = 32_768;

pub(super) fn data_model(api: &Api, it: &DataModel, f: &mut Findings) {
    let letters = it.name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !letters || !(1..=NAME_CHARS_MAX).contains(&it.name.len()) {
        let message = format!("a model's name has 1 to {NAME_CHARS_MAX} letters and digits");
        f.say("name", message);
    }
    let mut all = api.definition.models.values();
    if all.any(|other| other.name == it.name && other.model_id < it.model_id) {
        f.say("name", format!("two models have the name `{}`", it.name));
    }
    notes(it.description.as_ref(), &Default::default(), f);
    let content_type = it.content_type.as_deref().unwrap_or("application/json");
    if !content_type.contains('/') || content_type.chars().count() > CONTENT_TYPE_CHARS_MAX {
        let message = format!("{content_type:?} is no content type");
        f.say("contentType", message);
    }
    if it.schema.chars().count() > SCHEMA_CHARS_MAX {
        let message = format!("a schema has at most {SCHEMA_CHARS_MAX} characters");
        return f.say("schema", message);
    }
    if api.disable_schema_validation {
        return;
    }
    let schema = serde_json::from_str::<serde_json::Value>(&it.schema);
    if !schema.is_ok_and(|it| it.is_object()) {
        f.say(
            "schema",
            "a schema is a JSON schema: the text of a JSON object",
        );
    }
}
