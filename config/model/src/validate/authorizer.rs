//! Authorizers: who judges, by what, and where tokens are looked for (reference 8.2 and 8.3).

use alloc::format;

use super::Findings;
use super::text::{is_authority, split_url};
use crate::function_name;
use crate::{Api, Authorizer, AuthorizerType, Definition, Model, PayloadFormat, ProtocolType};

/// Authorizers of an API (AWS: 10, which people ask to have raised).
const AUTHORIZERS_MAX: usize = 100;
/// Characters of a name (AWS: 128).
const NAME_CHARS_MAX: usize = 128;
/// Audiences of a token, and the characters of one (AWS: 50).
const AUDIENCES_MAX: usize = 50;
const AUDIENCE_CHARS_MAX: usize = 1024;
/// Places of an identity (AWS names no bound for functions; a token has one).
const SOURCES_MAX: usize = 10;
const SOURCE_CHARS_MAX: usize = 1024;
/// Seconds that a judgement is remembered (AWS: an hour).
const TTL_SECONDS_MAX: u32 = 3_600;
/// What an identity may be of, by protocol.
const HTTP_SOURCES: [&str; 4] = [
    "$request.header.",
    "$request.querystring.",
    "$context.",
    "$stageVariables.",
];
const WEBSOCKET_SOURCES: [&str; 4] = [
    "route.request.header.",
    "route.request.querystring.",
    "context.",
    "stageVariables.",
];

/// The number of an API's authorizers, and that their names differ.
pub(super) fn count(definition: &Definition, f: &mut Findings) {
    let all = &definition.authorizers;
    if all.len() > AUTHORIZERS_MAX {
        let message = format!("an API has at most {AUTHORIZERS_MAX} authorizers");
        f.say("authorizers", message);
    }
    let mut names: alloc::vec::Vec<&str> = all.values().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
        let message = format!("two authorizers have the name `{}`", pair[0]);
        f.say("authorizers", message);
    }
}

pub(super) fn authorizer(model: &Model, api: &Api, it: &Authorizer, f: &mut Findings) {
    if !(1..=NAME_CHARS_MAX).contains(&it.name.chars().count()) {
        let message = format!("a name has 1 to {NAME_CHARS_MAX} characters");
        f.say("name", message);
    }
    sources(api.protocol_type, it, f);
    match it.authorizer_type {
        AuthorizerType::Jwt => jwt(api, it, f),
        AuthorizerType::Request => request(model, api, it, f),
    }
}

fn sources(protocol: ProtocolType, it: &Authorizer, f: &mut Findings) {
    let places = match protocol {
        ProtocolType::Http => HTTP_SOURCES,
        ProtocolType::Websocket => WEBSOCKET_SOURCES,
    };
    if it.identity_source.len() > SOURCES_MAX {
        let message = format!("an authorizer has at most {SOURCES_MAX} identity sources");
        f.say("identitySource", message);
    }
    for (index, source) in it.identity_source.iter().enumerate() {
        let mut names = places.iter().filter_map(|place| source.strip_prefix(place));
        let fits = names.any(|name| !name.is_empty() && !name.contains([' ', ',']));
        if !fits || source.len() > SOURCE_CHARS_MAX {
            let message = format!("an identity source is one of {}NAME", places.join("NAME, "));
            f.item("identitySource", index, message);
        }
    }
}

fn jwt(api: &Api, it: &Authorizer, f: &mut Findings) {
    if api.protocol_type == ProtocolType::Websocket {
        f.say(
            "authorizerType",
            "a WebSocket API has authorizers of type REQUEST only",
        );
    }
    let token = it.identity_source.first().map_or("", |it| it.as_str());
    let place = token.starts_with(HTTP_SOURCES[0]) || token.starts_with(HTTP_SOURCES[1]);
    if it.identity_source.len() != 1 || !place {
        let message = "an authorizer of type JWT has one identity source, a header or a query \
                       parameter, such as `$request.header.Authorization`";
        f.say("identitySource", message);
    }
    for (member, there) in [
        ("authorizerUri", it.authorizer_uri.is_some()),
        (
            "authorizerCredentialsArn",
            it.authorizer_credentials_arn.is_some(),
        ),
        (
            "authorizerPayloadFormatVersion",
            it.authorizer_payload_format_version.is_some(),
        ),
        (
            "enableSimpleResponses",
            it.enable_simple_responses == Some(true),
        ),
        (
            "authorizerResultTtlInSeconds",
            it.authorizer_result_ttl_in_seconds.is_some_and(|it| it > 0),
        ),
    ] {
        if there {
            f.key(member, "only authorizers of type REQUEST have this member");
        }
    }
    let Some(configuration) = &it.jwt_configuration else {
        let message = "an authorizer of type JWT needs a jwtConfiguration";
        return f.say("jwtConfiguration", message);
    };
    f.inside("jwtConfiguration", |f| {
        let issuer = configuration.issuer.as_deref().unwrap_or_default();
        let url = split_url(issuer).is_some_and(|(authority, _)| is_authority(authority));
        if !url || issuer.contains([' ', '#']) {
            let message = "an issuer is a URL, such as https://login.example.com";
            f.say("issuer", message);
        }
        if !(1..=AUDIENCES_MAX).contains(&configuration.audience.len()) {
            f.say(
                "audience",
                format!("1 to {AUDIENCES_MAX} audiences are needed"),
            );
        }
        for (index, it) in configuration.audience.iter().enumerate() {
            if !(1..=AUDIENCE_CHARS_MAX).contains(&it.chars().count()) {
                let message = format!("an audience has 1 to {AUDIENCE_CHARS_MAX} characters");
                f.item("audience", index, message);
            }
        }
    });
}

fn request(model: &Model, api: &Api, it: &Authorizer, f: &mut Findings) {
    if it.jwt_configuration.is_some() {
        f.key(
            "jwtConfiguration",
            "only authorizers of type JWT have this member",
        );
    }
    let uri = it.authorizer_uri.as_deref().unwrap_or_default();
    match function_name(uri).filter(|name| !name.is_empty()) {
        None => f.say(
            "authorizerUri",
            "an authorizer of type REQUEST needs a function: `function:NAME`, or its invocation ARN",
        ),
        // An ARN may name a function that is added later.
        Some(name)
            if uri.starts_with("function:")
                && !name.contains("${")
                && !model.functions.contains_key(name) =>
        {
            f.say("authorizerUri", format!("there is no function `{name}`"));
        }
        Some(_) => {}
    }
    let ttl = it.authorizer_result_ttl_in_seconds.unwrap_or_default();
    if ttl > TTL_SECONDS_MAX {
        let message =
            format!("authorizerResultTtlInSeconds is a number from 0 to {TTL_SECONDS_MAX}");
        f.say("authorizerResultTtlInSeconds", message);
    }
    if ttl > 0 && it.identity_source.is_empty() {
        let message = "judgements are remembered by identity, so there must be an identity source";
        f.say("authorizerResultTtlInSeconds", message);
    }
    let simple = it.enable_simple_responses == Some(true);
    let format = it.authorizer_payload_format_version;
    if api.protocol_type == ProtocolType::Websocket {
        if simple {
            f.say(
                "enableSimpleResponses",
                "only HTTP APIs have simple responses",
            );
        }
        if format == Some(PayloadFormat::V2) {
            let message = "a WebSocket API's authorizers have format 1.0";
            f.say("authorizerPayloadFormatVersion", message);
        }
        return;
    }
    if format.is_none() {
        let message = "an authorizer of type REQUEST needs the format 1.0 or 2.0";
        f.say("authorizerPayloadFormatVersion", message);
    }
    if simple && format == Some(PayloadFormat::V1) {
        f.say(
            "enableSimpleResponses",
            "simple responses need the format 2.0",
        );
    }
}
