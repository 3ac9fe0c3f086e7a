//! What is known of a request when it has ended: the one event that metrics, access logs and
//! traces are made of. The guard sees to it that it is handed over exactly once.

use std::borrow::Cow;
use std::sync::Arc;

use tollgate_config::snapshot::{KeyEntry, KeyPlan, RoutePlan, StagePlan};
use tollgate_message::{Method, Version};

use crate::fault::FaultKind;
use crate::ports::{IntegrationErrorKind, Ports};
use crate::trace::Trace;
use crate::websocket::SocketEvent;

/// A request that has ended.
#[derive(Debug)]
pub struct Finished {
    /// What the client asked.
    pub head: Head,
    /// What became of it.
    pub record: Record,
}

/// What the client asked, as far as logs need it.
#[derive(Debug)]
pub struct Head {
    /// The request's id.
    pub request_id: String,
    /// The method.
    pub method: Method,
    /// The path as it came.
    pub path: String,
    /// The version of the connection.
    pub version: Version,
    /// The host in lower case, without port.
    pub domain: String,
    /// `User-Agent`; kept only where a log or a mapping may read it.
    pub user_agent: Option<Box<str>>,
    /// The client's address: the peer's, or what a trusted proxy tells.
    pub source_ip: Arc<str>,
    /// When it came, milliseconds since the epoch.
    pub received_ms: u64,
    /// When it came, microseconds of the monotonic clock.
    pub started_us: u64,
}

/// What became of a request.
#[derive(Debug, Default)]
pub struct Record {
    /// The account id of the installation; kept only where a log or a mapping may read it.
    pub account_id: Option<Arc<str>>,
    /// The stage, once it was found.
    pub stage: Option<Arc<StagePlan>>,
    /// The route, once it was found.
    pub route: Option<Arc<RoutePlan>>,
    /// The mapping key that the custom domain matched; empty for the empty key. Kept as the account
    /// id is.
    pub base_path: Option<Box<str>>,
    /// The status that the client got; 499 when it left before there was one.
    pub status: u16,
    /// Why the gateway itself answered with an error.
    pub fault: Option<FaultKind>,
    /// The cause in words that only logs show.
    pub error_message: Option<Cow<'static, str>>,
    /// The integration's part.
    pub integration: IntegrationRecord,
    /// What it is of a WebSocket connection's life; `None` of other requests.
    pub socket: Option<Arc<SocketEvent>>,
    /// What the cache did.
    pub cache: CacheStatus,
    /// The API key and the index of its plan.
    pub key: Option<(Arc<KeyEntry>, usize)>,
    /// The trace.
    pub trace: Option<Trace>,
    /// Microseconds until the response's head was ready.
    pub head_latency_us: u64,
    /// Microseconds until the last byte was handed over.
    pub total_latency_us: u64,
    /// Bytes of the response's body that were handed over.
    pub response_bytes: u64,
    /// Bytes of the request's body, when it was announced or read whole.
    pub request_bytes: u64,
    /// How the response ended.
    pub completion: Completion,
}

/// The integration's part of a request.
#[derive(Debug, Default)]
pub struct IntegrationRecord {
    /// Microseconds from the call to the head of the answer; `None` when there was no call.
    pub latency_us: Option<u64>,
    /// The status that it answered; for functions 200 when the call itself succeeded.
    pub status: Option<u16>,
    /// The status in the function's reply.
    pub function_status: Option<u16>,
    /// Why it gave no usable answer.
    pub error: Option<IntegrationErrorKind>,
    /// The same in words, for logs.
    pub error_message: Option<Box<str>>,
    /// The server that answered.
    pub server: Option<Arc<str>>,
}

/// What the cache did for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheStatus {
    /// The route is not cached.
    #[default]
    None,
    /// Answered from the cache.
    Hit,
    /// Not in the cache.
    Miss,
    /// The client asked for a fresh response.
    Bypass,
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Completion {
    /// Everything was handed over.
    #[default]
    Complete,
    /// The client left before the end.
    Aborted,
    /// The back end's body ended early.
    Broken,
}

impl CacheStatus {
    /// As `$context.cacheStatus` and metrics show it.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Hit => Some("HIT"),
            Self::Miss => Some("MISS"),
            Self::Bypass => Some("BYPASS"),
        }
    }
}

impl Record {
    /// The usage plan that let the request in or refused it.
    #[must_use]
    pub fn key_plan(&self) -> Option<&KeyPlan> {
        let (key, plan) = self.key.as_ref()?;
        key.plans.get(*plan)
    }
}

/// The status of a request whose client left before there was a response (nginx's convention).
pub(crate) const STATUS_CLIENT_LEFT: u16 = 499;

/// Holds the event of a request and hands it over when it is dropped, whichever way that happens:
/// a response without a body, a body read to its end, a body or a whole request dropped midway.
pub(crate) struct FinishGuard<P: Ports> {
    ports: P,
    pub(crate) finished: Finished,
}

impl<P: Ports> FinishGuard<P> {
    pub(crate) fn new(ports: &P, head: Head) -> Self {
        let record = Record {
            status: STATUS_CLIENT_LEFT,
            completion: Completion::Aborted,
            ..Record::default()
        };
        Self {
            ports: ports.clone(),
            finished: Finished { head, record },
        }
    }
}

impl<P: Ports> Drop for FinishGuard<P> {
    fn drop(&mut self) {
        let now_us = self.ports.monotonic_us();
        self.finished.record.total_latency_us =
            now_us.saturating_sub(self.finished.head.started_us);
        self.ports.finish(&self.finished);
    }
}
