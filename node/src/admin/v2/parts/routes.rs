//! Routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{Api, AuthorizationType, Definition, Route};
use tollgate_protocol::ids::RouteId;

use super::{Family, Part, find, managed, taken};
use crate::admin::call::{Call, label};
use crate::admin::reply::{Outcome, Reply};
use crate::admin::v2::edit::edit_api;
use crate::admin::v2::not_found;

impl Part for Route {
    type Id = RouteId;

    const FAMILY: Family = Family {
        what: "route",
        label: "routeId",
        id_chars: 7,
        ours: &[],
    };

    fn all<'d>(
        definition: &'d Definition,
        _: &Matched<'_>,
    ) -> Result<&'d BTreeMap<RouteId, Self>, AwsError> {
        Ok(&definition.routes)
    }

    fn all_mut<'d>(
        definition: &'d mut Definition,
        _: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<RouteId, Self>, AwsError> {
        Ok(&mut definition.routes)
    }

    fn of_id(id: RouteId) -> Self {
        Self {
            route_id: id,
            ..Self::default()
        }
    }

    fn settle(
        &mut self,
        before: &Self,
        input: &Map<String, Value>,
        others: &BTreeMap<RouteId, Self>,
    ) -> Result<(), AwsError> {
        if self.api_gateway_managed && self.route_key != before.route_key {
            return Err(managed("route", self.route_id.as_str()));
        }
        let mut others = others.values();
        if others.any(|it| it.route_key == self.route_key && it.route_id != self.route_id) {
            return Err(taken("Route with key", &self.route_key));
        }
        // A type without an authorizer lets go of the one that was there.
        let kind = self.authorization_type;
        let authorizer = [AuthorizationType::Custom, AuthorizationType::Jwt].contains(&kind);
        if !authorizer && !input.contains_key("authorizerId") {
            self.authorizer_id = None;
        }
        if kind != AuthorizationType::Jwt && !input.contains_key("authorizationScopes") {
            self.authorization_scopes.clear();
        }
        Ok(())
    }

    fn is_free(&self, _: &Definition) -> Result<(), AwsError> {
        if self.api_gateway_managed {
            return Err(managed("route", self.route_id.as_str()));
        }
        Ok(())
    }

    fn complete(&self, _: &Api, shown: &mut Map<String, Value>) {
        shown.remove("routeResponses");
        let kind = self.authorization_type.name();
        shown.insert("authorizationType".into(), kind.into());
        let managed = self.api_gateway_managed;
        shown.insert("apiGatewayManaged".into(), managed.into());
    }
}

/// `DELETE /v2/apis/{apiId}/routes/{routeId}/requestparameters/{requestParameterKey}`
pub(super) async fn delete_request_parameter(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let (id, key) = (label(at, "routeId"), label(at, "requestParameterKey"));
    let edit = |api: &mut Api| {
        let mut route = find::<Route>(&api.definition, at, id)?.clone();
        let removed = route.request_parameters.remove(key);
        removed.ok_or_else(|| not_found("request parameter", key))?;
        let routes = &mut Arc::make_mut(&mut api.definition).routes;
        routes.insert(route.route_id.clone(), route);
        Ok(())
    };
    edit_api(call, label(at, "apiId"), edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}
