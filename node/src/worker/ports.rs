//! The world as the pipeline asks for it: back ends, functions, quotas, logs and metrics of this
//! node.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ipnet::IpNet;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::{Payload, RequestView, Signer, SigningCredentials};
use tollgate_config::cells::{QuotaSlot, Refused, TokenBucket};
use tollgate_config::snapshot::{LogDestination, SigningKey, Snapshot, StagePlan};
use tollgate_functions::{
    Functions, HTTP_INTEGRATION_RESPONSE, Invocation, InvokeError, Outcome,
    Payload as FunctionPayload, PayloadStream, Prelude, split_prelude,
};
use tollgate_message::{Body, HeaderList, Request, Response};
use tollgate_pipeline::{
    ConnectionCall, Finished, FunctionReply, HandshakeRefusal, Head, HttpReply, IntegrationError,
    IntegrationErrorKind, InvokeMeta, Opening, Ports, ResponseCache,
};
use tollgate_protocol::Clock;
use tollgate_upstream::{Client, SendLimits, UpstreamError, UpstreamErrorKind, Upstreams};

use super::connections::ConnectionDoor;
use crate::actors::ThrottleHandle;
use crate::clock::SystemClock;
use crate::connections::{Connections, Gate};
use crate::logs::{LogBuffer, LogWriter};
use crate::metrics::Metrics;
use crate::sockets::{Opener, Places, Tally};

/// Log lines are handed to the writer at least this often.
const LOG_FLUSH_DELAY: Duration = Duration::from_millis(100);
/// How long a back end's response body may be silent.
const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Signers are kept by access key; functions behind a Lambda endpoint have a handful.
const SIGNERS_MAX: usize = 64;

/// Writes a readable line for each request, in dev mode.
pub type DevLog = fn(&Finished, &mut Vec<u8>);

/// What all workers share.
pub struct Shared {
    /// The snapshot that requests read.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The back ends.
    pub upstreams: Arc<Upstreams>,
    /// The functions.
    pub functions: Functions,
    /// The response cache.
    pub cache: Arc<ResponseCache>,
    /// Who refills quotas.
    pub throttle: ThrottleHandle,
    /// Where log lines go.
    pub logs: LogWriter,
    /// The metrics.
    pub metrics: Metrics,
    /// The clocks.
    pub clock: SystemClock,
    /// Networks of proxies that are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Who may call `@connections`.
    pub gate: Gate,
    /// The WebSocket connections of the cluster.
    pub connections: Arc<dyn Connections>,
    /// Those of this node.
    pub(crate) places: Arc<Places>,
    /// Whether WebSocket messages are compressed for clients that offer it.
    pub websocket_compression: bool,
    /// Bytes of a request's body that a function's event may carry.
    pub function_request_bytes_max: u64,
    /// Writes a line for each request of a stage without an access log, in dev mode.
    pub dev_log: Option<DevLog>,
}

/// One worker's ports.
#[derive(Clone)]
pub struct NodePorts(Rc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    client: Client,
    logs: Rc<LogBuffer>,
    /// A xorshift generator: ids and trace ids need to be unique, not unpredictable.
    random: Cell<u64>,
    signers: RefCell<Vec<(Box<str>, Rc<Signer>)>>,
    door: ConnectionDoor,
    opener: Opener,
}

impl NodePorts {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let mut seed = [0; 8];
        if aws_lc_rs::rand::fill(&mut seed).is_err() {
            seed = shared.clock.monotonic_us().to_le_bytes();
        }
        Self(Rc::new(Inner {
            shared: Arc::clone(shared),
            client: Client::new(Arc::clone(&shared.upstreams)),
            logs: Rc::new(LogBuffer::new(shared.logs.clone())),
            random: Cell::new(u64::from_le_bytes(seed) | 1),
            signers: RefCell::default(),
            door: ConnectionDoor::default(),
            opener: Opener::new(
                &shared.places,
                shared.websocket_compression,
                Tally::new(&shared.metrics),
            ),
        }))
    }

    /// The snapshot of this moment.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.shared.snapshot.load_full()
    }

    /// Hands the worker's log lines over soon, once for all lines that come until then.
    fn flush_logs_soon(&self) {
        if self.0.logs.schedule_flush() {
            let logs = Rc::clone(&self.0.logs);
            actix_rt::spawn(async move {
                tokio::time::sleep(LOG_FLUSH_DELAY).await;
                logs.flush();
            });
        }
    }

    fn signer(&self, key: &SigningKey) -> Rc<Signer> {
        let mut signers = self.0.signers.borrow_mut();
        let name = format!(
            "{}/{}/{}",
            key.access_key_id, key.region, key.secret_access_key
        );
        if let Some((_, signer)) = signers.iter().find(|(known, _)| **known == *name) {
            return Rc::clone(signer);
        }
        let credentials = SigningCredentials {
            access_key: key.access_key_id.to_string(),
            secret: Secret::new(key.secret_access_key.to_string()),
            session_token: None,
        };
        let signer = Rc::new(Signer::new(credentials, key.region.to_string(), "lambda"));
        if signers.len() >= SIGNERS_MAX {
            signers.clear();
        }
        signers.push((name.into(), Rc::clone(&signer)));
        signer
    }
}

impl Ports for NodePorts {
    fn now_ms(&self) -> u64 {
        self.0.shared.clock.now().0
    }

    fn monotonic_us(&self) -> u64 {
        self.0.shared.clock.monotonic_us()
    }

    fn request_id(&self) -> String {
        // 11 bytes in base64 are AWS's 15 characters and one `=`.
        let mut bytes = [0; 11];
        bytes[..8].copy_from_slice(&self.random_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.random_u64().to_le_bytes()[..3]);
        STANDARD.encode(bytes).replace(['+', '/'], "A")
    }

    fn random_u64(&self) -> u64 {
        let mut x = self.0.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.random.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn function_request_bytes_max(&self) -> u64 {
        self.0.shared.function_request_bytes_max
    }

    async fn connection(&self, call: ConnectionCall<'_>) -> Response {
        self.0.door.answer(&self.0.shared, call).await
    }

    fn reserve_socket(
        &self,
        head: &Head,
        headers: &HeaderList,
        of: (&Arc<str>, &Arc<str>),
    ) -> Result<Arc<str>, HandshakeRefusal> {
        self.0.opener.reserve(head, headers, of)
    }

    fn release_socket(&self, connection_id: &str) {
        self.0.opener.release(connection_id);
    }

    fn open_socket(&self, opening: Opening, headers: &HeaderList) -> Response {
        self.0.opener.open(self, opening, headers)
    }

    async fn send_http(
        &self,
        group: &str,
        request: Request,
        timeout_ms: u64,
    ) -> Result<HttpReply, IntegrationError> {
        let limits = SendLimits::new(Duration::from_millis(timeout_ms), BODY_IDLE_TIMEOUT);
        match self.0.client.send(group, request, &limits).await {
            Ok((response, info)) => Ok(HttpReply {
                response,
                server: Some(info.server),
            }),
            Err(error) => Err(upstream_error(error)),
        }
    }

    async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        meta: InvokeMeta<'_>,
    ) -> Result<FunctionReply, IntegrationError> {
        let invocation = Invocation {
            payload,
            request_id: meta.request_id.to_owned(),
            trace_id: Some(meta.trace_id.to_owned()),
            deadline: Duration::from_millis(meta.timeout_ms),
        };
        match self.0.shared.functions.invoke(function, invocation).await {
            Ok(outcome) => function_reply(outcome).await,
            Err(error) => Err(invoke_error(&error)),
        }
    }

    fn sign(&self, key: &SigningKey, request: &mut Request, payload: &[u8]) {
        let signer = self.signer(key);
        let now_ms = self.now_ms();
        let view = RequestView {
            method: request.method.as_str(),
            path: &request.path,
            query: request.query.as_deref(),
            headers: request.headers.iter(),
        };
        match signer.sign(&view, Payload::Bytes(payload), now_ms) {
            Ok(fields) => {
                for (name, value) in fields {
                    request.headers.set(name, value);
                }
            }
            // The endpoint then refuses the call, which is reported like any refusal.
            Err(error) => tracing::error!(%error, "a call of a Lambda endpoint cannot be signed"),
        }
    }

    fn cache(&self) -> &ResponseCache {
        &self.0.shared.cache
    }

    fn quota_low(&self, slot: &Arc<QuotaSlot>) {
        self.0.shared.throttle.low(slot);
    }

    async fn quota_wait(&self, slot: &Arc<QuotaSlot>) -> bool {
        self.0.shared.throttle.wait(slot).await
    }

    async fn take_elsewhere(&self, bucket: &TokenBucket) -> Result<(), Refused> {
        self.0.shared.throttle.take_elsewhere(bucket).await
    }

    fn is_cut_off(&self) -> bool {
        self.0.shared.throttle.is_cut_off()
    }

    fn quota_exceeded(&self) {
        self.0.shared.throttle.exceed();
    }

    fn finish(&self, finished: &Finished) {
        self.0.shared.metrics.finish(finished);
        let stage = finished.record.stage.as_ref();
        if let Some(log) = stage.and_then(|stage| stage.access_log.as_ref()) {
            self.0.logs.line(&log.destination, |out| {
                tollgate_pipeline::access_log::render(log, finished, out);
            });
            self.flush_logs_soon();
        } else if let Some(write) = self.0.shared.dev_log {
            self.0
                .logs
                .line(&LogDestination::Stdout, |out| write(finished, out));
            self.flush_logs_soon();
        }
    }

    fn exec_log(&self, stage: &StagePlan, request_id: &str, line: &str) {
        let name = format!(
            "API-Gateway-Execution-Logs_{}_{}.log",
            stage.api_id, stage.name
        );
        let now = time::OffsetDateTime::from_unix_timestamp(
            i64::try_from(self.now_ms() / 1000).unwrap_or_default(),
        );
        let stamp = now
            .ok()
            .and_then(|at| {
                at.format(&time::format_description::well_known::Rfc3339)
                    .ok()
            })
            .unwrap_or_default();
        self.0.logs.line(&LogDestination::File(name.into()), |out| {
            for part in [stamp.as_str(), " (", request_id, ") ", line] {
                out.extend(
                    part.bytes()
                        .map(|byte| if byte < b' ' { b' ' } else { byte }),
                );
            }
        });
        self.flush_logs_soon();
    }
}

fn upstream_error(error: UpstreamError) -> IntegrationError {
    let kind = match error.kind {
        UpstreamErrorKind::Connect => IntegrationErrorKind::Connect,
        UpstreamErrorKind::Dns => IntegrationErrorKind::Dns,
        UpstreamErrorKind::Tls => IntegrationErrorKind::Tls,
        UpstreamErrorKind::Timeout => IntegrationErrorKind::Timeout,
        UpstreamErrorKind::Reset => IntegrationErrorKind::Reset,
        UpstreamErrorKind::Protocol => IntegrationErrorKind::Protocol,
        UpstreamErrorKind::Overloaded => IntegrationErrorKind::Overloaded,
        UpstreamErrorKind::UnknownGroup => IntegrationErrorKind::Unknown,
        UpstreamErrorKind::InvalidRequest => IntegrationErrorKind::InvalidRequest,
        UpstreamErrorKind::RequestBody(tollgate_message::BodyError::TooLarge(_)) => {
            IntegrationErrorKind::TooLarge
        }
        UpstreamErrorKind::RequestBody(_) => IntegrationErrorKind::RequestBody,
    };
    IntegrationError {
        kind,
        detail: error.detail,
        server: error.server,
    }
}

fn invoke_error(error: &InvokeError) -> IntegrationError {
    let kind = match error {
        InvokeError::UnknownFunction { .. } => IntegrationErrorKind::Unknown,
        InvokeError::Overloaded { .. } | InvokeError::Stopped => IntegrationErrorKind::Overloaded,
        InvokeError::Timeout { .. } => IntegrationErrorKind::Timeout,
        InvokeError::PayloadTooLarge { .. } => IntegrationErrorKind::TooLarge,
        InvokeError::Crashed { .. }
        | InvokeError::OutOfMemory { .. }
        | InvokeError::InitFailed { .. } => IntegrationErrorKind::Function,
    };
    IntegrationError::new(kind, format!("{}: {error}", error.error_type()))
}

async fn function_reply(outcome: Outcome) -> Result<FunctionReply, IntegrationError> {
    let bad = |detail: String| IntegrationError::new(IntegrationErrorKind::BadOutput, detail);
    if let Some(error) = outcome.function_error {
        return Ok(FunctionReply::Error(error.message));
    }
    let (content_type, body) = match outcome.payload {
        FunctionPayload::Buffered(bytes) => return Ok(FunctionReply::Buffered(bytes)),
        FunctionPayload::Streaming { content_type, body } => (content_type, body),
    };
    let prelude = if content_type.starts_with(HTTP_INTEGRATION_RESPONSE) {
        let (prelude, body) = split_prelude(body)
            .await
            .map_err(|error| bad(error.to_string()))?;
        return Ok(FunctionReply::Streaming {
            prelude: envelope(&prelude),
            body: stream(body),
        });
    } else {
        serde_json::json!({"statusCode": 200, "headers": {"content-type": content_type}})
    };
    Ok(FunctionReply::Streaming {
        prelude: prelude.to_string().into(),
        body: stream(body),
    })
}

fn stream(body: PayloadStream) -> Body {
    Body::Stream {
        stream: Box::pin(body),
        length: None,
    }
}

/// The prelude as the pipeline reads it.
fn envelope(prelude: &Prelude) -> Bytes {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &prelude.headers {
        fields.entry(name).or_default().push(value);
    }
    serde_json::json!({
        "statusCode": prelude.status_code,
        "multiValueHeaders": fields,
        "cookies": prelude.cookies,
    })
    .to_string()
    .into()
}
