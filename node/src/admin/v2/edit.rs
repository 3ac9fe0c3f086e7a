//! Edits of one API: its working copy is changed, and stages that deploy by themselves follow.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
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

/// A member that is a text, empty where it is not there: whether it must be, was checked before
/// (`tollgate_aws::check_input`), and what an empty one means say the rules of the model.
pub(super) fn text<'i>(input: &'i Map<String, Value>, name: &str) -> &'i str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Tags of a request; their type was checked before.
pub(super) fn tags(input: &Map<String, Value>) -> BTreeMap<String, String> {
    let tags = input.get("tags").and_then(Value::as_object);
    let texts = tags.into_iter().flatten();
    let texts = texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    texts.collect()
}
