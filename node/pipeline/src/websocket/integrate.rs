//! Calls what answers a route of a WebSocket API: the message, or what a template makes of it, to
//! a function, an HTTP back end or the gateway itself (reference 6.3).

use bytes::Bytes;
use serde_json::Value;
use tollgate_config::snapshot::{
    BodyTemplates, FixedPlan, FunctionPlan, FunctionTarget, HttpPlan, IntegrationPlan, RoutePlan,
    SocketRoute,
};
use tollgate_message::{Body, HeaderList, Method, Request, Response, Version};
use tollgate_model::PassthroughBehavior;
use tollgate_protocol::limits::CONNECTION_DATA_BYTES_MAX;

use super::select;
use super::{Message, SocketEvent};
use crate::event::{self, SocketInput};
use crate::exec_log::ExecLog;
use crate::fault::{Fault, FaultKind};
use crate::finished::{Head, Record};
use crate::integrate::{lambda, path, reply};
use crate::mapping::{MappedBody, RequestEdits, RequestSide, Scope, evaluate};
use crate::ports::{
    FunctionReply, IntegrationError, IntegrationErrorKind as Kind, InvokeMeta, Ports,
};
use crate::text::push_encoded;
use crate::trace::Trace;

/// The status of an answer that says none: that of a function's whole output.
const OK: u16 = 200;

/// What an integration is asked with.
pub(crate) struct Ask<'a, P: Ports> {
    pub(crate) ports: &'a P,
    pub(crate) head: &'a Head,
    pub(crate) route: &'a RoutePlan,
    pub(crate) socket: &'a SocketRoute,
    pub(crate) event: &'a SocketEvent,
    /// The handshake's fields, for functions as AWS shows them; of a message there are none.
    pub(crate) headers: Option<&'a HeaderList>,
    pub(crate) query: Option<&'a str>,
    pub(crate) message: Option<Message>,
    /// The message as mappings read it.
    pub(crate) body: &'a MappedBody,
    pub(crate) trace: Trace,
    pub(crate) log: ExecLog<'a, P>,
}

/// What an integration answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderList,
    pub(crate) data: Bytes,
    /// Whether the data are bytes and not text.
    pub(crate) binary: bool,
    /// What a function that failed said; only where its integration is no proxy.
    pub(crate) error: Option<String>,
}

impl<P: Ports> Ask<'_, P> {
    pub(crate) fn scope<'s>(&'s self, record: &'s Record, none: &'s HeaderList) -> Scope<'s> {
        Scope {
            head: self.head,
            record,
            request: Some(RequestSide {
                headers: self.headers.unwrap_or(none),
                query: self.query,
                path: "/",
                params: &[],
                body: Some(self.body),
            }),
            response: None,
        }
    }

    /// The bytes that the integration gets: the message, or what its template makes of it.
    fn payload(&self, record: &Record) -> Result<Bytes, Fault> {
        let none = HeaderList::new();
        let templates = &self.socket.request;
        let mut payload = match self.chosen(templates) {
            Some(template) => {
                let mut out = Vec::new();
                evaluate(template, &self.scope(record, &none), &mut out);
                Bytes::from(out)
            }
            None => {
                let passes = match self.socket.passthrough {
                    PassthroughBehavior::WhenNoMatch => true,
                    PassthroughBehavior::Never => false,
                    PassthroughBehavior::WhenNoTemplates => templates.by_key.is_empty(),
                };
                if !passes {
                    let detail = "no template is for the message, and it is not passed on without";
                    return Err(Fault::new(FaultKind::BadRequest, detail));
                }
                self.data()
            }
        };
        if self.socket.decodes {
            use base64::Engine as _;
            let decoded = base64::engine::general_purpose::STANDARD.decode(payload.trim_ascii());
            payload = decoded
                .map(Bytes::from)
                .map_err(|_| Fault::new(FaultKind::BadRequest, "the message is no base64"))?;
        }
        Ok(payload)
    }

    fn chosen<'t>(&self, of: &'t BodyTemplates) -> Option<&'t tollgate_config::snapshot::Template> {
        let key = select::key(&of.selection, self.body, None)?;
        of.by_key.get(&*key)
    }

    fn data(&self) -> Bytes {
        self.message
            .as_ref()
            .map(|it| it.data.clone())
            .unwrap_or_default()
    }
}

/// Has the integration answer. Its time and status are noted in the record.
pub(crate) async fn call<P: Ports>(ask: &Ask<'_, P>, record: &mut Record) -> Result<Answer, Fault> {
    match &ask.route.integration {
        IntegrationPlan::Function(plan) => function(ask, plan, record).await,
        IntegrationPlan::Http(plan) => http(ask, plan, record).await,
        IntegrationPlan::Fixed(plan) => fixed(ask, plan, record),
        IntegrationPlan::Missing => Err(Fault::new(
            FaultKind::Configuration,
            "the route has no integration",
        )),
        IntegrationPlan::Unserved(what) => Err(Fault::new(
            FaultKind::Configuration,
            format!("this release does not serve {what}"),
        )),
    }
}

async fn function<P: Ports>(
    ask: &Ask<'_, P>,
    plan: &FunctionPlan,
    record: &mut Record,
) -> Result<Answer, Fault> {
    let payload = if ask.socket.raw {
        ask.payload(record)?
    } else {
        let message = ask.message.as_ref();
        let input = SocketInput {
            head: ask.head,
            record,
            event: ask.event,
            headers: ask.headers,
            query: ask.query,
            body: message.map(|it| (&*it.data, it.binary)),
        };
        let event = event::socket(&input).map(Bytes::from);
        event.map_err(|error| Fault::new(FaultKind::Configuration, format!("event: {error}")))?
    };
    ask.log.invoking(&payload);
    let trace_id = ask.trace.xray();
    let meta = InvokeMeta {
        request_id: &ask.head.request_id,
        trace_id: &trace_id,
        timeout_ms: plan.timeout_ms,
    };
    let started_us = ask.ports.monotonic_us();
    let outcome = match &plan.target {
        FunctionTarget::Local(name) => ask.ports.invoke(name, payload, meta).await,
        FunctionTarget::Endpoint { .. } => {
            lambda::invoke(ask.ports, &plan.target, payload, meta, record).await
        }
    };
    let latency_us = ask.ports.monotonic_us().saturating_sub(started_us);
    record.integration.latency_us = Some(latency_us);
    let reply = outcome.map_err(|error| Fault::integration(error, record))?;
    record.integration.status = Some(OK);
    let answer = output(ask.socket.raw, reply).await;
    let answer = answer.map_err(|error| Fault::integration(error, record))?;
    record.integration.function_status = Some(answer.status);
    log(ask, &answer, latency_us);
    Ok(answer)
}

/// A function's output as an answer.
async fn output(raw: bool, reply: FunctionReply) -> Result<Answer, IntegrationError> {
    let bad = |why: String| IntegrationError::new(Kind::BadOutput, why);
    let output = match reply {
        FunctionReply::Buffered(output) => output,
        FunctionReply::Streaming { prelude, body } => {
            let response = reply::streaming(&prelude, body).map_err(|it| bad(it.to_string()))?;
            let (status, headers) = (response.status, response.headers);
            let data = response.body.collect(CONNECTION_DATA_BYTES_MAX as u64);
            let data = data.await.map_err(|it| bad(it.to_string()))?;
            return Ok(Answer {
                status,
                headers,
                binary: core::str::from_utf8(&data).is_err(),
                data,
                error: None,
            });
        }
        FunctionReply::Error(error) if raw => {
            let said: Option<Value> = serde_json::from_slice(&error).ok();
            let said = said
                .as_ref()
                .and_then(|it| it.get("errorMessage")?.as_str());
            return Ok(Answer {
                error: Some(said.unwrap_or_default().to_owned()),
                ..whole(error)
            });
        }
        FunctionReply::Error(error) => {
            let detail = String::from_utf8_lossy(&error[..error.len().min(ERROR_BYTES_KEPT)]);
            return Err(IntegrationError::new(Kind::Function, detail));
        }
    };
    if raw {
        return Ok(whole(output));
    }
    let (response, binary) = reply::socket(&output).map_err(|it| bad(it.to_string()))?;
    let (status, headers) = (response.status, response.headers);
    let data = match response.body {
        Body::Full(data) => data,
        _ => Bytes::new(),
    };
    Ok(Answer {
        status,
        headers,
        data,
        binary,
        error: None,
    })
}

/// How much of a function's error a log line may show, as of requests.
pub(crate) const ERROR_BYTES_KEPT: usize = 1_024;

fn whole(data: Bytes) -> Answer {
    Answer {
        status: OK,
        headers: HeaderList::new(),
        binary: core::str::from_utf8(&data).is_err(),
        data,
        error: None,
    }
}

async fn http<P: Ports>(
    ask: &Ask<'_, P>,
    plan: &HttpPlan,
    record: &mut Record,
) -> Result<Answer, Fault> {
    let payload = ask.payload(record)?;
    let mut request = request(ask, plan, payload, record)?;
    ask.log.sending(&plan.authority, &mut request);
    let started_us = ask.ports.monotonic_us();
    let sent = ask.ports.send_http(&plan.group, request, plan.timeout_ms);
    let sent = sent.await;
    let latency_us = ask.ports.monotonic_us().saturating_sub(started_us);
    record.integration.latency_us = Some(latency_us);
    let reply = sent.map_err(|error| Fault::integration(error, record))?;
    let response = reply.response;
    record.integration.status = Some(response.status);
    record.integration.server = reply.server;
    if !(200..600).contains(&response.status) {
        let detail = format!("{} is no status of a response", response.status);
        let error = IntegrationError::new(Kind::Protocol, detail);
        return Err(Fault::integration(error, record));
    }
    let (status, headers) = (response.status, response.headers);
    let data = response
        .body
        .collect(CONNECTION_DATA_BYTES_MAX as u64)
        .await;
    let data = data.map_err(|error| {
        let error = IntegrationError::new(Kind::Reset, error.to_string());
        Fault::integration(error, record)
    })?;
    let binary = core::str::from_utf8(&data).is_err();
    let answer = Answer {
        status,
        headers,
        data,
        binary,
        error: None,
    };
    log(ask, &answer, latency_us);
    Ok(answer)
}

fn request<P: Ports>(
    ask: &Ask<'_, P>,
    plan: &HttpPlan,
    payload: Bytes,
    record: &Record,
) -> Result<Request, Fault> {
    let none = HeaderList::new();
    let scope = ask.scope(record, &none);
    let mut params = Vec::with_capacity(ask.socket.path_params.len());
    for (name, template) in &ask.socket.path_params {
        let (mut value, mut encoded) = (Vec::new(), String::new());
        evaluate(template, &scope, &mut value);
        push_encoded(&mut encoded, &value);
        params.push((&**name, encoded));
    }
    let params: Vec<(&str, &str)> = params.iter().map(|(name, it)| (*name, &**it)).collect();
    let path = path::build(&plan.path, &params, "/")?;
    let edits = RequestEdits::new(&plan.request_mapping, &scope)?;
    let mut headers = HeaderList::with_capacity(8, 256);
    headers.append("host", plan.authority.as_bytes());
    headers.append("content-type", "application/json");
    let mut value = Vec::with_capacity(96);
    ask.trace.write_traceparent(&mut value);
    headers.append("traceparent", &value);
    headers.append("x-amzn-trace-id", ask.trace.xray());
    edits.apply_headers(&mut headers);
    let method = plan
        .method
        .as_deref()
        .map_or(Method::Post, Method::from_token);
    let bodiless = matches!(method, Method::Get | Method::Head);
    Ok(Request {
        method,
        path,
        query: edits.query.apply(plan.query.as_deref()),
        version: Version::Http11,
        headers,
        body: if bodiless {
            Body::Empty
        } else {
            Body::from(payload)
        },
    })
}

/// The gateway's own answer. Its status is what the template of the request says, as on AWS, or
/// that of the fixed response.
fn fixed<P: Ports>(
    ask: &Ask<'_, P>,
    plan: &FixedPlan,
    record: &mut Record,
) -> Result<Answer, Fault> {
    let none = HeaderList::new();
    let mut status = plan.status;
    if !ask.socket.request.by_key.is_empty() {
        let made = ask.payload(record)?;
        let made: Option<Value> = serde_json::from_slice(&made).ok();
        let said = made.as_ref().and_then(|it| it.get("statusCode")?.as_u64());
        let said = said.and_then(|it| u16::try_from(it).ok());
        let known = said.filter(|it| (200..600).contains(it));
        status = known.ok_or_else(|| {
            let detail = "the template of a MOCK gives no statusCode from 200 to 599";
            Fault::new(FaultKind::Configuration, detail)
        })?;
    }
    record.integration.status = Some(status);
    let scope = ask.scope(record, &none);
    let mut headers = HeaderList::new();
    for (name, template) in &plan.headers {
        let mut value = Vec::new();
        if evaluate(template, &scope, &mut value) {
            crate::text::make_field_value(&mut value);
            headers.append(name, value);
        }
    }
    let mut data = Vec::new();
    evaluate(&plan.body, &scope, &mut data);
    Ok(Answer {
        status,
        headers,
        binary: core::str::from_utf8(&data).is_err(),
        data: data.into(),
        error: None,
    })
}

fn log<P: Ports>(ask: &Ask<'_, P>, answer: &Answer, latency_us: u64) {
    let mut response = Response::new(answer.status).with_body(answer.data.clone());
    response.headers = answer.headers.clone();
    ask.log.received(&response, latency_us);
}
