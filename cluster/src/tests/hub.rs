//! Nodes of a cluster in one process, with lines between them that can be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Addresses, Command, NodeId, ProposalId, Reply};
use tollgate_store::Identity;

use super::HeldGate;
use crate::autopilot::Settings;
use crate::member::{self, Ways, Work};
use crate::peers::{self, Boxed, CallError, Lane, Transport};
use crate::raft::LogLimits;
use crate::raft::parts::{self, Transfers};
use crate::{Door, DoorError, Opened, Server};

/// A clock that stands still unless it is moved.
#[derive(Debug)]
pub(super) struct Script(pub(super) AtomicU64);

impl Clock for Script {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_us(&self) -> u64 {
        // As a process counts it: not since 1970.
        self.0.load(Ordering::SeqCst).saturating_sub(NOON.0) * 1000
    }
}

pub(super) const NOON: Millis = Millis(20_779 * Millis::DAY + Millis::DAY / 2);

#[derive(Default)]
struct Lines {
    servers: BTreeMap<NodeId, Server>,
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Who does not know whose address: it cannot call, but be called and answer.
    unknown: BTreeSet<(NodeId, NodeId)>,
    /// Answered calls of a leader's log, heartbeats among them, by who called whom.
    appends: BTreeMap<(NodeId, NodeId), u64>,
    /// Who says of whom, wrongly, that it was removed.
    slanders: BTreeSet<(NodeId, NodeId)>,
    /// How often that was said.
    slandered: usize,
    /// Calls with a snapshot, and their bytes, by who called whom.
    installs: BTreeMap<(NodeId, NodeId), (u64, u64)>,
    /// Whom the next part of a snapshot reaches damaged.
    spoiled: BTreeSet<(NodeId, NodeId)>,
    /// How often each node asked another for its vote.
    votes: BTreeMap<NodeId, usize>,
}

/// All lines.
#[derive(Clone, Default)]
pub(super) struct Hub(Arc<Mutex<Lines>>);

struct Line {
    from: NodeId,
    hub: Hub,
}

impl Transport for Line {
    fn call(
        &self,
        node: NodeId,
        _lane: Lane,
        kind: u8,
        mut body: Bytes,
        within: Duration,
    ) -> Boxed<Result<Bytes, CallError>> {
        let from = self.from;
        let server = {
            let mut lines = self.hub.0.lock().unwrap();
            if kind == peers::kind::VOTE {
                *lines.votes.entry(from).or_default() += 1;
            }
            if lines.slanders.contains(&(node, from)) {
                lines.slandered += 1;
                return Box::pin(async move { Err(CallError::Removed(node)) });
            }
            let way = (from, node);
            if kind == peers::kind::INSTALL {
                let (calls, bytes) = lines.installs.entry(way).or_default();
                *calls += 1;
                *bytes += body.len() as u64;
                if lines.spoiled.contains(&way)
                    && let Some(spoiled) = spoil(&body)
                {
                    body = spoiled;
                    lines.spoiled.remove(&way);
                }
            }
            let cut = lines.cut.contains(&way) || lines.unknown.contains(&way);
            lines.servers.get(&node).filter(|_| !cut).cloned()
        };
        let hub = self.hub.clone();
        Box::pin(async move {
            let server = server.ok_or(CallError::Unreachable(node))?;
            if knows_as_removed(&server, from) {
                return Err(CallError::Removed(node));
            }
            let served = tokio::time::timeout(within, server.serve(from, kind, body)).await;
            let back = hub.0.lock().unwrap().cut.contains(&(node, from));
            match served {
                Ok(Ok(_)) | Err(_) if back => Err(CallError::Unknown(node)),
                Ok(Ok(answer)) => {
                    if kind == peers::kind::APPEND {
                        let mut lines = hub.0.lock().unwrap();
                        *lines.appends.entry((from, node)).or_default() += 1;
                    }
                    Ok(answer)
                }
                Ok(Err(refused)) => Err(CallError::Refused {
                    node,
                    reason: refused.to_string(),
                }),
                Err(_) => Err(CallError::Unknown(node)),
            }
        })
    }
}

/// Damages a part of a snapshot; a probe has nothing to damage.
fn spoil(part: &Bytes) -> Option<Bytes> {
    const SMALL: usize = 1024;
    let mut spoiled = Some(part.to_vec()).filter(|it| it.len() > SMALL)?;
    let last = spoiled.last_mut()?;
    *last = !*last;
    Some(spoiled.into())
}

/// As links do it: a removed node is refused once it is out of consensus.
fn knows_as_removed(server: &Server, from: NodeId) -> bool {
    let removed = server.door.read(|state| {
        let node = state.nodes().get(&from);
        node.is_some_and(|it| it.removed.is_some())
    });
    removed && !server.door.machine.members().contains(&from)
}

impl Hub {
    /// How often a node asked another for its vote.
    pub(super) fn votes(&self, node: NodeId) -> usize {
        let lines = self.0.lock().unwrap();
        lines.votes.get(&node).copied().unwrap_or_default()
    }

    /// What a node answers a call that comes from another, whether there is one or not.
    pub(super) async fn call(
        &self,
        (from, to): (NodeId, NodeId),
        kind: u8,
        body: Vec<u8>,
    ) -> Result<Bytes, CallError> {
        let line = Line {
            from,
            hub: self.clone(),
        };
        let within = Duration::from_secs(60);
        parts::call(&line, (to, Lane::Raft, kind), body.into(), within).await
    }

    /// Cuts every line between two sets of nodes, in both directions.
    pub(super) fn part(&self, some: &[NodeId], others: &[NodeId]) {
        let mut lines = self.0.lock().unwrap();
        for a in some {
            for b in others {
                lines.cut.insert((*a, *b));
                lines.cut.insert((*b, *a));
            }
        }
    }

    /// Mends the lines between two sets of nodes.
    pub(super) fn join(&self, some: &[NodeId], others: &[NodeId]) {
        let ends = |(from, to): &(NodeId, NodeId)| {
            (some.contains(from) && others.contains(to))
                || (some.contains(to) && others.contains(from))
        };
        self.0.lock().unwrap().cut.retain(|way| !ends(way));
    }

    /// From now on, or no more, a node says to another that it was removed.
    pub(super) fn slander(&self, by: NodeId, of: NodeId, on: bool) {
        let slanders = &mut self.0.lock().unwrap().slanders;
        if on {
            slanders.insert((by, of));
        } else {
            slanders.remove(&(by, of));
        }
    }

    /// How often a node was told wrongly that it was removed.
    pub(super) fn slandered(&self) -> usize {
        self.0.lock().unwrap().slandered
    }

    /// Nobody can call this node any more: it moved.
    pub(super) fn forget_address(&self, node: NodeId) {
        let mut lines = self.0.lock().unwrap();
        let others: Vec<NodeId> = lines.servers.keys().copied().collect();
        lines
            .unknown
            .extend(others.into_iter().map(|from| (from, node)));
    }

    /// How many appends and heartbeats one node answered another.
    pub(super) fn appends(&self, from: NodeId, to: NodeId) -> u64 {
        let lines = self.0.lock().unwrap();
        lines.appends.get(&(from, to)).copied().unwrap_or(0)
    }

    /// How often one node called another with a snapshot, and with how many bytes together.
    pub(super) fn installs(&self, from: NodeId, to: NodeId) -> (u64, u64) {
        let lines = self.0.lock().unwrap();
        lines.installs.get(&(from, to)).copied().unwrap_or_default()
    }

    /// The next part of a snapshot from one node to another arrives damaged.
    pub(super) fn spoil(&self, from: NodeId, to: NodeId) {
        self.0.lock().unwrap().spoiled.insert((from, to));
    }

    /// Whether it has arrived.
    pub(super) fn has_spoiled(&self, from: NodeId, to: NodeId) -> bool {
        !self.0.lock().unwrap().spoiled.contains(&(from, to))
    }

    pub(super) fn heal(&self) {
        let mut lines = self.0.lock().unwrap();
        lines.cut.clear();
        lines.unknown.clear();
    }
}

/// A node and its disk.
pub(super) struct TestNode {
    pub(super) id: NodeId,
    pub(super) door: Door,
    pub(super) incarnation: u32,
    /// Holds up what makes, installs and reads snapshots.
    pub(super) gate: HeldGate,
    ended: tokio::sync::oneshot::Receiver<Result<(), tollgate_store::Error>>,
    dir: Arc<TempDir>,
    hub: Hub,
    clock: Arc<Script>,
}

/// Limits fit for a test.
pub(super) const LIMITS: LogLimits = LogLimits {
    snapshot_bytes: 1024 * 1024,
    kept_entries: 3,
    kept_bytes: 512 * 1024,
    transfers: Transfers {
        patience: Duration::from_secs(2),
        answer_within: Duration::from_millis(200),
        idle: Duration::from_secs(3),
        memory_bytes: 64 * 1024,
    },
    ..LogLimits::OF_A_NODE
};

/// Patience fit for a test.
pub(super) const IMPATIENT: Settings = Settings {
    voters_max: 5,
    stable: Duration::from_millis(300),
    silent: Duration::from_secs(3),
};

impl TestNode {
    /// Starts a node on a disk.
    fn start(id: NodeId, dir: Arc<TempDir>, hub: &Hub, clock: &Arc<Script>) -> Self {
        let identity = Identity {
            node_id: id,
            ..Identity::first("c".repeat(32), NOON)
        };
        let line = Line {
            from: id,
            hub: hub.clone(),
        };
        let gate = HeldGate::default();
        let ways = Ways {
            clock: Arc::<Script>::clone(clock),
            transport: Arc::new(line),
            autopilot: IMPATIENT,
            log: LIMITS,
            work: Work::Held(gate.clone()),
        };
        let opened = member::start(dir.path(), || identity, ways, None).unwrap();
        let Opened {
            door,
            server,
            incarnation,
            ended,
            ..
        } = opened;
        hub.0.lock().unwrap().servers.insert(id, server);
        Self {
            id,
            door,
            incarnation,
            gate,
            ended,
            dir,
            hub: hub.clone(),
            clock: Arc::clone(clock),
        }
    }

    /// Ends the node as a stop does and returns its disk's tenant to be.
    pub(super) async fn restart(self) -> Self {
        let (id, dir, hub, clock) = (
            self.id,
            Arc::clone(&self.dir),
            self.hub.clone(),
            Arc::clone(&self.clock),
        );
        self.stop().await;
        let node = Self::start(id, dir, &hub, &clock);
        node.up().await;
        node
    }

    pub(super) async fn stop(self) {
        self.door.close().await;
        self.ended.await.unwrap().unwrap();
        self.hub.0.lock().unwrap().servers.remove(&self.id);
    }

    /// Tells the cluster that this node lives, until it is heard, as a node of the product does.
    pub(super) async fn up(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        let up = Command::NodeUp {
            node: self.id,
            incarnation: self.incarnation,
            addresses: Addresses::default(),
            version: "0.1.0".into(),
            levels: (1, 1),
        };
        loop {
            match self.door.propose(ProposalId::default(), up.clone()).await {
                // An attempt before was heard after all.
                Ok(Reply::Done | Reply::Stale) => return,
                Err(DoorError::Unknown) if tokio::time::Instant::now() < deadline => {}
                other => panic!("node {}: {other:?}", self.id),
            }
        }
    }

    pub(super) async fn propose(&self, command: Command) -> Reply {
        self.door
            .propose(ProposalId::default(), command)
            .await
            .unwrap()
    }

    /// The configuration's version on this node.
    pub(super) fn revision(&self) -> u64 {
        self.door.read(|state| state.revision.0)
    }
}

/// A cluster of so many nodes, all of them voting where their number is odd.
pub(super) async fn cluster(count: u64) -> (Hub, Vec<TestNode>, Arc<Script>) {
    let (hub, clock) = (Hub::default(), Arc::new(Script(NOON.0.into())));
    let dir = || Arc::new(tempfile::tempdir().unwrap());
    let first = TestNode::start(1, dir(), &hub, &clock);
    let found = Command::Found {
        cluster: [7; 16],
        authority: vec![1],
        sealed_key: vec![2],
        node: 1,
        key_hash: [1; 32],
        name: "one".into(),
        addresses: Addresses::default(),
    };
    assert_eq!(first.propose(found).await, Reply::Done);
    first.up().await;
    let token = Command::CreateToken {
        id: "t".into(),
        secret_hash: [9; 32],
        expires: Millis(NOON.0 + Millis::DAY),
        uses: 100,
        who: "root".into(),
    };
    assert_eq!(first.propose(token).await, Reply::Done);
    let mut nodes = vec![first];
    for n in 2..=count {
        let admit = Command::AdmitNode {
            token: "t".into(),
            secret_hash: [9; 32],
            key_hash: [u8::try_from(n).unwrap(); 32],
            name: format!("node {n}"),
            addresses: Addresses::default(),
        };
        assert_eq!(nodes[0].propose(admit).await, Reply::Admitted(n));
        let node = TestNode::start(n, dir(), &hub, &clock);
        node.up().await;
        nodes.push(node);
    }
    (hub, nodes, clock)
}

/// Waits for something, at most a minute, and says what it last was.
pub(super) async fn until<T: std::fmt::Debug>(
    what: &str,
    mut look: impl FnMut() -> T,
    right: impl Fn(&T) -> bool,
) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let now = look();
        if right(&now) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: it is still {now:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
