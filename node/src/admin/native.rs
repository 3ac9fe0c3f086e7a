//! The native operations, below `/tollgate/v1/`: what AWS has no operation for.

mod apply;
mod backup;
mod history;
mod members;
mod plan;

pub use backup::Backups;
pub(crate) use backup::Streamed;

use serde::Deserialize;
use serde_json::json;
use tollgate_aws::AwsError;

use super::call::Call;
use super::operations;
use super::reply::{Outcome, Reply};

/// What can be logged, most serious first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// Bytes of a log filter.
const FILTER_BYTES_MAX: usize = 1024;

/// Whether a path takes a whole configuration.
pub(crate) fn takes_large_body(path: &str) -> bool {
    path == "/tollgate/v1/apply"
}

/// Carries a native operation out; `operation` is the path below `/tollgate/v1/`.
///
/// # Errors
/// What the operation says, or that there is none.
pub(crate) async fn run(call: &Call<'_>, method: &str, operation: &str) -> Outcome {
    let runtime = &call.state.runtime;
    match (method, operation) {
        ("POST", "apply") => apply::run(call).await,
        ("GET", "functions") => Ok(Reply::json(200, json!({"items": runtime.functions()}))),
        ("GET", "upstreams") => Ok(Reply::json(200, json!({"items": runtime.upstreams()}))),
        ("GET", "status") => status(call).await,
        ("GET", "members") => members::list(call),
        ("GET", "backup") => backup::take(call).await,
        ("GET", "history") => history::list(call).await,
        ("POST", "rollback") => history::back(call).await,
        ("POST", "leave") => members::leave(call),
        ("POST", "tokens") => members::create_token(call).await,
        ("POST", "cache/flush") => flush(call),
        ("PUT", "log-level") => log_level(call),
        ("GET", _) => match operation.strip_prefix("history/") {
            Some(rest) => history::between(call, rest).await,
            None => Err(operations::unknown()),
        },
        ("DELETE", _) => {
            if let Some(id) = operation.strip_prefix("tokens/") {
                members::revoke_token(call, id).await
            } else if let Some(id) = operation.strip_prefix("members/") {
                members::remove(call, id).await
            } else {
                Err(operations::unknown())
            }
        }
        _ => Err(operations::unknown()),
    }
}

async fn status(call: &Call<'_>) -> Outcome {
    let (revision, model) = call.model().await?;
    let state = call.state;
    let cluster = members::overview(call).await;
    Ok(Reply::json(
        200,
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "revision": revision.0,
            "servedRevision": state.runtime.served_revision().0,
            "region": state.region,
            "accountId": state.account_id,
            "apis": model.apis.len(),
            "upstreams": model.upstreams.len(),
            "functions": model.functions.len(),
            "usagePlans": model.usage_plans.len(),
            "apiKeys": model.api_keys.len(),
            "domainNames": model.domain_names.len(),
            "certificates": model.certificates.len(),
            "activity": state.runtime.activity(),
            "cluster": cluster,
        }),
    ))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Flush {
    api_id: Option<String>,
    stage: Option<String>,
}

fn flush(call: &Call<'_>) -> Outcome {
    let wanted: Flush = call.input()?;
    if wanted.stage.is_some() && wanted.api_id.is_none() {
        return Err(AwsError::bad_request("stage needs apiId beside it"));
    }
    let (api, stage) = (wanted.api_id.as_deref(), wanted.stage.as_deref());
    let flushed = call.state.runtime.flush_cache(api, stage);
    tracing::info!(who = call.who, api, stage, flushed, "cache flushed");
    Ok(Reply::json(200, json!({"flushed": flushed})))
}

#[derive(Deserialize)]
struct LogLevel {
    level: String,
}

fn log_level(call: &Call<'_>) -> Outcome {
    let wanted: LogLevel = call.input()?;
    check_level(&wanted.level)?;
    call.state
        .runtime
        .set_log_level(&wanted.level)
        .map_err(AwsError::bad_request)?;
    tracing::info!(who = call.who, level = wanted.level, "log level changed");
    Ok(Reply::json(200, json!({"level": wanted.level})))
}

/// A level, or levels by module as in `tollgate_edge=debug,info`. A filter takes any word for the
/// name of a module, which hides spelling mistakes: here every part must have a level.
fn check_level(filter: &str) -> Result<(), AwsError> {
    let is_level = |part: &str| {
        let level = part.rsplit('=').next().unwrap_or_default().trim();
        LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known))
    };
    if filter.len() <= FILTER_BYTES_MAX && filter.split(',').all(is_level) {
        return Ok(());
    }
    let levels = LEVELS.join(", ");
    Err(AwsError::bad_request(format!(
        "expected one of {levels}, or MODULE=LEVEL separated by commas"
    )))
}
