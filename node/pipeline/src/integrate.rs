//! Calls what answers a route.

mod fixed;
mod function;
mod http;
pub(crate) mod lambda;
pub(crate) mod path;
pub(crate) mod reply;

use std::sync::Arc;

use tollgate_config::snapshot::{IntegrationPlan, MappingStep, RoutePlan, Snapshot};
use tollgate_message::{Body, HeaderList, Response};
use tollgate_protocol::limits::MAPPING_BODY_BYTES_MAX;

use crate::address::Address;
use crate::client::ClientInfo;
use crate::exec_log::ExecLog;
use crate::fault::{Fault, FaultKind};
use crate::finished::{Head, Record};
use crate::forwarded::Source;
use crate::mapping::{self, MappedBody, RequestSide, Scope};
use crate::ports::{IntegrationError, IntegrationErrorKind, Ports};
use crate::trace::Trace;

/// A request on its way to the integration. Headers and body move on to the back end.
pub(crate) struct RequestCtx<'a, P: Ports> {
    pub(crate) ports: &'a P,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) client: &'a ClientInfo,
    pub(crate) head: &'a Head,
    pub(crate) address: Address<'a>,
    pub(crate) route: &'a Arc<RoutePlan>,
    pub(crate) params: Vec<(&'a str, &'a str)>,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderList,
    pub(crate) body: Body,
    /// The client's side of an upgrade, for a back end that is asked to upgrade.
    pub(crate) tunnel: Body,
    pub(crate) source: Source,
    pub(crate) trace: Trace,
    pub(crate) log: ExecLog<'a, P>,
}

impl<P: Ports> RequestCtx<'_, P> {
    /// The request as expressions see it.
    fn side<'s>(&'s self, body: Option<&'s MappedBody>) -> RequestSide<'s> {
        RequestSide {
            headers: &self.headers,
            query: self.query.as_deref(),
            path: self.address.path,
            params: &self.params,
            body,
        }
    }

    /// What expressions over the request may read.
    fn scope<'s>(&'s self, record: &'s Record, body: Option<&'s MappedBody>) -> Scope<'s> {
        Scope {
            head: self.head,
            record,
            request: Some(self.side(body)),
            response: None,
        }
    }

    /// Reads the beginning of the request's body for mapping; the whole of it goes on.
    async fn peek_body(&mut self) -> Result<MappedBody, Fault> {
        let body = core::mem::take(&mut self.body);
        let (seen, _, body) = mapping::peek(body, MAPPING_BODY_BYTES_MAX)
            .await
            .map_err(|error| Fault::new(FaultKind::BadRequest, error.to_string()))?;
        self.body = body;
        Ok(MappedBody::new(seen))
    }
}

/// Has the integration answer. Its time and status are noted in the record.
pub(crate) async fn call<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    record: &mut Record,
) -> Result<Response, Fault> {
    let route = Arc::clone(ctx.route);
    match &route.integration {
        IntegrationPlan::Http(plan) => http::call(ctx, plan, record).await,
        IntegrationPlan::Function(plan) => function::call(ctx, plan, record).await,
        IntegrationPlan::Fixed(plan) => fixed::call(ctx, plan, record).await,
        IntegrationPlan::Missing => Err(Fault::new(
            FaultKind::Configuration,
            "the route has no integration",
        )),
        IntegrationPlan::Unserved(service) => Err(Fault::new(
            FaultKind::Configuration,
            format!("this release does not call {service}"),
        )),
    }
}

/// Response mapping by status; reads the body's beginning only when a step wants it.
async fn map_response(
    steps: &[MappingStep],
    reads_body: bool,
    head: &Head,
    record: &mut Record,
    response: &mut Response,
) -> Result<(), Fault> {
    let mut seen = None;
    if reads_body {
        let body = core::mem::take(&mut response.body);
        let peeked = mapping::peek(body, MAPPING_BODY_BYTES_MAX).await;
        let (text, _, body) = peeked.map_err(|error| {
            let error = IntegrationError::new(IntegrationErrorKind::Reset, error.to_string());
            Fault::integration(error, record)
        })?;
        response.body = body;
        seen = Some(MappedBody::new(text));
    }
    mapping::apply_response(steps, head, record, seen.as_ref(), response);
    Ok(())
}
