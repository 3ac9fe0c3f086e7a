//! Function integrations: the request as an event, the output as a response (reference 7).

use bytes::Bytes;
use tollgate_config::snapshot::{FunctionPlan, FunctionTarget};
use tollgate_message::{BodyError, Response};
use tollgate_model::PayloadFormat;

use super::{RequestCtx, lambda, map_response, reply};
use crate::event::{self, EventInput};
use crate::fault::{Fault, FaultKind};
use crate::finished::Record;
use crate::forwarded::Told;
use crate::ports::{FunctionReply, IntegrationError, IntegrationErrorKind, InvokeMeta, Ports};

/// Calls the function.
pub(crate) async fn call<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &FunctionPlan,
    record: &mut Record,
) -> Result<Response, Fault> {
    let body = collect(ctx).await?;
    record.request_bytes = body.len() as u64;
    let event = make_event(ctx, plan, &body, record)?;
    ctx.log.invoking(&event);
    let trace_id = ctx.trace.xray();
    let meta = InvokeMeta {
        request_id: &ctx.head.request_id,
        trace_id: &trace_id,
        timeout_ms: plan.timeout_ms,
    };
    let started_us = ctx.ports.monotonic_us();
    let outcome = match &plan.target {
        FunctionTarget::Local(name) => ctx.ports.invoke(name, event, meta).await,
        FunctionTarget::Endpoint { .. } => {
            lambda::invoke(ctx.ports, &plan.target, event, meta, record).await
        }
    };
    let latency_us = ctx.ports.monotonic_us().saturating_sub(started_us);
    record.integration.latency_us = Some(latency_us);
    let reply = outcome.map_err(|error| Fault::integration(error, record))?;
    record.integration.status = Some(200);
    let mut response = to_response(reply, plan.format, record)?;
    record.integration.function_status = Some(response.status);
    ctx.log.received(&response, latency_us);
    if let Some(steps) = plan.response_mapping.get(&response.status) {
        map_response(steps, true, ctx.head, record, &mut response).await?;
    }
    Ok(response)
}

/// Reads the body, which an event carries whole and which is therefore bounded.
async fn collect<P: Ports>(ctx: &mut RequestCtx<'_, P>) -> Result<Bytes, Fault> {
    let body = core::mem::take(&mut ctx.body);
    body.collect(ctx.ports.function_request_bytes_max())
        .await
        .map_err(|error| match error {
            BodyError::TooLarge(_) => Fault::new(FaultKind::RequestTooLarge, error.to_string()),
            _ => Fault::new(FaultKind::BadRequest, error.to_string()),
        })
}

fn make_event<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &FunctionPlan,
    body: &Bytes,
    record: &Record,
) -> Result<Bytes, Fault> {
    add_headers(ctx);
    let input = EventInput {
        head: ctx.head,
        address: &ctx.address,
        route: ctx.route,
        account_id: &ctx.snapshot.account_id,
        params: &ctx.params,
        query: ctx.query.as_deref(),
        headers: &ctx.headers,
        body,
        api_key: record.key.as_ref().map(|(key, _)| key.key_id.as_str()),
    };
    let json = match plan.format {
        PayloadFormat::V1 => event::v1(&input),
        PayloadFormat::V2 => event::v2(&input),
    };
    json.map(Bytes::from)
        .map_err(|error| Fault::new(FaultKind::Configuration, format!("event: {error}")))
}

/// Events show the headers that AWS adds on the way.
fn add_headers<P: Ports>(ctx: &mut RequestCtx<'_, P>) {
    let told = Told::new(ctx.client, &ctx.source, &ctx.headers);
    let headers = &mut ctx.headers;
    let named = if headers.contains("connection") {
        crate::hop::named_by_connection(headers)
    } else {
        Vec::new()
    };
    headers.remove_if(|name, _| {
        crate::hop::is_hop_by_hop(name)
            || name == "x-amzn-trace-id"
            || told.replaces(name)
            || named.iter().any(|it| it == name)
    });
    told.append_x(headers);
    headers.append("x-amzn-trace-id", ctx.trace.xray());
}

fn to_response(
    reply: FunctionReply,
    format: PayloadFormat,
    record: &mut Record,
) -> Result<Response, Fault> {
    let output = match reply {
        FunctionReply::Buffered(output) => match format {
            PayloadFormat::V1 => reply::v1(&output),
            PayloadFormat::V2 => reply::v2(&output),
        },
        FunctionReply::Streaming { prelude, body } => reply::streaming(&prelude, body),
        FunctionReply::Error(error) => {
            let detail = String::from_utf8_lossy(&error[..error.len().min(ERROR_BYTES_KEPT)]);
            let error = IntegrationError::new(IntegrationErrorKind::Function, detail);
            return Err(Fault::integration(error, record));
        }
    };
    output.map_err(|why| {
        let error = IntegrationError::new(IntegrationErrorKind::BadOutput, why.to_string());
        Fault::integration(error, record)
    })
}

/// How much of a function's error a log line may show (AWS cuts log events at 1,024 bytes).
const ERROR_BYTES_KEPT: usize = 1_024;
