//! Bodies larger than a frame: sent in parts that survive a call that was given up.
//!
//! A part says which transfer it belongs to and where in it; the answer says how far the receiver
//! has come. So a sender that begins anew (consensus gives an append the time of a heartbeat, and
//! a large one takes longer) goes on where it stopped. The body is handled when a sender asks for
//! that at its end, and kept for a while, in case the answer gets lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::time::Instant;
use tollgate_state::NodeId;

use super::beside::Beside;
use super::disk::lock;
use super::snapshot::Image;
use crate::peers::{CallError, Lane, Transport};

/// The bytes of one part: several fit into a link's frame limit and none holds a line for long.
const PART_BYTES: usize = 512 * 1024;
/// The largest body: a whole state.
const TRANSFER_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Transfers kept per sender: one of the log and one snapshot.
const TRANSFERS_MAX: usize = 2;
/// How long an idle transfer is kept.
const TRANSFER_IDLE: Duration = Duration::from_secs(10);

const WHOLE: u8 = 0;
const PART: u8 = 1;
const ANSWER: u8 = 0;
const PROGRESS: u8 = 1;
/// tag, transfer id, offset, total.
const PART_HEAD: usize = 1 + 8 + 8 + 8;

/// What a received call amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A body to handle; its answer goes through [`answer`].
    Body(Bytes),
    /// A part; this is the answer.
    Progress(Bytes),
    /// Nonsense.
    Malformed,
}

/// A body of any size: bytes, and behind them a state.
pub(crate) struct Body {
    head: Bytes,
    image: Option<(Arc<Image>, Beside)>,
}

impl From<Bytes> for Body {
    fn from(head: Bytes) -> Self {
        Self { head, image: None }
    }
}

impl Body {
    /// A state behind a head that names it. It is read as it is sent.
    pub(crate) fn with_image(head: Bytes, image: Image, beside: Beside) -> Self {
        Self {
            head,
            image: Some((Arc::new(image), beside)),
        }
    }

    fn len(&self) -> usize {
        let image = self.image.as_ref().map_or(0, |(image, _)| image.len());
        self.head
            .len()
            .saturating_add(usize::try_from(image).unwrap_or(usize::MAX))
    }

    /// Names the body by its content, so that a sender that begins anew means the same transfer.
    fn identity(&self) -> u64 {
        let sum = u64::from(tollgate_protocol::codec::crc32c(&self.head));
        (sum << 32) ^ self.len() as u64
    }

    /// Adds the bytes of a range to a part.
    async fn add(&self, part: &mut BytesMut, from: usize, end: usize) -> Result<(), String> {
        let split = self.head.len();
        part.extend_from_slice(&self.head[from.min(split)..end.min(split)]);
        let (from, end) = (from.max(split) - split, end.max(split) - split);
        if let Some((image, beside)) = &self.image
            && from < end
        {
            let image = Arc::clone(image);
            let read = beside.run(move || image.piece(from as u64, end - from));
            let piece = read.await.map_err(|error| error.to_string())?;
            part.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        }
        Ok(())
    }
}

/// Calls a node with bytes of any size.
pub(crate) async fn call(
    transport: &dyn Transport,
    place: (NodeId, Lane, u8),
    body: Bytes,
    within: Duration,
) -> Result<Bytes, CallError> {
    send(transport, place, body.into(), within).await
}

/// Calls a node with a body of any size.
pub(crate) async fn send(
    transport: &dyn Transport,
    (node, lane, kind): (NodeId, Lane, u8),
    body: Body,
    within: Duration,
) -> Result<Bytes, CallError> {
    let unread = |reason: String| CallError::Refused { node, reason };
    let malformed = || CallError::Refused {
        node,
        reason: "the answer cannot be read".into(),
    };
    if body.len() <= PART_BYTES {
        let mut whole = BytesMut::with_capacity(1 + body.len());
        whole.put_u8(WHOLE);
        body.add(&mut whole, 0, body.len()).await.map_err(unread)?;
        let answer = transport.call(node, lane, kind, whole.freeze(), within);
        return match split(answer.await?) {
            Some((ANSWER, rest)) => Ok(rest),
            _ => Err(malformed()),
        };
    }
    let deadline = Instant::now() + within;
    let transfer = body.identity();
    let mut at = 0;
    let mut probe = true;
    loop {
        let end = if probe {
            at
        } else {
            (at + PART_BYTES).min(body.len())
        };
        let mut part = BytesMut::with_capacity(PART_HEAD + end - at);
        part.put_u8(PART);
        part.put_u64_le(transfer);
        part.put_u64_le(at as u64);
        part.put_u64_le(body.len() as u64);
        body.add(&mut part, at, end).await.map_err(unread)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(CallError::Unknown(node));
        }
        let answer = transport.call(node, Lane::Bulk, kind, part.freeze(), left);
        match split(answer.await?) {
            Some((ANSWER, rest)) => return Ok(rest),
            Some((PROGRESS, mut rest)) if rest.len() == 8 => {
                let received = bytes::Buf::get_u64_le(&mut rest);
                at = usize::try_from(received)
                    .ok()
                    .filter(|at| *at <= body.len())
                    .ok_or_else(malformed)?;
                probe = false;
            }
            _ => return Err(malformed()),
        }
    }
}

/// The form in which an answer travels.
pub(crate) fn answer(body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + body.len());
    bytes.put_u8(ANSWER);
    bytes.extend_from_slice(body);
    bytes.freeze()
}

fn split(mut bytes: Bytes) -> Option<(u8, Bytes)> {
    let tag = *bytes.first()?;
    Some((tag, bytes.split_off(1)))
}

struct Transfer {
    id: u64,
    total: usize,
    bytes: BytesMut,
    /// All of them, once they are there: shared with whoever handles them.
    whole: Option<Bytes>,
    touched: Instant,
}

/// The transfers that come in, by sender.
#[derive(Clone, Default)]
pub(crate) struct Incoming(Arc<Mutex<BTreeMap<NodeId, Vec<Transfer>>>>);

impl Incoming {
    /// Takes in the body of a call.
    pub(crate) fn receive(&self, from: NodeId, body: Bytes) -> Received {
        self.forget_idle();
        match split(body) {
            Some((WHOLE, rest)) => Received::Body(rest),
            Some((PART, rest)) => self.part(from, rest),
            _ => Received::Malformed,
        }
    }

    /// Calls come with every heartbeat, so what nobody goes on with is gone soon.
    fn forget_idle(&self) {
        let now = Instant::now();
        let mut senders = lock(&self.0);
        for transfers in senders.values_mut() {
            transfers.retain(|it| now.duration_since(it.touched) < TRANSFER_IDLE);
        }
        senders.retain(|_, transfers| !transfers.is_empty());
    }

    fn part(&self, from: NodeId, mut rest: Bytes) -> Received {
        use bytes::Buf;
        if rest.len() < PART_HEAD - 1 {
            return Received::Malformed;
        }
        let (id, at, total) = (rest.get_u64_le(), rest.get_u64_le(), rest.get_u64_le());
        if total > TRANSFER_BYTES_MAX || at > total || rest.len() > PART_BYTES {
            return Received::Malformed;
        }
        let (Ok(at), Ok(total)) = (usize::try_from(at), usize::try_from(total)) else {
            return Received::Malformed;
        };
        let mut senders = lock(&self.0);
        let now = Instant::now();
        let transfers = senders.entry(from).or_default();
        let known = transfers
            .iter()
            .position(|it| it.id == id && it.total == total);
        let mut transfer = match known {
            Some(place) => transfers.remove(place),
            None => Transfer {
                id,
                total,
                bytes: BytesMut::new(),
                whole: None,
                touched: now,
            },
        };
        transfer.touched = now;
        let handled = transfer.whole.clone();
        let handled = handled.filter(|_| at == total && rest.is_empty());
        if transfer.whole.is_none() && at == transfer.bytes.len() && at + rest.len() <= total {
            if at == 0 {
                // At once: growing would copy what is there, again and again.
                transfer.bytes.reserve(total);
            }
            transfer.bytes.extend_from_slice(&rest);
            if transfer.bytes.len() == total {
                transfer.whole = Some(std::mem::take(&mut transfer.bytes).freeze());
            }
        }
        let whole = transfer.whole.as_ref().map(Bytes::len);
        let received = whole.unwrap_or(transfer.bytes.len());
        transfers.push(transfer);
        if transfers.len() > TRANSFERS_MAX {
            transfers.remove(0);
        }
        if let Some(body) = handled {
            return Received::Body(body);
        }
        let mut progress = BytesMut::with_capacity(9);
        progress.put_u8(PROGRESS);
        progress.put_u64_le(received as u64);
        Received::Progress(progress.freeze())
    }
}
