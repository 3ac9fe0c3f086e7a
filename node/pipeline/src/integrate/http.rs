//! HTTP integrations: the client's request, mapped, to a back end, and its response, mapped, back.
//! Bodies stream both ways.
//!
//! One of AWS's habits is left out: it adds a `Content-Type` to requests without a body (reference
//! 5.5), which says something untrue and helps nobody.

use tollgate_config::snapshot::HttpPlan;
use tollgate_message::{Body, HeaderList, Method, Request, Response, Version};

use super::{RequestCtx, map_response, path};
use crate::fault::Fault;
use crate::finished::Record;
use crate::forwarded::Told;
use crate::hop;
use crate::mapping::RequestEdits;
use crate::ports::{IntegrationError, IntegrationErrorKind, Ports};

/// What `Via` names us (RFC 9110, section 7.6.3).
const VIA: [&str; 3] = ["1.0 tollgate", "1.1 tollgate", "2.0 tollgate"];

/// Sends the request on and gives the response back.
pub(crate) async fn call<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &HttpPlan,
    record: &mut Record,
) -> Result<Response, Fault> {
    let mut request = build(ctx, plan, record).await?;
    ctx.log.sending(&plan.authority, &mut request);
    let started_us = ctx.ports.monotonic_us();
    let sent = ctx
        .ports
        .send_http(&plan.group, request, plan.timeout_ms)
        .await;
    let latency_us = ctx.ports.monotonic_us().saturating_sub(started_us);
    record.integration.latency_us = Some(latency_us);
    let reply = sent.map_err(|error| Fault::integration(error, record))?;
    let mut response = reply.response;
    record.integration.status = Some(response.status);
    record.integration.server = reply.server;
    ctx.log.received(&response, latency_us);
    if response.status == 101 {
        return Ok(response);
    }
    if !(200..600).contains(&response.status) {
        let detail = format!("{} is no status of a response", response.status);
        let error = IntegrationError::new(IntegrationErrorKind::Protocol, detail);
        return Err(Fault::integration(error, record));
    }
    hop::strip_response(&mut response.headers);
    if let Some(steps) = plan.response_mapping.get(&response.status) {
        map_response(
            steps,
            plan.reads_response_body,
            ctx.head,
            record,
            &mut response,
        )
        .await?;
    }
    Ok(response)
}

async fn build<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &HttpPlan,
    record: &Record,
) -> Result<Request, Fault> {
    let mapped = if plan.reads_request_body {
        Some(ctx.peek_body().await?)
    } else {
        None
    };
    let mut edits = if plan.request_mapping.is_empty() {
        RequestEdits::default()
    } else {
        RequestEdits::new(&plan.request_mapping, &ctx.scope(record, mapped.as_ref()))?
    };
    let target = match edits.path.take() {
        Some(path) => path,
        None => path::build(&plan.path, &ctx.params, ctx.address.path)?,
    };
    let own = ctx.query.take();
    let query = if edits.query.is_empty() {
        own
    } else {
        edits.query.apply(own.as_deref())
    };
    let query = match (&plan.query, query) {
        (None, query) => query,
        (Some(fixed), Some(query)) if !query.is_empty() => Some(format!("{fixed}&{query}")),
        (Some(fixed), _) => Some(fixed.to_string()),
    };
    let method = match plan.method.as_deref() {
        Some(token) => Method::from_token(token),
        None => ctx.head.method.clone(),
    };
    let headers = headers(ctx, plan, &edits);
    let body = match core::mem::take(&mut ctx.tunnel) {
        tunnel @ Body::Stream { .. } if headers.contains("upgrade") => tunnel,
        _ => core::mem::take(&mut ctx.body),
    };
    Ok(Request {
        method,
        path: target,
        query,
        version: Version::Http11,
        headers,
        body,
    })
}

/// The client's own block, changed in place: what speaks of its connection goes, what speaks of
/// the way comes, then the integration's own changes.
fn headers<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &HttpPlan,
    edits: &RequestEdits<'_>,
) -> HeaderList {
    let told = Told::new(ctx.client, &ctx.source, &ctx.headers);
    let mut headers = core::mem::take(&mut ctx.headers);
    let named = if headers.contains("connection") {
        hop::named_by_connection(&headers)
    } else {
        Vec::new()
    };
    let upgrade = hop::upgrade_wish(ctx.head.version, &headers).map(<[u8]>::to_vec);
    let keep_state = ctx.trace.continued;
    headers.remove_if(|name, _| {
        hop::is_hop_by_hop(name)
            || name == "host"
            || name == "traceparent"
            || name == "x-amzn-trace-id"
            || (name == "tracestate" && !keep_state)
            || told.replaces(name)
            || named.iter().any(|it| it == name)
    });
    headers.append("host", plan.authority.as_bytes());
    told.append(&mut headers);
    let mut value = Vec::with_capacity(96);
    ctx.trace.write_traceparent(&mut value);
    headers.append("traceparent", &value);
    value.clear();
    ctx.trace.write_xray(&mut value);
    headers.append("x-amzn-trace-id", &value);
    headers.append("via", VIA[ctx.head.version as usize]);
    if let Some(protocols) = upgrade {
        headers.append("connection", "upgrade");
        headers.append("upgrade", protocols);
    }
    edits.apply_headers(&mut headers);
    headers
}
