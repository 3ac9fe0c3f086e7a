//! Bodies larger than a frame: sent in parts that survive a call that was given up.
//!
//! A part says which transfer it belongs to and where in it; the answer says how far the receiver
//! has come. So a sender that begins anew (consensus gives an append the time of a heartbeat, and
//! a large one takes longer) goes on where it stopped. The body is handled when a sender asks for
//! that at its end; while that takes longer than a call should, the answer is again how far the
//! receiver has come, and the sender asks once more. Receiving is in `incoming`.

mod incoming;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::time::Instant;
use tollgate_state::NodeId;

pub(crate) use incoming::{Incoming, Received, TransferId};

use super::beside::Beside;
use super::snapshot::Image;
use crate::peers::{CallError, Lane, Transport};

/// The bytes of one part: several fit into a link's frame limit and none holds a line for long.
const PART_BYTES: usize = 512 * 1024;
/// Answers in a row that bring nothing forward: the receiver begins anew again and again.
const STALLS_MAX: u32 = 8;
/// Answers in a row that say that the receiver is still at work on the whole body: an hour, where
/// each comes after [`Transfers::answer_within`].
const BUSY_MAX: u32 = 720;

const WHOLE: u8 = 0;
const PART: u8 = 1;
const ANSWER: u8 = 0;
const PROGRESS: u8 = 1;
/// tag, transfer id, offset, total.
const PART_HEAD: usize = 1 + 8 + 8 + 8;

/// What transfers of snapshots may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transfers {
    /// How long a sender waits for one answer. The whole may take as long as it has to.
    pub(crate) patience: Duration,
    /// A receiver that works on a snapshot says so after this long: well below the patience.
    pub(crate) answer_within: Duration,
    /// How long a transfer is kept that nobody goes on with: several times the patience.
    pub(crate) idle: Duration,
    /// A snapshot with more bytes comes in by a file.
    pub(crate) memory_bytes: u64,
}

impl Transfers {
    pub(crate) const OF_A_NODE: Self = Self {
        patience: Duration::from_secs(20),
        answer_within: Duration::from_secs(5),
        idle: Duration::from_secs(60),
        memory_bytes: 8 * 1024 * 1024,
    };
}

/// How long a sender waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Within {
    /// For everything.
    Whole(Duration),
    /// For each answer: the next one is waited for as long again.
    Step(Duration),
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

    fn len(&self) -> u64 {
        let image = self.image.as_ref().map_or(0, |(image, _)| image.len());
        image.saturating_add(self.head.len() as u64)
    }

    /// Names the body by its content, so that a sender that begins anew means the same transfer.
    fn identity(&self) -> u64 {
        let sum = u64::from(tollgate_protocol::codec::crc32c(&self.head));
        (sum << 32) ^ self.len()
    }

    /// Adds the bytes from a place on to a part, as many as it may have.
    async fn add(&self, part: &mut BytesMut, from: u64) -> Result<(), String> {
        let end = self.len().min(from + PART_BYTES as u64);
        let split = self.head.len() as u64;
        let of_head = |at: u64| usize::try_from(at.min(split)).unwrap_or(self.head.len());
        part.extend_from_slice(&self.head[of_head(from)..of_head(end)]);
        let (from, end) = (from.max(split) - split, end.max(split) - split);
        if let Some((image, beside)) = &self.image
            && from < end
        {
            let image = Arc::clone(image);
            let length = usize::try_from(end - from).unwrap_or(PART_BYTES);
            let read = beside.run(move || image.piece(from, length));
            let piece = read.await.map_err(|error| error.to_string())?;
            part.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// The part from a place on; a probe asks how far the receiver is, and has no bytes.
    async fn part(&self, at: u64, probe: bool) -> Result<Bytes, String> {
        let mut part = BytesMut::with_capacity(PART_HEAD + PART_BYTES);
        if self.is_small() {
            part.put_u8(WHOLE);
            self.add(&mut part, 0).await?;
            return Ok(part.freeze());
        }
        part.put_u8(PART);
        part.put_u64_le(self.identity());
        part.put_u64_le(at);
        part.put_u64_le(self.len());
        if !probe {
            self.add(&mut part, at).await?;
        }
        Ok(part.freeze())
    }

    fn is_small(&self) -> bool {
        self.len() <= PART_BYTES as u64
    }
}

/// Calls a node with bytes of any size.
pub(crate) async fn call(
    transport: &dyn Transport,
    place: (NodeId, Lane, u8),
    body: Bytes,
    within: Duration,
) -> Result<Bytes, CallError> {
    send(transport, place, body.into(), Within::Whole(within)).await
}

/// Calls a node with a body of any size.
pub(crate) async fn send(
    transport: &dyn Transport,
    (node, lane, kind): (NodeId, Lane, u8),
    body: Body,
    within: Within,
) -> Result<Bytes, CallError> {
    let refused = |reason: String| CallError::Refused { node, reason };
    let lane = if body.is_small() { lane } else { Lane::Bulk };
    let began = Instant::now();
    let mut way = Way::default();
    loop {
        let part = body.part(way.at, way.probe()).await.map_err(refused)?;
        let left = match within {
            Within::Whole(whole) => whole.saturating_sub(began.elapsed()),
            Within::Step(step) => step,
        };
        if left.is_zero() {
            return Err(CallError::Unknown(node));
        }
        match split(transport.call(node, lane, kind, part, left).await?) {
            Some((ANSWER, rest)) => return Ok(rest),
            Some((PROGRESS, mut rest)) if rest.len() == 8 => {
                let received = rest.get_u64_le();
                if received > body.len() {
                    return Err(refused("the answer cannot be read".into()));
                }
                if !way.goes_on(received, body.len()) {
                    return Err(CallError::Unknown(node));
                }
            }
            _ => return Err(refused("the answer cannot be read".into())),
        }
    }
}

/// How far a transfer has come, as its sender knows.
#[derive(Debug, Default)]
struct Way {
    at: u64,
    furthest: u64,
    asked: bool,
    stalls: u32,
    busy: u32,
}

impl Way {
    /// Nothing is known of the receiver yet.
    fn probe(&self) -> bool {
        !self.asked
    }

    /// Takes in how far the receiver is; `false` when it has said nothing else too often.
    fn goes_on(&mut self, received: u64, total: u64) -> bool {
        if received == total && self.at == total {
            self.busy += 1;
        } else if self.asked && received <= self.furthest {
            self.stalls += 1;
        } else {
            self.stalls = 0;
        }
        self.furthest = self.furthest.max(received);
        (self.at, self.asked) = (received, true);
        self.stalls < STALLS_MAX && self.busy < BUSY_MAX
    }
}

/// The form in which an answer travels.
pub(crate) fn answer(body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + body.len());
    bytes.put_u8(ANSWER);
    bytes.extend_from_slice(body);
    bytes.freeze()
}

/// The answer that says how far a transfer has come.
pub(crate) fn progress(received: u64) -> Bytes {
    let mut bytes = BytesMut::with_capacity(9);
    bytes.put_u8(PROGRESS);
    bytes.put_u64_le(received);
    bytes.freeze()
}

fn split(mut bytes: Bytes) -> Option<(u8, Bytes)> {
    let tag = *bytes.first()?;
    Some((tag, bytes.split_off(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_stalls_or_is_busy_for_ever_is_given_up() {
        let mut way = Way::default();
        assert!(way.probe() && way.goes_on(0, 100) && !way.probe());
        for received in [10, 10, 0, 5, 10, 20, 10, 0, 20, 100] {
            assert!(way.goes_on(received, 100), "it comes forward: {way:?}");
        }
        let answers = (0..2 * BUSY_MAX).take_while(|_| way.goes_on(100, 100));
        assert_eq!(answers.count(), BUSY_MAX as usize - 1);
        // Nothing arrives, or it is forgotten again and again.
        for received in [[0, 0], [10, 0]] {
            let mut way = Way::default();
            let answers = received.into_iter().cycle().take(4 * STALLS_MAX as usize);
            let answers = answers.take_while(|received| way.goes_on(*received, 100));
            assert_eq!(answers.count(), STALLS_MAX as usize);
        }
    }
}
