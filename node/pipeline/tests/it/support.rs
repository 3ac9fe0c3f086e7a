//! The world in memory: scripted back ends, a clock that is set, and everything that was told.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tollgate_config::cells::{QuotaSlot, Refused, TokenBucket};
use tollgate_config::snapshot::{SigningKey, Snapshot, StagePlan};
use tollgate_message::{
    Body, BodyError, BodyStream, HeaderList, Method, Request, Response, Version,
};
use tollgate_pipeline::{
    CacheStatus, ClientInfo, Completion, ConnectionCall, FaultKind, Finished, FunctionReply,
    HandshakeRefusal, Head, HttpReply, IntegrationError, InvokeMeta, Opening, Ports, ResponseCache,
    Scheme, access_log, serve,
};

/// What a scripted back end does with a call.
pub(crate) type HttpScript = dyn Fn(Request) -> Result<Response, IntegrationError>;
/// What a scripted function does with an event.
pub(crate) type FunctionScript = dyn Fn(&[u8]) -> Result<FunctionReply, IntegrationError>;

/// What happens while a request waits for quota, and whether an answer came.
pub(crate) type QuotaScript = dyn Fn(&Arc<QuotaSlot>) -> bool;

/// The ports of a test. Clones share everything.
#[derive(Clone)]
pub(crate) struct World(pub(crate) Rc<State>);

pub(crate) struct State {
    pub(crate) now_ms: Cell<u64>,
    pub(crate) monotonic_us: Cell<u64>,
    pub(crate) random: Cell<u64>,
    pub(crate) sampled: Cell<bool>,
    pub(crate) http: RefCell<Box<HttpScript>>,
    pub(crate) function: RefCell<Box<FunctionScript>>,
    /// What was sent to back ends: group, request (its body is with the script), timeout.
    pub(crate) sent: RefCell<Vec<Sent>>,
    /// What was invoked: name, event.
    pub(crate) invoked: RefCell<Vec<(String, Bytes)>>,
    pub(crate) finished: RefCell<Vec<Seen>>,
    pub(crate) exec_lines: RefCell<Vec<String>>,
    pub(crate) quota_low: Cell<u32>,
    pub(crate) quota_waits: Cell<u32>,
    /// What happens while a request waits for quota, and whether an answer came.
    pub(crate) on_quota_wait: RefCell<Box<QuotaScript>>,
    /// What another node says of a bucket that it has all of.
    pub(crate) elsewhere: Cell<Result<(), u64>>,
    pub(crate) asked_elsewhere: Cell<u32>,
    /// How long its answer takes.
    pub(crate) elsewhere_us: Cell<u64>,
    pub(crate) cut_off: Cell<bool>,
    pub(crate) quota_exceeded: Cell<u32>,
    /// Back ends that wait are released one by one; `None` lets all calls through.
    pub(crate) gate: RefCell<Option<Gate>>,
    /// The connections that were opened, and the ids that were given back.
    pub(crate) opened: RefCell<Vec<Opening>>,
    pub(crate) released: RefCell<Vec<String>>,
    cache: ResponseCache,
}

/// Calls to back ends that hang until they are let through.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) open: u32,
    pub(crate) waiting: VecDeque<Waker>,
}

pub(crate) struct Sent {
    pub(crate) group: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderList,
    pub(crate) timeout_ms: u64,
}

/// What an event said.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) fault: Option<FaultKind>,
    pub(crate) api_id: Option<String>,
    pub(crate) route_key: Option<String>,
    pub(crate) cache: CacheStatus,
    pub(crate) completion: Completion,
    pub(crate) response_bytes: u64,
    pub(crate) error_message: Option<String>,
    pub(crate) integration_status: Option<u16>,
    pub(crate) integration_latency_us: Option<u64>,
    pub(crate) server: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) log_line: Option<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self(Rc::new(State {
            now_ms: Cell::new(1_583_348_638_390),
            monotonic_us: Cell::new(5_000_000),
            random: Cell::new(0),
            sampled: Cell::new(false),
            http: RefCell::new(Box::new(|_| {
                Ok(Response::new(200).with_body("from the back end"))
            })),
            function: RefCell::new(Box::new(|_| {
                Ok(FunctionReply::Buffered(Bytes::from_static(
                    b"{\"statusCode\":200}",
                )))
            })),
            sent: RefCell::default(),
            invoked: RefCell::default(),
            finished: RefCell::default(),
            exec_lines: RefCell::default(),
            quota_low: Cell::new(0),
            quota_waits: Cell::new(0),
            on_quota_wait: RefCell::new(Box::new(|_| false)),
            elsewhere: Cell::new(Ok(())),
            asked_elsewhere: Cell::new(0),
            elsewhere_us: Cell::new(0),
            cut_off: Cell::new(false),
            quota_exceeded: Cell::new(0),
            gate: RefCell::new(None),
            opened: RefCell::default(),
            released: RefCell::default(),
            cache: ResponseCache::new(64 * 1024 * 1024),
        }))
    }

    pub(crate) fn on_http(
        &self,
        script: impl Fn(Request) -> Result<Response, IntegrationError> + 'static,
    ) {
        *self.0.http.borrow_mut() = Box::new(script);
    }

    pub(crate) fn on_function(
        &self,
        script: impl Fn(&[u8]) -> Result<FunctionReply, IntegrationError> + 'static,
    ) {
        *self.0.function.borrow_mut() = Box::new(script);
    }

    /// A function that always gives this output.
    pub(crate) fn on_function_output(&self, output: &'static str) {
        self.on_function(move |_| {
            Ok(FunctionReply::Buffered(Bytes::from_static(
                output.as_bytes(),
            )))
        });
    }

    /// Lets `calls` waiting back end calls through.
    pub(crate) fn let_through(&self, calls: u32) {
        if let Some(gate) = &mut *self.0.gate.borrow_mut() {
            gate.open += calls;
            gate.waiting.drain(..).for_each(Waker::wake);
        }
    }

    pub(crate) fn close_gate(&self) {
        *self.0.gate.borrow_mut() = Some(Gate::default());
    }

    /// The event of the last request.
    pub(crate) fn last(&self) -> Seen {
        self.0
            .finished
            .borrow()
            .last()
            .expect("a request has finished")
            .clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.finished.borrow().len()
    }

    pub(crate) fn sent_count(&self) -> usize {
        self.0.sent.borrow().len()
    }

    pub(crate) fn last_event(&self) -> serde_json::Value {
        let invoked = self.0.invoked.borrow();
        serde_json::from_slice(&invoked.last().expect("a function was invoked").1).unwrap()
    }
}

impl Ports for World {
    fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    fn monotonic_us(&self) -> u64 {
        self.0.monotonic_us.get()
    }

    fn request_id(&self) -> String {
        "JKJaXmPLvHcESHA=".to_owned()
    }

    fn random_u64(&self) -> u64 {
        self.0.random.set(self.0.random.get() + 1);
        self.0.random.get()
    }

    fn sample_new_trace(&self) -> bool {
        self.0.sampled.get()
    }

    async fn connection(&self, call: ConnectionCall<'_>) -> Response {
        let ConnectionCall {
            api_id,
            stage,
            connection_id,
            method,
            path,
            ..
        } = call;
        let body = call.body.collect(100).await.expect("a body at hand");
        let text = String::from_utf8_lossy(&body);
        let seen = format!(
            "{api_id} {stage} {connection_id} {} {path} {text}",
            method.as_str()
        );
        Response::new(200).with_body(seen)
    }

    fn reserve_socket(
        &self,
        _head: &Head,
        headers: &HeaderList,
        _of: (&Arc<str>, &Arc<str>),
    ) -> Result<Arc<str>, HandshakeRefusal> {
        match headers.get_str("upgrade") {
            Some("websocket") => Ok("c1".into()),
            Some("full") => Err(HandshakeRefusal::Full),
            Some(_) => Err(HandshakeRefusal::Malformed),
            None => Err(HandshakeRefusal::NotOne),
        }
    }

    fn release_socket(&self, connection_id: &str) {
        self.0.released.borrow_mut().push(connection_id.to_owned());
    }

    fn open_socket(&self, opening: Opening, _headers: &HeaderList) -> Response {
        self.0.opened.borrow_mut().push(opening);
        Response::new(101)
    }

    async fn send_http(
        &self,
        group: &str,
        request: Request,
        timeout_ms: u64,
    ) -> Result<HttpReply, IntegrationError> {
        self.0.sent.borrow_mut().push(Sent {
            group: group.to_owned(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            timeout_ms,
        });
        std::future::poll_fn(|cx| match &mut *self.0.gate.borrow_mut() {
            None => Poll::Ready(()),
            Some(gate) if gate.open > 0 => {
                gate.open -= 1;
                Poll::Ready(())
            }
            Some(gate) => {
                gate.waiting.push_back(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
        self.0.monotonic_us.set(self.0.monotonic_us.get() + 12_345);
        let response = (self.0.http.borrow())(request)?;
        Ok(HttpReply {
            response,
            server: Some("10.0.0.7:8080".into()),
        })
    }

    async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        _meta: InvokeMeta<'_>,
    ) -> Result<FunctionReply, IntegrationError> {
        self.0
            .invoked
            .borrow_mut()
            .push((function.to_owned(), payload.clone()));
        (self.0.function.borrow())(&payload)
    }

    fn sign(&self, key: &SigningKey, request: &mut Request, payload: &[u8]) {
        let value = format!(
            "signed by {} over {} bytes",
            key.access_key_id,
            payload.len()
        );
        request.headers.append("authorization", value);
    }

    fn cache(&self) -> &ResponseCache {
        &self.0.cache
    }

    fn quota_low(&self, _slot: &Arc<QuotaSlot>) {
        self.0.quota_low.set(self.0.quota_low.get() + 1);
    }

    fn is_cut_off(&self) -> bool {
        self.0.cut_off.get()
    }

    fn quota_exceeded(&self) {
        self.0.quota_exceeded.set(self.0.quota_exceeded.get() + 1);
    }

    async fn take_elsewhere(&self, _bucket: &TokenBucket) -> Result<(), Refused> {
        self.0.asked_elsewhere.set(self.0.asked_elsewhere.get() + 1);
        let after_us = self.0.monotonic_us.get() + self.0.elsewhere_us.get();
        self.0.monotonic_us.set(after_us);
        self.0.elsewhere.get().map_err(|retry_after_us| Refused {
            retry_after_us,
            elsewhere: false,
        })
    }

    async fn quota_wait(&self, slot: &Arc<QuotaSlot>) -> bool {
        self.0.quota_waits.set(self.0.quota_waits.get() + 1);
        (self.0.on_quota_wait.borrow())(slot)
    }

    fn finish(&self, finished: &Finished) {
        let record = &finished.record;
        let log_line = record
            .stage
            .as_ref()
            .and_then(|it| it.access_log.clone())
            .map(|log| {
                let mut line = Vec::new();
                access_log::render(&log, finished, &mut line);
                String::from_utf8(line).expect("log lines are UTF-8")
            });
        self.0.finished.borrow_mut().push(Seen {
            status: record.status,
            fault: record.fault,
            api_id: record.stage.as_ref().map(|it| it.api_id.to_string()),
            route_key: record.route.as_ref().map(|it| it.route_key.to_string()),
            cache: record.cache,
            completion: record.completion,
            response_bytes: record.response_bytes,
            error_message: record.error_message.as_deref().map(str::to_owned),
            integration_status: record.integration.status,
            integration_latency_us: record.integration.latency_us,
            server: record.integration.server.as_deref().map(str::to_owned),
            key_id: record.key.as_ref().map(|it| it.0.key_id.to_string()),
            log_line,
        });
    }

    fn exec_log(&self, _stage: &StagePlan, request_id: &str, line: &str) {
        self.0
            .exec_lines
            .borrow_mut()
            .push(format!("({request_id}) {line}"));
    }
}

/// A client that is no proxy.
pub(crate) fn client() -> ClientInfo {
    ClientInfo::new([203, 0, 113, 9].into(), Scheme::Https, 443, Arc::from([]))
}

/// A request to a host.
pub(crate) fn request(method: &str, host: &str, target: &str) -> Request {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let mut headers = HeaderList::new();
    headers.append("host", host);
    Request {
        method: Method::from_token(method),
        path: path.to_owned(),
        query,
        version: Version::Http11,
        headers,
        body: Body::Empty,
    }
}

/// More of a request.
pub(crate) trait RequestExt {
    fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self;
    fn body(self, body: impl Into<Body>) -> Self;
}

impl RequestExt for Request {
    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(name, value);
        self
    }

    fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }
}

/// Runs a future that needs nothing but itself.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("the future waits for something that never comes");
}

/// Polls once.
pub(crate) fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Sends a request through the whole path.
pub(crate) fn send(world: &World, snapshot: &Snapshot, request: Request) -> Response {
    run(serve(world, snapshot, request, &client()))
}

/// Reads a body that must end well.
pub(crate) fn text(body: Body) -> String {
    String::from_utf8(run(body.collect(64 * 1024 * 1024)).unwrap().to_vec()).unwrap()
}

/// A body of these chunks.
pub(crate) fn stream(chunks: Vec<Result<&'static [u8], BodyError>>, length: Option<u64>) -> Body {
    struct Chunks(VecDeque<Result<&'static [u8], BodyError>>);
    impl futures_core::Stream for Chunks {
        type Item = Result<Bytes, BodyError>;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.0.pop_front().map(|it| it.map(Bytes::from_static)))
        }
    }
    let stream: BodyStream = Box::pin(Chunks(chunks.into()));
    Body::Stream { stream, length }
}
