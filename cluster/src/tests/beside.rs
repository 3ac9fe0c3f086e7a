//! Long work on snapshots holds up neither heartbeats nor changes.

use std::sync::{Arc, Condvar, Mutex};

use tollgate_model::{Change, UsagePlan};
use tollgate_state::{Command, Reply};

use super::hub::{LIMITS, TestNode, cluster, until};

/// What threads beside the cluster's wait at: open, unless a test shuts it.
#[derive(Clone, Default)]
pub(crate) struct HeldGate(Arc<(Mutex<Held>, Condvar)>);

#[derive(Default)]
struct Held {
    shut: bool,
    waiting: usize,
}

impl HeldGate {
    /// Waits until it is open.
    pub(crate) fn pass(&self) {
        let (held, changed) = &*self.0;
        let mut held = held.lock().unwrap();
        held.waiting += 1;
        let mut held = changed.wait_while(held, |it| it.shut).unwrap();
        held.waiting -= 1;
    }

    fn set(&self, shut: bool) {
        let (held, changed) = &*self.0;
        held.lock().unwrap().shut = shut;
        changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.0.0.lock().unwrap().waiting
    }
}

/// Opens a gate when a test ends, also when it fails: a runtime waits for its threads.
struct Shut<'a>(&'a HeldGate);

impl<'a> Shut<'a> {
    fn new(gate: &'a HeldGate) -> Self {
        gate.set(true);
        Self(gate)
    }
}

impl Drop for Shut<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

async fn change(node: &TestNode, bytes: usize) -> u64 {
    let command = Command::Configure {
        expected: None,
        rests_on: None,
        changes: b"[]".to_vec(),
        who: "x".repeat(bytes),
    };
    match node.propose(command).await {
        Reply::Configured(revision) => revision.0,
        other => panic!("{other:?}"),
    }
}

/// Makes the state larger.
async fn grow(node: &TestNode, number: usize) {
    let plan = UsagePlan {
        id: format!("p{number}").as_str().into(),
        description: Some("x".repeat(LARGE)),
        ..UsagePlan::default()
    };
    let changes = serde_json::to_vec(&[Change::PutUsagePlan(Arc::new(plan))]).unwrap();
    let command = Command::Configure {
        expected: None,
        rests_on: None,
        changes,
        who: "root".into(),
    };
    let reply = node.propose(command).await;
    assert!(matches!(reply, Reply::Configured(_)), "{reply:?}");
}

async fn three_voters() -> (super::hub::Hub, Vec<TestNode>) {
    let (hub, nodes, _clock) = cluster(3).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 3).await;
    }
    (hub, nodes)
}

fn leader_of(nodes: &[TestNode]) -> usize {
    let leader = nodes[0].door.members().leader.unwrap();
    nodes.iter().position(|it| it.id == leader).unwrap()
}

/// Five of these are more than what makes a snapshot due.
const LARGE: usize = 224 * 1024;

#[tokio::test]
async fn heartbeats_are_answered_while_a_snapshot_is_installed() {
    let (hub, mut nodes) = three_voters().await;
    let leader = nodes.remove(leader_of(&nodes));
    let (other, late) = (&nodes[0], &nodes[1]);
    // Cut off it would ask for votes, and bring a new term along; so would it on a busy machine.
    late.door.raft.runtime_config().elect(false);
    hub.part(&[late.id], &[leader.id, other.id]);
    for _ in 0..6 {
        change(&leader, LARGE).await;
    }
    let missed = late.door.members().last_log;
    until(
        "entries that are in the snapshot only",
        || leader.door.members().purged,
        |purged| *purged > missed,
    )
    .await;
    let held = Shut::new(&late.gate);
    hub.heal();
    until("the installation", || late.gate.waiting(), |it| *it > 0).await;
    let before = hub.appends(leader.id, late.id);
    until(
        "answers of the node that installs",
        || hub.appends(leader.id, late.id),
        |answered| *answered >= before + 20,
    )
    .await;
    let here = late.door.members();
    assert!(
        here.applied <= missed && late.gate.waiting() > 0,
        "{here:?}"
    );
    assert_eq!(here.leader, Some(leader.id), "{here:?}");
    let revision = change(&leader, 1).await;
    drop(held);
    until("the revision", || late.revision(), |it| *it == revision).await;
    assert!(late.door.read(Clone::clone) == leader.door.read(Clone::clone));
    // What came after the snapshot is in its log.
    let revision = change(&leader, 1).await;
    hub.part(&[other.id], &[leader.id, late.id]);
    until("the revision", || late.revision(), |it| *it >= revision).await;
}

/// The preparation takes longer than a sender waits for an answer, and than a transfer is kept that
/// nobody handles.
#[tokio::test]
async fn a_snapshot_that_takes_long_to_install_is_sent_and_prepared_once() {
    let (hub, mut nodes) = three_voters().await;
    let leader = nodes.remove(leader_of(&nodes));
    let (other, late) = (&nodes[0], &nodes[1]);
    late.door.raft.runtime_config().elect(false);
    hub.part(&[late.id], &[leader.id, other.id]);
    for number in 0..6 {
        grow(&leader, number).await;
    }
    let missed = late.door.members().last_log;
    until(
        "entries that are in the snapshot only",
        || leader.door.members().purged,
        |purged| *purged > missed,
    )
    .await;
    let held = Shut::new(&late.gate);
    hub.heal();
    until("the installation", || late.gate.waiting(), |it| *it > 0).await;
    let (calls, bytes) = hub.installs(leader.id, late.id);
    let began = tokio::time::Instant::now();
    let limits = LIMITS.transfers;
    until(
        "a sender that would have lost its patience twice",
        || (began.elapsed(), hub.installs(leader.id, late.id).0),
        |(took, asked)| *took > 2 * limits.patience.max(limits.idle) && *asked >= calls + 10,
    )
    .await;
    let (asked, sent) = hub.installs(leader.id, late.id);
    assert!(bytes > 4 * LARGE as u64, "it is too small: {bytes}");
    // Whoever only asks sends a head.
    assert!(sent - bytes < 100 * (asked - calls), "{bytes}, then {sent}");
    assert_eq!(late.gate.waiting(), 1, "it is prepared more than once");
    drop(held);
    let revision = leader.revision();
    until("the revision", || late.revision(), |it| *it == revision).await;
    let (_, installed) = hub.installs(leader.id, late.id);
    assert!(
        installed - bytes < bytes / 2,
        "it was sent again: {bytes}, {sent}, {installed}"
    );
}

/// As a bad block of the disk would do it to the file that it comes in.
#[tokio::test]
async fn a_snapshot_that_is_damaged_on_its_way_is_fetched_anew() {
    let (hub, mut nodes) = three_voters().await;
    let leader = nodes.remove(leader_of(&nodes));
    let (other, late) = (&nodes[0], &nodes[1]);
    late.door.raft.runtime_config().elect(false);
    hub.part(&[late.id], &[leader.id, other.id]);
    for number in 0..6 {
        grow(&leader, number).await;
    }
    let missed = late.door.members().last_log;
    until(
        "entries that are in the snapshot only",
        || leader.door.members().purged,
        |purged| *purged > missed,
    )
    .await;
    hub.spoil(leader.id, late.id);
    hub.heal();
    let revision = leader.revision();
    until("the revision", || late.revision(), |it| *it == revision).await;
    assert!(hub.has_spoiled(leader.id, late.id), "it was never damaged");
    assert!(late.door.read(Clone::clone) == leader.door.read(Clone::clone));
}

#[tokio::test]
async fn a_leader_agrees_on_changes_while_it_makes_and_reads_snapshots() {
    let (hub, nodes) = three_voters().await;
    let leader = &nodes[leader_of(&nodes)];
    let term = leader.door.members().term;
    let held = Shut::new(&leader.gate);
    for _ in 0..6 {
        change(leader, LARGE).await;
    }
    until(
        "the snapshot to begin",
        || leader.gate.waiting(),
        |it| *it > 0,
    )
    .await;
    for other in nodes.iter().filter(|it| it.id != leader.id) {
        let before = hub.appends(leader.id, other.id);
        let count = || hub.appends(leader.id, other.id);
        until("heartbeats", count, |count| *count >= before + 20).await;
    }
    let revision = change(leader, 1).await;
    let now = leader.door.members();
    assert!(leader.gate.waiting() > 0 && now.snapshot == 0, "{now:?}");
    assert_eq!(now.term, term);
    drop(held);
    until(
        "the snapshot",
        || leader.door.members().snapshot,
        |it| *it > 0,
    )
    .await;
    for node in &nodes {
        until("the revision", || node.revision(), |it| *it >= revision).await;
    }
}

/// Three entries are kept by their number, and these are too heavy for that.
#[tokio::test]
async fn the_log_behind_a_snapshot_is_kept_by_its_bytes_too() {
    let (_hub, nodes, _clock) = cluster(1).await;
    for _ in 0..5 {
        change(&nodes[0], LARGE).await;
    }
    let kept = LIMITS.kept_bytes / LARGE as u64;
    until(
        "a log that is purged down to what may be kept",
        || nodes[0].door.members(),
        |now| now.snapshot > 0 && now.snapshot - now.purged <= kept,
    )
    .await;
    // The log is read from there, and goes on.
    let revision = nodes[0].revision();
    let mut nodes = nodes;
    let node = nodes.remove(0).restart().await;
    assert_eq!(node.revision(), revision);
    assert!(change(&node, 1).await > revision);
}
