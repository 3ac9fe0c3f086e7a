//! `tollgate healthcheck`: the exit code says whether a node is ready.

use bytes::Bytes;
use serde_json::json;

use super::Context;
use super::arguments::{Format, HealthcheckArguments};
use super::client::exchange;
use super::failure::{FAILED, Failure};
use super::resolve;

/// 0 when the node is ready, 1 otherwise: container runtimes know no third answer.
pub(super) async fn run(
    arguments: &HealthcheckArguments,
    context: &Context,
) -> Result<(), Failure> {
    let data_dir = arguments.data_dir.as_deref();
    let authority = resolve::ops(arguments.ops_url.as_deref(), data_dir, context)?;
    let headers = [("host", authority.clone())];
    let answer = exchange(&authority, "GET", "/readyz", &headers, Bytes::new())
        .await
        .map_err(|failure| {
            let hint = "is it running? tollgate start; is it elsewhere? --ops-url or TOLLGATE_OPS";
            failure.hint(hint).exit(FAILED)
        })?;
    let ready = answer.status == 200;
    let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
    match context.format {
        Format::Json => context
            .output
            .json(&json!({"ready": ready, "detail": text})),
        Format::Text if ready => context.output.data("ready"),
        Format::Text => context.output.data(&format!("not ready: {text}")),
    }
    if ready {
        Ok(())
    } else {
        Err(Failure::told(FAILED))
    }
}
