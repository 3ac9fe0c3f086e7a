//! `tollgate usage`: what a key has used of its quotas, by day.

use serde_json::{Value, json};
use time::{Date, Duration};
use tollgate_aws::Service;
use tollgate_aws::wire::to_iso8601;

use super::Context;
use super::arguments::{Format, UsageArguments};
use super::client::{Client, now_ms};
use super::failure::{Failure, USAGE};
use super::keys::{find_key, find_plan};
use super::names::text;
use super::table::table;

const V1: Service = Service::ApiGateway;

pub(super) async fn run(arguments: &UsageArguments, context: &Context) -> Result<(), Failure> {
    let today = to_iso8601(now_ms()).chars().take(10).collect::<String>();
    let since = match &arguments.since {
        Some(since) => date(since)?,
        None => date(&today)?,
    };
    let client = Client::new(&arguments.connection, context)?;
    let key = find_key(&client, &arguments.key).await?;
    let id = text(&key, "id");
    let plans = match &arguments.plan {
        Some(plan) => vec![find_plan(&client, plan).await?],
        None => plans(&client, id).await?,
    };
    let mut rows = Vec::new();
    for plan in &plans {
        let start = since.to_string();
        let query = [("keyId", id), ("startDate", &*start), ("endDate", &*today)];
        let usage = client.call(V1, "GetUsage", &[plan], &query, None).await?;
        let days = usage.pointer(&format!("/values/{id}"));
        for (at, pair) in days
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            let day = i64::try_from(at).unwrap_or_default();
            rows.push(json!({
                "key": id,
                "plan": plan,
                "day": (since + Duration::days(day)).to_string(),
                "used": pair.get(0),
                "remaining": pair.get(1),
            }));
        }
    }
    if context.format == Format::Json {
        context.output.json(&rows);
        return Ok(());
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let number = |name: &str| row[name].as_u64().unwrap_or_default().to_string();
            vec![
                text(row, "plan").to_owned(),
                text(row, "day").to_owned(),
                number("used"),
                number("remaining"),
            ]
        })
        .collect();
    match table(&["PLAN", "DAY", "USED", "REMAINING"], &cells) {
        Some(text) => context.output.data(&text),
        None => context
            .output
            .talk(&format!("key {id} is in no usage plan with a quota")),
    }
    Ok(())
}

async fn plans(client: &Client, key: &str) -> Result<Vec<String>, Failure> {
    let plans = client
        .list(V1, "GetUsagePlans", &[], &[("keyId", key)])
        .await?;
    Ok(plans
        .iter()
        .map(|plan| text(plan, "id").to_owned())
        .collect())
}

fn date(text: &str) -> Result<Date, Failure> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(text, format).map_err(|_| {
        Failure::new(format!("{text} is no date"))
            .hint("write it as 2026-11-22")
            .exit(USAGE)
    })
}
