//! What the request path asks of the world: time, chance, back ends, the cache, the logs.
//!
//! The node implements it once per worker; tests implement it in memory. Everything is dispatched
//! statically and nothing needs to be `Send`: a request stays on the worker that read it.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_config::cells::{QuotaSlot, Refused, TokenBucket};
use tollgate_config::snapshot::{SigningKey, StagePlan};
use tollgate_message::{Body, HeaderList, Request, Response};
use tollgate_protocol::limits::FUNCTION_PAYLOAD_BYTES_MAX;

use crate::cache::ResponseCache;
use crate::connections::ConnectionCall;
use crate::finished::{Finished, Head};
use crate::websocket::{HandshakeRefusal, Opening};

/// The world around a request. A handle that is cheap to clone (an `Rc`): a streaming body keeps
/// one until it ends.
pub trait Ports: Clone + Unpin + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Microseconds of a clock that never steps back. The same clock that token buckets see.
    fn monotonic_us(&self) -> u64;

    /// A new request id, as AWS makes them for HTTP APIs: `JKJaXmPLvHcESHA=`. ASCII without
    /// spaces and quotes.
    fn request_id(&self) -> String;

    /// A random number; need not be fit for secrets.
    fn random_u64(&self) -> u64;

    /// Whether a trace that begins here is marked as sampled. By default not, as AWS's passive
    /// tracing does.
    fn sample_new_trace(&self) -> bool {
        false
    }

    /// Bytes of a request's body that a function's event may carry.
    fn function_request_bytes_max(&self) -> u64 {
        FUNCTION_PAYLOAD_BYTES_MAX
    }

    /// Sends a request to a server of an upstream group and waits for the response's head.
    fn send_http(
        &self,
        group: &str,
        request: Request,
        timeout_ms: u64,
    ) -> impl Future<Output = Result<HttpReply, IntegrationError>>;

    /// Calls a function of this node.
    fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        meta: InvokeMeta<'_>,
    ) -> impl Future<Output = Result<FunctionReply, IntegrationError>>;

    /// Signs a call of a Lambda `Invoke` API: SigV4, service `lambda`, over all its fields. The
    /// payload is the request's body.
    fn sign(&self, key: &SigningKey, request: &mut Request, payload: &[u8]);

    /// Answers a call of the `@connections` API. It checks who calls: nobody has before.
    fn connection(&self, call: ConnectionCall<'_>) -> impl Future<Output = Response>;

    /// Reserves the place of a connection of this API and stage, whose handshake these are; its id.
    /// What back ends send to it waits until it is opened or released.
    ///
    /// # Errors
    /// When this is no handshake, or there is no room. By default a node holds no connections.
    fn reserve_socket(
        &self,
        head: &Head,
        headers: &HeaderList,
        (api_id, stage): (&Arc<str>, &Arc<str>),
    ) -> Result<Arc<str>, HandshakeRefusal> {
        let _ = (head, headers, api_id, stage);
        Err(HandshakeRefusal::Full)
    }

    /// Gives a reserved place back: the connection does not open.
    fn release_socket(&self, connection_id: &str) {
        let _ = connection_id;
    }

    /// Opens a reserved connection. The answer is the rest of the handshake, 101; anything else
    /// says that it does not open after all.
    fn open_socket(&self, opening: Opening, headers: &HeaderList) -> Response {
        let _ = (opening, headers);
        Response::new(503)
    }

    /// The response cache of the node.
    fn cache(&self) -> &ResponseCache;

    /// A quota's lease runs low: ask for more in the background.
    fn quota_low(&self, slot: &Arc<QuotaSlot>);

    /// Asks for quota tokens and returns when the answer is there; `false` when none came in time
    /// or too much waits already.
    fn quota_wait(&self, slot: &Arc<QuotaSlot>) -> impl Future<Output = bool>;

    /// Asks for a token of a bucket that another node of the cluster has all of, because it is too
    /// small to be divided. `Err` when there is none, or nobody answers in time.
    fn take_elsewhere(&self, bucket: &TokenBucket) -> impl Future<Output = Result<(), Refused>>;

    /// Whether this node has no contact with a majority of the cluster.
    fn is_cut_off(&self) -> bool {
        false
    }

    /// A request is admitted beyond what the node holds, because its plan says so.
    fn quota_exceeded(&self) {}

    /// A request ended. Called exactly once for each.
    fn finish(&self, finished: &Finished);

    /// A line of the execution log (reference 17).
    fn exec_log(&self, stage: &StagePlan, request_id: &str, line: &str);
}

/// A response of an HTTP back end.
#[derive(Debug)]
pub struct HttpReply {
    /// The response.
    pub response: Response,
    /// The server that gave it, for logs.
    pub server: Option<Arc<str>>,
}

/// What goes with an invocation.
#[derive(Debug, Clone, Copy)]
pub struct InvokeMeta<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// `X-Amzn-Trace-Id` as the function sees it.
    pub trace_id: &'a str,
    /// Milliseconds that the answer may take.
    pub timeout_ms: u64,
}

/// What a function answered.
#[derive(Debug)]
pub enum FunctionReply {
    /// The whole answer.
    Buffered(Bytes),
    /// A streamed answer.
    Streaming {
        /// `{"statusCode": ..., "headers": ..., "multiValueHeaders": ..., "cookies": ...}`.
        prelude: Bytes,
        /// What follows it.
        body: Body,
    },
    /// The function failed: its error as JSON.
    Error(Bytes),
}

/// Why an integration gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", kind.as_str())]
pub struct IntegrationError {
    /// What happened.
    pub kind: IntegrationErrorKind,
    /// More words for logs; clients never see them.
    pub detail: String,
    /// The server it happened at.
    pub server: Option<Arc<str>>,
}

/// What kept an integration from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationErrorKind {
    /// No connection.
    Connect,
    /// The host name has no address.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection ended before the answer was there.
    Reset,
    /// The answer is not HTTP, or not an answer.
    Protocol,
    /// Too much waits for the back end already.
    Overloaded,
    /// There is no such upstream group or function.
    Unknown,
    /// The request has more bytes than the back end takes.
    TooLarge,
    /// The function failed, crashed or could not start.
    Function,
    /// The function's output is no reply.
    BadOutput,
    /// The client's own body ended early; the back end is not to blame.
    RequestBody,
    /// The request cannot be written to the back end.
    InvalidRequest,
}

impl IntegrationError {
    /// An error without a server.
    #[must_use]
    pub fn new(kind: IntegrationErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            server: None,
        }
    }
}

impl IntegrationErrorKind {
    /// A short, stable name for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::Overloaded => "overloaded",
            Self::Unknown => "unknown",
            Self::TooLarge => "too_large",
            Self::Function => "function",
            Self::BadOutput => "bad_output",
            Self::RequestBody => "request_body",
            Self::InvalidRequest => "invalid_request",
        }
    }
}
