//! Models: names and schemas (reference 11).

use alloc::format;
use alloc::vec::Vec;

use super::Findings;
use super::text::notes;
use crate::{Api, DataModel, Definition};

/// Models of an API (AWS: 60 unless raised).
const MODELS_MAX: usize = 1000;
/// Characters of a name and of a content type (AWS: 128 and 256).
const NAME_CHARS_MAX: usize = 128;
const CONTENT_TYPE_CHARS_MAX: usize = 256;
/// Characters of a schema (AWS: 32,768).
const SCHEMA_CHARS_MAX: usize = 32_768;

/// The number of an API's models, and that their names differ.
pub(super) fn count(definition: &Definition, f: &mut Findings) {
    let all = &definition.models;
    if all.len() > MODELS_MAX {
        let message = format!("an API has at most {MODELS_MAX} models");
        f.say("models", message);
    }
    let mut names: Vec<&str> = all.values().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
        f.say("models", format!("two models have the name `{}`", pair[0]));
    }
}

pub(super) fn data_model(api: &Api, it: &DataModel, f: &mut Findings) {
    let letters = it.name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !letters || !(1..=NAME_CHARS_MAX).contains(&it.name.len()) {
        let message = format!("a model's name has 1 to {NAME_CHARS_MAX} letters and digits");
        f.say("name", message);
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
