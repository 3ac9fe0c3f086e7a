//! API keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::{AwsError, Constraint, ErrorKind, Service, Violation, Violations};
use tollgate_model::{ApiKey, Model, kind, mark};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::KeyId;

use super::patch::{self, Patch};
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::list::page;
use crate::admin::reply::{Outcome, Reply};

/// Characters of a value (reference 1.2).
pub(super) const VALUE_CHARS: std::ops::RangeInclusive<usize> = 20..=128;
const PATHS: [&str; 4] = ["/customerId", "/description", "/enabled", "/name"];

/// The key of this id.
///
/// # Errors
/// `NotFoundException`
pub(super) fn find_key<'m>(model: &'m Model, id: &str) -> Result<&'m Arc<ApiKey>, AwsError> {
    model
        .api_keys
        .get(id)
        .ok_or_else(|| AwsError::not_found("Invalid API Key identifier specified"))
}

/// A key as `apigateway` shows it (times in seconds), with its secret only where it is asked for.
pub(super) fn render(key: &ApiKey, with_value: bool) -> Value {
    let mut out = json!({
        "id": key.id,
        "name": key.name,
        "enabled": key.enabled,
        "createdDate": key.created_date.seconds(),
        "lastUpdatedDate": key.last_updated_date.seconds(),
        "stageKeys": [],
        "tags": key.tags,
    });
    if with_value {
        out["value"] = key.value.as_str().into();
    }
    if let Some(text) = &key.description {
        out["description"] = text.as_str().into();
    }
    if let Some(id) = &key.customer_id {
        out["customerId"] = id.as_str().into();
    }
    out
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    name: Option<String>,
    description: Option<String>,
    enabled: bool,
    value: Option<String>,
    stage_keys: Vec<Value>,
    customer_id: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

/// `POST /apikeys`. The value is shown this once. As in AWS a key is off unless `enabled` is
/// said.
pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let input: Input = call.input()?;
    if !input.stage_keys.is_empty() {
        return Err(AwsError::bad_request(
            "stageKeys is not available in this release; use usage plans",
        ));
    }
    let given = input.value.as_deref().filter(|value| !value.is_empty());
    check_value(given)?;
    let id = KeyId::from(call.seed.id("key", 10));
    let value = given.map_or_else(|| call.seed.key_value(""), str::to_owned);
    let looks_at = [mark(kind::API_KEY, id.as_str())];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        if let Some(made) = model.api_keys.get(&id) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render(made, true)));
        }
        let key = ApiKey {
            id: id.clone(),
            value: value.clone(),
            name: input.name.clone().unwrap_or_default(),
            description: input.description.clone(),
            enabled: input.enabled,
            customer_id: input.customer_id.clone(),
            usage_plans: Vec::new(),
            tags: input.tags.clone().unwrap_or_default(),
            created_date: now,
            last_updated_date: now,
        };
        if call.state.runtime.key_holders(model)(&key.value).is_some() {
            return Err(AwsError::conflict("API Key already exists"));
        }
        let shown = render(&key, true);
        Ok((with_key(model, key), shown))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

fn check_value(value: Option<&str>) -> Result<(), AwsError> {
    let mut found = Violations::new();
    if let Some(value) = value {
        let chars = value.chars().count();
        let bound = if chars < *VALUE_CHARS.start() {
            Some(Constraint::LengthMin(*VALUE_CHARS.start() as u64))
        } else if chars > *VALUE_CHARS.end() {
            Some(Constraint::LengthMax(*VALUE_CHARS.end() as u64))
        } else {
            None
        };
        if let Some(constraint) = bound {
            found.push(Violation {
                value: None,
                location: "createApiKeyInput.value".into(),
                constraint,
                secret: true,
            });
        }
    }
    found.into_result(ErrorKind::Validation)
}

/// The model with this key in place of the one of its id.
pub(super) fn with_key(model: &Model, key: ApiKey) -> Model {
    let mut model = model.clone();
    model.api_keys.insert(key.id.clone(), Arc::new(key));
    model
}

/// `GET /apikeys`
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let prefix = call.parameter("name").unwrap_or_default();
    let customer = call.parameter("customerId");
    let with_values = call.flag("includeValues");
    let items = model
        .api_keys
        .iter()
        .filter(|(_, key)| key.name.starts_with(&prefix))
        .filter(|(_, key)| customer.is_none() || key.customer_id == customer)
        .map(|(id, key)| (id.as_str(), key));
    page(call, Service::ApiGateway, "apikeys", items, |key| {
        render(key, with_values)
    })
}

/// `GET /apikeys/{api_Key}`
pub(super) async fn get(call: &Call<'_>, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let key = find_key(&model, id)?;
    Ok(Reply::json(200, render(key, call.flag("includeValue"))))
}

/// `PATCH /apikeys/{api_Key}`
pub(super) async fn update(call: &Call<'_>, id: &str) -> Outcome {
    let patches = patch::read(call)?;
    let changed = change(
        call,
        LooksAt::Only(&[mark(kind::API_KEY, id)]),
        |model, now| {
            let old = find_key(model, id)?;
            let mut key = ApiKey::clone(old);
            for patch in &patches {
                apply(&mut key, patch)?;
            }
            touch(old, &mut key, now);
            let shown = render(&key, false);
            Ok((with_key(model, key), shown))
        },
    )
    .await?;
    Ok(Reply::json(200, changed.value))
}

/// Dates a change that is one.
pub(super) fn touch(old: &ApiKey, key: &mut ApiKey, now: Millis) {
    if *old != *key {
        key.last_updated_date = now;
    }
}

fn apply(key: &mut ApiKey, patch: &Patch) -> Result<(), AwsError> {
    if patch.op != "replace" {
        return Err(patch.refused(&PATHS));
    }
    match patch.path.as_str() {
        "/name" => patch.value()?.clone_into(&mut key.name),
        "/description" => key.description = patch.optional(),
        "/customerId" => key.customer_id = patch.optional(),
        "/enabled" => key.enabled = patch.parse()?,
        _ => return Err(patch.refused(&PATHS)),
    }
    Ok(())
}

/// `DELETE /apikeys/{api_Key}`
pub(super) async fn delete(call: &Call<'_>, id: &str) -> Outcome {
    change(
        call,
        LooksAt::Only(&[mark(kind::API_KEY, id)]),
        |model, _| {
            find_key(model, id)?;
            let mut model = model.clone();
            model.api_keys.remove(id);
            Ok((model, ()))
        },
    )
    .await?;
    Ok(Reply::empty(202))
}
