//! Integrations: URIs, methods, timeouts and what is sent (reference 4.2, 5.3, 7.4).

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::mapping::{self, Side};
use super::text::{is_authority, is_field_value, is_host, is_token, split_url};
use super::{Findings, RouteKey, websocket};
use crate::{
    ConnectionType, FixedResponse, Integration, IntegrationType, Model, ProtocolType, function_name,
};

/// The shortest integration timeout (AWS: 50 ms).
const TIMEOUT_MS_MIN: u64 = 50;
/// The operations of AWS services, with the parameters that each needs.
const SUBTYPES: [(&str, &[&str]); 10] = [
    (
        "AppConfig-GetConfiguration",
        &["Application", "Environment", "Configuration", "ClientId"],
    ),
    ("EventBridge-PutEvents", &["Detail", "DetailType", "Source"]),
    ("Kinesis-PutRecord", &["StreamName", "Data", "PartitionKey"]),
    ("SQS-DeleteMessage", &["ReceiptHandle", "QueueUrl"]),
    ("SQS-PurgeQueue", &["QueueUrl"]),
    ("SQS-ReceiveMessage", &["QueueUrl"]),
    ("SQS-SendMessage", &["QueueUrl", "MessageBody"]),
    ("StepFunctions-StartExecution", &["StateMachineArn"]),
    ("StepFunctions-StartSyncExecution", &["StateMachineArn"]),
    ("StepFunctions-StopExecution", &["ExecutionArn"]),
];

pub(super) fn integration(
    model: &Model,
    protocol: ProtocolType,
    it: &Integration,
    f: &mut Findings,
) {
    websocket::templates(protocol, it, f);
    match it.integration_type {
        IntegrationType::AwsProxy if it.integration_subtype.is_some() => subtype(protocol, it, f),
        IntegrationType::AwsProxy => function(model, it, f),
        IntegrationType::HttpProxy | IntegrationType::Http => http(model, it, f),
        IntegrationType::Aws => websocket::service(it, f),
        IntegrationType::Mock if protocol == ProtocolType::Websocket => {}
        IntegrationType::Mock => {
            if it.fixed_response.is_none() {
                f.say(
                    "fixedResponse",
                    "an integration of type MOCK needs a fixedResponse",
                );
            }
        }
    }
    match &it.fixed_response {
        Some(_) if it.integration_type != IntegrationType::Mock => {
            f.say(
                "fixedResponse",
                "only integrations of type MOCK have a fixedResponse",
            );
        }
        Some(response) => f.inside("fixedResponse", |f| fixed(response, f)),
        None => {}
    }
    connection(it, f);
    if it.integration_subtype.is_some() && it.integration_type != IntegrationType::AwsProxy {
        let message = "only integrations of type AWS_PROXY have an integrationSubtype";
        f.key("integrationSubtype", message);
    }
    if let Some(arn) = &it.credentials_arn
        && !(arn.starts_with("arn:") || arn.starts_with("${stageVariables."))
    {
        f.say("credentialsArn", format!("{arn:?} is no ARN"));
    }
    parameters(protocol, it, f);
    for (index, text) in it.cache_key_parameters.iter().enumerate() {
        if !is_cache_key(text) {
            let message = "a cache key parameter is request.path.NAME, \
                           request.querystring.NAME or request.header.NAME";
            f.item("cacheKeyParameters", index, message);
        }
    }
}

/// How the back end is reached, whatever it is.
fn connection(it: &Integration, f: &mut Findings) {
    if it.connection_type == ConnectionType::Internet && it.connection_id.is_some() {
        f.say(
            "connectionId",
            "a connectionId needs the connectionType VPC_LINK",
        );
    }
    if let Some(method) = &it.integration_method
        && (!is_token(method) || method.bytes().any(|b| b.is_ascii_lowercase()))
    {
        f.say(
            "integrationMethod",
            format!("{method:?} is no method in capitals"),
        );
    }
    if it.timeout_in_millis.is_some_and(|it| it < TIMEOUT_MS_MIN) {
        let message = format!("timeoutInMillis is at least {TIMEOUT_MS_MIN}");
        f.say("timeoutInMillis", message);
    }
    if let Some(name) = it
        .tls_config
        .as_ref()
        .and_then(|it| it.server_name_to_verify.as_ref())
        && !is_host(name)
    {
        f.inside("tlsConfig", |f| {
            f.say("serverNameToVerify", format!("{name:?} is no host name"))
        });
    }
}

fn parameters(protocol: ProtocolType, it: &Integration, f: &mut Findings) {
    match protocol {
        ProtocolType::Websocket => websocket::parameters(it, f),
        // What a service takes has names of its own.
        ProtocolType::Http if it.integration_subtype.is_some() => {}
        ProtocolType::Http => mapping::requests(&it.request_parameters, f),
    }
    if protocol == ProtocolType::Http {
        mapping::responses(&it.response_parameters, f);
    }
}

/// An operation of an AWS service (reference 5.4): it is known, and has what it needs.
fn subtype(protocol: ProtocolType, it: &Integration, f: &mut Findings) {
    let name = it.integration_subtype.as_deref().unwrap_or_default();
    if protocol == ProtocolType::Websocket {
        return f.key("integrationSubtype", "supported only for HTTP APIs");
    }
    let Some((_, needed)) = SUBTYPES.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = SUBTYPES.iter().map(|(known, _)| *known).collect();
        let message = format!("{name:?} is none of {}", known.join(", "));
        return f.say("integrationSubtype", message);
    };
    for parameter in *needed {
        if !it.request_parameters.contains_key(*parameter) {
            let message = format!("{name} needs the parameter {parameter}");
            f.say("requestParameters", message);
        }
    }
    if it.credentials_arn.is_none() {
        f.say("credentialsArn", format!("{name} needs a credentialsArn"));
    }
}

fn function(model: &Model, it: &Integration, f: &mut Findings) {
    let Some(uri) = &it.integration_uri else {
        f.say(
            "integrationUri",
            "an integration of type AWS_PROXY needs an integrationUri",
        );
        return;
    };
    let name = function_name(uri).filter(|it| !it.is_empty());
    let Some(name) = name else {
        let message =
            "expected `function:NAME`, the ARN of a Lambda function or its invocation ARN";
        f.say("integrationUri", message);
        return;
    };
    let fixed = !name.contains("${");
    // An ARN may name a function that is added later.
    if uri.starts_with("function:") && fixed && !model.functions.contains_key(name) {
        f.say("integrationUri", format!("there is no function `{name}`"));
    }
}

fn http(model: &Model, it: &Integration, f: &mut Findings) {
    if it.connection_type == ConnectionType::VpcLink {
        match &it.connection_id {
            None => f.say(
                "connectionId",
                "a connectionType of VPC_LINK needs a connectionId",
            ),
            Some(id) if !id.contains("${") && !model.upstreams.contains_key(id) => {
                f.say("connectionId", format!("there is no upstream group `{id}`"));
            }
            Some(_) => {}
        }
    }
    let Some(uri) = &it.integration_uri else {
        f.say(
            "integrationUri",
            "an integration of type HTTP_PROXY needs an integrationUri",
        );
        return;
    };
    if uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
        f.say("integrationUri", "a URL cannot hold spaces");
        return;
    }
    // What a load balancer's listener is on AWS is the upstream group itself here.
    if it.connection_type == ConnectionType::VpcLink && uri.starts_with("arn:") {
        return;
    }
    let Some((authority, rest)) = split_url(uri) else {
        f.say(
            "integrationUri",
            "expected a URL that begins with http:// or https://",
        );
        return;
    };
    if !authority.contains("${") && !is_authority(authority) {
        f.say(
            "integrationUri",
            format!("`{authority}` is no host, or no host and port"),
        );
    }
    if rest.contains('#') {
        f.say(
            "integrationUri",
            "a URL to send requests to has no #fragment",
        );
    }
    if let Err(message) = placeholders(uri) {
        f.say("integrationUri", message);
    }
}

/// The names of the `{variables}` of a URL; `${stageVariables.x}` are none.
fn placeholders(uri: &str) -> Result<BTreeSet<&str>, &'static str> {
    let mut out = BTreeSet::new();
    let mut rest = uri;
    while let Some(start) = rest.find(['{', '}']) {
        let after = &rest[start + 1..];
        let open = rest[start..].starts_with('{');
        let end = after.find('}').filter(|_| open);
        let Some(end) = end else {
            return Err("the braces of a URL must be in pairs");
        };
        let name = &after[..end];
        if rest[..start].ends_with('$') {
            if !name.starts_with("stageVariables.") {
                return Err("only ${stageVariables.NAME} can stand in a URL");
            }
        } else if name.is_empty() || name.contains('{') {
            return Err("a variable of a URL is written {name}");
        } else {
            out.insert(name.trim_end_matches('+'));
        }
        rest = &after[end + 1..];
    }
    Ok(out)
}

/// Whether the route has the variables that the URL uses.
pub(super) fn fits_route(it: &Integration, key: &RouteKey<'_>, f: &mut Findings) {
    if it.integration_type != IntegrationType::HttpProxy {
        return;
    }
    let uri = it.integration_uri.as_deref().unwrap_or_default();
    for name in placeholders(uri).unwrap_or_default() {
        if !key.has_variable(name) {
            let message = format!(
                "the integration's URL uses {{{name}}}, which is no variable of this route"
            );
            f.say("routeKey", message);
        }
    }
}

fn fixed(response: &FixedResponse, f: &mut Findings) {
    if !(200..=599).contains(&response.status_code) {
        f.say("statusCode", "a status code is a number from 200 to 599");
    }
    for (name, value) in &response.headers {
        if !is_token(name) {
            f.inside("headers", |f| {
                f.key(name, format!("{name:?} is no header name"))
            });
        } else if !is_field_value(value) {
            f.inside("headers", |f| {
                f.say(name, "a header value cannot hold control characters")
            });
        } else if matches!(
            name.to_ascii_lowercase().as_str(),
            "content-length" | "transfer-encoding" | "connection" | "upgrade" | "keep-alive"
        ) {
            f.inside("headers", |f| {
                f.key(name, format!("the gateway sets `{name}` itself"))
            });
        } else if let Err(message) = mapping::value(value, Side::Fixed) {
            f.inside("headers", |f| f.say(name, message));
        }
    }
    if let Err(message) = mapping::template(&response.body, Side::Fixed) {
        f.say("body", message);
    }
}

fn is_cache_key(text: &str) -> bool {
    let text = text.strip_prefix("method.").unwrap_or(text);
    let Some((place, name)) = text
        .strip_prefix("request.")
        .and_then(|it| it.split_once('.'))
    else {
        return false;
    };
    match place {
        "path" | "querystring" => !name.is_empty(),
        "header" => is_token(name),
        _ => false,
    }
}
