//! An exchange on a stream of a shared HTTP/2 connection, which the HTTP library drives.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use http_body::Body as _;
use hyper::client::conn::http2;
use tollgate_message::{Body, Request, Response};

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::head::{incoming, outgoing};
use crate::pool::{Lease, SentH2};
use crate::reply_body::ReplyBody;
use crate::send_body::{SendBody, Upload};
use crate::server::Outstanding;
use crate::spec::Scheme;

use super::{Exchange, Failed, Wait};

impl Exchange<'_> {
    pub(super) async fn over_h2(
        &self,
        request: &Request,
        body: SendBody,
        (lease, (mut sender, scheme)): (Lease, (http2::SendRequest<SendBody>, Scheme)),
        mut wait: Wait,
        outstanding: Outstanding,
    ) -> Result<Response, Box<Failed>> {
        let known = (lease.reused, false);
        let message =
            outgoing(request, body, scheme).map_err(|error| self.failed(error, known, None))?;
        let sent: Result<SentH2, UpstreamError> = {
            let mut answer = pin!(sender.try_send_request(message));
            poll_fn(|cx| match answer.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Ok(answer)),
                Poll::Pending => wait.poll(cx).map(Err),
            })
            .await
        };
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(mut failed)) => {
                let unsent = failed.take_message().map(http::Request::into_body);
                let error = send_error(&failed.into_error(), wait.upload.as_deref());
                return Err(self.failed(error, known, unsent));
            }
            Err(late) => return Err(self.failed(late, known, None)),
        };
        let status = response.status().as_u16();
        if status == 101 {
            // RFC 9113, section 8.6.
            let error = UpstreamError::new(UpstreamErrorKind::Protocol, "101 in HTTP/2");
            return Err(self.failed(error, known, None));
        }
        self.judge(status);
        let headers = incoming(response.headers());
        let incoming = response.into_body();
        let body = if incoming.is_end_stream() {
            lease.finish(None);
            Body::Empty
        } else {
            let held = self.held(lease, None, wait.upload, outstanding);
            let idle = self.limits.body_idle_timeout;
            ReplyBody::over_h2(incoming, idle, wait.deadline, held)
                .into_body()
                .await
        };
        Ok(Response {
            status,
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
