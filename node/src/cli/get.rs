//! `tollgate get`: what a node has, as tables or as the node's own JSON.

mod columns;

use serde_json::Value;
use tollgate_aws::Service;

use super::Context;
use super::arguments::{Format, GetArguments, Kind};
use super::client::Client;
use super::failure::Failure;
use super::names::{near, text};
use super::table::table;

const V1: Service = Service::ApiGateway;
const V2: Service = Service::ApiGatewayV2;

pub(super) async fn run(arguments: &GetArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let api = arguments.api.as_deref();
    let kind = arguments.kind;
    let items = match kind {
        Kind::Apis => client.list(V2, "GetApis", &[], &[]).await?,
        Kind::Routes => of_apis(&client, api, "GetRoutes").await?,
        Kind::Integrations => of_apis(&client, api, "GetIntegrations").await?,
        Kind::Authorizers => of_apis(&client, api, "GetAuthorizers").await?,
        Kind::Models => of_apis(&client, api, "GetModels").await?,
        Kind::Stages => of_apis(&client, api, "GetStages").await?,
        Kind::Deployments => of_apis(&client, api, "GetDeployments").await?,
        Kind::Keys => client.list(V1, "GetApiKeys", &[], &[]).await?,
        Kind::UsagePlans => client.list(V1, "GetUsagePlans", &[], &[]).await?,
        Kind::Domains => client.list(V2, "GetDomainNames", &[], &[]).await?,
        Kind::Functions => native(&client, "functions").await?,
        Kind::Upstreams => native(&client, "upstreams").await?,
    };
    let Some(name) = &arguments.name else {
        show(kind, &items, context);
        return Ok(());
    };
    let matching: Vec<Value> = items
        .iter()
        .filter(|item| names(kind, item).contains(&name.as_str()))
        .cloned()
        .collect();
    if matching.is_empty() {
        let known: Vec<&str> = items.iter().flat_map(|it| names(kind, it)).collect();
        let failure = Failure::new(format!("there is no {} {name}", noun(kind)));
        let near = near(name, &known);
        if near.is_empty() {
            return Err(failure);
        }
        return Err(failure.hint(format!("did you mean {}?", near.join(" or "))));
    }
    match (context.format, matching.as_slice()) {
        (Format::Json, [one]) => context.output.json(one),
        _ => show(kind, &matching, context),
    }
    Ok(())
}

/// What belongs to one API or to all, each item with its API's id.
async fn of_apis(
    client: &Client,
    api: Option<&str>,
    operation: &str,
) -> Result<Vec<Value>, Failure> {
    let apis = match api {
        Some(api) => vec![api.to_owned()],
        None => {
            let all = client.list(V2, "GetApis", &[], &[]).await?;
            all.iter()
                .map(|api| text(api, "apiId").to_owned())
                .collect()
        }
    };
    let mut out = Vec::new();
    for api in apis {
        for mut item in client.list(V2, operation, &[&api], &[]).await? {
            item["apiId"] = api.as_str().into();
            out.push(item);
        }
    }
    Ok(out)
}

async fn native(client: &Client, operation: &str) -> Result<Vec<Value>, Failure> {
    let mut answer = client.native("GET", operation, &[], None).await?;
    match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// What an item can be called.
fn names(kind: Kind, item: &Value) -> Vec<&str> {
    let members: &[&str] = match kind {
        Kind::Apis => &["apiId", "name"],
        Kind::Routes => &["routeId", "routeKey"],
        Kind::Integrations => &["integrationId"],
        Kind::Authorizers => &["authorizerId", "name"],
        Kind::Models => &["modelId", "name"],
        Kind::Stages => &["stageName"],
        Kind::Deployments => &["deploymentId"],
        Kind::Keys | Kind::UsagePlans => &["id", "name"],
        Kind::Domains => &["domainName"],
        Kind::Functions | Kind::Upstreams => &["name"],
    };
    members.iter().map(|member| text(item, member)).collect()
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Apis => "API",
        Kind::Routes => "route",
        Kind::Integrations => "integration",
        Kind::Authorizers => "authorizer",
        Kind::Models => "model",
        Kind::Stages => "stage",
        Kind::Deployments => "deployment",
        Kind::Keys => "API key",
        Kind::UsagePlans => "usage plan",
        Kind::Domains => "domain name",
        Kind::Functions => "function",
        Kind::Upstreams => "upstream group",
    }
}

/// Keys as a list of them, for `key list`.
pub(super) fn show_keys(keys: &[Value], context: &Context) {
    show(Kind::Keys, keys, context);
}

fn show(kind: Kind, items: &[Value], context: &Context) {
    if context.format == Format::Json {
        context.output.json(&items);
        return;
    }
    let flat;
    let items = if kind == Kind::Upstreams {
        flat = servers(items);
        &flat
    } else {
        items
    };
    let columns = columns::of(kind);
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let row = |item: &Value| {
        let cells = columns.iter().map(|(_, at)| cell(at, item.pointer(at)));
        cells.collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    match table(&heads, &rows) {
        Some(text) => context.output.data(&text),
        None => context.output.talk(&format!("no {}", noun(kind))),
    }
}

/// One row per server, each with its group's name.
fn servers(groups: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    for group in groups {
        let servers = group.get("servers").and_then(Value::as_array);
        for server in servers.into_iter().flatten() {
            let mut server = server.clone();
            server["name"] = text(group, "name").into();
            out.push(server);
        }
    }
    out
}

fn cell(at: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        // v1 writes times as seconds.
        Some(Value::Number(number)) if at.ends_with("Date") => number
            .as_u64()
            .map(|seconds| tollgate_aws::wire::to_iso8601(seconds.saturating_mul(1000)))
            .unwrap_or_default(),
        Some(Value::Array(stages)) if at == "/apiStages" => {
            let each = stages
                .iter()
                .map(|it| format!("{}:{}", text(it, "apiId"), text(it, "stage")));
            let all = each.collect::<Vec<_>>().join(" ");
            if all.is_empty() { "-".to_owned() } else { all }
        }
        Some(other) => other.to_string(),
    }
}
