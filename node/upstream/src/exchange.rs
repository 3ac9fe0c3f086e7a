//! One request on one connection: send, wait for the head, hand the body on.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http_body::Body as _;
use hyper::body::Incoming;
use tollgate_message::{Body, BodyError, Request, Response};

use crate::client::SendLimits;
use crate::deadline::{Deadline, Timers, after};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::group::Group;
use crate::head::{incoming, outgoing};
use crate::pool::Lease;
use crate::reply_body::{Held, ReplyBody};
use crate::send_body::{SendBody, Upload};
use crate::server::{Outstanding, Server};
use crate::transport::Purpose;
use crate::tunnel;

/// What an exchange needs besides the request.
pub(crate) struct Exchange<'a> {
    pub(crate) timers: &'a Rc<Timers>,
    pub(crate) limits: &'a SendLimits,
    pub(crate) due: Instant,
    pub(crate) group: &'a Arc<Group>,
    pub(crate) server: &'a Arc<Server>,
    pub(crate) purpose: Purpose,
}

/// A failed exchange.
pub(crate) struct Failed {
    pub(crate) error: UpstreamError,
    /// The body, when no byte of the request was sent.
    pub(crate) unsent: Option<SendBody>,
}

/// A head with its body, and what they hold.
struct Answered {
    response: http::Response<Incoming>,
    lease: Lease,
    upload: Option<Rc<Upload>>,
    deadline: Deadline,
}

impl Exchange<'_> {
    /// Sends `body` behind the head of `request` and returns the response. `request.body` is the
    /// client's side of an upgraded connection, and is taken only then.
    pub(crate) async fn run(
        &self,
        request: &mut Request,
        body: SendBody,
        lease: Lease,
        outstanding: Outstanding,
    ) -> Result<Response, Box<Failed>> {
        let answered = self.answer(request, body, lease).await?;
        let status = answered.response.status().as_u16();
        if status == 101 {
            let lease = (answered.lease.reused, true);
            let tunnel = self.upgraded(request, answered, outstanding).await;
            return tunnel.map_err(|error| self.failed(error, lease, None));
        }
        if matches!(status, 502..=504) {
            self.group.failed(self.server, Instant::now());
        } else {
            self.server.succeeded();
        }
        let headers = incoming(answered.response.headers(), false);
        let Answered {
            response,
            lease,
            upload,
            deadline,
        } = answered;
        let incoming = response.into_body();
        if incoming.is_end_stream() {
            lease.finish(upload, self.limits.body_idle_timeout);
            return Ok(Response {
                status,
                headers,
                body: Body::Empty,
            });
        }
        let held = Held {
            lease,
            upload,
            group: Arc::clone(self.group),
            server: Arc::clone(self.server),
            _outstanding: outstanding,
        };
        let idle = self.limits.body_idle_timeout;
        let body = ReplyBody::new(incoming, idle, deadline, held)
            .into_body()
            .await;
        Ok(Response {
            status,
            headers,
            body,
        })
    }

    /// Sends the request and waits for the head of the response.
    async fn answer(
        &self,
        request: &Request,
        body: SendBody,
        mut lease: Lease,
    ) -> Result<Answered, Box<Failed>> {
        let upload = body.upload();
        let request = match outgoing(request, body, lease.wire(self.purpose)) {
            Ok(request) => request,
            Err(refused) => {
                // Nothing was sent: the connection is as good as before.
                let reused = lease.reused;
                lease.finish(None, Duration::ZERO);
                return Err(self.failed(refused.0, (reused, false), None));
            }
        };
        let mut deadline = Deadline::new(self.timers);
        let answer = {
            let mut answer = pin!(lease.send(request));
            let mut due = self.due;
            poll_fn(|cx| {
                if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                    return Poll::Ready(Ok(answer));
                }
                loop {
                    if deadline.poll(cx, due).is_pending() {
                        return Poll::Pending;
                    }
                    match self.due_after(due, upload.as_deref()) {
                        Ok(later) => due = later,
                        Err(late) => return Poll::Ready(Err(late)),
                    }
                }
            })
            .await
        };
        let (error, unsent) = match answer {
            Ok(Ok(response)) => {
                return Ok(Answered {
                    response,
                    lease,
                    upload,
                    deadline,
                });
            }
            Ok(Err(mut failed)) => {
                let unsent = failed.take_message().map(http::Request::into_body);
                (send_error(&failed.into_error(), upload.as_deref()), unsent)
            }
            Err(late) => (late, None),
        };
        let lease = (lease.reused, lease.head_started());
        Err(self.failed(error, lease, unsent))
    }

    /// An error with what is known of where it happened.
    fn failed(
        &self,
        error: UpstreamError,
        (reused, head_started): (bool, bool),
        unsent: Option<SendBody>,
    ) -> Box<Failed> {
        let server = Some(Arc::clone(&self.server.label));
        let error = UpstreamError {
            reused,
            head_started,
            server,
            ..error
        };
        Box::new(Failed { error, unsent })
    }

    /// At the deadline: a later one when the body made progress since, else whose fault it is.
    fn due_after(&self, due: Instant, upload: Option<&Upload>) -> Result<Instant, UpstreamError> {
        if let Some(upload) = upload {
            let later = after(upload.progress.get(), self.limits.head_timeout);
            if later > due {
                return Ok(later);
            }
            if upload.starved.get() {
                let kind = UpstreamErrorKind::RequestBody(BodyError::Stalled);
                return Err(UpstreamError::new(kind, "the request body stalled"));
            }
        }
        Err(UpstreamError::new(
            UpstreamErrorKind::Timeout,
            "no response head in time",
        ))
    }

    /// Turns the connection into a tunnel.
    async fn upgraded(
        &self,
        request: &mut Request,
        mut answered: Answered,
        outstanding: Outstanding,
    ) -> Result<Response, UpstreamError> {
        if self.purpose != Purpose::Upgrade {
            return Err(UpstreamError::new(
                UpstreamErrorKind::Protocol,
                "101 was not asked for",
            ));
        }
        self.server.succeeded();
        let headers = incoming(answered.response.headers(), true);
        let slot = answered.lease.slot();
        let upgraded = hyper::upgrade::on(&mut answered.response).await;
        let upgraded =
            upgraded.map_err(|e| UpstreamError::new(UpstreamErrorKind::Reset, e.to_string()))?;
        answered.lease.hand_over();
        let client = core::mem::take(&mut request.body);
        let idle = self.limits.tunnel_idle_timeout;
        let body = tunnel::open(
            upgraded,
            client,
            idle,
            answered.deadline,
            (slot, outstanding),
        );
        Ok(Response {
            status: 101,
            headers,
            body,
        })
    }
}

/// What the library's error says, in our kinds.
fn send_error(error: &hyper::Error, upload: Option<&Upload>) -> UpstreamError {
    if let Some(fault) = upload.and_then(|upload| upload.failed.borrow_mut().take()) {
        let detail = fault.to_string();
        return UpstreamError::new(UpstreamErrorKind::RequestBody(fault), detail);
    }
    let kind = if error.is_parse() {
        UpstreamErrorKind::Protocol
    } else {
        UpstreamErrorKind::Reset
    };
    let detail = match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    UpstreamError::new(kind, detail)
}
