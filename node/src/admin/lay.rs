//! How the members of a request are laid over a resource.
//!
//! What an operation takes, and of which type, is in the table that the service models make
//! (`tollgate_aws::check_input`, which ran before); whether the resource may then be so is the
//! business of the model's rules. So a handler names no member but those that AWS does not have.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tollgate_aws::operations::Operation;
use tollgate_aws::{AwsError, ErrorKind, body_members};

/// Lays the members that an operation takes, and `ours`, over a resource.
///
/// An empty text or structure and `null` clear a member. Maps are changed entry by entry, where an
/// empty value removes its entry; everything else is replaced as a whole.
///
/// # Errors
/// `SerializationException` that names the member which the resource cannot hold, and quotes no
/// value: it may be secret.
pub(crate) fn lay<T: Serialize + DeserializeOwned>(
    resource: &T,
    input: &Map<String, Value>,
    operation: &Operation,
    ours: &[&'static str],
) -> Result<T, AwsError> {
    let ours = ours.iter().map(|name| (*name, false));
    lay_members(resource, input, body_members(operation).chain(ours))
}

fn lay_members<'n, T: Serialize + DeserializeOwned>(
    resource: &T,
    input: &Map<String, Value>,
    members: impl Iterator<Item = (&'n str, bool)>,
) -> Result<T, AwsError> {
    let internal = |_| AwsError::new(ErrorKind::Internal, "the resource cannot be encoded");
    let mut whole = serde_json::to_value(resource).map_err(internal)?;
    let mut laid = None;
    for (name, is_map) in members {
        let Some(value) = input.get(name) else {
            continue;
        };
        if let Some(whole) = whole.as_object_mut() {
            lay_member(whole, name, is_map, value);
        }
        // One by one, so that the error can name the member.
        let read = T::deserialize(&whole).map_err(|_| {
            let text = format!("the value of {name} cannot be read");
            AwsError::new(ErrorKind::Serialization, text)
        })?;
        laid = Some(read);
    }
    laid.map_or_else(|| serde_json::from_value(whole).map_err(internal), Ok)
}

fn lay_member(whole: &mut Map<String, Value>, name: &str, is_map: bool, value: &Value) {
    let Value::Object(entries) = value else {
        return set(whole, name, value);
    };
    if !is_map {
        return set(whole, name, value);
    }
    let target = whole
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(target) = target.as_object_mut() {
        for (key, value) in entries {
            set(target, key, value);
        }
    }
}

/// A `null` is as if the member were not there, as the check of inputs and AWS have it.
fn set(members: &mut Map<String, Value>, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    match cleaned(value) {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
}

/// A value without what clears: nothing, an empty text, a structure of nothing else.
fn cleaned(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        Value::Object(members) => {
            let kept = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), cleaned(value)?)));
            let kept: Map<String, Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Thing {
        name: String,
        size: Option<u8>,
        words: Vec<String>,
        inner: Option<Value>,
        by: std::collections::BTreeMap<String, String>,
    }

    fn laid(thing: &Thing, input: Value) -> Result<Thing, AwsError> {
        let members = [
            ("by", true),
            ("inner", false),
            ("size", false),
            ("words", false),
        ];
        lay_members(thing, input.as_object().unwrap(), members.into_iter())
    }

    #[test]
    fn members_change_and_clear_one_by_one() {
        let thing = Thing {
            name: "a".into(),
            size: Some(1),
            by: [("x".into(), "1".into()), ("y".into(), "2".into())].into(),
            ..Thing::default()
        };
        let input = json!({
            "by": {"x": "", "z": "3"}, "size": null, "inner": {"note": ""}, "words": ["w"],
            "name": "not a member of the operation",
        });
        let thing = laid(&thing, input).unwrap();
        let by: Vec<_> = thing.by.iter().map(|(k, v)| format!("{k}{v}")).collect();
        assert_eq!(by, ["y2", "z3"]);
        // A null changes nothing.
        assert_eq!(
            (thing.size, thing.inner, thing.words.len()),
            (Some(1), None, 1)
        );
        assert_eq!(thing.name, "a");
    }

    #[test]
    fn what_the_resource_cannot_hold_is_named_and_not_quoted() {
        let error = laid(&Thing::default(), json!({"size": "secret"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Serialization);
        assert_eq!(error.message, "the value of size cannot be read");
    }
}
