//! `tollgate apply`: files become a model here, where the files are; the node does the rest.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_config::diagnostic::render;
use tollgate_config::document::{LoadContext, load};
use tollgate_model::Model;
use tollgate_protocol::Table;

use super::Context;
use super::arguments::{ApplyArguments, Format, WaitFor};
use super::client::Client;
use super::failure::{FAILED, Failure, TRY_AGAIN};

pub(super) async fn run(arguments: &ApplyArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let (model, warnings) = read(arguments, context)?;
    let body = serde_json::to_vec(&json!({"model": model}))
        .map_err(|error| Failure::new(format!("the configuration cannot be encoded: {error}")))?;
    let flag = |value| if value { "true" } else { "false" };
    let query = [
        ("dry_run", flag(arguments.dry_run)),
        ("prune", flag(arguments.prune)),
        (
            "wait",
            match arguments.wait {
                WaitFor::One => "one",
                WaitFor::All => "all",
            },
        ),
    ];
    let mut answer = client.native("POST", "apply", &query, Some(body)).await?;
    if context.format == Format::Json {
        answer["warnings"] = warnings;
        context.output.json(&answer);
    } else {
        show(&answer, context);
    }
    let behind = answer.get("notServedBy").and_then(Value::as_array);
    match behind {
        Some(nodes) if !nodes.is_empty() => {
            let nodes: Vec<String> = nodes.iter().map(Value::to_string).collect();
            let nodes = nodes.join(", ");
            let what = format!("it is agreed on, but not served yet by node {nodes}");
            Err(Failure::new(what).exit(TRY_AGAIN))
        }
        _ => Ok(()),
    }
}

/// The files as one model, and their warnings, which are told already unless JSON is asked for.
fn read(arguments: &ApplyArguments, context: &Context) -> Result<(Model, Value), Failure> {
    let load_context = load_context(context);
    let mut model = Model::default();
    let mut warnings = Vec::new();
    let mut errors = Vec::new();
    for file in &arguments.files {
        match load(file, &load_context) {
            Ok(loaded) => {
                unite(&mut model, loaded.model).map_err(|what| {
                    Failure::new(format!("{}: {what} is in another file too", file.display()))
                })?;
                warnings.extend(loaded.warnings);
            }
            Err(findings) => errors.extend(findings),
        }
    }
    if !errors.is_empty() {
        return Err(Failure::findings(&errors, FAILED, context));
    }
    if context.format == Format::Text && !warnings.is_empty() {
        context.output.talk(render(&warnings).trim_end());
    }
    Ok((model, serde_json::to_value(&warnings).unwrap_or_default()))
}

/// What files may name beside themselves: variables, and the node's region and account.
pub(super) fn load_context(context: &Context) -> LoadContext {
    let defaults = LoadContext::default();
    let variable = |name: &str| context.variable(name).map(str::to_owned);
    LoadContext {
        environment: context.environment.clone(),
        region: variable("TOLLGATE_REGION").unwrap_or(defaults.region),
        account_id: variable("TOLLGATE_ACCOUNT_ID").unwrap_or(defaults.account_id),
    }
}

/// Adds a model to another; says what is in both.
fn unite(all: &mut Model, more: Model) -> Result<(), String> {
    add_table(&mut all.apis, more.apis, "API")?;
    add(&mut all.upstreams, more.upstreams, "upstream group")?;
    add(&mut all.functions, more.functions, "function")?;
    add(&mut all.usage_plans, more.usage_plans, "usage plan")?;
    add_table(&mut all.api_keys, more.api_keys, "API key")?;
    add(&mut all.domain_names, more.domain_names, "domain name")?;
    add(&mut all.certificates, more.certificates, "certificate")?;
    match (&all.default_mapping, more.default_mapping) {
        (Some(old), Some(new)) if *old != new => Err("the default mapping".to_owned()),
        (_, Some(new)) => {
            all.default_mapping = Some(new);
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

fn add<K: Ord + std::fmt::Display, V: PartialEq>(
    all: &mut BTreeMap<K, V>,
    more: BTreeMap<K, V>,
    kind: &str,
) -> Result<(), String> {
    for (id, value) in more {
        if all.get(&id).is_some_and(|old| *old != value) {
            return Err(format!("{kind} {id}"));
        }
        all.insert(id, value);
    }
    Ok(())
}

fn add_table<K: Ord + Clone + std::fmt::Display, V: Clone + PartialEq>(
    all: &mut Table<K, V>,
    more: Table<K, V>,
    kind: &str,
) -> Result<(), String> {
    let mut map: BTreeMap<K, V> = std::mem::take(all).into_iter().collect();
    add(&mut map, more.into_iter().collect(), kind)?;
    *all = map.into_iter().collect();
    Ok(())
}

/// The sign of a change.
pub(super) fn sign(action: &str) -> char {
    match action {
        "create" => '+',
        "delete" => '-',
        _ => '~',
    }
}

/// Shows a plan line by line; how many resources it makes, changes and removes.
pub(super) fn show_plan(answer: &Value, context: &Context) -> [usize; 3] {
    let mut counts = [("create", 0), ("update", 0), ("delete", 0)];
    let plan = answer.get("plan").and_then(Value::as_array);
    for entry in plan.into_iter().flatten() {
        let member = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let action = member("action");
        for (name, count) in &mut counts {
            *count += usize::from(*name == action);
        }
        let sign = sign(action);
        let line = format!("{sign} {} {}", member("kind"), member("name"));
        context.output.data(line.trim_end());
        let details = entry.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten().filter_map(Value::as_str) {
            context.output.data(&format!("    {detail}"));
        }
    }
    counts.map(|(_, count)| count)
}

/// Shows a plan and what became of it.
pub(super) fn show(answer: &Value, context: &Context) {
    let [created, updated, deleted] = show_plan(answer, context);
    let revision = answer.get("revision").and_then(Value::as_u64);
    let revision = revision.unwrap_or_default();
    let sums = format!("{created} to create, {updated} to update, {deleted} to delete");
    let dry_run = answer.get("dryRun").and_then(Value::as_bool) == Some(true);
    context
        .output
        .talk(&match (created + updated + deleted, dry_run) {
            (0, _) => format!("nothing to change; the node serves revision {revision}"),
            (_, true) => format!("{sums}; nothing was changed (dry run)"),
            (_, false) => format!(
                "{created} created, {updated} updated, {deleted} deleted; the node serves revision \
             {revision}"
            ),
        });
}
