//! What a process sends about its invocation: the response, buffered or streamed, or an error.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tollgate_message::BodyError;

use super::body::{Unread, collect};
use super::refusal::{broken, error_json, refused, too_large};
use super::{Api, ApiResponse, accepted};
use crate::limits::{ERROR_BYTES_MAX, EXIT_GRACE};
use crate::pool::InitFailure;
use crate::pool::slot::Running;
use crate::pool::state::{Refusal, send};
use crate::stream::ChunkSender;
use crate::{FunctionError, Outcome, Payload, PayloadStream};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// `invocation/{id}/response`.
pub(super) async fn response(
    api: &Api,
    id: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> ApiResponse {
    if let Err(refusal) = works_on(api, id) {
        return refused(refusal);
    }
    if header(headers, RESPONSE_MODE).is_some_and(|m| m.eq_ignore_ascii_case("streaming")) {
        let content_type = header(headers, CONTENT_TYPE.as_str());
        return stream(
            api,
            id,
            content_type.unwrap_or("application/octet-stream"),
            body,
        )
        .await;
    }
    let bytes_max = api.pool.host.settings.response_bytes_max;
    match collect(body, bytes_max).await {
        Ok(payload) => finish(api, id, payload, None),
        Err(Unread::Broken) => broken(),
        Err(Unread::TooLarge) => {
            let error_type = "Function.ResponseSizeTooLarge";
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({bytes_max} bytes)."
            );
            let message = error_json(error_type, &message);
            let error = FunctionError {
                error_type: error_type.into(),
                message: message.clone(),
            };
            finish(api, id, message, Some(error));
            too_large(bytes_max)
        }
    }
}

/// `invocation/{id}/error`.
pub(super) async fn error(
    api: &Api,
    id: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> ApiResponse {
    if let Err(refusal) = works_on(api, id) {
        return refused(refusal);
    }
    let Ok(error) = report(headers, body).await else {
        return broken();
    };
    finish(api, id, error.message.clone(), Some(error))
}

/// `init/error`.
pub(super) async fn init_error(api: &Api, headers: &HeaderMap, body: &mut Incoming) -> ApiResponse {
    let Ok(error) = report(headers, body).await else {
        return broken();
    };
    let message = parse(&error.message).error_message.unwrap_or_default();
    let failure = InitFailure {
        error_type: error.error_type.into(),
        message: message.into(),
    };
    match api
        .pool
        .with(|state| state.init_error(api.id, failure, Instant::now()))
    {
        Ok(()) => accepted(StatusCode::ACCEPTED),
        Err(refusal) => refused(refusal),
    }
}

fn works_on(api: &Api, id: &str) -> Result<(), Refusal> {
    api.pool.with(|state| state.works_on(api.id, id))
}

/// Hands the answer to whoever invoked the function.
fn finish(api: &Api, id: &str, payload: Bytes, error: Option<FunctionError>) -> ApiResponse {
    let running = api.pool.with(|state| {
        let running = state.answer(api.id, id, Some(Instant::now()))?;
        if error.is_some() {
            state.failed();
        }
        Ok(running)
    });
    match running {
        Ok(running) => {
            deliver(running, Payload::Buffered(payload), error);
            accepted(StatusCode::ACCEPTED)
        }
        Err(refusal) => refused(refusal),
    }
}

fn deliver(running: Running, payload: Payload, function_error: Option<FunctionError>) {
    let Running {
        reply,
        since,
        cold_start,
        ..
    } = running;
    let duration = since.elapsed();
    send(
        reply,
        Ok(Outcome {
            payload,
            function_error,
            cold_start,
            duration,
        }),
    );
}

async fn stream(api: &Api, id: &str, content_type: &str, body: &mut Incoming) -> ApiResponse {
    let running = match api.pool.with(|state| state.answer(api.id, id, None)) {
        Ok(running) => running,
        Err(refusal) => return refused(refusal),
    };
    let ends_at = running.since + api.pool.policy.timeout + EXIT_GRACE;
    let (sender, reader) = PayloadStream::channel();
    deliver(
        running,
        Payload::Streaming {
            content_type: content_type.into(),
            body: reader,
        },
        None,
    );
    // When the time is up the process is killed; this is for a reader that takes nothing.
    let complete = matches!(timeout_at(ends_at, pump(body, sender)).await, Ok(Ok(())));
    api.pool.with(|state| {
        state.streamed(api.id, Instant::now());
        if !complete {
            state.failed();
        }
    });
    accepted(StatusCode::ACCEPTED)
}

/// A streamed answer that is not complete.
struct StreamFailed;

async fn pump(body: &mut Incoming, sender: ChunkSender) -> Result<(), StreamFailed> {
    let mut read = true;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            sender.fail(BodyError::Closed).await;
            return Err(StreamFailed);
        };
        match frame.into_data() {
            // A function whose reader is gone finishes undisturbed.
            Ok(data) if read && !data.is_empty() => read = sender.send(data).await,
            Ok(_) => {}
            Err(frame) => {
                let trailers = frame.trailers_ref();
                if let Some(error_type) = trailers.and_then(|all| header(all, ERROR_TYPE)) {
                    let what = format!("the function failed while streaming: {error_type}");
                    sender.fail(BodyError::Framing(what)).await;
                    return Err(StreamFailed);
                }
            }
        }
    }
    sender.end().await;
    Ok(())
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(default)]
    error_type: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
}

/// Reads an error report. One that is not JSON becomes JSON, since callers parse it.
async fn report(headers: &HeaderMap, body: &mut Incoming) -> Result<FunctionError, Unread> {
    let from_header = header(headers, ERROR_TYPE)
        .unwrap_or("Runtime.Unknown")
        .to_owned();
    let body = match collect(body, ERROR_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(Unread::Broken) => return Err(Unread::Broken),
        Err(Unread::TooLarge) => error_json(&from_header, "the error report is too large"),
    };
    let error_type = parse(&body)
        .error_type
        .unwrap_or_else(|| from_header.clone());
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
    let message = if is_json {
        body
    } else {
        error_json(&error_type, &String::from_utf8_lossy(&body))
    };
    Ok(FunctionError {
        error_type,
        message,
    })
}

fn parse(report: &[u8]) -> Report {
    serde_json::from_slice(report).unwrap_or_default()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
