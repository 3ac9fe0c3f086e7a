//! `tollgate members`, `token` and `remove`: the nodes of the cluster.

use serde_json::{Value, json};

use super::Context;
use super::arguments::{Format, MembersArguments, RemoveArguments, TokenArguments, TokenCommand};
use super::client::Client;
use super::failure::Failure;
use super::names::text;
use super::table::table;

/// `tollgate members`
pub(super) async fn list(arguments: &MembersArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let members = client.native("GET", "members", &[], None).await?;
    if context.format == Format::Json {
        context.output.json(&members);
        return Ok(());
    }
    let none = Vec::new();
    let items = members
        .get("items")
        .and_then(Value::as_array)
        .unwrap_or(&none);
    let first = |item: &Value, name: &str| {
        let list = item.get(name).and_then(Value::as_array);
        let first = list.and_then(|it| it.first()).and_then(Value::as_str);
        first.unwrap_or("-").to_owned()
    };
    let number = |item: &Value, name: &str| {
        let number = item.get(name).and_then(Value::as_u64);
        number.map_or_else(|| "-".to_owned(), |it| it.to_string())
    };
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            vec![
                number(item, "nodeId"),
                text(item, "name").to_owned(),
                text(item, "role").to_owned(),
                number(item, "lagEntries"),
                text(item, "version").to_owned(),
                first(item, "peer"),
                first(item, "http"),
                first(item, "admin"),
            ]
        })
        .collect();
    let head = [
        "ID", "NAME", "ROLE", "LAG", "VERSION", "PEER", "HTTP", "ADMIN",
    ];
    if let Some(table) = table(&head, &rows) {
        context.output.data(&table);
    }
    Ok(())
}

/// `tollgate token`
pub(super) async fn token(arguments: &TokenArguments, context: &Context) -> Result<(), Failure> {
    match &arguments.command {
        TokenCommand::Create {
            ttl,
            uses,
            connection,
        } => {
            let client = Client::new(connection, context)?;
            let body = json!({"ttlSeconds": ttl.0, "uses": uses}).to_string();
            let made = client
                .native("POST", "tokens", &[], Some(body.into_bytes()))
                .await?;
            if context.format == Format::Json {
                context.output.json(&made);
                return Ok(());
            }
            let address = made.get("address").and_then(Value::as_str);
            context.output.data(&format!(
                "tollgate join {} --token {}",
                address.unwrap_or("HOST:PORT"),
                text(&made, "token")
            ));
            if address.is_some_and(|it| it.starts_with("127.") || it.starts_with("[::1]")) {
                context.output.talk(
                    "this node listens for others on this machine only; for others, start it with \
                     --peer :7400 --advertise HOST",
                );
            }
            Ok(())
        }
        TokenCommand::Revoke { id, connection } => {
            let client = Client::new(connection, context)?;
            client
                .native("DELETE", &format!("tokens/{id}"), &[], None)
                .await?;
            context
                .output
                .talk(&format!("token {id} admits nobody any more"));
            Ok(())
        }
    }
}

/// `tollgate remove`
pub(super) async fn remove(arguments: &RemoveArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let node = arguments.node;
    let removed = client
        .native("DELETE", &format!("members/{node}"), &[], None)
        .await?;
    if context.format == Format::Json {
        context.output.json(&removed);
    } else {
        context
            .output
            .talk(&format!("node {node} is removed for ever"));
    }
    Ok(())
}
