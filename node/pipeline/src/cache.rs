//! Responses that need not be asked for again (reference 15).
//!
//! AWS stores whatever a cached method answers. We store less, so that switching caching on cannot
//! leak or corrupt: only 2xx (but 206), nothing with `Set-Cookie`, nothing that the back end marks
//! `private`, `no-store` or `no-cache`, nothing that varies by a header which is not in the key, nothing for a
//! request with `Authorization` unless that is in the key or the back end allows it (RFC 9111,
//! section 3.5), no event streams, at most 1 MiB.

mod key;
mod policy;
mod store;

pub use store::{Cached, ResponseCache};
pub(crate) use store::{Lead, Turn};

use std::sync::Arc;

use tollgate_config::snapshot::CachePlan;
use tollgate_message::{Body, HeaderList, Response};
use tollgate_model::CacheControlStrategy;
use tollgate_protocol::limits::CACHED_OBJECT_BYTES_MAX;

use crate::fault::{Fault, FaultKind};
use crate::finished::{CacheStatus, Record};
use crate::integrate::{self, RequestCtx};
use crate::mapping;
use crate::ports::{IntegrationError, IntegrationErrorKind, Ports};

/// Whether the cache has a say in this request at all. It has none in a GET with a body: the body
/// is in no key, and there are back ends that read it.
pub(crate) fn applies<P: Ports>(plan: &CachePlan, ctx: &RequestCtx<'_, P>) -> bool {
    let method = ctx.head.method.as_str();
    plan.ttl_ms > 0
        && plan.methods.iter().any(|it| **it == *method)
        && (matches!(ctx.body, Body::Empty) || !matches!(method, "GET" | "HEAD"))
        && !ctx.headers.contains("upgrade")
}

/// Answers from the cache, or from the integration and remembers.
pub(crate) async fn call<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &CachePlan,
    record: &mut Record,
) -> Result<Response, Fault> {
    let key = key::of(plan, ctx);
    let mut warn = false;
    if policy::wants_refresh(&ctx.headers) {
        if !plan.refresh_needs_permission {
            record.cache = CacheStatus::Bypass;
            return fetch(ctx, plan, &key, None, record).await;
        }
        // Nobody holds the permission: this release has no authorisation.
        match plan.strategy {
            CacheControlStrategy::FailWith403 => {
                let detail = "refreshing the cache needs a permission";
                return Err(Fault::new(FaultKind::CacheRefreshDenied, detail));
            }
            CacheControlStrategy::SucceedWithResponseHeader => warn = true,
            CacheControlStrategy::SucceedWithoutResponseHeader => {}
        }
    }
    let turn = ctx.ports.cache().turn(&key, ctx.ports.now_ms()).await;
    let mut response = match turn {
        Turn::Hit(cached) => {
            record.cache = CacheStatus::Hit;
            from_cache(&cached, ctx.ports.now_ms())
        }
        Turn::Lead(lead) => {
            record.cache = CacheStatus::Miss;
            fetch(ctx, plan, &key, Some(lead), record).await?
        }
        Turn::Failed => {
            record.cache = CacheStatus::Miss;
            fetch(ctx, plan, &key, None, record).await?
        }
    };
    if warn {
        response
            .headers
            .append("warning", "199 - \"cache-control: refresh not permitted\"");
    }
    Ok(response)
}

fn from_cache(cached: &Cached, now_ms: u64) -> Response {
    let mut headers = cached.headers.clone();
    let age = now_ms.saturating_sub(cached.stored_ms) / 1000;
    let mut text = Vec::with_capacity(8);
    crate::text::push_number(&mut text, age);
    headers.set("age", &text);
    Response {
        status: cached.status,
        headers,
        body: Body::from(cached.body.clone()),
    }
}

/// Asks the integration; stores the response when it may be stored. A lead that stores nothing
/// lets its followers go and ask for themselves.
async fn fetch<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &CachePlan,
    key: &Arc<[u8]>,
    lead: Option<Lead>,
    record: &mut Record,
) -> Result<Response, Fault> {
    // The request's fields move on to the back end; what the decision needs is read first.
    let private = policy::is_private(plan, &ctx.headers);
    let mut response = integrate::call(ctx, record).await?;
    let too_large = response
        .body
        .length()
        .is_some_and(|it| it > CACHED_OBJECT_BYTES_MAX);
    if too_large || !policy::may_store(plan, private, &response) {
        return Ok(response);
    }
    let body = core::mem::take(&mut response.body);
    let bytes_max = usize::try_from(CACHED_OBJECT_BYTES_MAX).unwrap_or(usize::MAX);
    let (bytes, whole, body) = mapping::peek(body, bytes_max).await.map_err(|error| {
        let error = IntegrationError::new(IntegrationErrorKind::Reset, error.to_string());
        Fault::integration(error, record)
    })?;
    response.body = body;
    if whole {
        let now_ms = ctx.ports.now_ms();
        let cached = Arc::new(Cached {
            status: response.status,
            headers: stored_headers(&response.headers),
            body: bytes,
            stored_ms: now_ms,
            expires_ms: now_ms.saturating_add(plan.ttl_ms),
        });
        match lead {
            Some(lead) => lead.publish(cached),
            None => ctx.ports.cache().put(Arc::clone(key), cached),
        }
    }
    Ok(response)
}

/// The block as it is kept: without the space that removed fields left in its buffer.
fn stored_headers(headers: &HeaderList) -> HeaderList {
    headers.iter().filter(|(name, _)| *name != "age").collect()
}
