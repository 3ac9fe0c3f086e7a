//! What runs on a simulated machine: a member of the cluster, its links, its quota, and somebody
//! who changes the configuration through it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollgate_link::net::Net as _;
use tollgate_link::{ClusterId, Links, Settings};
use tollgate_state::{Addresses, Command, NodeId, ProposalId, Reply};
use tollgate_store::{Identity, Loaded, Snapshots, Store};

use super::net::{Desk, Turmoil};
use super::note;
use super::quota::Shop;
use super::random::Random;
use super::rate;
use super::world::{Live, Order, Pending, World};
use crate::introductions::{self, Introduced};
use crate::lines::{Lines, Told};
use crate::member::{self, Ways, Work};
use crate::raft::LogLimits;
use crate::raft::disk::lock;
use crate::raft::keeper::Keeper;
use crate::tests::quota::configuration;
use crate::{Door, DoorError, Opened, autopilot};

const PORT: u16 = 7000;
/// How often a node looks whether it was told something.
const LOOK: Duration = Duration::from_millis(20);

/// A machine's name in the network.
pub(super) fn name(node: NodeId) -> String {
    format!("node{node}")
}

fn addresses(node: NodeId) -> Addresses {
    Addresses {
        peer: vec![format!("{}:{PORT}", name(node))],
        ..Addresses::default()
    }
}

/// What a node is told when it is let in: those before it.
fn introduced(node: NodeId) -> Introduced {
    Introduced {
        node,
        key_hash: [u8::try_from(node).unwrap(); 32],
        addresses: addresses(node).peer,
        removed: false,
    }
}

fn ways(world: &World, node: NodeId, lines: &Lines<Turmoil>) -> Ways {
    let machine = &world.machines[&node];
    let flush_ms = Arc::clone(&machine.flush_ms);
    let (fails, failed) = (Arc::clone(&machine.fails), Arc::clone(&machine.failed));
    let dice = Mutex::new(Random::new(world.seed, 100 + node));
    let pause = move || {
        if fails.swap(false, Ordering::Relaxed) {
            failed.store(true, Ordering::Relaxed);
            return None;
        }
        let most = flush_ms.load(Ordering::Relaxed);
        Some(Duration::from_millis(lock(&dice).below(most + 1)))
    };
    Ways {
        clock: Arc::<super::world::Skewed>::clone(&machine.clock),
        transport: Arc::new(lines.clone()),
        autopilot: autopilot::Settings {
            voters_max: world.voters_max,
            stable: Duration::from_millis(300),
            silent: Duration::from_secs(3),
        },
        log: LogLimits {
            kept_entries: 5,
            ..LogLimits::OF_A_NODE
        },
        work: Work::Simulated(Arc::new(pause)),
    }
}

/// The log of a machine.
fn open(world: &World, node: NodeId) -> Result<(Keeper, Loaded), tollgate_store::Error> {
    let dir = world.dir(node);
    let first = || Identity {
        node_id: node,
        ..Identity::first("c".repeat(32), world.began)
    };
    if let Some(memory) = &world.machines[&node].memory {
        let snapshots = Snapshots::of(&dir);
        let loaded = memory.open(first(), &snapshots);
        return Ok((Keeper::Memory(memory.clone(), snapshots), loaded));
    }
    let (store, loaded) = Store::open(&dir, first)?;
    Ok((Keeper::File(store), loaded))
}

/// One life of a node.
pub(super) async fn life(world: Arc<World>, node: NodeId) -> turmoil::Result {
    while !world.shared().admitted.contains(&node) {
        tokio::time::sleep(LOOK).await;
    }
    let (keeper, loaded) = open(&world, node)?;
    world.oracle().begins(node);
    let lines = Lines::default();
    lines.introductions.add_saved((1..node).map(introduced));
    let ways = ways(&world, node, &lines);
    let (member, opened) = member::assemble(&world.dir(node), keeper, loaded, ways).await?;
    let Opened {
        door,
        server,
        incarnation,
        effects,
        ..
    } = opened;
    let listener = Turmoil.listen(&format!("0.0.0.0:{PORT}")).await?;
    let who = tollgate_link::Member {
        cluster: ClusterId([7; 16]),
        node,
    };
    let settings = Settings {
        join_kind: None,
        seed: world.seed ^ node ^ u64::from(incarnation).rotate_left(32),
    };
    let desk = Arc::new(Desk(server));
    lines.set(Links::simulate(Turmoil, who, listener, desk, settings));
    let live = Live {
        door: door.clone(),
        up: false,
    };
    world.shared().live.insert(node, live);
    tokio::spawn(introductions::run(lines.clone(), door.clone()));
    tokio::spawn(tell(lines, door.clone()));
    let random = Random::new(world.seed, (u64::from(incarnation) << 16) | node);
    tokio::spawn(work(
        Arc::clone(&world),
        node,
        door,
        incarnation,
        effects,
        random,
    ));
    member.run().await;
    world.shared().live.remove(&node);
    Ok(())
}

/// Tells the links who belongs to the cluster, as [`crate::member`] does for the real ones.
async fn tell(lines: Lines<Turmoil>, door: Door) {
    let mut told = Told::default();
    loop {
        told.tell(&lines, &door.machine);
        tokio::time::sleep(LOOK).await;
    }
}

/// Says that the node lives, then does what a node and its users do.
async fn work(
    world: Arc<World>,
    node: NodeId,
    door: Door,
    incarnation: u32,
    effects: crate::Effects,
    mut random: Random,
) {
    let bucket = rate::bucket(&world, &door);
    if node == 1 {
        found(&world, &door).await;
    }
    let up = Command::NodeUp {
        node,
        incarnation,
        addresses: addresses(node),
        version: "0.1.0".into(),
        levels: (1, 1),
    };
    let heard = insist(&door, ProposalId::default(), up).await;
    // Stale when an attempt before it was heard after all, as for a node of the product.
    let (lives, removed) = door.read(|state| {
        let known = state.nodes().get(&node);
        let lives = known.is_some_and(|it| it.incarnation == incarnation);
        (lives, known.is_some_and(|it| it.removed.is_some()))
    });
    // Nobody sends a removed node the entry that says so.
    let removed = removed || world.shared().removed.contains(&node);
    if heard != Some(Reply::Done) && !(heard == Some(Reply::Stale) && lives) {
        if !removed && heard.is_some() {
            let text = format!("node {node} may not live: {heard:?}");
            world.oracle().fail(text);
        }
        return;
    }
    if let Some(live) = world.shared().live.get_mut(&node) {
        live.up = true;
    }
    let shop = Shop::new(&world, node, door.clone(), incarnation);
    tokio::spawn(Arc::clone(&shop).keep(effects));
    tokio::spawn(shop.requests(Random::new(random.next(), node)));
    if let Some(bucket) = bucket {
        let random = Random::new(random.next(), node);
        tokio::spawn(rate::requests(Arc::clone(&world), node, bucket, random));
    }
    tokio::spawn(obey(Arc::clone(&world), node, door.clone()));
    change(world, node, door, random).await;
}

/// Founds the cluster and lets the first nodes in. Done again after a crash it does nothing.
async fn found(world: &World, door: &Door) {
    let mut commands = vec![Command::Found {
        cluster: [7; 16],
        authority: vec![1],
        sealed_key: vec![2],
        node: 1,
        key_hash: [1; 32],
        name: name(1),
        addresses: addresses(1),
    }];
    commands.push(Command::CreateToken {
        id: "t".into(),
        secret_hash: [9; 32],
        expires: tollgate_protocol::Millis(world.began.0 + 10 * tollgate_protocol::Millis::DAY),
        uses: 100,
        who: "root".into(),
    });
    commands.extend((2..=world.first_nodes).map(admission));
    commands.push(configuration(world.limit));
    for (count, command) in (0..).zip(commands) {
        insist(door, World::name(1, count), command).await;
    }
}

/// Lets a node in.
pub(super) fn admission(node: NodeId) -> Command {
    Command::AdmitNode {
        token: "t".into(),
        secret_hash: [9; 32],
        key_hash: [u8::try_from(node).unwrap(); 32],
        name: name(node),
        addresses: addresses(node),
    }
}

/// Proposes until there is an answer; `None` when the node stops.
async fn insist(door: &Door, id: ProposalId, command: Command) -> Option<Reply> {
    loop {
        match door.propose(id, command.clone()).await {
            Ok(reply) => return Some(reply),
            Err(DoorError::Stopped) => return None,
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Carries out what the simulation orders.
async fn obey(world: Arc<World>, node: NodeId, door: Door) {
    loop {
        tokio::time::sleep(LOOK).await;
        let order = world.shared().orders.entry(node).or_default().pop_front();
        match order {
            Some(Order::Propose(command, id)) => {
                // An order that gets no answer is given again to another node, or given up.
                drop(door.propose(id, *command).await);
            }
            Some(Order::Snapshot) => {
                // Consensus that ended is seen by the simulation itself.
                drop(door.raft.trigger().snapshot().await);
            }
            Some(Order::HandOver) => drop(door.office.hand_over().await),
            Some(Order::Leave) => {
                let (door, world) = (door.clone(), Arc::clone(&world));
                tokio::spawn(async move {
                    // Its listeners end first.
                    world.shared().leaving.insert(node);
                    // A node that does not come to it is still a member.
                    let left = door.leave("root").await.is_ok();
                    note(&[9, node, left.into()]);
                });
            }
            None => {}
        }
    }
}

/// Changes the configuration, now and then one more time under the same name.
async fn change(world: Arc<World>, node: NodeId, door: Door, mut random: Random) {
    let pace = 20 + random.below(400);
    loop {
        tokio::time::sleep(random.millis(1, 2 * pace)).await;
        let Some(write) = next(&world, &mut random) else {
            continue;
        };
        world.shared().pending.push(write.clone());
        let command = Command::Configure {
            expected: None,
            rests_on: None,
            changes: b"[]".to_vec(),
            who: write.tag.clone(),
        };
        loop {
            match door.propose(write.id, command.clone()).await {
                Ok(Reply::Configured(revision)) => {
                    let shown = door.read(|state| state.revision.0);
                    let mut shared = world.shared();
                    shared.pending.retain(|it| it.id != write.id);
                    shared.done.push(write.clone());
                    drop(shared);
                    world
                        .oracle()
                        .acked(node, &write.tag, revision.0, write.floor, shown);
                    break;
                }
                Ok(other) => {
                    let text = format!("a change of node {node} was answered {other:?}");
                    return world.oracle().fail(text);
                }
                Err(DoorError::Stopped) => return,
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// A new change, one whose outcome a crash hid, or one that was answered already.
fn next(world: &World, random: &mut Random) -> Option<Pending> {
    let floor = world.oracle().newest();
    let mut shared = world.shared();
    if !shared.changes {
        return None;
    }
    let repeated = random.chance(10);
    if !shared.done.is_empty() && repeated {
        let at = random.below(shared.done.len() as u64);
        return Some(shared.done[usize::try_from(at).unwrap()].clone());
    }
    if !shared.pending.is_empty() && random.chance(30) {
        let at = random.below(shared.pending.len() as u64);
        return Some(shared.pending[usize::try_from(at).unwrap()].clone());
    }
    shared.writes += 1;
    Some(Pending {
        id: World::name(2, shared.writes),
        tag: format!("change {}", shared.writes),
        floor,
    })
}
