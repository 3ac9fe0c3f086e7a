//! Active checks: a GET at an interval, on the shared runtime, on a connection of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout_at};

use crate::error::UpstreamError;
use crate::group::Group;
use crate::limits::{H1_BUFFER_BYTES_MAX, HEALTH_TIMEOUT_MIN};
use crate::server::Server;
use crate::spec::HealthCheck;
use crate::transport::{Purpose, open};

/// Starts a task for each server, when the group wants checks.
pub(crate) fn start(runtime: &Handle, group: &Group) -> Vec<AbortHandle> {
    let Some(check) = &group.spec.health_check else {
        return Vec::new();
    };
    let watch = |server: &Arc<Server>| {
        let task = watch(group.spec.name.clone(), Arc::clone(server), check.clone());
        runtime.spawn(task).abort_handle()
    };
    group.servers.iter().map(watch).collect()
}

async fn watch(group: String, server: Arc<Server>, check: HealthCheck) {
    let mut streak = 0_u32;
    loop {
        let result = probe(&server, &check).await;
        let was_unhealthy = server.is_unhealthy();
        // Only results against the present state count towards a change.
        streak = if result.is_ok() == was_unhealthy {
            streak.saturating_add(1)
        } else {
            0
        };
        let threshold = if was_unhealthy {
            check.healthy_threshold
        } else {
            check.unhealthy_threshold
        };
        if streak >= threshold.max(1) {
            streak = 0;
            server.set_unhealthy(!was_unhealthy);
            let reason = result.err().unwrap_or_default();
            tracing::warn!(%group, server = %server.label, healthy = was_unhealthy, %reason, "health changed");
        }
        sleep(Duration::from_millis(check.interval_ms.max(1))).await;
    }
}

/// One check; the error says what was bad.
async fn probe(server: &Server, check: &HealthCheck) -> Result<(), String> {
    let allowed = Duration::from_millis(check.timeout_ms).max(HEALTH_TIMEOUT_MIN);
    let due = Instant::now() + allowed;
    match timeout_at(due.into(), status(server, check, due)).await {
        Ok(Ok(status)) if (check.status_min..=check.status_max).contains(&status) => Ok(()),
        Ok(Ok(status)) => Err(format!("status {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Connect(#[from] UpstreamError),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("the check's path: {0}")]
    Request(#[from] http::Error),
}

async fn status(server: &Server, check: &HealthCheck, due: Instant) -> Result<u16, ProbeError> {
    let opened = open(server, Purpose::Requests, due).await?;
    let authority = server
        .label
        .split_once("://")
        .map_or(&*server.label, |(_, rest)| rest);
    let request = http::Request::builder().header(http::header::USER_AGENT, "tollgate-health");
    let io = TokioIo::new(opened.stream);
    let response = if opened.is_h2 {
        let uri = format!(
            "{}://{authority}{}",
            server.reach.scheme.as_str(),
            check.path
        );
        let request = request.uri(uri).body(Empty::<Bytes>::new())?;
        let (mut tx, conn) = http2::handshake(TokioExecutor::new(), io).await?;
        let _driver = Driver(tokio::spawn(conn).abort_handle());
        tx.send_request(request).await?
    } else {
        let request = request
            .uri(&check.path)
            .header(http::header::HOST, authority)
            .header(http::header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let (mut tx, conn) = http1::Builder::new()
            .max_buf_size(H1_BUFFER_BYTES_MAX)
            .handshake(io)
            .await?;
        let _driver = Driver(tokio::spawn(conn).abort_handle());
        tx.send_request(request).await?
    };
    Ok(response.status().as_u16())
}

/// Ends the connection's task with the check, finished or not.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
