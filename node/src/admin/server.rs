//! The listener: bytes in, one call, bytes out.

use std::io;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::FutureExt as _;
use serde_json::Map;
use tokio::sync::{Semaphore, SemaphorePermit};
use tollgate_aws::operations::{Authorization, Matched, is_connection, match_operation};
use tollgate_aws::sigv4::{BodyHash, PayloadKind, Verifier};
use tollgate_aws::wire::request_id;
use tollgate_aws::{AwsError, ErrorKind, Service};

use super::access::{self, Access, Judged};
use super::auth::{Caller, judge, verifier};
use super::call::Call;
use super::given::Given;
use super::ids::Seed;
use super::native::table::Op as NativeOp;
use super::reply::{Body, Outcome, Reply};
use super::trace::Trace;
use super::{AdminState, NATIVE_PREFIX, native, operations};
use crate::audit::Auditor;
use crate::connections;
use crate::iam::Principal;

/// Threads of the listener: administrators are few, and one slow call must not hold all.
const THREADS: usize = 2;
/// Connections of one thread.
const CONNECTIONS_MAX: usize = 256;
/// Bytes of a body (AWS: 6 MB for an OpenAPI document).
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Bytes of a body that declares its hash, so that it is read only for callers whose signature
/// was right: a whole configuration.
const APPLY_BYTES_MAX: usize = tollgate_protocol::limits::COMMAND_BYTES_MAX;
/// Bytes of bodies, of all connections together, that are read to judge a signature: whoever knows
/// an access key id can send them. Five of the largest at a time.
const UNPROVEN_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A body that declares to be no larger is read all the same: such ones of all connections are
/// as much again, and nearly every call is one.
const UNPROVEN_SMALL_BYTES: usize = UNPROVEN_BYTES_MAX / (THREADS * CONNECTIONS_MAX);
/// How long a request head may take.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(60);
/// How long calls may go on when the listener stops, in seconds.
const STOP_SECONDS: u64 = 5;

/// The header by which SDKs mark the attempts of one call.
const INVOCATION_ID: &str = "amz-sdk-invocation-id";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A running listener.
pub struct AdminServer {
    handle: ServerHandle,
    auditor: Option<Auditor>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl AdminServer {
    /// Stops: takes no more connections, lets calls finish for some seconds, then ends them.
    ///
    /// # Errors
    /// What the listener's thread failed with.
    pub async fn stop(mut self) -> io::Result<()> {
        self.handle.stop(true).await;
        // The server has ended, so its thread does at once.
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(auditor) = self.auditor {
            auditor.flush();
        }
        match ended {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the admin listener's thread panicked")),
            None => Ok(()),
        }
    }
}

/// Serves the management APIs on a bound listener, on threads of its own.
///
/// # Errors
/// When the listener or its threads cannot be made.
pub fn start(listener: TcpListener, state: AdminState) -> io::Result<AdminServer> {
    let auditor = state.auditor.clone();
    let state = Arc::new(state);
    let (started, server) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("admin".into())
        .spawn(move || {
            actix_rt::System::new().block_on(async move {
                let running = match listen(listener, &state) {
                    Ok(running) => running,
                    Err(error) => {
                        // Nobody listening means that the node is gone already.
                        drop(started.send(Err(error)));
                        return Ok(());
                    }
                };
                drop(started.send(Ok(running.handle())));
                running.await
            })
        })?;
    let handle = server
        .recv()
        .map_err(|_| io::Error::other("the admin listener's thread ended"))??;
    Ok(AdminServer {
        handle,
        auditor,
        thread: Some(thread),
    })
}

fn listen(listener: TcpListener, state: &Arc<AdminState>) -> io::Result<actix_web::dev::Server> {
    let state = Arc::clone(state);
    let unproven = Arc::new(Semaphore::new(UNPROVEN_BYTES_MAX));
    let factory = move || {
        let thread = Rc::new(Thread {
            state: Arc::clone(&state),
            unproven: Arc::clone(&unproven),
            verifier: verifier(),
            of_connections: connections::verifier(),
        });
        App::new().app_data(thread).default_service(web::to(serve))
    };
    Ok(HttpServer::new(factory)
        .workers(THREADS)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_DEADLINE)
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals()
        .listen(listener)?
        .run())
}

/// What one thread of the listener holds.
struct Thread {
    state: Arc<AdminState>,
    /// Bytes that may be read yet of bodies whose signature is not judged.
    unproven: Arc<Semaphore>,
    verifier: Verifier,
    /// Calls of `@connections` are signed for another service.
    of_connections: Verifier,
}

async fn serve(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let service = service_of(request.path());
    let id = match random() {
        Ok(random) => request_id(random),
        Err(error) => return render(Err(error), service, None),
    };
    let Some(thread) = request.app_data::<Rc<Thread>>().cloned() else {
        let error = AwsError::new(ErrorKind::Internal, "no state");
        return render(Err(error), service, Some(&id));
    };
    let name = id.clone();
    // A task of its own: a client that goes away in the middle ends neither the call nor what the
    // audit trail hears of it.
    let answering = actix_web::rt::spawn(async move {
        let target = Target::of(&request);
        let mut trace = Trace::new(&request, target.as_ref().ok());
        let answer = thread.answer(&request, payload, target, &mut trace);
        // A change may be agreed on already: the trail hears of a call that panics, too.
        let outcome = AssertUnwindSafe(answer).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| ended());
        trace.end(&thread.state, &name, &outcome).await;
        if let Err(error) = &outcome {
            tracing::debug!(request_id = name, kind = error.kind.name(), method = %request.method(), path = request.path(), "admin call failed");
        }
        outcome
    });
    let outcome = answering.await.unwrap_or_else(|_| ended());
    render(outcome, service, Some(&id))
}

/// The answer of a call that panicked, or whose task did.
fn ended() -> Outcome {
    let text = "the call ended before it was answered";
    Err(AwsError::new(ErrorKind::Internal, text))
}

/// The service whose error shapes a path has.
fn service_of(path: &str) -> Service {
    if is_connection(path) {
        Service::Management
    } else if path.starts_with("/v2/") || path.starts_with(NATIVE_PREFIX) {
        Service::ApiGatewayV2
    } else {
        Service::ApiGateway
    }
}

fn random() -> Result<[u8; 16], AwsError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| AwsError::new(ErrorKind::Internal, "no random numbers"))?;
    Ok(bytes)
}

impl Thread {
    async fn answer(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        target: Result<Target<'_>, AwsError>,
        trace: &mut Trace,
    ) -> Outcome {
        let verifier = match is_connection(request.path()) {
            true => &self.of_connections,
            false => &self.verifier,
        };
        let mut caller = judge(&self.state, verifier, request, BodyHash::Later)?;
        let large =
            native::takes_large_body(request.path()) && !matches!(caller, Caller::BodyNeeded);
        let body_max = if large {
            APPLY_BYTES_MAX
        } else {
            BODY_BYTES_MAX
        };
        let room = match &caller {
            Caller::Proven(_, principal) if principal.is_root() => None,
            Caller::Anonymous(_) => None,
            Caller::Proven(_, principal) if large => {
                // What it needs does not depend on its body, which is as large as any may be.
                self.may_begin(request, principal, &target)?;
                None
            }
            Caller::Proven(..) | Caller::BodyNeeded => self.room(request)?,
        };
        let body = read_body(payload, body_max).await?;
        if matches!(caller, Caller::BodyNeeded) {
            caller = judge(&self.state, verifier, request, BodyHash::Bytes(&body))?;
        } else if let Caller::Proven(verified, _) = &caller
            && let PayloadKind::Declared(_) = verified.payload
        {
            let mut hasher = tollgate_aws::sigv4::BodyHasher::new();
            hasher.update(&body);
            verified
                .payload
                .check(&hasher.finish())
                .map_err(|error| error.to_aws())?;
        }
        drop(room);
        let judged_by = caller.look_again(&self.state)?;
        let unknown = || AwsError::new(ErrorKind::Internal, "nobody asks");
        let principal = caller.principal().ok_or_else(unknown)?;
        trace.by(principal, caller.access_key());
        let target = target?;
        // What is refused before its body is read tells what its address names.
        trace.with(request, &target, &Map::new(), &[]);
        if let Target::Aws(matched) = &target {
            let now_us = self.state.clock.monotonic_us();
            self.state.pace.take(matched.operation.service, now_us)?;
        }
        let given = Given::read(&target, request.uri().query(), &body)?;
        trace.with(request, &target, &given.members, &body);
        let mut access = Access::new(&self.state, principal, request, &given);
        let needs = target.needs(&self.state, &mut access, &given)?;
        let call = Call {
            state: &self.state,
            query: request.uri().query(),
            body: &body,
            members: &given.members,
            seed: self.seed(request, &caller, &body)?,
            who: caller.name(),
            access: &access,
            judged_by,
        };
        let judged: Vec<Judged> = needs.into_iter().map(|it| access.judge(it)).collect();
        let refused = judged.iter().find_map(|it| access.refusal(it));
        let outcome = match (refused, &target) {
            (Some(refused), _) => Err(refused),
            (None, Target::Native(matched)) => native::run(&call, matched).await,
            (None, Target::Aws(matched)) => operations::run(&call, matched).await,
        };
        concluded(&call, &judged, &outcome);
        outcome
    }

    /// Judges a call by its head alone.
    fn may_begin(
        &self,
        request: &HttpRequest,
        principal: &Principal,
        target: &Result<Target<'_>, AwsError>,
    ) -> Result<(), AwsError> {
        let Ok(target) = target else {
            return Err(operations::unknown());
        };
        let given = Given::default();
        let mut access = Access::new(&self.state, principal, request, &given);
        let needs = target.needs(&self.state, &mut access, &given)?;
        let judged = needs.into_iter().map(|it| access.judge(it));
        match judged.filter_map(|it| access.refusal(&it)).next() {
            Some(refused) => Err(refused),
            None => Ok(()),
        }
    }

    /// Room for a body that has to be read to judge its signature.
    fn room(&self, request: &HttpRequest) -> Result<Option<SemaphorePermit<'_>>, AwsError> {
        let headers = request.headers();
        let declared = headers.get(CONTENT_LENGTH);
        let declared = declared.and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
        // In chunks, or after an upgrade, it may become as large as any whatever it declares; without
        // all of these there is none. One that declares more is refused for that.
        let open_ended = headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(UPGRADE);
        let bytes = match open_ended {
            true => BODY_BYTES_MAX,
            false => declared.unwrap_or(0).min(BODY_BYTES_MAX),
        };
        if bytes <= UNPROVEN_SMALL_BYTES {
            return Ok(None);
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.unproven.try_acquire_many(bytes).map(Some).map_err(|_| {
            let text = "too many bodies are on their way whose signature is not known to be right; \
                        try again, or declare the body's hash in x-amz-content-sha256";
            AwsError::new(ErrorKind::ServiceUnavailable, text).with_retry_after(1)
        })
    }

    /// Names a request by the invocation id that SDKs repeat. A client without one does not say
    /// that it repeats a call, so each of its calls is a new one: a signature is no name, because
    /// it is the same for equal calls of one second.
    fn seed(&self, request: &HttpRequest, caller: &Caller, body: &[u8]) -> Result<Seed, AwsError> {
        let fallback;
        let name = match request.headers().get(INVOCATION_ID) {
            Some(name) => name.as_bytes(),
            None => {
                fallback = random()?;
                &fallback[..]
            }
        };
        let parts = [
            caller.name().as_bytes(),
            name,
            request.method().as_str().as_bytes(),
            request.uri().path().as_bytes(),
            request.uri().query().unwrap_or_default().as_bytes(),
            body,
        ];
        Ok(Seed::new(&self.state.seed, &parts))
    }
}

/// What a request is for.
pub(crate) enum Target<'r> {
    /// A native operation.
    Native(native::table::Matched),
    /// An operation of AWS's services.
    Aws(Matched<'r>),
}

impl<'r> Target<'r> {
    fn of(request: &'r HttpRequest) -> Result<Self, AwsError> {
        let (method, uri) = (request.method().as_str(), request.uri());
        let found = match uri.path().strip_prefix(NATIVE_PREFIX) {
            Some(path) => native::table::find(method, path).map(Self::Native),
            None => match_operation(method, uri.path(), uri.query()).map(Self::Aws),
        };
        found.ok_or_else(operations::unknown)
    }

    /// The labels of the path, decoded.
    pub(crate) fn labels(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Native(matched) => matched.labels().collect(),
            Self::Aws(matched) => matched.labels().collect(),
        }
    }

    /// What its caller needs. Some native operations add a key of conditions.
    ///
    /// # Errors
    /// As [`access::needs_of`].
    fn needs(
        &self,
        state: &AdminState,
        access: &mut Access<'_>,
        given: &Given,
    ) -> Result<Vec<Authorization>, AwsError> {
        Ok(match self {
            Self::Aws(matched) => {
                let needs = access::needs_of(state, matched, access.tags)?;
                access.about(state, matched, &given.members, needs.first());
                needs
            }
            Self::Native(matched) if matched.native.op == NativeOp::GetCallerIdentity => {
                // AWS: nobody can be denied to ask who he is.
                Vec::new()
            }
            Self::Native(matched) => {
                let account = &state.account_id;
                if matched.native.path.contains("/attached/") {
                    let arn = format!("arn:aws:iam::{account}:policy/{}", matched.label("policy"));
                    access.set("iam:PolicyARN", arn);
                }
                if matches!(matched.native.op, NativeOp::Apply | NativeOp::Rollback) {
                    access.about_all();
                }
                vec![matched.needs(&state.region, account, &given.members)]
            }
        })
    }
}

/// The one place where everything about a call is known: who asked, what for, what was decided and
/// why, and what came of it.
fn concluded(call: &Call<'_>, judged: &[Judged], outcome: &Outcome) {
    for Judged { needed, verdict } in judged {
        tracing::debug!(
            who = call.who,
            principal = call.access.principal().arn(),
            action = needed.action,
            resource = needed.resource,
            allowed = verdict.is_allowed(),
            why = ?verdict,
            error = outcome.as_ref().err().map(|error| error.kind.name()),
            "admin call"
        );
    }
}

async fn read_body(payload: web::Payload, bytes_max: usize) -> Result<web::Bytes, AwsError> {
    let reading = payload.to_bytes_limited(bytes_max);
    match tokio::time::timeout(BODY_DEADLINE, reading).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(AwsError::bad_request("the body was cut off")),
        Ok(Err(_)) => Err(AwsError::new(
            ErrorKind::PayloadTooLarge,
            format!("the body is larger than {bytes_max} bytes"),
        )),
        Err(_) => Err(AwsError::bad_request("the body did not arrive in time")),
    }
}

fn render(outcome: Outcome, service: Service, id: Option<&str>) -> HttpResponse {
    let mut response = match outcome {
        Ok(Reply { status, body }) => {
            let mut builder = HttpResponse::build(code(status));
            match body {
                Body::Json(body) => builder.json(body),
                Body::Empty => builder.finish(),
                Body::Text(kind, text) => builder.content_type(kind).body(text),
                Body::Streamed(body) => builder
                    .content_type("application/octet-stream")
                    .streaming(body),
            }
        }
        Err(error) => {
            let rendered = error.render(service);
            let mut builder = HttpResponse::build(code(rendered.status));
            for (name, value) in rendered.headers {
                builder.insert_header((name, value));
            }
            builder.body(rendered.body)
        }
    };
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
