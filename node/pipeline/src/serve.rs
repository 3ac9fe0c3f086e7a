//! A request from its arrival to its response: the stages in their order.

use std::sync::Arc;

use tollgate_config::snapshot::{IntegrationPlan, RoutePlan, Snapshot};
use tollgate_message::{Body, HeaderList, Request, Response};
use tollgate_model::{AuthorizationType, ProtocolType};

use crate::address::{self, Address, Found};
use crate::client::{ClientInfo, Scheme};
use crate::connections::{self, ConnectionCall};
use crate::cors::{self, Grant};
use crate::exec_log::ExecLog;
use crate::fault::{Fault, FaultKind};
use crate::finished::{FinishGuard, Head, Record};
use crate::forwarded::{self, Source};
use crate::integrate::{self, RequestCtx};
use crate::ports::Ports;
use crate::trace::Trace;
use crate::websocket::{self, Handshake};
use crate::{admit, cache, hop, respond, route};

/// Answers a request.
///
/// The snapshot is taken once by the caller and stays the same for the whole request. Every way to
/// end, a dropped future and a dropped body among them, hands exactly one event to
/// [`Ports::finish`].
pub async fn serve<P: Ports>(
    ports: &P,
    snapshot: &Snapshot,
    request: Request,
    client: &ClientInfo,
) -> Response {
    let Request {
        method,
        path,
        query,
        version,
        headers,
        body,
    } = request;
    let source = forwarded::source(client, &headers);
    let received_ms = ports.now_ms();
    let head = Head {
        request_id: ports.request_id(),
        method,
        path,
        version,
        domain: address::domain_of(&headers),
        user_agent: None,
        source_ip: Arc::clone(&source.ip),
        received_ms,
        started_us: ports.monotonic_us(),
    };
    let mut guard = FinishGuard::new(ports, head);
    let trace = Trace::of(&headers, ports, received_ms);
    let record = &mut guard.finished.record;
    record.trace = Some(trace);
    record.request_bytes = body.length().unwrap_or_default();
    let incoming = Incoming {
        query,
        headers,
        body,
        source,
        trace,
    };
    let response = answer(ports, snapshot, client, &mut guard, incoming).await;
    respond::send(guard, ports.monotonic_us(), response)
}

/// The parts of a request that move on.
struct Incoming {
    query: Option<String>,
    headers: HeaderList,
    body: Body,
    source: Source,
    trace: Trace,
}

impl Incoming {
    fn connection_call<'a>(
        &'a mut self,
        head: &'a Head,
        address: &Address<'a>,
        connection_id: String,
    ) -> ConnectionCall<'a> {
        ConnectionCall {
            api_id: &address.api.api_id,
            stage: &address.stage.name,
            connection_id,
            method: &head.method,
            path: &head.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            source_ip: &head.source_ip,
            secure: self.source.scheme == Scheme::Https,
            body: std::mem::take(&mut self.body),
        }
    }

    fn handshake<'a>(
        &'a self,
        head: &'a Head,
        address: &'a Address<'a>,
        snapshot: &'a Snapshot,
        client: &'a ClientInfo,
    ) -> Handshake<'a> {
        Handshake {
            snapshot,
            address,
            client,
            head,
            query: self.query.as_deref(),
            headers: &self.headers,
            source: &self.source,
            trace: self.trace,
        }
    }
}

/// What the health check of a custom domain answers.
fn healthy() -> Response {
    Response::new(200)
        .with_header("content-type", "text/plain")
        .with_body("healthy")
}

/// From the address to the response, CORS included.
async fn answer<P: Ports>(
    ports: &P,
    snapshot: &Snapshot,
    client: &ClientInfo,
    guard: &mut FinishGuard<P>,
    mut incoming: Incoming,
) -> Response {
    let finished = &mut guard.finished;
    let (head, record) = (&mut finished.head, &mut finished.record);
    // The path is borrowed by what is found in it, while the rest of the head may still change.
    let user_agent = &mut head.user_agent;
    let address = match address::find(snapshot, &head.domain, &incoming.headers, &head.path) {
        Ok(Found::Stage(address)) => address,
        Ok(Found::Health) => return healthy(),
        Err(fault) => return fault.respond(record),
    };
    record.stage = Some(Arc::clone(address.stage));
    if let Some(connection_id) = connections::id_of(&address) {
        let call = incoming.connection_call(head, &address, connection_id);
        return ports.connection(call).await;
    }
    let keep = Keep {
        snapshot,
        address: &address,
        headers: &incoming.headers,
    };
    if address.stage.access_log.is_some() {
        keep.context(user_agent, record);
    }
    if address.api.protocol == ProtocolType::Websocket {
        keep.context(user_agent, record);
        let ask = incoming.handshake(head, &address, snapshot, client);
        return websocket::connect(ports, ask, record).await;
    }
    let cors = address.api.cors.as_ref();
    let grant = cors.map(|cors| Grant::of(cors, &incoming.headers));
    if let Some(grant) = &grant
        && cors::is_preflight(&head.method, &incoming.headers)
    {
        return grant.preflight();
    }
    let matched = match route::select(address.stage, head.method.as_str(), address.path) {
        Ok(matched) => matched,
        Err(fault) => return with_cors(grant.as_ref(), fault.respond(record)),
    };
    record.route = Some(Arc::clone(matched.route));
    if record.account_id.is_none() && maps_context(matched.route) {
        keep.context(user_agent, record);
    }
    let head = &*head;
    let log = ExecLog::new(ports, address.stage, matched.route, &head.request_id);
    log.starting(head, matched.route, incoming.query.as_deref());
    log.request(&incoming.headers, &incoming.body);
    let (body, tunnel) = hop::part_tunnel(head.version, &incoming.headers, incoming.body);
    let mut ctx = RequestCtx {
        ports,
        snapshot,
        client,
        head,
        address,
        route: matched.route,
        params: matched.params,
        query: incoming.query,
        headers: incoming.headers,
        body,
        tunnel,
        source: incoming.source,
        trace: incoming.trace,
        log,
    };
    let mut outcome = routed(&mut ctx, record).await;
    ctx.log.ended(&head.method, &mut outcome);
    let response = outcome.unwrap_or_else(|fault| fault.respond(record));
    with_cors(grant.as_ref(), response)
}

/// Authorization, admission, cache, integration.
async fn routed<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    record: &mut Record,
) -> Result<Response, Fault> {
    let (stage, route) = (ctx.address.stage, ctx.route);
    authorize(route)?;
    let permit = admit::check(
        ctx.ports,
        &ctx.snapshot.keys,
        stage,
        route,
        &ctx.headers,
        record,
    )
    .await?;
    let mut response = match &route.cache {
        Some(plan) if cache::applies(plan, ctx) => cache::call(ctx, plan, record).await?,
        _ => integrate::call(ctx, record).await?,
    };
    permit.stamp(ctx.ports, &mut response.headers);
    Ok(response)
}

/// Nothing judges requests yet: a route that is not for everybody is for nobody.
pub(crate) fn authorize(route: &RoutePlan) -> Result<(), Fault> {
    let kind = route.authorization;
    if kind == AuthorizationType::None {
        return Ok(());
    }
    let detail = format!(
        "authorizationType {} is not judged by this release",
        kind.name()
    );
    Err(Fault::new(FaultKind::AuthorizerConfiguration, detail))
}

fn with_cors(grant: Option<&Grant<'_>>, mut response: Response) -> Response {
    if let Some(grant) = grant {
        grant.apply(&mut response.headers);
    }
    response
}

/// What logs and mappings may read when the request has moved on. It is not kept for every request:
/// the account id is an `Arc` that all workers would count on, the rest are copies.
struct Keep<'a> {
    snapshot: &'a Snapshot,
    address: &'a Address<'a>,
    headers: &'a HeaderList,
}

impl Keep<'_> {
    fn context(&self, user_agent: &mut Option<Box<str>>, record: &mut Record) {
        record.account_id = Some(Arc::clone(&self.snapshot.account_id));
        record.base_path = self.address.base_path.map(Into::into);
        *user_agent = self
            .headers
            .get("user-agent")
            .map(|value| String::from_utf8_lossy(value).into_owned().into());
    }
}

/// Whether a mapping of the route may read `$context`.
fn maps_context(route: &RoutePlan) -> bool {
    match &route.integration {
        IntegrationPlan::Http(plan) => {
            !plan.request_mapping.is_empty() || !plan.response_mapping.is_empty()
        }
        IntegrationPlan::Function(plan) => !plan.response_mapping.is_empty(),
        IntegrationPlan::Fixed(_) => true,
        IntegrationPlan::Missing | IntegrationPlan::Unserved(_) => false,
    }
}
