//! Allocations on the request path are reviewed like locks (STYLE.md, rule 9): this test counts
//! them, so that a new one is a decision and not an accident.
#![allow(unsafe_code, reason = "a global allocator can only be written with it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "it/plans.rs"]
#[allow(dead_code, reason = "shared with the other suite")]
mod plans;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tollgate_config::cells::{QuotaSlot, Refused, TokenBucket};
use tollgate_config::snapshot::{SigningKey, Snapshot, StagePlan};
use tollgate_message::{Body, HeaderList, Request, Response};
use tollgate_pipeline::{
    ClientInfo, Finished, FunctionReply, HttpReply, IntegrationError, InvokeMeta, Ports,
    ResponseCache, Scheme, serve,
};

use crate::plans::{HOST, fixed, http, param, piece, proxy, route, shop, throttle};
use tollgate_config::snapshot::IntegrationPlan;

/// The system's allocator with a counter per thread.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ports that allocate nothing but the request's id.
#[derive(Clone)]
struct Lean(Rc<ResponseCache>);

impl Ports for Lean {
    fn now_ms(&self) -> u64 {
        1_583_348_638_390
    }

    fn monotonic_us(&self) -> u64 {
        5_000_000
    }

    fn request_id(&self) -> String {
        "JKJaXmPLvHcESHA=".to_owned()
    }

    fn random_u64(&self) -> u64 {
        7
    }

    async fn connection(&self, _: tollgate_pipeline::ConnectionCall<'_>) -> Response {
        unreachable!("no stage here is of a WebSocket API")
    }

    async fn send_http(
        &self,
        _group: &str,
        request: Request,
        _timeout_ms: u64,
    ) -> Result<HttpReply, IntegrationError> {
        drop(request);
        Ok(HttpReply {
            response: Response::new(200).with_body("x"),
            server: None,
        })
    }

    async fn invoke(
        &self,
        _function: &str,
        payload: Bytes,
        _meta: InvokeMeta<'_>,
    ) -> Result<FunctionReply, IntegrationError> {
        Ok(FunctionReply::Buffered(payload))
    }

    fn sign(&self, _key: &SigningKey, _request: &mut Request, _payload: &[u8]) {}

    fn cache(&self) -> &ResponseCache {
        &self.0
    }

    fn quota_low(&self, _slot: &Arc<QuotaSlot>) {}

    async fn take_elsewhere(&self, _bucket: &TokenBucket) -> Result<(), Refused> {
        Err(Refused {
            retry_after_us: 0,
            elsewhere: true,
        })
    }

    async fn quota_wait(&self, _slot: &Arc<QuotaSlot>) -> bool {
        false
    }

    fn finish(&self, _finished: &Finished) {}

    fn exec_log(&self, _stage: &StagePlan, _request_id: &str, _line: &str) {}
}

/// A request as a browser sends it.
fn wanted(target: &str) -> Request {
    let mut headers = HeaderList::with_capacity(12, 1_024);
    for (name, value) in [
        ("host", HOST),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        ("accept", "application/json"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br"),
        ("cookie", "session=0123456789abcdef0123456789abcdef"),
        ("connection", "keep-alive"),
    ] {
        headers.append(name, value);
    }
    Request {
        path: target.to_owned(),
        headers,
        ..Request::default()
    }
}

/// The allocations of one request.
fn count(snapshot: &Snapshot, target: &str) -> usize {
    let ports = Lean(Rc::new(ResponseCache::new(1)));
    let client = ClientInfo::new([203, 0, 113, 9].into(), Scheme::Https, 443, Arc::from([]));
    let request = wanted(target);
    let mut cx = Context::from_waker(Waker::noop());
    let mut future = std::pin::pin!(serve(&ports, snapshot, request, &client));
    let before = COUNT.with(Cell::get);
    let Poll::Ready(response) = future.as_mut().poll(&mut cx) else {
        panic!("nothing to wait for")
    };
    let counted = COUNT.with(Cell::get) - before;
    assert_eq!(response.status, 200);
    drop::<Body>(response.body);
    counted
}

#[test]
fn a_proxied_request_allocates_what_it_must() {
    // The id, the host, `Forwarded`, one scratch buffer, the path,
    // the response's block (names, values, fields). The client's block has room for what is added.
    let snapshot = shop(vec![
        route("$default", proxy()).throttled(throttle(100, 10.0)),
    ]);
    let found = count(&snapshot, "/pets/7");
    assert!(found <= 8, "{found} allocations");
    // Two more for the path variables.
    let joined = http(vec![piece("/v1/"), param("id")]);
    let snapshot = shop(vec![route("GET /pets/{id}", IntegrationPlan::Http(joined))]);
    let found = count(&snapshot, "/pets/7");
    assert!(found <= 10, "{found} allocations");
}

#[test]
fn a_fixed_response_allocates_less() {
    let snapshot = shop(vec![route("GET /ready", fixed(200, "yes"))]);
    let found = count(&snapshot, "/ready");
    assert!(found <= 7, "{found} allocations");
}
