//! An exchange on a connection of our own.

use std::future::poll_fn;
use std::task::Poll;

use tollgate_message::{Request, Response};

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::h1::{Answer, Piece, Rest, Turn, Unanswered};
use crate::pool::Lease;
use crate::reply_body::ReplyBody;
use crate::send_body::SendBody;
use crate::server::Outstanding;
use crate::transport::Purpose;
use crate::tunnel;

use super::{Exchange, Failed, Wait};

impl Exchange<'_> {
    pub(super) async fn over_h1(
        &self,
        request: &mut Request,
        body: SendBody,
        lease: Lease,
        mut wait: Wait,
        outstanding: Outstanding,
    ) -> Result<Response, Box<Failed>> {
        let conn = lease.h1().expect("asked for by the caller");
        let keeps_upgrade = self.purpose == Purpose::Upgrade;
        let begun = conn.borrow_mut().wire.begin(request, body, keeps_upgrade);
        let mut turn = match begun {
            Ok(turn) => turn,
            Err(error) => {
                // Nothing was sent: the connection is as good as before.
                let reused = lease.reused;
                lease.finish(None);
                return Err(self.failed(error, (reused, false), None));
            }
        };
        let answered = poll_fn(|cx| {
            let wire = &mut conn.borrow_mut().wire;
            if let Poll::Ready(answer) = wire.poll_answer(cx, &mut turn) {
                return Poll::Ready(answer.map(|answer| {
                    let piece = wire.gather(cx);
                    (answer, piece)
                }));
            }
            wait.poll(cx).map(|error| {
                Err(Unanswered {
                    error,
                    unsent: None,
                })
            })
        })
        .await;
        let (answer, piece) = match answered {
            Ok(answered) => answered,
            Err(Unanswered { error, unsent }) => {
                let known = (lease.reused, lease.head_started());
                return Err(self.failed(error, known, unsent));
            }
        };
        if answer.status == 101 {
            let known = (lease.reused, true);
            let tunnel = self.tunnel(request, (answer, &turn), lease, wait, outstanding);
            return tunnel.map_err(|error| self.failed(error, known, None));
        }
        self.judge(answer.status);
        Ok(self.reply((answer, piece), turn, lease, wait, outstanding))
    }

    /// The response, its body whole if it came with the head.
    fn reply(
        &self,
        (answer, piece): (Answer, Piece),
        turn: Turn,
        lease: Lease,
        wait: Wait,
        outstanding: Outstanding,
    ) -> Response {
        let idle = self.limits.body_idle_timeout;
        let rest = match lease.h1() {
            Some(conn) if turn.is_sending() => Rest::start(conn, turn, idle),
            _ => None,
        };
        let body = if let Some(Ok(())) = piece.end {
            lease.finish(rest);
            piece.bytes.into()
        } else {
            let held = self.held(lease, rest, wait.upload, outstanding);
            ReplyBody::over_h1(piece, idle, wait.deadline, held).into_stream(answer.length)
        };
        Response {
            status: answer.status,
            headers: answer.headers,
            body,
        }
    }

    /// Turns the connection into a tunnel.
    fn tunnel(
        &self,
        request: &mut Request,
        (answer, turn): (Answer, &Turn),
        lease: Lease,
        wait: Wait,
        outstanding: Outstanding,
    ) -> Result<Response, UpstreamError> {
        let refuse = |why: &str| UpstreamError::new(UpstreamErrorKind::Protocol, why);
        if self.purpose != Purpose::Upgrade {
            return Err(refuse("101 was not asked for"));
        }
        if turn.is_sending() {
            return Err(refuse("101 before the end of the request"));
        }
        let h1 = lease
            .into_h1()
            .ok_or_else(|| refuse("101 on a shared connection"))?;
        self.server.succeeded();
        let (stream, early, slot) = h1.into_parts();
        let client = core::mem::take(&mut request.body);
        let idle = self.limits.tunnel_idle_timeout;
        let kept = (slot, outstanding);
        let body = tunnel::open((stream, early), client, idle, wait.deadline, kept);
        Ok(Response {
            status: 101,
            headers: answer.headers,
            body,
        })
    }
}
