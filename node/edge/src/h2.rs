//! HTTP/2, by hyper.
//!
//! Our own loop is for HTTP/1.1 alone: HPACK, flow control and the long list of attacks on streams
//! are what a library is for. `hyper` drives the connection on the same worker, streams are
//! spawned as local tasks. Not actix-http's dispatcher: it cannot announce the end of a connection
//! (GOAWAY), limits neither streams nor header lists, and stands on h2 0.3, whose last release was
//! in 2025.

mod message;

use core::cell::Cell;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until};

use crate::call::{InFlight, call};
use crate::reject::rejection;
use crate::response::outgoing;
use crate::server::Shared;
use crate::stage::Draining;
use crate::transport::Transport;
use crate::{BadRequest, ConnInfo, EdgeLimits, Service};

/// What RFC 9113, section 6.5.2, adds for each field when it measures a header list.
const FIELD_OVERHEAD: usize = 32;
/// Flow-control window of a stream in bytes: what a client may send before the service reads.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Flow-control window of a connection in bytes.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Response bytes buffered for a stream.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Streams that the client reset before they were looked at (CVE-2023-44487); then GOAWAY.
const RESETS_PENDING_MAX: usize = 20;
/// Streams that we reset for errors of the client; then GOAWAY.
const RESETS_LOCAL_MAX: usize = 100;

/// The streams of a connection that are being answered.
struct Streams {
    open: Cell<usize>,
    /// Responses whose last chunk the client has not made room for.
    blocked: Cell<usize>,
    /// When a response last went on, or ended.
    progress: Cell<Instant>,
}

/// One stream that is being answered.
struct Stream {
    streams: Rc<Streams>,
    blocked: bool,
    _in_flight: InFlight<Arc<Shared>>,
}

impl Stream {
    fn open(streams: &Rc<Streams>, shared: &Arc<Shared>) -> Self {
        streams.open.set(streams.open.get() + 1);
        Self {
            streams: Rc::clone(streams),
            blocked: false,
            _in_flight: InFlight::new(Arc::clone(shared)),
        }
    }

    /// The connection asks for a chunk: there is room.
    fn asked(&mut self) {
        if core::mem::take(&mut self.blocked) {
            self.streams.blocked.set(self.streams.blocked.get() - 1);
        }
        self.streams.progress.set(Instant::now());
    }

    /// The connection got a chunk.
    fn gave(&mut self) {
        self.blocked = true;
        self.streams.blocked.set(self.streams.blocked.get() + 1);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.asked();
        self.streams.open.set(self.streams.open.get() - 1);
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve<S: Service>(
    transport: Transport,
    service: &Rc<S>,
    conn: Rc<ConnInfo>,
    shared: &Arc<Shared>,
    draining: &Draining,
) {
    let streams = Rc::new(Streams {
        open: Cell::new(0),
        blocked: Cell::new(0),
        progress: Cell::new(Instant::now()),
    });
    let answering = {
        let (streams, shared, service) =
            (Rc::clone(&streams), Arc::clone(shared), Rc::clone(service));
        service_fn(move |request| {
            let stream = Stream::open(&streams, &shared);
            let (service, conn, shared) =
                (Rc::clone(&service), Rc::clone(&conn), Arc::clone(&shared));
            async move { answer(&*service, request, &conn, &shared, stream).await }
        })
    };
    let builder = builder(&shared.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(transport), answering));
    let mut draining = pin!(draining.begun());
    let mut closing = false;
    let idle_max = Duration::from_millis(shared.limits.keep_alive_ms);
    let stall_max = Duration::from_millis(shared.limits.body_idle_timeout_ms);
    // Limits are kept to a quarter; a connection in use is not worth a timer for each chunk.
    let tick = idle_max.min(stall_max) / 4;
    let mut check = Instant::now() + tick;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    shared.counters.bad_request(BadRequest::Http2);
                    tracing::debug!(%error, "http2 connection ended");
                }
                return;
            }
            () = &mut draining, if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(check) => {
                check = Instant::now() + tick;
                let quiet = streams.progress.get().elapsed();
                if streams.blocked.get() > 0 && quiet >= stall_max {
                    // The client does not take its responses.
                    return;
                }
                if streams.open.get() == 0 && quiet >= idle_max {
                    if closing {
                        // It was told to go and does not, or it dribbles a head.
                        return;
                    }
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn answer<S: Service>(
    service: &S,
    request: http::Request<Incoming>,
    conn: &Rc<ConnInfo>,
    shared: &Arc<Shared>,
    stream: Stream,
) -> Result<http::Response<message::ResponseBody>, core::convert::Infallible> {
    let response = match message::request(request, shared) {
        Ok(request) => {
            let method = request.method.clone();
            let response = call(service, request, conn, shared).await;
            outgoing(response, &method, false)
        }
        Err(reason) => {
            shared.counters.bad_request(reason);
            outgoing(rejection(reason), &tollgate_message::Method::Get, false)
        }
    };
    Ok(message::response(response, stream))
}

fn builder(limits: &EdgeLimits) -> http2::Builder<LocalExecutor> {
    let list = limits.header_bytes_max + limits.header_fields_max * FIELD_OVERHEAD;
    let keep_alive = Duration::from_millis(limits.keep_alive_ms);
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams_max)
        .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_PENDING_MAX)
        .max_local_error_reset_streams(RESETS_LOCAL_MAX)
        // A client that vanished without a word is found out by a ping.
        .keep_alive_interval(keep_alive)
        .keep_alive_timeout(Duration::from_millis(limits.header_timeout_ms));
    builder
}

/// Spawns streams on the worker's own thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
