//! `@connections` on the listeners for clients: the caller proves who he is before his message is
//! read where that is possible, and little is read of those who did not.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_aws::sigv4::{BodyHash, BodyHasher, RequestView, SigV4Error, Verified, Verifier};
use tollgate_aws::wire::{request_id, to_iso8601};
use tollgate_aws::{AwsError, ErrorKind, Service};
use tollgate_message::{Body, BodyError, Response};
use tollgate_pipeline::ConnectionCall;
use tollgate_policy::Context;
use tollgate_protocol::Clock;
use tollgate_protocol::limits::CONNECTION_DATA_BYTES_MAX;

use super::Shared;
use crate::connections::{self, Address};
use crate::iam::Principal;

/// Messages that a worker reads at a time to judge a signature: 8 MiB of bodies.
const UNPROVEN_MAX: usize = 64;

/// What a worker keeps for these calls.
pub(super) struct ConnectionDoor {
    verifier: Verifier,
    unproven: Cell<usize>,
}

impl Default for ConnectionDoor {
    fn default() -> Self {
        Self {
            verifier: connections::verifier(),
            unproven: Cell::new(0),
        }
    }
}

impl ConnectionDoor {
    /// Answers a call, errors included.
    pub(super) async fn answer(&self, shared: &Arc<Shared>, call: ConnectionCall<'_>) -> Response {
        let mut response = match self.attempt(shared, call).await {
            Ok(response) => response,
            Err(error) => rendered(&error),
        };
        let mut random = [0; 16];
        if aws_lc_rs::rand::fill(&mut random).is_ok() {
            let id = request_id(random);
            response.headers.set("x-amzn-requestid", &id);
        }
        response
    }

    async fn attempt(
        &self,
        shared: &Arc<Shared>,
        mut call: ConnectionCall<'_>,
    ) -> Result<Response, AwsError> {
        let op = connections::operation(call.method.as_str()).ok_or_else(|| {
            AwsError::new(ErrorKind::UnknownOperation, "no operation has this method")
        })?;
        let body = std::mem::take(&mut call.body);
        let (verified, data) = match self.verify(shared, &call, BodyHash::Later) {
            Ok(verified) => {
                let data = read(body).await?;
                check_body(&verified, &data)?;
                (verified, data)
            }
            Err(SigV4Error::BodyNeeded) => {
                let _room = self.room()?;
                let data = read(body).await?;
                let verified = self.verify(shared, &call, BodyHash::Bytes(&data));
                (verified.map_err(|error| error.to_aws())?, data)
            }
            Err(error) => return Err(error.to_aws()),
        };
        connections::plain(&verified)?;
        let at = Address {
            api_id: call.api_id,
            stage: call.stage,
            connection_id: &call.connection_id,
        };
        let now = shared.clock.now();
        let holder = shared
            .gate
            .identities
            .load()
            .lookup(&verified.access_key, now);
        let principal = holder.map(|it| it.principal);
        let principal = principal.ok_or_else(|| SigV4Error::UnknownAccessKey.to_aws())?;
        let context = context(&principal, &call, now.0);
        shared.gate.admit(&principal, op, at, &context)?;
        let done = connections::run(&*shared.connections, op, at, &data).await?;
        Ok(match done {
            (status, None) => Response::new(status),
            (status, Some(body)) => Response::new(status)
                .with_header("content-type", "application/json")
                .with_body(body.to_string()),
        })
    }

    fn verify(
        &self,
        shared: &Shared,
        call: &ConnectionCall<'_>,
        body: BodyHash<'_>,
    ) -> Result<Verified, SigV4Error> {
        let view = RequestView {
            method: call.method.as_str(),
            path: call.path,
            query: call.query,
            headers: call.headers.iter(),
        };
        let (known, now) = (shared.gate.identities.load(), shared.clock.now());
        let secret = |access_key: &str| known.lookup(access_key, now).map(|it| it.secret);
        self.verifier.verify(&view, body, now.0, secret)
    }

    /// Room for a body whose sender has not proven who he is.
    fn room(&self) -> Result<Room<'_>, AwsError> {
        let taken = self.unproven.get();
        if taken >= UNPROVEN_MAX {
            let text = "too many messages are on their way; try again";
            return Err(AwsError::new(ErrorKind::LimitExceeded, text).with_retry_after(1));
        }
        self.unproven.set(taken + 1);
        Ok(Room(&self.unproven))
    }
}

/// What conditions of policies see (IAM User Guide, "AWS global condition context keys").
fn context<'c>(principal: &'c Principal, call: &'c ConnectionCall<'_>, now_ms: u64) -> Context<'c> {
    let mut context = Context::new();
    if principal.is_root() {
        // Nothing is refused to root, so nobody looks at it.
        return context;
    }
    principal.describe(&mut context);
    context.set("aws:CurrentTime", to_iso8601(now_ms));
    context.set("aws:EpochTime", (now_ms / 1000).to_string());
    context.set(
        "aws:SecureTransport",
        if call.secure { "true" } else { "false" },
    );
    context.set("aws:SourceIp", call.source_ip);
    for (key, header) in [("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")] {
        if let Some(value) = call.headers.get_str(header) {
            context.set(key, value);
        }
    }
    context
}

/// Given back when it is dropped.
struct Room<'a>(&'a Cell<usize>);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

async fn read(body: Body) -> Result<Bytes, AwsError> {
    let read = body.collect(CONNECTION_DATA_BYTES_MAX as u64).await;
    read.map_err(|error| match error {
        BodyError::TooLarge(_) => connections::too_large(),
        other => AwsError::bad_request(other.to_string()),
    })
}

fn check_body(verified: &Verified, data: &[u8]) -> Result<(), AwsError> {
    let mut hasher = BodyHasher::new();
    hasher.update(data);
    let checked = verified.payload.check(&hasher.finish());
    checked.map_err(|error| error.to_aws())
}

fn rendered(error: &AwsError) -> Response {
    let rendered = error.render(Service::Management);
    let mut response = Response::new(rendered.status);
    for (name, value) in rendered.headers {
        response.headers.set(&name.to_ascii_lowercase(), value);
    }
    if rendered.body.is_empty() {
        return response;
    }
    response.with_body(rendered.body)
}
