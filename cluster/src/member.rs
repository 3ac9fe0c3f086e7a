//! A node's part in the cluster: store, consensus, state machine and proposer, put together and run
//! on one thread.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use openraft::{EmptyNode, ServerState};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tollgate_protocol::Clock;
use tollgate_protocol::ids::Revision;
use tollgate_state::{Addresses, NodeId};
use tollgate_store::{Error, Identity, Loaded, SnapshotFile, Snapshots, Store};

use crate::asking::Answerers;
use crate::autopilot::Settings;
use crate::door::{Names, Opened, QUEUE_GROUPS_MAX};
use crate::lines::{Lines, Told};
use crate::mark::Mark;
use crate::meeting;
use crate::members::Members;
use crate::peers::Transport;
use crate::pilot::{self, Contacts, Leaving};
use crate::proposer::{Group, Proposer};
use crate::raft::beside::Beside;
use crate::raft::disk::{Disk, End, Owner};
use crate::raft::gate::Gate;
use crate::raft::handover::Office;
use crate::raft::heard::Heard;
use crate::raft::keeper::Keeper;
use crate::raft::log::LogStore;
use crate::raft::machine::{Feeds, Machine, Saved};
use crate::raft::network::Network;
use crate::raft::parts::Incoming;
use crate::raft::upkeep::Upkeep;
use crate::raft::{self, LogLimits, Raft, ballot};
use crate::rates::{self, Rates};
use crate::reports::Reports;
use crate::retirement;
use crate::serve::Server;
use crate::status::{self, DiskBytes};
use crate::{Door, Effects, Published};

/// How often it is looked what there is to do beside consensus.
const CHECK: Duration = Duration::from_millis(200);
/// Threads for long work beside the cluster's: a snapshot that is made, one that is installed, one
/// that is read, one that comes in, a look behind a snapshot, and the disk walk of `status`.
const THREADS_BESIDE_MAX: usize = 6;
/// A start of a cluster of one waits this long until it leads itself and has applied its log.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// What a member is given from outside.
pub(crate) struct Ways {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) autopilot: Settings,
    pub(crate) log: LogLimits,
    pub(crate) work: Work,
}

impl Ways {
    fn incoming(&self, dir: &Path) -> Incoming {
        Incoming::new(
            Snapshots::of(dir),
            self.work.beside_calls(),
            self.log.transfers,
        )
    }

    fn network(&self, contacts: &Contacts, gate: &Gate) -> Network {
        Network {
            transport: Arc::clone(&self.transport),
            contacts: contacts.clone(),
            gate: gate.clone(),
            beside: self.work.beside(),
        }
    }
}

/// Where the disk is written and snapshots are made.
#[derive(Clone)]
pub(crate) enum Work {
    /// On threads beside.
    Threads,
    /// On the thread of the cluster, where one seed has to replay one run: in a simulation.
    #[cfg(test)]
    Simulated(Pause),
    /// On threads beside; those that make, install and read snapshots wait at a gate.
    #[cfg(test)]
    Held(crate::tests::HeldGate),
}

impl Work {
    /// Where bytes that come in are written.
    fn beside_calls(&self) -> Beside {
        match self {
            #[cfg(test)]
            Self::Held(_) => Beside::Thread,
            _ => self.beside(),
        }
    }

    fn beside(&self) -> Beside {
        match self {
            Self::Threads => Beside::Thread,
            #[cfg(test)]
            Self::Simulated(_) => Beside::Here,
            #[cfg(test)]
            Self::Held(gate) => Beside::Held(gate.clone()),
        }
    }
}

/// How long the next flush of a simulated disk takes.
#[cfg(test)]
pub(crate) type Pause = Arc<dyn Fn() -> Option<Duration> + Send + Sync>;

/// How a node meets the others.
pub struct Peering {
    /// Where they connect; `None` when this node takes no connections.
    pub listener: Option<std::net::TcpListener>,
    /// What people call the node.
    pub name: String,
    /// Where it can be reached.
    pub addresses: Addresses,
    /// What every node of the cluster must know; given to those that join, opaque here. Nobody
    /// is let in before it is set.
    pub secrets: Arc<OnceLock<Vec<u8>>>,
}

/// Everything that runs on the cluster's thread.
pub(crate) struct Member {
    pub(crate) raft: Raft,
    gate: Gate,
    upkeep: Upkeep,
    end: End,
    machine: Machine,
    leaving: Leaving,
    rates: Rates,
    removal: watch::Sender<bool>,
    autopilot: Settings,
    proposer: Proposer,
    inbox: mpsc::Receiver<Group>,
    effects: Effects,
    stop: mpsc::Receiver<()>,
    lines: Option<Lines>,
}

/// Opens a data directory and starts the cluster's thread.
pub(crate) fn start(
    dir: &Path,
    first: impl FnOnce() -> Identity,
    ways: Ways,
    peering: Option<(Peering, Lines)>,
) -> Result<Opened, Error> {
    let (store, loaded) = Store::open(dir, first)?;
    let io = |source| Error::Io {
        operation: "start the cluster's thread for",
        path: dir.to_owned(),
        source,
    };
    let path = dir.to_owned();
    let (opened, wait) = std::sync::mpsc::sync_channel(1);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_keep_alive(Duration::from_secs(1))
            .max_blocking_threads(THREADS_BESIDE_MAX)
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(source) => {
                let operation = "start the runtime for";
                return drop(opened.send(Err(Error::Io {
                    operation,
                    path,
                    source,
                })));
            }
        };
        runtime.block_on(async {
            let clock = Arc::clone(&ways.clock);
            let ready = async {
                let (mut member, mut open) =
                    assemble(&path, Keeper::File(store), loaded, ways).await?;
                if let Some((peering, lines)) = peering {
                    member.lines = Some(lines.clone());
                    open.lines = lines.clone();
                    meeting::meet(&path, &member.raft, &open, peering, &lines, clock).await?;
                }
                Ok((member, open))
            };
            match ready.await {
                Ok((member, open)) => {
                    // The opener is gone when the process is.
                    drop(opened.send(Ok(open)));
                    member.run().await;
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        });
    };
    std::thread::Builder::new()
        .name("cluster".into())
        .spawn(run)
        .map_err(io)?;
    wait.recv().unwrap_or_else(|_| {
        let gone = std::io::Error::other("it ended at once");
        Err(io(gone))
    })
}

/// The log and the state of a data directory, and what they feed.
struct Storage {
    log: LogStore,
    machine: Machine,
    published: watch::Receiver<Published>,
    applied: Mark<u64>,
    effects: Effects,
    end: End,
    ended: oneshot::Receiver<Result<(), Error>>,
}

impl Storage {
    fn new(dir: &Path, keeper: Keeper, loaded: &Loaded, work: &Work) -> Result<Self, Error> {
        let corrupt = |reason: String| Error::Corrupt {
            path: dir.to_owned(),
            reason,
        };
        let committed = Arc::new(Mutex::new(None));
        let (end, ended) = End::new();
        let (reader, snapshots) = (keeper.reader(), keeper.snapshots());
        let owner = Owner::new(keeper, Arc::clone(&committed), end.clone());
        let disk = match work {
            #[cfg(test)]
            Work::Simulated(pause) => Disk::simulate(owner, Arc::clone(pause)),
            _ => Disk::start(owner).map_err(|source| Error::Io {
                operation: "start the disk's thread for",
                path: dir.to_owned(),
                source,
            })?,
        };
        let on_disk = Saved {
            index: loaded.snapshot.as_ref().map_or(0, SnapshotFile::index),
            failed: false,
        };
        let (saved, saved_seen) = watch::channel(on_disk);
        let log = LogStore::new(disk, reader, committed, saved_seen, loaded).map_err(corrupt)?;
        let (publish, published) = watch::channel(Published::default());
        let applied = Mark::default();
        let effects = Effects::default();
        let feeds = Feeds {
            saved,
            publish,
            applied: applied.clone(),
            effects: effects.clone(),
        };
        let machine = Machine::new(loaded, snapshots, feeds, work.beside()).map_err(corrupt)?;
        Ok(Self {
            log,
            machine,
            published,
            applied,
            effects,
            end,
            ended,
        })
    }
}

/// Puts a member together and waits until it has applied what it knows to be agreed on.
pub(crate) async fn assemble(
    dir: &Path,
    keeper: Keeper,
    loaded: Loaded,
    ways: Ways,
) -> Result<(Member, Opened), Error> {
    let storage = Storage::new(dir, keeper, &loaded, &ways.work)?;
    let (node, machine, log) = (loaded.identity.node_id, storage.machine, storage.log);
    let (contacts, heard) = (Contacts::default(), Heard::default());
    let gate = Gate::new(heard.clone());
    let (network, incoming) = (ways.network(&contacts, &gate), ways.incoming(dir));
    let raft = consensus(&loaded, &ways.log, network, (log.clone(), machine.clone())).await?;
    gate.set(raft.clone());
    begin(&raft, &loaded).await?;
    let (groups, inbox) = mpsc::channel(QUEUE_GROUPS_MAX);
    let ((stop, stopped), (removal, removed)) = (mpsc::channel(1), watch::channel(false));
    let proposer = Proposer {
        node,
        raft: raft.clone(),
        transport: Arc::clone(&ways.transport),
        clock: ways.clock,
        applied: storage.applied,
        leader: Mark::default(),
        machine: machine.clone(),
        heard: heard.clone(),
        office: Office::new(node, &raft, &ways.transport, &contacts),
    };
    let door = Door {
        groups,
        published: storage.published,
        machine: machine.clone(),
        raft: raft.clone(),
        stop,
        transport: ways.transport,
        served: watch::Sender::new(Revision::default()),
        names: Arc::new(Names::new(node, loaded.incarnation)),
        cluster_key: Arc::default(),
        heard,
        leaving: Leaving::default(),
        office: proposer.office.clone(),
        disk_bytes: DiskBytes::default(),
        removed,
        rates: Rates::new(node, loaded.incarnation, Arc::clone(&proposer.clock)),
        reports: Reports::default(),
        answerers: Answerers::default(),
        runtime: tokio::runtime::Handle::current(),
    };
    let member = Member {
        raft,
        gate,
        upkeep: Upkeep::new(log, ways.log, ways.work.beside()),
        end: storage.end,
        machine,
        leaving: door.leaving.clone(),
        rates: door.rates.clone(),
        removal,
        autopilot: ways.autopilot,
        proposer,
        inbox,
        effects: storage.effects.clone(),
        stop: stopped,
        lines: None,
    };
    let opened = Opened {
        server: Server::new(&door, incoming),
        door,
        identity: loaded.identity,
        first_start: loaded.first_start,
        incarnation: loaded.incarnation,
        ended: storage.ended,
        effects: storage.effects,
        lines: Lines::default(),
    };
    Ok((member, opened))
}

async fn consensus(
    loaded: &Loaded,
    limits: &LogLimits,
    network: Network,
    (log, machine): (LogStore, Machine),
) -> Result<Raft, Error> {
    let node = loaded.identity.node_id;
    let config = raft::config(&loaded.identity.cluster_id, limits);
    let raft = Raft::new(node, Arc::new(config), network, log, machine).await;
    raft.map_err(|error| Error::Failed(error.to_string()))
}

/// Makes the cluster when this is its first node's first start, and waits until a cluster of one
/// has applied its whole log.
async fn begin(raft: &Raft, loaded: &Loaded) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(error.to_string());
    let node = loaded.identity.node_id;
    let has_log = !loaded.log.is_empty() || loaded.snapshot.is_some();
    let empty = !has_log && loaded.vote.is_none();
    if empty && node == Identity::FIRST_NODE {
        let members = std::collections::BTreeMap::from([(node, EmptyNode {})]);
        raft.initialize(members)
            .await
            .map_err(|error| failed(&error))?;
    }
    // A node that was let in and has no log yet waits for nobody here: it may have voted, and what
    // it does not have is sent to it once it serves.
    let knows_members = has_log || node == Identity::FIRST_NODE;
    let mut metrics = raft.metrics();
    let settled = metrics.wait_for(|metrics| {
        let voters: Vec<NodeId> = metrics.membership_config.membership().voter_ids().collect();
        let applied = metrics.last_applied.map(|id| id.index);
        let caught_up = metrics.state == ServerState::Leader && applied == metrics.last_log_index;
        let settled = match voters.as_slice() {
            [] => !knows_members,
            [one] if *one == node => caught_up,
            _ => true,
        };
        metrics.running_state.is_err() || settled
    });
    match tokio::time::timeout(START_DEADLINE, settled).await {
        Ok(Ok(metrics)) => match &metrics.running_state {
            Ok(()) => Ok(()),
            Err(fatal) => Err(failed(fatal)),
        },
        Ok(Err(_)) => Err(failed(&"consensus ended at its start")),
        Err(_) => Err(failed(&"the log was not applied in time")),
    }
}

/// Starts what a member does beside looking after its disk.
fn work(
    proposer: Proposer,
    leaving: Leaving,
    autopilot: Settings,
    (rates, gate): (Rates, Gate),
    (removal, lines): (watch::Sender<bool>, Option<Lines>),
    inbox: mpsc::Receiver<Group>,
) -> [JoinHandle<()>; 6] {
    let (raft, machine) = (proposer.raft.clone(), proposer.machine.clone());
    let transport = Arc::clone(&proposer.transport);
    let office = proposer.office.clone();
    let piloting = pilot::run(office, machine.clone(), leaving, autopilot);
    [
        tokio::spawn(piloting),
        tokio::spawn(status::pulse(proposer.clone())),
        tokio::spawn(rates::run(rates, raft, machine, transport)),
        tokio::spawn(ballot::run(proposer.clone(), gate.clone())),
        tokio::spawn(retirement::run(proposer.clone(), gate, removal, lines)),
        tokio::spawn(proposer.run(inbox)),
    ]
}

impl Member {
    /// Works until the node stops or its disk fails.
    pub(crate) async fn run(self) {
        let Self {
            raft,
            gate,
            mut upkeep,
            end,
            machine,
            leaving,
            rates,
            removal,
            autopilot,
            proposer,
            inbox,
            effects,
            mut stop,
            lines,
        } = self;
        let (mut told, node) = (Told::default(), proposer.node);
        let (heard, leader) = (proposer.heard.clone(), proposer.leader.clone());
        let office = proposer.office.clone();
        let trust = (removal.clone(), lines.clone());
        let tasks = work(proposer, leaving, autopilot, (rates, gate), trust, inbox);
        let mut metrics = raft.metrics();
        let mut check = tokio::time::interval(CHECK);
        loop {
            tokio::select! {
                biased; // A simulation has no choice that its seed does not make.
                _ = stop.recv() => break,
                _ = check.tick() => {
                    upkeep.check(&raft, machine.applied()).await;
                    machine.forget_prepared();
                    heard.look(Members::of(&raft, &heard).agrees());
                    retirement::look(&removal, &machine, node);
                    if let Some(lines) = &lines {
                        told.tell(lines, &machine);
                    }
                }
                () = effects.nodes_changed() => {
                    if let Some(lines) = &lines {
                        told.tell(lines, &machine);
                    }
                }
                changed = metrics.changed() => {
                    let fatal = metrics.borrow_and_update().running_state.clone().err();
                    leader.set(metrics.borrow().current_leader);
                    if let Some(fatal) = fatal {
                        tracing::error!(%fatal, "consensus ended");
                        end.tell(Err(Error::Failed(fatal.to_string())));
                        break;
                    }
                    if changed.is_err() {
                        break;
                    }
                }
            }
        }
        office.hand_over().await;
        for task in tasks {
            task.abort();
        }
        if let Err(error) = raft.shutdown().await {
            tracing::error!(%error, "consensus did not end cleanly");
        }
        if let Some(links) = lines.as_ref().and_then(Lines::links) {
            links.close().await;
        }
    }
}
