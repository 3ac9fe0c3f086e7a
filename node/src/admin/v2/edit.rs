//! Edits of one API: its working copy is changed, and stages that deploy by themselves follow.

use std::collections::BTreeMap;

use serde::Deserialize as _;
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
pub(super) fn tags(input: &Map<String, Value>) -> Result<BTreeMap<String, String>, AwsError> {
    let Some(tags) = input.get("tags").filter(|tags| !tags.is_null()) else {
        return Ok(BTreeMap::new());
    };
    BTreeMap::deserialize(tags)
        .map_err(|_| AwsError::new(ErrorKind::Serialization, "the value of tags cannot be read"))
}
