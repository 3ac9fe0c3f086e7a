//! One request on one connection: send, wait for the head, hand the body on.

mod over_h1;
mod over_h2;

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tollgate_message::{BodyError, Request, Response};

use crate::client::SendLimits;
use crate::deadline::{Deadline, Timers, after};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::group::Group;
use crate::h1::Rest;
use crate::pool::Lease;
use crate::reply_body::Held;
use crate::send_body::{SendBody, Upload};
use crate::server::{Outstanding, Server};
use crate::transport::Purpose;

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
        let wait = Wait {
            deadline: Deadline::new(self.timers),
            due: self.due,
            head_timeout: self.limits.head_timeout,
            upload: body.upload(),
        };
        match lease.h2() {
            None => self.over_h1(request, body, lease, wait, outstanding).await,
            Some(sender) => {
                self.over_h2(request, body, (lease, sender), wait, outstanding)
                    .await
            }
        }
    }

    /// Counts an answer for or against the server.
    fn judge(&self, status: u16) {
        if matches!(status, 502..=504) {
            self.group.failed(self.server, Instant::now());
        } else {
            self.server.succeeded();
        }
    }

    /// What is held until the response has ended.
    fn held(
        &self,
        lease: Lease,
        rest: Option<Rest>,
        upload: Option<Rc<Upload>>,
        outstanding: Outstanding,
    ) -> Held {
        Held {
            lease,
            rest,
            upload,
            group: Arc::clone(self.group),
            server: Arc::clone(self.server),
            _outstanding: outstanding,
        }
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
}

/// The time that a response head may take.
struct Wait {
    deadline: Deadline,
    due: Instant,
    head_timeout: Duration,
    upload: Option<Rc<Upload>>,
}

impl Wait {
    /// Ready when the time is over, with whose fault it is.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<UpstreamError> {
        loop {
            ready!(self.deadline.poll(cx, self.due));
            match self.due_after() {
                Ok(later) => self.due = later,
                Err(late) => return Poll::Ready(late),
            }
        }
    }

    /// At the deadline: a later one when the body made progress since, else whose fault it is.
    fn due_after(&self) -> Result<Instant, UpstreamError> {
        if let Some(upload) = &self.upload {
            let later = after(upload.progress.get(), self.head_timeout);
            if later > self.due {
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
}
