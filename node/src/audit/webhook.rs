//! The audit trail to an HTTP endpoint: batches of events, in order, at least once.
//!
//! What is sent is read from the trail's files, behind what the endpoint has taken, and how far that is
//! is kept beside them. So an endpoint that is away costs no memory and loses nothing that the trail
//! still has, and a restart goes on where the last run ended. A thread of its own waits for endpoint and
//! disk, and pauses longer and longer while it is refused.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use tokio::runtime::{Builder, Handle};
use tokio::task::LocalSet;
use tollgate_audit::{Batch, Error as TrailError, Followed, Follower};
use tollgate_aws::Secret;
use tollgate_message::{Body, HeaderList, Method, Request};
use tollgate_protocol::hex::to_hex;
use tollgate_protocol::metrics as names;
use tollgate_upstream::{
    Client, GroupSpec, SendLimits, ServerSpec, TlsSpecError, UpstreamError, Upstreams,
};

use super::pending::Pending;
use super::{Auditor, End, Shared};
use crate::metrics::Metrics;

/// The one group of the client.
const GROUP: &str = "audit webhook";
/// Events of one batch.
const BATCH_EVENTS_MAX: usize = 500;
/// Bytes of events behind which a batch takes no further one. With the last one (64 KiB) and the ids of
/// all (40 KiB) a body stays below [`BODY_BYTES_MAX`].
const BATCH_BYTES_MAX: usize = 384 * 1024;
/// Bytes of a body: half of what servers take that nobody has told otherwise.
const BODY_BYTES_MAX: usize = 512 * 1024;
const _: () = assert!(
    BATCH_BYTES_MAX + tollgate_audit::limits::LINE_BYTES_MAX + BATCH_EVENTS_MAX * 96
        <= BODY_BYTES_MAX
);
/// How often is looked for new events, and whether the node still keeps a trail.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The first pause after a refusal, which doubles with each further one.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long an endpoint may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const LIMITS: SendLimits = SendLimits::new(ANSWER_WITHIN, ANSWER_WITHIN);

/// Where events go, and what proves there who sends them.
pub(crate) struct Target {
    /// The server.
    pub(crate) server: ServerSpec,
    /// What `Host` says.
    pub(crate) authority: String,
    /// The path with its slash, and a query.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// What signs batches.
    pub(crate) secret: Option<Secret>,
    /// What is sent as a bearer token.
    pub(crate) token: Option<Secret>,
    /// The authorities to trust, in PEM, in place of the system's.
    pub(crate) ca_pem: Option<String>,
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the audit trail")]
    Trail(#[from] TrailError),
    #[error("the endpoint cannot be reached")]
    Send(#[source] UpstreamError),
    #[error("the endpoint answered {0}")]
    Status(u16),
}

/// One trail, and how far it was passed on.
struct Side {
    end: Arc<End>,
    follower: Option<Follower>,
    /// What was read and is not taken yet.
    pending: Pending,
}

struct Sender {
    shared: Weak<Shared>,
    sides: Vec<Side>,
    target: Target,
    metrics: Metrics,
    /// Refusals in a row.
    failures: u32,
}

impl Target {
    fn group(&self) -> GroupSpec {
        let mut group = GroupSpec::new(GROUP, vec![self.server.clone()]);
        group.tls.ca_pem.clone_from(&self.ca_pem);
        group.connections_max = 1;
        group
    }

    /// Whether its authorities can be used.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn check(&self) -> Result<(), TlsSpecError> {
        self.group().tls.check()
    }

    /// A request with a batch.
    fn request(&self, lines: &[Followed], at_s: u64) -> Request {
        let body = records(lines);
        let mut headers = HeaderList::default();
        headers.append("host", &self.authority);
        headers.append("content-type", "application/json");
        headers.append(
            "user-agent",
            concat!("tollgate/", env!("CARGO_PKG_VERSION")),
        );
        headers.append("x-tollgate-timestamp", at_s.to_string());
        if let Some(secret) = &self.secret {
            headers.append(
                "x-tollgate-signature",
                signature(secret, at_s, body.as_bytes()),
            );
        }
        if let Some(token) = &self.token {
            headers.append("authorization", format!("Bearer {}", token.expose()));
        }
        Request {
            method: Method::Post,
            path: self.path.clone(),
            query: self.query.clone(),
            headers,
            body: Body::Full(body.into()),
            ..Request::default()
        }
    }
}

/// `v1=` and the HMAC-SHA256 of the time, a point and the body.
fn signature(secret: &Secret, at_s: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(at_s.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    format!("v1={}", to_hex(context.sign().as_ref()))
}

/// A batch as CloudTrail's files have it: each event with its id, the hash of its line.
fn records(lines: &[Followed]) -> String {
    let mut body = String::from("{\"Records\":[");
    for (at, line) in lines.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // An event is an object with members, so what follows its brace is one of them.
        let members = line.event.strip_prefix('{').unwrap_or(&line.event);
        // Writing to a text does not fail.
        write!(body, "{comma}{{\"eventID\":\"{}\",{members}", line.hash).ok();
    }
    body + "]}"
}

/// Starts the thread, which ends with the auditor's last clone.
///
/// # Errors
/// When there is no thread for it.
pub(crate) fn start(
    auditor: &Auditor,
    target: Target,
    metrics: Metrics,
    background: Handle,
) -> io::Result<()> {
    let sides = auditor.shared.ends.iter().map(|end| Side {
        end: Arc::clone(end),
        follower: None,
        pending: Pending::default(),
    });
    let sender = Sender {
        shared: Arc::downgrade(&auditor.shared),
        sides: sides.collect(),
        target,
        metrics,
        failures: 0,
    };
    let thread = std::thread::Builder::new().name("audit-webhook".into());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread.spawn(move || {
        let upstreams = Upstreams::new(background);
        upstreams.sync(vec![sender.target.group()]);
        LocalSet::new().block_on(&runtime, sender.run(&Client::new(upstreams)));
    })?;
    Ok(())
}

impl Sender {
    async fn run(mut self, client: &Client) {
        while self.shared.strong_count() > 0 {
            let passed = self.pass_on(client).await;
            self.tell();
            let pause = match passed {
                Ok(true) => continue,
                Ok(false) => LOOK_EVERY,
                Err(error) => self.refused(&error),
            };
            self.wait(pause).await;
        }
    }

    /// Passes one batch of each trail on; whether there was any.
    async fn pass_on(&mut self, client: &Client) -> Result<bool, Error> {
        let mut any = false;
        for side in &mut self.sides {
            let missed = side.read()?;
            if missed > 0 {
                self.metrics
                    .counter(&names::AUDIT_MISSED, &[])
                    .increment(missed);
                tracing::error!(
                    missed,
                    "events were gone from the trail before the audit webhook took them"
                );
            }
            if side.pending.is_empty() {
                continue;
            }
            let request = self.target.request(side.pending.next(), now_s());
            let sent = client.send(GROUP, request, &LIMITS).await;
            let (response, _) = sent.map_err(Error::Send)?;
            if !(200..300).contains(&response.status) {
                side.refused(response.status, &self.metrics)?;
                return Err(Error::Status(response.status));
            }
            let count = side.taken()?;
            any = true;
            self.metrics
                .counter(&names::AUDIT_DELIVERED, &[])
                .increment(count);
            if std::mem::take(&mut self.failures) > 0 {
                tracing::info!("the audit webhook takes events again");
            }
        }
        Ok(any)
    }

    /// Counts a refusal, and how long to wait because of it.
    fn refused(&mut self, error: &Error) -> Duration {
        self.metrics
            .counter(&names::AUDIT_FAILURES, &[])
            .increment(1);
        if self.failures == 0 {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            let cause = cause.unwrap_or_default();
            tracing::warn!(%error, cause, "the audit webhook does not take events");
        }
        self.failures = self.failures.saturating_add(1);
        pause(self.failures)
    }

    /// Tells how many events the endpoint does not have yet.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn tell(&self) {
        let behind: u64 = self.sides.iter().map(Side::behind).sum();
        let gauge = self.metrics.gauge(&names::AUDIT_BEHIND, &[]);
        gauge.set(behind as f64);
    }

    /// Waits, but no longer than there is a trail.
    async fn wait(&self, pause: Duration) {
        let until = tokio::time::Instant::now() + pause;
        while self.shared.strong_count() > 0 && tokio::time::Instant::now() < until {
            let look = tokio::time::Instant::now() + LOOK_EVERY;
            tokio::time::sleep_until(until.min(look)).await;
            self.tell();
        }
    }
}

impl Side {
    /// Reads the next batch, unless the last one is not taken yet. Returns what was missed.
    fn read(&mut self) -> Result<u64, Error> {
        if !self.pending.is_empty() {
            return Ok(0);
        }
        let flushed = self.end.flushed.load(Ordering::Acquire);
        let follower = match &mut self.follower {
            Some(follower) => follower,
            none => none.insert(Follower::resume(&self.end.dir, flushed)?),
        };
        let Batch { lines, missed } = follower.read(flushed, BATCH_EVENTS_MAX, BATCH_BYTES_MAX)?;
        self.pending.fill(lines);
        Ok(missed)
    }

    /// The endpoint has what was sent: how many events these were.
    fn taken(&mut self) -> Result<u64, Error> {
        let count = self.pending.taken() as u64;
        self.keep()?;
        Ok(count)
    }

    /// The endpoint refused what was sent. An event that it refuses by itself is left out, so that
    /// the others come to it.
    fn refused(&mut self, status: u16, metrics: &Metrics) -> Result<(), Error> {
        let Some(event) = self.pending.refused(status) else {
            return Ok(());
        };
        metrics.counter(&names::AUDIT_MISSED, &[]).increment(1);
        tracing::error!(
            status,
            event = event.number,
            id = event.hash,
            "the audit webhook refuses an event, which is left out"
        );
        self.keep()
    }

    /// Keeps how far the endpoint is, once nothing waits: a restart sends the rest of a batch, and
    /// what was taken of it, again.
    fn keep(&self) -> Result<(), Error> {
        match &self.follower {
            Some(follower) if self.pending.is_empty() => Ok(follower.taken()?),
            _ => Ok(()),
        }
    }

    fn behind(&self) -> u64 {
        let read = self.follower.as_ref().map_or(0, Follower::read_to);
        let flushed = self.end.flushed.load(Ordering::Acquire);
        flushed.saturating_sub(read) + self.pending.len() as u64
    }
}

/// The pause after so many refusals in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
    let pause = doubled.and_then(|it| PAUSE.checked_mul(it));
    pause.map_or(PAUSE_MAX, |it| it.min(PAUSE_MAX))
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        let seconds = [1, 2, 3, 6, 7, 40].map(|it| pause(it).as_secs());
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn a_batch_is_a_file_of_cloudtrail_with_the_lines_hashes_as_ids() {
        let line = |number: u64, event: &str| Followed {
            number,
            hash: format!("{number:064}"),
            event: event.to_owned(),
        };
        let body = records(&[
            line(1, r#"{"eventName":"A"}"#),
            line(2, r#"{"eventName":"B"}"#),
        ]);
        let body: Value = serde_json::from_str(&body).unwrap();
        let records = body["Records"].as_array().unwrap();
        let names: Vec<&Value> = records.iter().map(|it| &it["eventName"]).collect();
        assert_eq!(names, ["A", "B"]);
        assert_eq!(records[1]["eventID"], format!("{:064}", 2));
    }

    #[test]
    fn a_signature_is_that_of_time_and_body() {
        // As Python's hmac makes it: hmac.new(b"a-secret", b"17.{}", "sha256").
        let signed = signature(&Secret::new("a-secret"), 17, b"{}");
        let known = "v1=dad3dbbecf85ed4930ddc41f9ed9a548a604bc1ce74bab71c361fcf78738b881";
        assert_eq!(signed, known);
    }
}
