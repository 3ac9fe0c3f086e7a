//! `tollgate members`, `token`, `leave` and `remove`: the nodes of the cluster.

use serde_json::{Value, json};

use super::Context;
use super::arguments::{
    Format, LeaveArguments, MembersArguments, RemoveArguments, TokenArguments, TokenCommand,
};
use super::client::Client;
use super::failure::Failure;
use super::names::text;
use super::table::table;

/// The first of a list of texts.
fn first(item: &Value, name: &str) -> String {
    let list = item.get(name).and_then(Value::as_array);
    let first = list.and_then(|it| it.first()).and_then(Value::as_str);
    first.unwrap_or("-").to_owned()
}

fn number(item: &Value, name: &str) -> String {
    let number = item.get(name).and_then(Value::as_u64);
    number.map_or_else(|| "-".to_owned(), |it| it.to_string())
}

/// A cluster as `tollgate status` shows it: who leads, and a line for each node.
pub(super) fn picture(cluster: &Value) -> String {
    let agrees = cluster.get("agrees").and_then(Value::as_bool) == Some(true);
    let leader = if agrees {
        format!("node {} leads", number(cluster, "leaderId"))
    } else {
        "no majority answers: nodes serve what they know, changes wait".to_owned()
    };
    let this = number(cluster, "nodeId");
    let head = format!(
        "this is node {this}; {leader}; term {}, log {} of {} applied",
        number(cluster, "term"),
        number(cluster, "appliedIndex"),
        number(cluster, "lastIndex"),
    );
    let none = Vec::new();
    let nodes = cluster.get("nodes").and_then(Value::as_array);
    let row = |node: &Value| {
        let answers = node.get("answers").and_then(Value::as_bool) == Some(true);
        vec![
            number(node, "nodeId"),
            text(node, "name").to_owned(),
            text(node, "role").to_owned(),
            if answers { "yes" } else { "no" }.to_owned(),
            number(node, "lagEntries"),
            number(node, "servedRevision"),
            size(node.get("diskBytes").and_then(Value::as_u64)),
            text(node, "version").to_owned(),
            first(node, "http"),
        ]
    };
    let rows: Vec<Vec<String>> = nodes.unwrap_or(&none).iter().map(row).collect();
    let names = [
        "ID", "NAME", "ROLE", "ANSWERS", "LAG", "REVISION", "DISK", "VERSION", "HTTP",
    ];
    match table(&names, &rows) {
        Some(table) => format!("{head}\n{table}"),
        None => head,
    }
}

/// Bytes in the largest unit of which there is one.
fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => "-".to_owned(),
        Some(bytes @ 0..=1023) => format!("{bytes} B"),
        Some(bytes @ 1024..=1_048_575) => format!("{} KiB", bytes / 1024),
        Some(bytes @ 1_048_576..=1_073_741_823) => format!("{} MiB", bytes / 1_048_576),
        Some(bytes) => format!("{} GiB", bytes / 1_073_741_824),
    }
}

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

/// `tollgate leave`
pub(super) async fn leave(arguments: &LeaveArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let leaving = client.native("POST", "leave", &[], None).await?;
    if context.format == Format::Json {
        context.output.json(&leaving);
        return Ok(());
    }
    let node = leaving.get("nodeId").and_then(Value::as_u64);
    context.output.talk(&format!(
        "node {} finishes its requests, gives its quota back, leaves the cluster and ends",
        node.unwrap_or_default()
    ));
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_a_line_and_a_table() {
        let cluster = json!({
            "nodeId": 1, "leaderId": 2, "agrees": true, "term": 4, "appliedIndex": 9,
            "lastIndex": 9, "nodes": [
                {"nodeId": 1, "name": "a", "role": "voter", "answers": true, "lagEntries": 0,
                 "servedRevision": 3, "diskBytes": 1_572_864, "version": "0.1.0",
                 "http": ["10.0.0.1:8080"]},
                {"nodeId": 2, "name": "b", "role": "leader", "answers": false},
            ],
        });
        let text = picture(&cluster);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "this is node 1; node 2 leads; term 4, log 9 of 9 applied"
        );
        assert_eq!(
            lines[2],
            "1   a     voter   yes      0    3         1 MiB  0.1.0    10.0.0.1:8080"
        );
        assert_eq!(
            lines[3].split_whitespace().collect::<Vec<_>>()[..5],
            ["2", "b", "leader", "no", "-"]
        );
        let alone = picture(&json!({"agrees": false}));
        assert!(alone.contains("no majority answers"), "{alone}");
    }
}
