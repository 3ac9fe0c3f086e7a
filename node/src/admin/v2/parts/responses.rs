//! Responses of routes and of integrations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{Definition, IntegrationResponse, RouteResponse};
use tollgate_protocol::ids::{IntegrationResponseId, RouteResponseId};

use super::{Family, Part, taken};
use crate::admin::call::label;
use crate::admin::v2::not_found;

impl Part for RouteResponse {
    type Id = RouteResponseId;

    const FAMILY: Family = Family {
        what: "route response",
        label: "routeResponseId",
        id_chars: 6,
        ours: &[],
    };

    fn all<'d>(
        definition: &'d Definition,
        at: &Matched<'_>,
    ) -> Result<&'d BTreeMap<RouteResponseId, Self>, AwsError> {
        let id = label(at, "routeId");
        let route = definition.routes.get(id);
        Ok(&route.ok_or_else(|| not_found("route", id))?.route_responses)
    }

    fn all_mut<'d>(
        definition: &'d mut Definition,
        at: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<RouteResponseId, Self>, AwsError> {
        let id = label(at, "routeId");
        let route = definition.routes.get_mut(id);
        Ok(&mut route.ok_or_else(|| not_found("route", id))?.route_responses)
    }

    fn of_id(id: RouteResponseId) -> Self {
        Self {
            route_response_id: id,
            ..Self::default()
        }
    }

    fn settle(
        &mut self,
        _: &Self,
        _: &Map<String, Value>,
        others: &BTreeMap<RouteResponseId, Self>,
    ) -> Result<(), AwsError> {
        let (id, key) = (&self.route_response_id, &self.route_response_key);
        let mut others = others.values();
        if others.any(|it| it.route_response_key == *key && it.route_response_id != *id) {
            return Err(taken("Route response with key", key));
        }
        Ok(())
    }
}

impl Part for IntegrationResponse {
    type Id = IntegrationResponseId;

    const FAMILY: Family = Family {
        what: "integration response",
        label: "integrationResponseId",
        id_chars: 6,
        ours: &[],
    };

    fn all<'d>(
        definition: &'d Definition,
        at: &Matched<'_>,
    ) -> Result<&'d BTreeMap<IntegrationResponseId, Self>, AwsError> {
        let id = label(at, "integrationId");
        let found = definition.integrations.get(id);
        let found = found.ok_or_else(|| not_found("integration", id))?;
        Ok(&found.integration_responses)
    }

    fn all_mut<'d>(
        definition: &'d mut Definition,
        at: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<IntegrationResponseId, Self>, AwsError> {
        let id = label(at, "integrationId");
        let found = definition.integrations.get_mut(id);
        let found = found.ok_or_else(|| not_found("integration", id))?;
        Ok(&mut found.integration_responses)
    }

    fn of_id(id: IntegrationResponseId) -> Self {
        Self {
            integration_response_id: id,
            ..Self::default()
        }
    }

    fn settle(
        &mut self,
        _: &Self,
        _: &Map<String, Value>,
        others: &BTreeMap<IntegrationResponseId, Self>,
    ) -> Result<(), AwsError> {
        let (id, key) = (
            &self.integration_response_id,
            &self.integration_response_key,
        );
        let mut others = others.values();
        if others.any(|it| it.integration_response_key == *key && it.integration_response_id != *id)
        {
            return Err(taken("Integration response with key", key));
        }
        Ok(())
    }
}
