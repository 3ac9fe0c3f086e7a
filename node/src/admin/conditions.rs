//! The keys of conditions that `apigateway` has of its own: what a call asks for, and what it is about.
//!
//! Source: Service Authorization Reference, "Condition keys for Amazon API Gateway Management V2". Keys
//! of a request are read from the members that its handler reads; those of a resource from the committed
//! configuration, as it is when the call is judged. `EndpointType` of APIs is not among them: an API has
//! no such member here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_aws::arn::TagResource;
use tollgate_aws::operations::{Matched, Op, V2Op};
use tollgate_model::{Api, Definition, DomainName, Model, RoutingRule, Stage};
use tollgate_policy::Context;

use super::call::label;

/// Of one kind of resource: the key, the members that lead to its values (lists stand for each of
/// theirs), whether it can have several, and what it is where nothing is said.
type Keys = &'static [(
    &'static str,
    &'static [&'static str],
    bool,
    Option<&'static str>,
)];

const API: Keys = &[
    ("ApiName", &["name"], false, None),
    (
        "DisableExecuteApiEndpoint",
        &["disableExecuteApiEndpoint"],
        false,
        Some("false"),
    ),
];
const ROUTE: Keys = &[
    ("ApiKeyRequired", &["apiKeyRequired"], true, Some("false")),
    (
        "RouteAuthorizationType",
        &["authorizationType"],
        true,
        Some("NONE"),
    ),
];
const AUTHORIZER: Keys = &[
    ("AuthorizerType", &["authorizerType"], true, None),
    ("AuthorizerUri", &["authorizerUri"], true, None),
];
const STAGE: Keys = &[
    (
        "AccessLoggingDestination",
        &["accessLogSettings", "destinationArn"],
        false,
        None,
    ),
    (
        "AccessLoggingFormat",
        &["accessLogSettings", "format"],
        false,
        None,
    ),
];
const DOMAIN_NAME: Keys = &[
    (
        "EndpointType",
        &["domainNameConfigurations", "endpointType"],
        true,
        None,
    ),
    (
        "SecurityPolicy",
        &["domainNameConfigurations", "securityPolicy"],
        true,
        None,
    ),
    (
        "MtlsTrustStoreUri",
        &["mutualTlsAuthentication", "truststoreUri"],
        false,
        None,
    ),
    (
        "MtlsTrustStoreVersion",
        &["mutualTlsAuthentication", "truststoreVersion"],
        false,
        None,
    ),
    (
        "RoutingMode",
        &["routingMode"],
        false,
        Some("API_MAPPING_ONLY"),
    ),
];
const ROUTING_RULE: Keys = &[
    ("Priority", &["priority"], false, None),
    (
        "ConditionBasePaths",
        &["conditions", "matchBasePaths", "anyOf"],
        true,
        None,
    ),
];
const DEPLOYMENT: Keys = &[("StageName", &["stageName"], false, None)];

/// Sets what conditions can see of a call of one of AWS's operations.
pub(super) fn describe(
    model: &Model,
    matched: &Matched<'_>,
    input: &Map<String, Value>,
    context: &mut Context<'_>,
) {
    for (key, value) in tags(model, matched) {
        context.set(format!("aws:ResourceTag/{key}"), value);
    }
    let Op::V2(op) = matched.operation.op else {
        return;
    };
    let keys = match op {
        V2Op::CreateApi | V2Op::UpdateApi | V2Op::DeleteApi => API,
        V2Op::CreateRoute | V2Op::UpdateRoute | V2Op::DeleteRoute => ROUTE,
        V2Op::CreateAuthorizer | V2Op::UpdateAuthorizer | V2Op::DeleteAuthorizer => AUTHORIZER,
        V2Op::CreateStage | V2Op::UpdateStage | V2Op::DeleteStage => STAGE,
        V2Op::CreateDomainName | V2Op::UpdateDomainName | V2Op::DeleteDomainName => DOMAIN_NAME,
        V2Op::CreateRoutingRule | V2Op::PutRoutingRule | V2Op::DeleteRoutingRule => ROUTING_RULE,
        V2Op::CreateDeployment => DEPLOYMENT,
        _ => return,
    };
    let input = Value::Object(input.clone());
    match matched.operation.method {
        "POST" => put("Request", keys, &[&input], true, context),
        "DELETE" => {}
        _ => put("Request", keys, &[&input], false, context),
    }
    if let Some(there) = resource(model, op, matched) {
        put("Resource", keys, &[&there], true, context);
    }
}

/// Sets what conditions can see of the routes and authorizers that an imported document brings
/// (the reference: "also available as a collection during import").
pub(super) fn describe_import(before: Option<&Api>, after: &Api, context: &mut Context<'_>) {
    let states = [
        ("Request", Some(&after.definition)),
        ("Resource", before.map(|it| &it.definition)),
    ];
    for (of, definition) in states {
        let Some(definition) = definition else {
            continue;
        };
        let (routes, authorizers) = parts(definition);
        for (keys, all) in [(ROUTE, routes), (AUTHORIZER, authorizers)] {
            put(of, keys, &all.iter().collect::<Vec<_>>(), true, context);
        }
    }
}

fn parts(definition: &Definition) -> (Vec<Value>, Vec<Value>) {
    let routes = definition.routes.values().map(value);
    let authorizers = definition.authorizers.values().map(value);
    (routes.collect(), authorizers.collect())
}

/// Sets the keys of a kind; `whole` says that what is not there is as by default.
fn put(of: &str, keys: Keys, all: &[&Value], whole: bool, context: &mut Context<'_>) {
    for (name, path, several, default) in keys {
        let mut values = Vec::new();
        for one in all {
            let before = values.len();
            collect(one, path, &mut values);
            if values.len() == before && whole {
                values.extend(default.map(str::to_owned));
            }
        }
        let key = format!("apigateway:{of}/{name}");
        match (several, values.pop()) {
            (_, None) => {}
            (false, Some(value)) => context.set(key, value),
            (true, Some(value)) => {
                values.push(value);
                context.set_all(key, values);
            }
        }
    }
}

/// The texts that a path of members leads to.
fn collect(value: &Value, path: &[&str], into: &mut Vec<String>) {
    match (value, path) {
        (Value::Array(items), _) => items.iter().for_each(|it| collect(it, path, into)),
        (Value::Object(members), [first, rest @ ..]) => {
            if let Some(value) = members.get(*first) {
                collect(value, rest, into);
            }
        }
        (Value::String(text), []) if !text.is_empty() => into.push(text.clone()),
        (Value::Bool(_) | Value::Number(_), []) => into.push(value.to_string()),
        _ => {}
    }
}

/// What a call that changes or deletes is about, as it is there, by AWS's names.
fn resource(model: &Model, op: V2Op, at: &Matched<'_>) -> Option<Value> {
    use V2Op as Op;
    let api = || model.apis.get(label(at, "apiId"));
    let domain = || domain(model, label(at, "domainName"));
    Some(match op {
        Op::UpdateApi | Op::DeleteApi => {
            let api = api()?;
            serde_json::json!({
                "name": api.name,
                "disableExecuteApiEndpoint": api.disable_execute_api_endpoint,
            })
        }
        Op::UpdateRoute | Op::DeleteRoute => {
            value(api()?.definition.routes.get(label(at, "routeId"))?)
        }
        Op::UpdateAuthorizer | Op::DeleteAuthorizer => {
            let authorizers = &api()?.definition.authorizers;
            value(authorizers.get(label(at, "authorizerId"))?)
        }
        Op::UpdateStage | Op::DeleteStage => {
            value::<Stage>(api()?.stages.get(label(at, "stageName"))?)
        }
        Op::UpdateDomainName | Op::DeleteDomainName => value(domain()?),
        Op::PutRoutingRule | Op::DeleteRoutingRule => {
            let id = label(at, "routingRuleId");
            let mut rules = domain()?.routing_rules.iter();
            value::<RoutingRule>(rules.find(|it| it.routing_rule_id.as_str() == id)?)
        }
        _ => return None,
    })
}

fn value<T: serde::Serialize>(resource: &T) -> Value {
    // Members of known types always become JSON.
    serde_json::to_value(resource).unwrap_or_default()
}

fn domain<'m>(model: &'m Model, name: &str) -> Option<&'m DomainName> {
    let found = model.domain_names.get(name.to_ascii_lowercase().as_str());
    found.map(|it| &**it)
}

/// The tags of what a call is about. What belongs to a thing has the tags of the thing; a stage has
/// its own beside its API's, and the own ones count.
fn tags(model: &Model, at: &Matched<'_>) -> BTreeMap<String, String> {
    let named = ["resource-arn", "resource_arn"];
    let arn = named.into_iter().find_map(|name| at.label(name));
    let of = |name: &str| at.label(name).map(str::to_owned);
    let about = match arn {
        Some(arn) => TagResource::parse(arn).ok(),
        None => match (of("apiId"), of("stageName")) {
            (Some(api), Some(stage)) => Some(TagResource::ApiStage { api, stage }),
            (Some(api), None) => Some(TagResource::Api(api)),
            _ => None,
        }
        .or_else(|| of("domainName").map(TagResource::DomainName))
        .or_else(|| of("vpcLinkId").map(TagResource::VpcLink))
        .or_else(|| of("api_Key").map(TagResource::ApiKey))
        .or_else(|| of("usageplanId").map(TagResource::UsagePlan)),
    };
    about.map_or_else(BTreeMap::new, |about| tags_of(model, &about))
}

fn tags_of(model: &Model, about: &TagResource) -> BTreeMap<String, String> {
    let found = match about {
        TagResource::Api(id) => model.apis.get(id.as_str()).map(|it| it.tags.clone()),
        TagResource::ApiStage { api, stage } => model.apis.get(api.as_str()).map(|api| {
            let mut tags = api.tags.clone();
            if let Some(stage) = api.stages.get(stage.as_str()) {
                tags.extend(stage.tags.clone());
            }
            tags
        }),
        TagResource::ApiKey(id) => model.api_keys.get(id.as_str()).map(|it| it.tags.clone()),
        TagResource::UsagePlan(id) => model.usage_plans.get(id.as_str()).map(|it| it.tags.clone()),
        TagResource::DomainName(name) => domain(model, name).map(|it| it.tags.clone()),
        TagResource::VpcLink(id) => {
            let link = model.upstreams.get(id.as_str());
            link.and_then(|it| Some(it.link.as_ref()?.tags.clone()))
        }
        _ => None,
    };
    found.unwrap_or_default()
}
