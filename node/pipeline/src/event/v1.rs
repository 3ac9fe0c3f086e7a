//! Format 1.0 (reference 7.1), as HTTP APIs send it: `version` is there, header names are in lower
//! case (reference 24), members without a value are `null`.

use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::EventInput;
use super::maps::{Headers, Params, Query, QueryMap, Repeats, variables};
use super::payload::Payload;
use crate::text::clf_time;

/// The event. The order of members is AWS's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventV1<'a> {
    version: &'static str,
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Headers<'a>,
    multi_value_headers: Headers<'a>,
    query_string_parameters: Option<Single<'a>>,
    multi_value_query_string_parameters: Option<Multi<'a>>,
    request_context: Context<'a>,
    path_parameters: Option<Params<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    body: Option<Payload<'a>>,
    is_base64_encoded: bool,
}

/// A query by its last values.
pub(crate) struct Single<'a>(pub(crate) std::rc::Rc<Query<'a>>);
/// A query by all values.
pub(crate) struct Multi<'a>(pub(crate) std::rc::Rc<Query<'a>>);

impl Serialize for Single<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        QueryMap::serialize(&self.0.shown(Repeats::Last), serializer)
    }
}

impl Serialize for Multi<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        QueryMap::serialize(&self.0.shown(Repeats::All), serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    deployment_id: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    extended_request_id: &'a str,
    http_method: &'a str,
    identity: Identity<'a>,
    path: &'a str,
    protocol: &'static str,
    request_id: &'a str,
    request_time: String,
    request_time_epoch: u64,
    resource_id: &'a str,
    resource_path: &'a str,
    stage: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    access_key: Option<()>,
    account_id: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_id: Option<&'a str>,
    caller: Option<()>,
    cognito_authentication_provider: Option<()>,
    cognito_authentication_type: Option<()>,
    cognito_identity_id: Option<()>,
    cognito_identity_pool_id: Option<()>,
    principal_org_id: Option<()>,
    source_ip: &'a str,
    user: Option<()>,
    user_agent: Option<String>,
    user_arn: Option<()>,
}

impl<'a> EventV1<'a> {
    pub(crate) fn new(input: &EventInput<'a>) -> Self {
        let address = input.address;
        let query = Query::of(input.query).map(std::rc::Rc::new);
        let payload = Payload::of(input.body, input.headers);
        let headers = |repeats| Headers {
            list: input.headers,
            repeats,
            keep,
            spell: |name| Cow::Borrowed(name),
        };
        // Without the stage, but with the mapping key of a custom domain.
        let path = if address.base_path.is_some() {
            address.raw_path
        } else {
            address.path
        };
        Self {
            version: "1.0",
            resource: &input.route.resource,
            path,
            http_method: input.head.method.as_str(),
            headers: headers(Repeats::Last),
            multi_value_headers: headers(Repeats::All),
            query_string_parameters: query.clone().map(Single),
            multi_value_query_string_parameters: query.map(Multi),
            request_context: Context::new(input),
            path_parameters: Params::of(input.params),
            stage_variables: variables(&address.stage.variables),
            body: payload,
            is_base64_encoded: payload.is_some_and(Payload::is_base64),
        }
    }
}

impl<'a> Context<'a> {
    fn new(input: &EventInput<'a>) -> Self {
        let (head, stage) = (input.head, input.address.stage);
        Self {
            account_id: input.account_id,
            api_id: &stage.api_id,
            deployment_id: &stage.deployment_id,
            domain_name: &head.domain,
            domain_prefix: head.domain.split('.').next().unwrap_or_default(),
            extended_request_id: &head.request_id,
            http_method: head.method.as_str(),
            identity: Identity::new(input),
            path: input.address.raw_path,
            protocol: head.version.as_str(),
            request_id: &head.request_id,
            request_time: clf_time(head.received_ms),
            request_time_epoch: head.received_ms,
            resource_id: &input.route.route_key,
            resource_path: &input.route.resource,
            stage: &stage.name,
        }
    }
}

impl<'a> Identity<'a> {
    fn new(input: &EventInput<'a>) -> Self {
        let text = |name: &str| {
            input
                .headers
                .get(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        Self {
            access_key: None,
            account_id: None,
            api_key: input.api_key.and_then(|_| text("x-api-key")),
            api_key_id: input.api_key,
            caller: None,
            cognito_authentication_provider: None,
            cognito_authentication_type: None,
            cognito_identity_id: None,
            cognito_identity_pool_id: None,
            principal_org_id: None,
            source_ip: &input.head.source_ip,
            user: None,
            user_agent: text("user-agent"),
            user_arn: None,
        }
    }
}

/// Format 1.0 shows neither (reference 7.1).
fn keep(name: &str) -> bool {
    name != "content-length" && name != "connection"
}
