//! The native operations, below `/tollgate/v1/`: what AWS has no operation for.

mod apply;
mod audit;
mod backup;
mod history;
mod iam;
mod members;
mod plan;
pub(crate) mod table;

pub use backup::Backups;
pub(crate) use backup::Streamed;

use serde::Deserialize;
use serde_json::json;
use tollgate_aws::AwsError;

use self::table::{Matched, Op};
use super::call::Call;
use super::reply::{Outcome, Reply};

/// What can be logged, most serious first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// Bytes of a log filter.
const FILTER_BYTES_MAX: usize = 1024;

/// Whether a path takes a whole configuration.
pub(crate) fn takes_large_body(path: &str) -> bool {
    path == "/tollgate/v1/apply"
}

/// Carries a native operation out.
///
/// # Errors
/// What the operation says.
pub(crate) async fn run(call: &Call<'_>, matched: &Matched) -> Outcome {
    let runtime = &call.state.runtime;
    match matched.native.op {
        Op::Apply => apply::run(call).await,
        Op::ListAuditEvents => audit::list(call).await,
        Op::ListHistory => history::list(call).await,
        Op::GetRevisionDiff => history::between(call, matched.label("revision")).await,
        Op::Rollback => history::back(call).await,
        Op::ListFunctions => Ok(Reply::json(200, json!({"items": runtime.functions()}))),
        Op::ListUpstreams => Ok(Reply::json(200, json!({"items": runtime.upstreams()}))),
        Op::GetStatus => status(call).await,
        Op::CreateBackup => backup::take(call).await,
        Op::ListMembers => members::list(call),
        Op::RemoveMember => members::remove(call, matched.label("node")).await,
        Op::Leave => members::leave(call),
        Op::CreateToken => members::create_token(call).await,
        Op::RevokeToken => members::revoke_token(call, matched.label("token")).await,
        Op::FlushCache => flush(call),
        Op::SetLogLevel => log_level(call),
        _ => iam::run(call, matched).await,
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
            "audit": audit::overview(call),
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
