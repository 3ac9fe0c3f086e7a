//! Format 2.0 (reference 7.2): members without a value are absent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tollgate_message::HeaderList;

use super::EventInput;
use super::maps::{Headers, Params, Query, Repeats, variables};
use super::payload::Payload;
use crate::text::clf_time;

/// The event. The order of members is AWS's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventV2<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Cookies<'a>>,
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<Joined<'a>>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Payload<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<Params<'a>>,
    is_base64_encoded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_variables: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'a str,
    user_agent: String,
}

/// A query by its values joined.
struct Joined<'a>(Query<'a>);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.shown(Repeats::Joined).serialize(serializer)
    }
}

/// The cookies, one by one.
struct Cookies<'a>(&'a HeaderList);

impl<'a> Cookies<'a> {
    fn of(headers: &'a HeaderList) -> Option<Self> {
        let cookies = Self(headers);
        cookies.iter().next().is_some().then_some(cookies)
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.0
            .get_all("cookie")
            .flat_map(|value| value.split(|byte| *byte == b';'))
            .map(<[u8]>::trim_ascii)
            .filter(|cookie| !cookie.is_empty())
    }
}

impl Serialize for Cookies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(String::from_utf8_lossy))
    }
}

impl<'a> EventV2<'a> {
    pub(crate) fn new(input: &EventInput<'a>) -> Self {
        let (head, address) = (input.head, input.address);
        let payload = Payload::of(input.body, input.headers);
        let user_agent = input.headers.get("user-agent").unwrap_or_default();
        Self {
            version: "2.0",
            route_key: &input.route.route_key,
            raw_path: address.raw_path,
            raw_query_string: input.query.unwrap_or_default(),
            cookies: Cookies::of(input.headers),
            headers: Headers {
                list: input.headers,
                repeats: Repeats::Joined,
                keep: |name| name != "cookie",
                spell: |name| Cow::Borrowed(name),
            },
            query_string_parameters: Query::of(input.query).map(Joined),
            request_context: Context {
                account_id: input.account_id,
                api_id: &address.stage.api_id,
                domain_name: &head.domain,
                domain_prefix: head.domain.split('.').next().unwrap_or_default(),
                http: Http {
                    method: head.method.as_str(),
                    path: address.raw_path,
                    protocol: head.version.as_str(),
                    source_ip: &head.source_ip,
                    user_agent: String::from_utf8_lossy(user_agent).into_owned(),
                },
                request_id: &head.request_id,
                route_key: &input.route.route_key,
                stage: &address.stage.name,
                time: clf_time(head.received_ms),
                time_epoch: head.received_ms,
            },
            body: payload,
            path_parameters: Params::of(input.params),
            is_base64_encoded: payload.is_some_and(Payload::is_base64),
            stage_variables: variables(&address.stage.variables),
        }
    }
}
