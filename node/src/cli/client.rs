//! Signed requests to a node's admin listener.

mod download;

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tollgate_aws::operations::find_operation;
use tollgate_aws::sigv4::{Payload, RequestView, Signer};
use tollgate_aws::wire::request_id;
use tollgate_aws::{Service, encode_label};
use tollgate_protocol::codes;

use super::Context;
use super::arguments::ConnectionArguments;
use super::failure::{Failure, TRY_AGAIN};
use super::resolve::{self, AdminListener};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The node waits 5 s for the state and 5 s until it serves a change.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of an answer: 500 items of a page, or the plan of a large document.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How often a node that asks for patience is asked again, a second apart.
const ATTEMPTS_MAX: u32 = 3;
/// Pages of a list: 500 items each, so five million items.
const PAGES_MAX: u32 = 10_000;

/// A node's admin listener.
pub(super) struct Client {
    listener: AdminListener,
}

/// An answer as it came.
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// `x-amzn-ErrorType`, without what stands behind a colon.
    kind: String,
    /// The body.
    pub(super) body: Bytes,
}

/// A request before it is signed.
struct Request<'r> {
    method: &'static str,
    path: String,
    query: &'r [(&'r str, &'r str)],
    body: Option<Vec<u8>>,
}

/// Header fields of a request.
type Headers = Vec<(&'static str, String)>;

/// Runs a command's future on a runtime of its own.
///
/// # Errors
/// What the command fails with.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))?
        .block_on(future)
}

impl Client {
    /// A client for the node that flags and environment name.
    ///
    /// # Errors
    /// What [`resolve::admin`] says.
    pub(super) fn new(arguments: &ConnectionArguments, context: &Context) -> Result<Self, Failure> {
        let listener = resolve::admin(arguments, context)?;
        Ok(Self { listener })
    }

    /// Calls an operation of AWS's services, by its name; `null` for an empty answer.
    ///
    /// # Errors
    /// What the node says, or that it says nothing.
    pub(super) async fn call(
        &self,
        service: Service,
        operation: &str,
        labels: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let found = find_operation(service, operation);
        let Some((found, path)) = found.and_then(|it| Some((it, it.path(labels)?))) else {
            return Err(Failure::new(format!("there is no operation {operation}")));
        };
        let body = body.map(|body| body.to_string().into_bytes());
        self.send(Request {
            method: found.method,
            path,
            query,
            body,
        })
        .await
    }

    /// Calls a native operation, by its path below `/tollgate/v1/`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(super) async fn native(
        &self,
        method: &'static str,
        operation: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Value, Failure> {
        self.send(Request {
            method,
            path: format!("/tollgate/v1/{operation}"),
            query,
            body,
        })
        .await
    }

    /// All items of a list, page by page.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(super) async fn list(
        &self,
        service: Service,
        operation: &str,
        labels: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<Value>, Failure> {
        let (limit, token_in, token_out, items) = match service {
            Service::ApiGateway => ("limit", "position", "position", "item"),
            Service::ApiGatewayV2 | Service::Management => {
                ("maxResults", "nextToken", "nextToken", "items")
            }
        };
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = query.to_vec();
            query.push((limit, "500"));
            if let Some(token) = &token {
                query.push((token_in, token));
            }
            let mut page = self.call(service, operation, labels, &query, None).await?;
            if let Some(Value::Array(found)) = page.get_mut(items).map(Value::take) {
                all.extend(found);
            }
            match page.get(token_out).and_then(Value::as_str) {
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
        Err(Failure::new("the list does not end"))
    }

    /// Sends a request, again under the same name while the node asks for patience.
    async fn send(&self, request: Request<'_>) -> Result<Value, Failure> {
        let invocation = invocation_id()?;
        let mut attempt = 1;
        loop {
            let answer = self.attempt(&request, &invocation).await?;
            if answer.status != 503 || attempt == ATTEMPTS_MAX {
                return self.read(&answer);
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn attempt(&self, request: &Request<'_>, invocation: &str) -> Result<Answer, Failure> {
        let (target, headers) = self.signed(request, invocation)?;
        let body = Bytes::copy_from_slice(request.body.as_deref().unwrap_or_default());
        exchange(
            &self.listener.authority,
            request.method,
            &target,
            &headers,
            body,
        )
        .await
    }

    /// Gives the bytes of a native operation's answer to `take` as they come. An answer that
    /// refuses is not given.
    ///
    /// # Errors
    /// As [`Client::native`], and what `take` fails with.
    pub(super) async fn download(
        &self,
        operation: &str,
        take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let request = Request {
            method: "GET",
            path: format!("/tollgate/v1/{operation}"),
            query: &[],
            body: None,
        };
        let (target, headers) = self.signed(&request, &invocation_id()?)?;
        let authority = &self.listener.authority;
        match download::get(authority, &target, &headers, take).await? {
            Some(refusal) => Err(self.refusal(&refusal)),
            None => Ok(()),
        }
    }

    /// The target and the header fields of a request, signed where somebody asks.
    fn signed(
        &self,
        request: &Request<'_>,
        invocation: &str,
    ) -> Result<(String, Headers), Failure> {
        let query = encode_query(request.query);
        let body = request.body.as_deref().unwrap_or_default();
        let mut headers = vec![
            ("host", self.listener.authority.clone()),
            ("amz-sdk-invocation-id", invocation.to_owned()),
        ];
        if request.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(credentials) = &self.listener.credentials {
            let region = self.listener.region.as_str();
            let signer = Signer::new(credentials.clone(), region, "apigateway").declaring_body();
            let view = RequestView {
                method: request.method,
                path: &request.path,
                query: Some(query.as_str()).filter(|query| !query.is_empty()),
                headers: headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_bytes())),
            };
            let signed = signer
                .sign(&view, Payload::Bytes(body), now_ms())
                .map_err(|error| Failure::new(error.to_string()))?;
            headers.extend(signed);
        }
        let target = if query.is_empty() {
            request.path.clone()
        } else {
            format!("{}?{query}", request.path)
        };
        Ok((target, headers))
    }

    /// The JSON of an answer, or what it refuses.
    fn read(&self, answer: &Answer) -> Result<Value, Failure> {
        if (200..300).contains(&answer.status) {
            if answer.body.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&answer.body).map_err(|_| {
                Failure::new(format!(
                    "what listens at http://{} is not a node's admin listener",
                    self.listener.authority
                ))
            });
        }
        Err(self.refusal(answer))
    }

    fn refusal(&self, answer: &Answer) -> Failure {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = ["message", "Message"]
            .iter()
            .find_map(|name| body.get(*name)?.as_str());
        let message = message.unwrap_or("no reason was given");
        let (status, kind) = (answer.status, &answer.kind);
        let authority = &self.listener.authority;
        match status {
            403 if kind == "AccessDeniedException" => Failure::new(message)
                .code(&codes::ADMIN_DENIED)
                .hint("see which policies decide: tollgate iam test --user NAME --action ACTION"),
            401 | 403 => {
                let who = match &self.listener.credentials {
                    Some(credentials) => format!("access key {}", credentials.access_key),
                    None => "an unsigned request".to_owned(),
                };
                Failure::new(format!(
                    "the node at http://{authority} refused {who}: {message}"
                ))
                .code(&codes::ADMIN_DENIED)
                .hint(
                    "name the node's data directory with --data-dir, or set TOLLGATE_ACCESS_KEY \
                     and TOLLGATE_SECRET_KEY",
                )
            }
            429 | 503 => Failure::new(message)
                .hint("the same command may succeed in a moment; repeating it is safe")
                .exit(TRY_AGAIN),
            _ if kind.is_empty() => Failure::new(format!(
                "http://{authority} answered {status}; is it a node's admin listener?"
            )),
            _ => Failure::new(format!("{message} ({kind})")),
        }
    }
}

/// Sends one request over one connection.
///
/// # Errors
/// TG0009 when nobody answers; both may be worth another try.
pub(super) async fn exchange(
    authority: &str,
    method: &str,
    target: &str,
    headers: &[(&'static str, String)],
    body: Bytes,
) -> Result<Answer, Failure> {
    let socket = connect(authority).await?;
    let silent = |why: String| silent(authority, &why);
    let request = request(method, target, headers, body)?;
    match tokio::time::timeout(ANSWER_DEADLINE, talk(socket, request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(why)) => Err(silent(why)),
        Err(_) => Err(silent("no answer in 60 seconds".into())),
    }
}

/// A request with these header fields.
fn request(
    method: &str,
    target: &str,
    headers: &[(&'static str, String)],
    body: Bytes,
) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let mut request = hyper::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request
        .body(Full::new(body))
        .map_err(|error| Failure::new(format!("the request cannot be made: {error}")))
}

/// A connection to an admin listener.
async fn connect(authority: &str) -> Result<TcpStream, Failure> {
    let unreachable = |why: String| {
        Failure::new(format!(
            "cannot reach the node at http://{authority}: {why}"
        ))
        .code(&codes::ADMIN_UNREACHABLE)
        .hint("is it running? tollgate start; is it elsewhere? --admin-url or TOLLGATE_ADMIN")
        .exit(TRY_AGAIN)
    };
    match tokio::time::timeout(CONNECT_DEADLINE, TcpStream::connect(authority)).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable("no answer in 5 seconds".into())),
    }
}

fn silent(authority: &str, why: &str) -> Failure {
    Failure::new(format!(
        "the node at http://{authority} did not answer: {why}"
    ))
    .code(&codes::ADMIN_UNREACHABLE)
    .hint("a change may have happened; repeating the command is safe")
    .exit(TRY_AGAIN)
}

/// Sends a request and waits for the head of its answer. The task beside it drives the connection.
async fn begin(
    io: TokioIo<TcpStream>,
    request: hyper::Request<Full<Bytes>>,
) -> Result<(hyper::Response<Incoming>, AbortHandle), String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
        .await
        .map_err(|error| error.to_string())?;
    // It ends with the sender; what it fails with the sender tells.
    let driver = tokio::spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    Ok((response, driver.abort_handle()))
}

async fn talk(socket: TcpStream, request: hyper::Request<Full<Bytes>>) -> Result<Answer, String> {
    let io = TokioIo::new(socket);
    let (response, driver) = begin(io, request).await?;
    let (status, kind) = head(&response);
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    driver.abort();
    Ok(Answer { status, kind, body })
}

/// The status and the kind of error of an answer.
fn head(response: &hyper::Response<Incoming>) -> (u16, String) {
    let kind = response
        .headers()
        .get("x-amzn-errortype")
        .and_then(|kind| kind.to_str().ok())
        .map_or("", |kind| kind.split(':').next().unwrap_or_default());
    (response.status().as_u16(), kind.to_owned())
}

fn encode_query(query: &[(&str, &str)]) -> String {
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{}={}", encode_label(name), encode_label(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The name by which a node knows the attempts of one call.
fn invocation_id() -> Result<String, Failure> {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| Failure::new("the system gave no random bytes"))?;
    Ok(request_id(random))
}

/// Milliseconds since the epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
