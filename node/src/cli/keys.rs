//! `tollgate key`: API keys.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};
use tollgate_aws::Service;

use super::Context;
use super::arguments::{Format, KeyArguments, KeyCommand};
use super::client::Client;
use super::failure::{Failure, USAGE};
use super::get;
use super::names::{pick, text};

const V1: Service = Service::ApiGateway;
/// Bytes of a file with a value: 128 characters and some white space.
const VALUE_FILE_BYTES_MAX: u64 = 4096;

pub(super) async fn run(arguments: &KeyArguments, context: &Context) -> Result<(), Failure> {
    match &arguments.command {
        KeyCommand::Create {
            name,
            plan,
            value_file,
            connection,
        } => {
            let client = Client::new(connection, context)?;
            create(
                &client,
                name,
                plan.as_deref(),
                value_file.as_deref(),
                context,
            )
            .await
        }
        KeyCommand::List { connection } => {
            let client = Client::new(connection, context)?;
            let keys = client.list(V1, "GetApiKeys", &[], &[]).await?;
            get::show_keys(&keys, context);
            Ok(())
        }
        KeyCommand::Revoke { id, connection } => {
            let client = Client::new(connection, context)?;
            revoke(&client, id, context).await
        }
    }
}

async fn create(
    client: &Client,
    name: &str,
    plan: Option<&str>,
    value_file: Option<&Path>,
    context: &Context,
) -> Result<(), Failure> {
    let mut input = json!({"name": name, "enabled": true});
    if let Some(file) = value_file {
        input["value"] = read_value(file)?.into();
    }
    // Before the key is made, so that a misspelled plan leaves none behind.
    let plan = match plan {
        Some(plan) => Some(find_plan(client, plan).await?),
        None => None,
    };
    let mut key = client
        .call(V1, "CreateApiKey", &[], &[], Some(&input))
        .await?;
    let id = text(&key, "id").to_owned();
    if let Some(plan) = &plan {
        let member = json!({"keyId": id, "keyType": "API_KEY"});
        client
            .call(V1, "CreateUsagePlanKey", &[plan], &[], Some(&member))
            .await
            .map_err(|mut failure| {
                failure.what =
                    format!("key {id} was made and is not in the plan: {}", failure.what);
                failure.hint(format!("tollgate key revoke {id}"))
            })?;
    }
    if context.format == Format::Json {
        key["usagePlans"] = plan.into_iter().collect();
        context.output.json(&key);
        return Ok(());
    }
    context.output.data(text(&key, "value"));
    let place = match &plan {
        Some(plan) => format!(" in usage plan {plan}"),
        None => "; put it in a usage plan before it opens anything".to_owned(),
    };
    context.output.talk(&format!(
        "key {id} ({name}) made{place}. The value is shown this once."
    ));
    Ok(())
}

fn read_value(file: &Path) -> Result<String, Failure> {
    let mut value = String::new();
    let failed = |error: std::io::Error| {
        Failure::new(format!("cannot read {}: {error}", file.display())).exit(USAGE)
    };
    if file == Path::new("-") {
        std::io::stdin()
            .take(VALUE_FILE_BYTES_MAX)
            .read_to_string(&mut value)
            .map_err(failed)?;
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(VALUE_FILE_BYTES_MAX).read_to_string(&mut value))
            .map_err(failed)?;
    }
    Ok(value.trim().to_owned())
}

/// The id of the plan that a person named.
///
/// # Errors
/// When there is none of this id or name.
pub(super) async fn find_plan(client: &Client, wanted: &str) -> Result<String, Failure> {
    let plans = client.list(V1, "GetUsagePlans", &[], &[]).await?;
    let plan = pick(&plans, "usage plan", "id", wanted)?;
    Ok(text(plan, "id").to_owned())
}

/// The key that a person named.
///
/// # Errors
/// When there is none of this id or name.
pub(super) async fn find_key(client: &Client, wanted: &str) -> Result<Value, Failure> {
    let keys = client.list(V1, "GetApiKeys", &[], &[]).await?;
    pick(&keys, "API key", "id", wanted).cloned()
}

async fn revoke(client: &Client, wanted: &str, context: &Context) -> Result<(), Failure> {
    let key = find_key(client, wanted).await?;
    let id = text(&key, "id");
    client.call(V1, "DeleteApiKey", &[id], &[], None).await?;
    if context.format == Format::Json {
        context.output.json(&json!({"revoked": id}));
    } else {
        let name = text(&key, "name");
        context.output.talk(&format!("key {id} ({name}) revoked"));
    }
    Ok(())
}
