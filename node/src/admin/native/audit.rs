//! Looking into the audit trail.

use serde_json::{Value, json};
use tollgate_audit::Query;
use tollgate_audit::limits::FOUND_MAX;
use tollgate_aws::AwsError;

use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};
use crate::audit::{Searching, Which};

/// Events that are shown unless more are asked for.
const SHOWN: usize = 50;

/// `GET audit?from=&to=&who=&event=&requestId=&refused=&readOnly=&limit=`: the newest first, of all
/// nodes.
///
/// # Errors
/// `BadRequestException` for a value that cannot be, or when the node keeps no trail.
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let Some(auditor) = call.state.auditor.as_ref() else {
        let text = "this node keeps no audit trail; the setting `audit` turns it on";
        return Err(AwsError::bad_request(text));
    };
    let searching = Searching {
        auditor,
        query: query(call)?,
    };
    let head = auditor.head(Which::LetIn);
    let (found, silent) = searching.everywhere(&call.state.door).await;
    let body = json!({
        "items": found.events,
        "more": found.more,
        "head": head.to_string(),
        "silentNodes": silent,
    });
    Ok(Reply::json(200, body))
}

fn query(call: &Call<'_>) -> Result<Query, AwsError> {
    let time = |name: &str| match call.parameter(name) {
        Some(text) if !is_time(&text) => Err(AwsError::bad_request(format!(
            "`{text}` is no time for {name}; write 2026-11-23T00:00:00Z"
        ))),
        other => Ok(other),
    };
    let whether = |name: &str| match call.parameter(name).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(AwsError::bad_request(format!(
            "`{other}` is neither true nor false for {name}"
        ))),
    };
    let limit = match call.parameter("limit") {
        None => SHOWN,
        Some(text) => match text.parse() {
            Ok(count) if (1..=FOUND_MAX).contains(&count) => count,
            _ => {
                let text = format!("`{text}` is no number from 1 to {FOUND_MAX} for limit");
                return Err(AwsError::bad_request(text));
            }
        },
    };
    Ok(Query {
        from: time("from")?,
        to: time("to")?,
        who: call.parameter("who"),
        event: call.parameter("event"),
        request_id: call.parameter("requestId"),
        refused: whether("refused")?,
        read_only: whether("readOnly")?,
        events_max: limit,
    })
}

/// Whether a text is a time as events have it, so that the order of texts is that of times.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00Z";
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(got, wanted)| match wanted {
                b'0' => got.is_ascii_digit(),
                _ => got == wanted,
            })
}

/// The end of this node's chain, for `GET status`.
pub(super) fn overview(call: &Call<'_>) -> Value {
    match &call.state.auditor {
        None => Value::Null,
        Some(auditor) => json!({
            "head": auditor.head(Which::LetIn).to_string(),
            "refusedHead": auditor.head(Which::Refused).to_string(),
            "lost": auditor.lost(),
            "strangersLeftOut": auditor.left_out(),
        }),
    }
}
