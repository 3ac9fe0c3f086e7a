//! A backup of the whole state, made while it is sent: it may be as large as the node's memory
//! allows, and is never in it a second time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_protocol::codec::CodecError;

use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

/// Backups at a time: each keeps the state alive that it began with.
const BACKUPS_MAX: usize = 2;
/// Parts that wait to be sent, of at most a mebibyte each.
const PARTS_MAX: usize = 2;
/// How long a client may take for one part: one that does not read must not hold a state for ever.
const PART_DEADLINE: Duration = Duration::from_secs(60);

/// The backups that are being read.
#[derive(Debug, Clone)]
pub struct Backups(Arc<Semaphore>);

impl Default for Backups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BACKUPS_MAX)))
    }
}

/// The bytes of a backup, as they are made.
#[derive(Debug)]
pub(crate) struct Streamed {
    parts: Receiver<Result<Bytes, CodecError>>,
    _permit: OwnedSemaphorePermit,
}

impl Stream for Streamed {
    type Item = Result<Bytes, CodecError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.parts.poll_recv(cx)
    }
}

/// `GET backup`
pub(super) async fn take(call: &Call<'_>) -> Outcome {
    let permit = Arc::clone(&call.state.backups.0).try_acquire_owned();
    let permit = permit.map_err(|_| {
        let text = "as many backups are being read as may be; try again when one is done";
        AwsError::new(ErrorKind::TooManyRequests, text).with_retry_after(1)
    })?;
    // What this node's leases spent is in the state then, and is not taken for spent as a whole.
    call.state.runtime.report_usage(None).await;
    let now = call.state.clock.now();
    let door = &call.state.door;
    let parts = door.backup(env!("CARGO_PKG_VERSION"), now).await;
    let head = parts.head();
    tracing::info!(
        who = call.who,
        revision = head.revision,
        agreed = head.agreed,
        "backup"
    );
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        for part in parts {
            let failed = part.is_err();
            let sent = sender.send_timeout(part.map(Bytes::from), PART_DEADLINE);
            if runtime.block_on(sent).is_err() || failed {
                return;
            }
        }
    });
    Ok(Reply::streamed(Streamed {
        parts: receiver,
        _permit: permit,
    }))
}
