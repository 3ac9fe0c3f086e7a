//! Models.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{Api, DataModel, Definition};
use tollgate_protocol::ids::ModelId;

use super::{Family, Part, find, taken, template};
use crate::admin::call::{Call, label};
use crate::admin::reply::{Outcome, Reply};
use crate::admin::v2::read::find_api;

impl Part for DataModel {
    type Id = ModelId;

    const FAMILY: Family = Family {
        what: "model",
        label: "modelId",
        id_chars: 6,
        ours: &[],
    };

    fn all<'d>(
        definition: &'d Definition,
        _: &Matched<'_>,
    ) -> Result<&'d BTreeMap<ModelId, Self>, AwsError> {
        Ok(&definition.models)
    }

    fn all_mut<'d>(
        definition: &'d mut Definition,
        _: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<ModelId, Self>, AwsError> {
        Ok(&mut definition.models)
    }

    fn of_id(id: ModelId) -> Self {
        Self {
            model_id: id,
            ..Self::default()
        }
    }

    fn settle(
        &mut self,
        _: &Self,
        _: &Map<String, Value>,
        others: &BTreeMap<ModelId, Self>,
    ) -> Result<(), AwsError> {
        let mut others = others.values();
        if others.any(|it| it.name == self.name && it.model_id != self.model_id) {
            return Err(taken("Model", &self.name));
        }
        Ok(())
    }

    fn complete(&self, _: &Api, shown: &mut Map<String, Value>) {
        shown
            .entry("contentType")
            .or_insert("application/json".into());
    }

    fn is_free(&self, definition: &Definition) -> Result<(), AwsError> {
        let mut routes = definition.routes.values();
        match routes.find(|route| route.models().any(|name| name == self.name)) {
            None => Ok(()),
            Some(route) => Err(AwsError::conflict(format!(
                "Cannot delete model {}. Route {} is using it.",
                self.model_id, route.route_key
            ))),
        }
    }
}

/// `GET /v2/apis/{apiId}/models/{modelId}/template`
pub(super) async fn template(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let api = find_api(&model, label(at, "apiId"))?;
    let found = find::<DataModel>(&api.definition, at, label(at, "modelId"))?;
    let value = template::of_schema(&found.schema);
    Ok(Reply::json(200, json!({"value": value})))
}
