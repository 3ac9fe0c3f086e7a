//! Creating, changing and deleting routes.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_model::{Api, Route};
use tollgate_protocol::ids::RouteId;

use super::edit::{edit_api, overlay, refuse, required};
use super::{not_found, render};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

const MEMBERS: [&str; 4] = ["routeKey", "target", "apiKeyRequired", "operationName"];
const UNAVAILABLE: [(&str, &[&str]); 7] = [
    ("authorizationType", &["NONE"]),
    ("authorizationScopes", &[]),
    ("authorizerId", &[]),
    ("modelSelectionExpression", &[]),
    ("requestModels", &[]),
    ("requestParameters", &[]),
    ("routeResponseSelectionExpression", &[]),
];

/// `POST /v2/apis/{apiId}/routes`
pub(super) async fn create(call: &Call<'_>, api: &str) -> Outcome {
    let input = call.members()?;
    required(&input, "routeKey")?;
    refuse(&input, &UNAVAILABLE)?;
    let id = RouteId::from(call.seed.id("route", 7));
    let edit = |api: &mut Api| {
        if !api.definition.routes.contains_key(&id) {
            let empty = Route {
                route_id: id.clone(),
                ..Route::default()
            };
            put(api, &empty, &input)?;
        }
        Ok(())
    };
    let body = edit_api(call, api, edit, |api, ()| shown(api, id.as_str())).await?;
    Ok(Reply::json(201, body))
}

/// `PATCH /v2/apis/{apiId}/routes/{routeId}`
pub(super) async fn update(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    let input = call.members()?;
    refuse(&input, &UNAVAILABLE)?;
    let edit = |api: &mut Api| {
        let found = api.definition.routes.get(id).cloned();
        put(api, &found.ok_or_else(|| not_found("route", id))?, &input)
    };
    let body = edit_api(call, api, edit, |api, ()| shown(api, id)).await?;
    Ok(Reply::json(200, body))
}

fn shown(api: &Api, id: &str) -> Value {
    let found = api.definition.routes.get(id);
    found.map(render::route).unwrap_or_default()
}

fn put(api: &mut Api, route: &Route, input: &Map<String, Value>) -> Result<(), AwsError> {
    let route: Route = overlay(route, input, &MEMBERS)?;
    let taken = api
        .definition
        .routes
        .values()
        .any(|it| it.route_key == route.route_key && it.route_id != route.route_id);
    if taken {
        return Err(AwsError::conflict(format!(
            "Route with key {} already exists for this API",
            route.route_key
        )));
    }
    Arc::make_mut(&mut api.definition)
        .routes
        .insert(route.route_id.clone(), route);
    Ok(())
}

/// `DELETE /v2/apis/{apiId}/routes/{routeId}`
pub(super) async fn delete(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    let edit = |api: &mut Api| {
        let removed = Arc::make_mut(&mut api.definition).routes.remove(id);
        removed.map(drop).ok_or_else(|| not_found("route", id))
    };
    edit_api(call, api, edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}
