//! Edits of one API: its working copy is changed, and stages that deploy by themselves follow.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_config::document::with_api;
use tollgate_model::{Api, kind, mark};

use super::read::find_api;
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};

/// Changes an API; the value is what `look` makes of the API as it is then, with its new dates
/// and deployments.
///
/// # Errors
/// `NotFoundException`, what `edit` says, and what [`change`] says.
pub(super) async fn edit_api<T, R>(
    call: &Call<'_>,
    id: &str,
    edit: impl Fn(&mut Api) -> Result<R, AwsError>,
    look: impl Fn(&Api, R) -> T,
) -> Result<T, AwsError> {
    let changed = change(call, LooksAt::Only(&[mark(kind::API, id)]), |model, now| {
        let mut api = Api::clone(find_api(model, id)?);
        let returned = edit(&mut api)?;
        let model = with_api(model, &api, now);
        let value = look(find_api(&model, id)?, returned);
        Ok((model, value))
    })
    .await?;
    Ok(changed.value)
}

/// Lays members of a request over a resource. Only `allowed` ones count, as in AWS; an empty
/// string or `null` clears a member, and so does an empty value of an entry of a map.
///
/// # Errors
/// `SerializationException` that names the member of a wrong type.
pub(super) fn overlay<T: Serialize + DeserializeOwned>(
    resource: &T,
    input: &Map<String, Value>,
    allowed: &[&str],
) -> Result<T, AwsError> {
    let internal = |_| AwsError::new(ErrorKind::Internal, "the resource cannot be encoded");
    let mut members: Value = serde_json::to_value(resource).map_err(internal)?;
    for name in allowed {
        let Some(value) = input.get(*name) else {
            continue;
        };
        lay(&mut members, name, value);
        // One by one, so that the error can name the member and quote no value.
        T::deserialize(&members).map_err(|_| {
            AwsError::new(
                ErrorKind::Serialization,
                format!("the value of {name} cannot be read"),
            )
        })?;
    }
    serde_json::from_value(members).map_err(internal)
}

fn lay(members: &mut Value, name: &str, value: &Value) {
    let Some(members) = members.as_object_mut() else {
        return;
    };
    match value {
        Value::Null => drop(members.remove(name)),
        Value::String(text) if text.is_empty() => drop(members.remove(name)),
        Value::Object(entries) if MAPS.contains(&name) => {
            let target = members
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            for (key, value) in entries {
                if let Some(target) = target.as_object_mut() {
                    if is_empty(value) {
                        target.remove(key);
                    } else {
                        target.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        value => drop(members.insert(name.to_owned(), value.clone())),
    }
}

/// Members that are maps, changed entry by entry.
const MAPS: [&str; 4] = [
    "requestParameters",
    "responseParameters",
    "stageVariables",
    "routeSettings",
];

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Refuses members that this release does nothing with, unless they say what holds anyway.
///
/// # Errors
/// `BadRequestException` that names the member.
pub(super) fn refuse(
    input: &Map<String, Value>,
    members: &[(&str, &[&str])],
) -> Result<(), AwsError> {
    for (name, harmless) in members {
        let Some(value) = input.get(*name).filter(|value| !is_empty(value)) else {
            continue;
        };
        let fits = match value {
            Value::String(text) => harmless.contains(&text.as_str()),
            Value::Bool(value) => !value,
            Value::Array(values) => values.is_empty(),
            _ => false,
        };
        if !fits {
            return Err(AwsError::bad_request(format!(
                "{name} is not available in this release"
            )));
        }
    }
    Ok(())
}

/// A member that must be there.
///
/// # Errors
/// `BadRequestException` that names it.
pub(super) fn required<'i>(input: &'i Map<String, Value>, name: &str) -> Result<&'i str, AwsError> {
    input
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| AwsError::bad_request(format!("{name} is required")))
}

/// Tags of a request.
///
/// # Errors
/// `SerializationException` when they are no map of strings.
pub(super) fn tags(
    input: &Map<String, Value>,
) -> Result<std::collections::BTreeMap<String, String>, AwsError> {
    let Some(tags) = input.get("tags").filter(|tags| !tags.is_null()) else {
        return Ok(std::collections::BTreeMap::new());
    };
    std::collections::BTreeMap::deserialize(tags)
        .map_err(|_| AwsError::new(ErrorKind::Serialization, "the value of tags cannot be read"))
}

use serde::Deserialize as _;
