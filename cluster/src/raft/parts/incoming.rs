//! The transfers that come in: in memory, and large snapshots in a file beside the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;
use tollgate_protocol::limits::COMMAND_BYTES_MAX;
use tollgate_state::NodeId;
use tollgate_store::{Error, Snapshots, Spool};

use super::{PART, PART_BYTES, PART_HEAD, Transfers, WHOLE, progress, split};
use crate::peers::kind;
use crate::raft::beside::Beside;
use crate::raft::disk::lock;
use crate::raft::snapshot::Image;

/// The largest snapshot, in bytes: more than any state that a node has memory for.
const SNAPSHOT_BYTES_MAX: u64 = 1024 * 1024 * 1024 * 1024;
/// The largest other body: one entry, which holds a command and what names it.
const BODY_BYTES_MAX: u64 = COMMAND_BYTES_MAX as u64 + 1024 * 1024;
/// Transfers kept per sender: one of the log and one snapshot.
const TRANSFERS_MAX: usize = 2;

/// What a received call amounts to.
#[derive(Debug)]
pub(crate) enum Received {
    /// A body to handle, and the transfer that brought it where it came in parts; its answer goes
    /// through [`super::answer`].
    Body(Image, Option<TransferId>),
    /// A part; this is the answer.
    Progress(Bytes),
    /// Nonsense.
    Malformed,
    /// It cannot be kept.
    Unkept(String),
}

/// Names a transfer of a sender, as the sender does: by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransferId {
    sum: u64,
    total: u64,
}

/// The bytes of a transfer so far.
enum Content {
    Memory(BytesMut),
    /// All of them, shared with whoever handles them.
    Whole(Bytes),
    File(Spool),
}

struct Transfer {
    id: TransferId,
    received: u64,
    content: Content,
    touched: Instant,
}

impl Transfer {
    /// Whether its bytes are being handled, or written.
    fn is_in_use(&self) -> bool {
        match &self.content {
            Content::Memory(_) => false,
            Content::Whole(bytes) => !bytes.is_unique(),
            Content::File(spool) => !spool.is_unshared(),
        }
    }

    fn whole(&self) -> Option<Image> {
        if self.received < self.id.total {
            return None;
        }
        Some(match &self.content {
            Content::Memory(_) => return None,
            Content::Whole(bytes) => Image::Bytes(bytes.clone()),
            Content::File(spool) => Image::File(spool.written(self.id.total), 0),
        })
    }

    /// Adds what comes next to the bytes in memory.
    fn add(&mut self, bytes: &[u8]) {
        let Content::Memory(before) = &mut self.content else {
            return;
        };
        if before.is_empty() {
            // At once: growing would copy what is there, again and again.
            before.reserve(usize::try_from(self.id.total).unwrap_or(PART_BYTES));
        }
        before.extend_from_slice(bytes);
        self.received = before.len() as u64;
        if self.received == self.id.total {
            self.content = Content::Whole(std::mem::take(before).freeze());
        }
    }
}

/// A part of a transfer, as it was sent.
struct Part {
    id: TransferId,
    at: u64,
    bytes: Bytes,
}

impl Part {
    fn read(mut rest: Bytes, of: u8) -> Option<Self> {
        if rest.len() < PART_HEAD - 1 {
            return None;
        }
        let (sum, at, total) = (rest.get_u64_le(), rest.get_u64_le(), rest.get_u64_le());
        let most = match of {
            kind::INSTALL => SNAPSHOT_BYTES_MAX,
            _ => BODY_BYTES_MAX,
        };
        let fits = total <= most && at.saturating_add(rest.len() as u64) <= total;
        let bytes = rest;
        (fits && bytes.len() <= PART_BYTES).then_some(Self {
            id: TransferId { sum, total },
            at,
            bytes,
        })
    }
}

/// What is left to do about a part.
enum Step {
    Done(Received),
    /// Its bytes are to be written.
    Write(Spool),
}

/// The transfers that come in, by sender. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Incoming {
    senders: Arc<Mutex<BTreeMap<NodeId, Vec<Transfer>>>>,
    place: Snapshots,
    beside: Beside,
    limits: Transfers,
}

impl Incoming {
    /// Large snapshots are written at this place, on threads beside.
    pub(crate) fn new(place: Snapshots, beside: Beside, limits: Transfers) -> Self {
        Self {
            senders: Arc::default(),
            place,
            beside,
            limits,
        }
    }

    pub(crate) fn limits(&self) -> &Transfers {
        &self.limits
    }

    /// Takes in the body of a call.
    pub(crate) async fn receive(&self, from: NodeId, of: u8, body: Bytes) -> Received {
        self.forget_idle();
        match split(body) {
            Some((WHOLE, rest)) => Received::Body(Image::Bytes(rest), None),
            Some((PART, rest)) => match Part::read(rest, of) {
                Some(part) => self.part(from, of, part).await,
                None => Received::Malformed,
            },
            _ => Received::Malformed,
        }
    }

    /// Calls come with every heartbeat, so what nobody goes on with is gone soon.
    fn forget_idle(&self) {
        let now = Instant::now();
        let mut senders = lock(&self.senders);
        for transfers in senders.values_mut() {
            transfers.retain(|it| {
                let idle = now.duration_since(it.touched);
                idle < self.limits.idle || it.is_in_use()
            });
        }
        senders.retain(|_, transfers| !transfers.is_empty());
    }

    async fn part(&self, from: NodeId, of: u8, part: Part) -> Received {
        let spool = match self.take_in(from, of, &part) {
            Ok(Step::Done(received)) => return received,
            Ok(Step::Write(spool)) => spool,
            Err(error) => return Received::Unkept(error.to_string()),
        };
        let (at, end) = (part.at, part.at + part.bytes.len() as u64);
        let (writer, bytes) = (spool.clone(), part.bytes.clone());
        // The same bytes, when a sender that gave up sends them again meanwhile.
        let written = self.beside.run(move || writer.write_at(at, &bytes)).await;
        let error = match written {
            Ok(Ok(())) => return Received::Progress(progress(self.written(from, &part, end))),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        // A full disk gets its room back.
        self.give_up(from, part.id);
        Received::Unkept(error)
    }

    /// Lets go of a transfer that cannot be written, or whose body cannot be handled: kept, the
    /// sender would ask about the same bytes again and again. It comes anew.
    pub(crate) fn give_up(&self, from: NodeId, id: TransferId) {
        let mut senders = lock(&self.senders);
        if let Some(transfers) = senders.get_mut(&from) {
            transfers.retain(|it| it.id != id);
        }
    }

    /// A part is in the file. Returns how far the transfer has come.
    fn written(&self, from: NodeId, part: &Part, end: u64) -> u64 {
        let mut senders = lock(&self.senders);
        let transfers = senders.get_mut(&from).into_iter().flatten();
        let mut same = transfers.filter(|it| it.id == part.id);
        let Some(transfer) = same.next() else {
            return 0;
        };
        if transfer.received == part.at {
            transfer.received = end;
        }
        transfer.touched = Instant::now();
        transfer.received
    }

    fn take_in(&self, from: NodeId, of: u8, part: &Part) -> Result<Step, Error> {
        let mut senders = lock(&self.senders);
        let transfers = senders.entry(from).or_default();
        let known = transfers.iter().position(|it| it.id == part.id);
        let mut transfer = match known {
            Some(place) => transfers.remove(place),
            None => self.begin(of, part)?,
        };
        transfer.touched = Instant::now();
        let asks = part.at == part.id.total && part.bytes.is_empty();
        let step = match (transfer.whole().filter(|_| asks), &transfer.content) {
            (Some(image), _) => Step::Done(Received::Body(image, Some(part.id))),
            (None, Content::File(spool))
                if part.at == transfer.received && !part.bytes.is_empty() =>
            {
                Step::Write(spool.clone())
            }
            (None, _) => {
                if part.at == transfer.received {
                    transfer.add(&part.bytes);
                }
                Step::Done(Received::Progress(progress(transfer.received)))
            }
        };
        transfers.push(transfer);
        if transfers.len() > TRANSFERS_MAX {
            let idle = transfers.iter().position(|it| !it.is_in_use());
            transfers.remove(idle.unwrap_or(0));
        }
        Ok(step)
    }

    fn begin(&self, of: u8, part: &Part) -> Result<Transfer, Error> {
        let large = of == kind::INSTALL && part.id.total > self.limits.memory_bytes;
        Ok(Transfer {
            id: part.id,
            received: 0,
            content: match large {
                true => Content::File(self.place.spool()?),
                false => Content::Memory(BytesMut::new()),
            },
            touched: Instant::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::peers::{Boxed, CallError, Lane, Transport};
    use crate::raft::parts::{self, Body, Within};

    const LIMITS: Transfers = Transfers {
        patience: Duration::from_secs(1),
        answer_within: Duration::from_millis(100),
        idle: Duration::from_secs(2),
        memory_bytes: 1024 * 1024,
    };

    /// A node that works on what it was sent for so many questions, and one that loses what it has.
    #[derive(Clone)]
    struct Far {
        incoming: Incoming,
        busy: Arc<Mutex<u32>>,
        handled: Arc<Mutex<Option<Image>>>,
        calls: Arc<Mutex<usize>>,
    }

    impl Transport for Far {
        fn call(
            &self,
            node: NodeId,
            _lane: Lane,
            kind: u8,
            body: Bytes,
            _within: Duration,
        ) -> Boxed<Result<Bytes, CallError>> {
            let far = self.clone();
            Box::pin(async move {
                *lock(&far.calls) += 1;
                match far.incoming.receive(node, kind, body).await {
                    Received::Progress(answer) => Ok(answer),
                    Received::Body(image, _) => {
                        let total = image.len();
                        lock(&far.handled).get_or_insert(image);
                        // Nobody else calls meanwhile, as long as it is kept unused.
                        tokio::time::advance(2 * LIMITS.idle).await;
                        let mut busy = lock(&far.busy);
                        if *busy == 0 {
                            return Ok(parts::answer(b"done"));
                        }
                        *busy -= 1;
                        Ok(progress(total))
                    }
                    other => panic!("{other:?}"),
                }
            })
        }
    }

    fn far(dir: &std::path::Path, busy: u32) -> Far {
        Far {
            incoming: Incoming::new(Snapshots::of(dir), Beside::Here, LIMITS),
            busy: Arc::new(Mutex::new(busy)),
            handled: Arc::default(),
            calls: Arc::default(),
        }
    }

    fn body(bytes: usize) -> (Bytes, Body) {
        let all: Bytes = (0..bytes).map(|at| (at / 999) as u8).collect();
        let image = Image::Bytes(all.slice(100..));
        let body = Body::with_image(all.slice(..100), image, Beside::Here);
        (all, body)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_worked_at_for_long_is_sent_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        // Whole, in parts, and by a file; the last one in parts of exactly their size.
        let parts = [
            (1_000, 0),
            (900_000, 2),
            (3_000_000, 6),
            (2 * 1024 * 1024, 4),
        ];
        for (bytes, parts) in parts {
            let far = far(dir.path(), 20);
            let (all, body) = body(bytes);
            let within = Within::Step(LIMITS.patience);
            let place = (7, Lane::Raft, kind::INSTALL);
            let answer = parts::send(&far, place, body, within).await;
            assert_eq!(answer, Ok(Bytes::from_static(b"done")));
            let image = lock(&far.handled).take().unwrap();
            assert_eq!(image.piece(0, bytes).unwrap(), all);
            let by_file = matches!(image, Image::File(..));
            assert_eq!(by_file, bytes as u64 > LIMITS.memory_bytes);
            let probes = usize::from(parts > 0);
            assert_eq!(*lock(&far.calls), probes + parts + 21, "{bytes}");
        }
    }

    /// The next part of a body to [`Incoming`], from a place on.
    async fn receive(incoming: &Incoming, body: &Body, at: u64, probe: bool) -> Received {
        let part = body.part(at, probe).await.unwrap();
        incoming.receive(7, kind::INSTALL, part).await
    }

    fn progressed(received: &Received) -> Option<u64> {
        match received {
            Received::Progress(answer) => answer[1..].try_into().map(u64::from_le_bytes).ok(),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_is_let_go_and_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let incoming = far(dir.path(), 0).incoming;
        let (_, body) = body(3_000_000);
        // A disk that is full, until the transfer is begun anew.
        std::os::unix::fs::symlink("/dev/full", dir.path().join("incoming.tmp")).unwrap();
        let received = receive(&incoming, &body, 0, true).await;
        assert_eq!(progressed(&received), Some(0), "{received:?}");
        let received = receive(&incoming, &body, 0, false).await;
        assert!(matches!(received, Received::Unkept(_)), "{received:?}");
        assert!(lock(&incoming.senders)[&7].is_empty(), "its file is kept");
        let received = receive(&incoming, &body, 0, false).await;
        assert_eq!(progressed(&received), Some(PART_BYTES as u64));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_has_to_come_again_and_nothing_else_has_to() {
        let dir = tempfile::tempdir().unwrap();
        let incoming = far(dir.path(), 0).incoming;
        for bytes in [900_000_u64, 3_000_000] {
            let (_, kept) = body(600_000);
            receive(&incoming, &kept, 0, false).await;
            let (_, body) = body(usize::try_from(bytes).unwrap());
            let mut at = 0;
            while at < bytes {
                let received = receive(&incoming, &body, at, false).await;
                at = progressed(&received).filter(|it| *it > at).unwrap();
            }
            let received = receive(&incoming, &body, at, true).await;
            let Received::Body(_, Some(id)) = received else {
                panic!("{received:?}");
            };
            incoming.give_up(8, id);
            let received = receive(&incoming, &body, at, true).await;
            assert!(matches!(received, Received::Body(..)), "{received:?}");
            incoming.give_up(7, id);
            let received = receive(&incoming, &body, at, true).await;
            assert_eq!(progressed(&received), Some(0), "{received:?}");
            let received = receive(&incoming, &kept, 0, true).await;
            assert_eq!(progressed(&received), Some(PART_BYTES as u64));
            incoming.give_up(7, id);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_goes_on_with_is_forgotten_and_what_is_too_large_is_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        let far = far(dir.path(), 0);
        let receive = async |of, (_, body): (Bytes, Body), at| {
            let part = body.part(at, false).await.unwrap();
            match far.incoming.receive(7, of, part).await {
                Received::Progress(answer) => answer[1..9].try_into().map(u64::from_le_bytes).ok(),
                _ => None,
            }
        };
        let part = PART_BYTES as u64;
        for bytes in [900_000, 3_000_000] {
            assert_eq!(receive(kind::INSTALL, body(bytes), 0).await, Some(part));
            tokio::time::advance(LIMITS.idle / 2).await;
            assert_eq!(receive(kind::INSTALL, body(bytes), 0).await, Some(part));
            tokio::time::advance(LIMITS.idle).await;
            assert_eq!(receive(kind::INSTALL, body(bytes), part).await, Some(0));
        }
        let huge = |total: u64| {
            let mut rest = BytesMut::new();
            for number in [1, 0, total] {
                bytes::BufMut::put_u64_le(&mut rest, number);
            }
            rest.freeze()
        };
        assert!(Part::read(huge(BODY_BYTES_MAX), kind::APPEND).is_some());
        assert!(Part::read(huge(BODY_BYTES_MAX + 1), kind::APPEND).is_none());
        assert!(Part::read(huge(BODY_BYTES_MAX + 1), kind::INSTALL).is_some());
        assert!(Part::read(huge(SNAPSHOT_BYTES_MAX + 1), kind::INSTALL).is_none());
    }
}
