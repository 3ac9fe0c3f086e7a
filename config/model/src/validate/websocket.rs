//! What only integrations of WebSocket APIs have: templates, data mapping, responses (reference 6.3).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::Findings;
use super::expression::{self, ANSWER, MESSAGE};
use crate::{Integration, IntegrationResponse, IntegrationType, PassthroughBehavior, ProtocolType};

/// Entries of a map, characters of a key and bytes of a template (AWS: 300 KB).
const ENTRIES_MAX: usize = 100;
const KEY_CHARS_MAX: usize = 256;
const TEMPLATE_BYTES_MAX: usize = 300 * 1024;
/// Responses of an integration.
const RESPONSES_MAX: usize = 100;
/// What a mapped value is taken from.
const SOURCES: [&str; 6] = [
    "route.request.",
    "stageVariables.",
    "context.",
    "integration.response.",
    "$request.",
    "$context.",
];

/// Members that HTTP APIs do not have, and the responses.
pub(super) fn templates(protocol: ProtocolType, it: &Integration, f: &mut Findings) {
    let of_websocket = matches!(
        it.integration_type,
        IntegrationType::Aws | IntegrationType::Http
    );
    if protocol == ProtocolType::Http {
        if of_websocket {
            let message = "an HTTP API has integrations of type HTTP_PROXY, AWS_PROXY and MOCK";
            f.say("integrationType", message);
        }
        let passthrough = it.passthrough_behavior.unwrap_or_default();
        for (member, there) in [
            (
                "contentHandlingStrategy",
                it.content_handling_strategy.is_some(),
            ),
            (
                "passthroughBehavior",
                passthrough != PassthroughBehavior::WhenNoMatch,
            ),
            ("requestTemplates", !it.request_templates.is_empty()),
            (
                "templateSelectionExpression",
                it.template_selection_expression.is_some(),
            ),
        ] {
            if there {
                f.key(member, "supported only for WebSocket APIs");
            }
        }
    } else if of_websocket && it.integration_method.is_none() {
        let message = "an integration that is no proxy and no MOCK needs an integrationMethod";
        f.say("integrationMethod", message);
    }
    texts("requestTemplates", &it.request_templates, f);
    let expression = it.template_selection_expression.as_ref();
    expression::optional("templateSelectionExpression", expression, MESSAGE, f);
    if it.integration_responses.len() > RESPONSES_MAX {
        let message = format!("an integration has at most {RESPONSES_MAX} responses");
        f.say("integrationResponses", message);
    }
    let mut keys = BTreeMap::new();
    for (id, response) in &it.integration_responses {
        f.in_two("integrationResponses", id.as_str(), |f| {
            let own = response.integration_response_id.as_str();
            f.kept_under(id.as_str(), "integrationResponseId", own);
            answer(response, f);
            let key = response.integration_response_key.as_str();
            if keys.insert(key, id).is_some() {
                let message = format!("two responses have the key `{key}`");
                f.say("integrationResponseKey", message);
            }
        });
    }
}

/// An ARN of a service of AWS.
pub(super) fn service(it: &Integration, f: &mut Findings) {
    let uri = it.integration_uri.as_deref().unwrap_or_default();
    if !uri.starts_with("arn:") && !uri.starts_with("function:") {
        let message =
            "an integration of type AWS needs the ARN of what it calls, or `function:NAME`";
        f.say("integrationUri", message);
    }
}

/// `requestParameters` of a WebSocket API, which map by other names than those of HTTP APIs.
pub(super) fn parameters(it: &Integration, f: &mut Findings) {
    let places = ["header", "querystring", "path"];
    pairs(
        "requestParameters",
        &it.request_parameters,
        "integration.request",
        &places,
        f,
    );
    if !it.response_parameters.is_empty() {
        let message = "a WebSocket API has integration responses instead";
        f.key("responseParameters", message);
    }
}

fn answer(it: &IntegrationResponse, f: &mut Findings) {
    let key = it.integration_response_key.as_str();
    let pattern = key.len() > 2 && key.starts_with('/') && key.ends_with('/');
    if key != "$default" && !pattern || key.chars().count() > KEY_CHARS_MAX {
        let message = "a key is `$default` or a pattern between slashes, such as `/2\\d\\d/`";
        f.say("integrationResponseKey", message);
    }
    let expression = it.template_selection_expression.as_ref();
    expression::optional("templateSelectionExpression", expression, ANSWER, f);
    texts("responseTemplates", &it.response_templates, f);
    let prefix = if it
        .response_parameters
        .keys()
        .any(|it| it.starts_with("route."))
    {
        "route.response"
    } else {
        "method.response"
    };
    pairs(
        "responseParameters",
        &it.response_parameters,
        prefix,
        &["header"],
        f,
    );
}

fn texts(member: &str, templates: &BTreeMap<String, String>, f: &mut Findings) {
    few(member, templates, f);
    for (key, text) in templates {
        if key.chars().count() > KEY_CHARS_MAX {
            let message = format!("a key has at most {KEY_CHARS_MAX} characters");
            f.inside(member, |f| f.key(key, message));
        }
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("a template has at most {TEMPLATE_BYTES_MAX} bytes");
            f.inside(member, |f| f.say(key, message));
        }
    }
}

fn pairs(
    member: &str,
    pairs: &BTreeMap<String, String>,
    prefix: &str,
    places: &[&str],
    f: &mut Findings,
) {
    few(member, pairs, f);
    f.inside(member, |f| {
        for (key, value) in pairs {
            let rest = key.strip_prefix(prefix).and_then(|it| it.strip_prefix('.'));
            let place = rest.and_then(|it| it.split_once('.'));
            if !place.is_some_and(|(place, name)| places.contains(&place) && !name.is_empty()) {
                let message = format!("expected {prefix}.{}.NAME", places.join("|"));
                f.key(key, message);
            }
            let quoted = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
            if !quoted && !SOURCES.iter().any(|it| value.starts_with(it)) {
                let message = "a value is 'text' in quotes, route.request.*, stageVariables.*, \
                               context.* or, of a response, integration.response.*";
                f.say(key, message);
            }
        }
    });
}

fn few(member: &str, entries: &BTreeMap<String, String>, f: &mut Findings) {
    if entries.len() > ENTRIES_MAX {
        f.say(member, format!("at most {ENTRIES_MAX} entries are allowed"));
    }
}
