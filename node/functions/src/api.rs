//! The Lambda Runtime API, version 2018-06-01, as a server for one process.
//!
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use core::convert::Infallible;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::pool::Pool;
use crate::pool::slot::{SlotId, Work};

mod answer;
mod body;
mod refusal;

/// What every path begins with.
const ROOT: &str = "/2018-06-01/runtime/";

/// An answer of the Runtime API.
type ApiResponse = Response<Full<Bytes>>;

/// The Runtime API of one process.
pub(crate) struct Api {
    pool: Arc<Pool>,
    id: SlotId,
    arn: Option<HeaderValue>,
}

/// Serves one connection until either side closes it.
pub(crate) async fn serve(stream: TcpStream, api: Arc<Api>) {
    // Only delays answers when it fails.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(api.handle(request).await) }
    });
    // No time limit for the next request: between two of them a function may work for long.
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // The process broke its connection or sent no HTTP. Either shows in its invocation.
    drop(served);
}

impl Api {
    /// For a process of a pool.
    pub(crate) fn new(pool: Arc<Pool>, id: SlotId) -> Self {
        let arn = pool.host.settings.node.function_arn(&pool.name);
        Self {
            pool,
            id,
            arn: HeaderValue::try_from(arn).ok(),
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> ApiResponse {
        let (head, mut body) = request.into_parts();
        let response = self.route(&head, &mut body).await;
        // An answer before the end of the request would cost the connection.
        body::discard(&mut body).await;
        response
    }

    async fn route(&self, head: &Parts, body: &mut Incoming) -> ApiResponse {
        let Some(rest) = head.uri.path().strip_prefix(ROOT) else {
            return refusal::not_found();
        };
        let mut words = rest.split('/');
        let words = (words.next(), words.next(), words.next(), words.next());
        let get = head.method == Method::GET;
        let post = head.method == Method::POST;
        match words {
            (Some("invocation"), Some("next"), None, None) if get => self.next().await,
            (Some("invocation"), Some(id), Some("response"), None) if post => {
                answer::response(self, id, &head.headers, body).await
            }
            (Some("invocation"), Some(id), Some("error"), None) if post => {
                answer::error(self, id, &head.headers, body).await
            }
            (Some("init" | "restore"), Some("error"), None, None) if post => {
                answer::init_error(self, &head.headers, body).await
            }
            // A process is never frozen here, so it is always restored already.
            (Some("restore"), Some("next"), None, None) if get => accepted(StatusCode::OK),
            _ => refusal::not_found(),
        }
    }

    async fn next(&self) -> ApiResponse {
        match self.pool.next(self.id).await {
            Ok(work) => self.event(work),
            Err(refused) => refusal::refused(refused),
        }
    }

    fn event(&self, work: Work) -> ApiResponse {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let deadline_ms = (now + self.pool.policy.timeout).as_millis();
        let mut response = Response::new(Full::new(work.payload));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let texts = [
            ("lambda-runtime-aws-request-id", Some(&*work.request_id)),
            ("lambda-runtime-trace-id", work.trace_id.as_deref()),
        ];
        for (name, text) in texts {
            // Both were checked when the invocation came in.
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
                headers.insert(name, value);
            }
        }
        if let Ok(value) = HeaderValue::try_from(deadline_ms.to_string()) {
            headers.insert("lambda-runtime-deadline-ms", value);
        }
        if let Some(arn) = &self.arn {
            headers.insert("lambda-runtime-invoked-function-arn", arn.clone());
        }
        response
    }
}

/// The answer that something was taken.
fn accepted(status: StatusCode) -> ApiResponse {
    json(status, Bytes::from_static(b"{\"status\":\"OK\"}\n"))
}

fn json(status: StatusCode, body: Bytes) -> ApiResponse {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
