//! Calling the service: one place for both protocols, where a request is counted, a panic costs
//! one request and the last word about a response is spoken.

use core::ops::Deref;
use core::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::FutureExt;
use tollgate_message::{Request, Response};

use crate::ConnInfo;
use crate::reject::internal_error;
use crate::server::Shared;

/// What answers requests. Each worker has one instance, so it need not be `Send` or `Sync`.
pub trait Service: 'static {
    /// Answers a request. The future is dropped when the client resets its connection or stream.
    fn call(&self, request: Request, conn: &Rc<ConnInfo>) -> impl Future<Output = Response>;
}

/// A request that is being answered; counted until it is dropped, when the last byte of the
/// response is on its way.
pub(crate) struct InFlight<R: Deref<Target = Shared>>(R);

impl<R: Deref<Target = Shared>> InFlight<R> {
    pub(crate) fn new(shared: R) -> Self {
        shared.counters.begin_request();
        Self(shared)
    }
}

impl<R: Deref<Target = Shared>> Drop for InFlight<R> {
    fn drop(&mut self) {
        self.0.counters.end_request();
    }
}

/// Asks the service. A panic is answered 500.
pub(crate) async fn call<S: Service>(
    service: &S,
    request: Request,
    conn: &Rc<ConnInfo>,
    shared: &Shared,
) -> Response {
    // The service is responsible for its own state after a panic; the edge shares none with it.
    match AssertUnwindSafe(service.call(request, conn))
        .catch_unwind()
        .await
    {
        Ok(response) => response,
        Err(panic) => {
            shared.counters.panicked();
            tracing::error!(
                panic = panic_text(&*panic),
                connection = conn.connection_serial,
                "request handler panicked"
            );
            internal_error()
        }
    }
}

pub(crate) fn panic_text(panic: &(dyn core::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}
