//! How a node becomes part of a cluster, and says that it is there: opening its data, joining,
//! beginning a life, leaving.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tollgate_cluster::{
    Door, Effects, JoinFailure, JoinToken, Joined, Joiner, Opened, Peering, Reports, autopilot,
};
use tollgate_config::node_config::NodeConfig;
use tollgate_protocol::codes;
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Addresses, AdmitRefusal, Command, LEVELS, NodeId, ProposalId, Reply, State};
use tollgate_store::Identity;

use super::listeners::{Bound, Listeners};
use super::{BootError, Mode};
use crate::actors::{RouteHandle, ThrottleHandle};
use crate::clock::SystemClock;
use crate::console;
use crate::credentials::{self, RootKey};
use crate::ops::{Phase, PhaseCell, Step};

/// A node that has a configuration serves it after this long, also when no majority answers.
const LIFE_DEADLINE: Duration = Duration::from_secs(5);
/// A node that has none yet waits this long for the cluster to send it.
const FIRST_LIFE_DEADLINE: Duration = Duration::from_secs(60);
/// Pauses between looks at the state.
const SEEN_DELAY: Duration = Duration::from_millis(20);
/// Pauses between attempts to be heard.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Before a full mailbox is tried again.
const MAILBOX_DELAY: Duration = Duration::from_millis(20);
/// Attempts to join before giving up: a leader may be missing for a moment.
const JOIN_ATTEMPTS_MAX: u32 = 5;

/// A cluster to join.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// A member's peer address, `host:port`.
    pub address: String,
    /// The token that lets the node in.
    pub token: JoinToken,
}

impl PartialEq for Invitation {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address && self.token.id == other.token.id
    }
}

impl Eq for Invitation {}

/// What the cluster is told of this node.
fn addresses(config: &NodeConfig, bound: &Bound) -> Addresses {
    let one = |address: Option<SocketAddr>| {
        let told = address.map(|it| told(config, it));
        told.into_iter().collect()
    };
    Addresses {
        peer: one(bound.peer),
        http: one(bound.https.or(bound.http)),
        admin: one(bound.admin),
    }
}

/// The address under which others reach a listener: as configured, as bound, or as this machine
/// appears in its network when it is bound to every address.
fn told(config: &NodeConfig, address: SocketAddr) -> String {
    let port = address.port();
    match &config.advertise {
        Some(host) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        Some(host) => format!("{host}:{port}"),
        None if address.ip().is_unspecified() => {
            SocketAddr::new(own_address(address.ip()), port).to_string()
        }
        None => address.to_string(),
    }
}

/// The address that packets to elsewhere would carry. Nothing is sent: connecting a datagram
/// socket only looks the route up (192.0.2.0/24 and 2001:db8::/32 are for documentation).
fn own_address(any: IpAddr) -> IpAddr {
    let elsewhere = if any.is_ipv4() {
        "192.0.2.1:9"
    } else {
        "[2001:db8::1]:9"
    };
    let route = UdpSocket::bind(SocketAddr::new(any, 0)).and_then(|socket| {
        socket.connect(elsewhere)?;
        socket.local_addr()
    });
    match (route, any) {
        (Ok(address), _) => address.ip(),
        (Err(_), IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (Err(_), IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn name(config: &NodeConfig) -> String {
    let host = || {
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned()
    };
    config.name.clone().unwrap_or_else(host)
}

/// Joins the cluster of an invitation, unless the data directory belongs to a node already.
async fn join(
    config: &NodeConfig,
    clock: SystemClock,
    invitation: &Invitation,
    addresses: Addresses,
) -> Result<Option<Joined>, BootError> {
    let dir = &config.data_dir;
    if tollgate_store::has_identity(dir).map_err(|error| BootError::store(&error))? {
        return Ok(None);
    }
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(dir);
    made.map_err(super::io("cannot make the data directory"))?;
    let joiner = Joiner {
        name: name(config),
        addresses,
        levels: LEVELS,
    };
    let mut attempt = 1;
    let joined = loop {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let (address, token) = (&invitation.address, &invitation.token);
        match tollgate_cluster::join(dir, address, token, joiner.clone(), clock).await {
            Ok(joined) => break joined,
            Err(JoinFailure::TryAgain(reason)) if attempt < JOIN_ATTEMPTS_MAX => {
                console::talk(format_args!("{reason}; trying again"));
                attempt += 1;
                tokio::time::sleep(RETRY_DELAY).await;
            }
            Err(error) => {
                let level = matches!(error, JoinFailure::NotAdmitted(AdmitRefusal::Level));
                let code = if level {
                    codes::FEATURE_LEVEL
                } else {
                    codes::JOIN
                };
                return Err(BootError::chain(code, &error));
            }
        }
    };
    credentials::store(dir, &joined.secrets)
        .map_err(|error| BootError::new(codes::DATA_DIR_IO, error.to_string()))?;
    let node = joined.identity.node_id;
    console::talk(format_args!("joined as node {node}"));
    Ok(Some(joined))
}

/// What every node of the cluster must know, once it is known here.
type Secrets = Arc<OnceLock<Vec<u8>>>;

/// Joins if this node was invited, opens its data, starts its part in the cluster and says that it
/// lives.
pub(super) async fn enter(
    config: &NodeConfig,
    mode: &Mode,
    clock: SystemClock,
    listeners: &Listeners,
    phase: &PhaseCell,
) -> Result<(Opened, RootKey), BootError> {
    let removed = tollgate_store::is_removed(&config.data_dir);
    if removed.map_err(|error| BootError::store(&error))? {
        let reason = format!("{} is of a node that left", config.data_dir.display());
        return Err(BootError::new(codes::REMOVED, reason));
    }
    let addresses = addresses(config, &listeners.bound());
    let joined = match mode {
        Mode::Join(invitation) => {
            phase.set(Phase::Starting(Step::Join));
            join(config, clock, invitation, addresses.clone()).await?
        }
        Mode::Start | Mode::Dev(_) => None,
    };
    phase.set(Phase::Starting(Step::State));
    let peer = listeners.peer()?;
    let (opened, secrets) = open(config, clock, joined, peer, addresses.clone())?;
    let level = opened.door.read(State::level);
    if level > LEVELS.1 {
        return Err(above(level));
    }
    let (key, is_new) = super::root_key(config, mode)?;
    listeners.announce(config, &key, is_new)?;
    // Whoever joins from now on gets the same root key.
    secrets.get_or_init(|| key.to_bytes());
    tracing::info!(state_ms = clock.monotonic_us() / 1000, "the state is read");
    phase.set(Phase::Starting(Step::Life));
    let mut removed = opened.door.removed();
    tokio::select! {
        begun = begin_life(&opened, addresses) => begun?,
        Ok(_) = removed.wait_for(|removed| *removed) => {
            return Err(was_removed(&config.data_dir, clock.now()));
        }
    }
    Ok((opened, key))
}

/// What a node ends with whose release the cluster has outgrown, or is too old for.
fn above(level: u16) -> BootError {
    let (from, to) = LEVELS;
    let reason = format!(
        "the cluster works at feature level {level}, release {} at {from} to {to}",
        env!("CARGO_PKG_VERSION")
    );
    BootError::new(codes::FEATURE_LEVEL, reason)
}

/// What a node ends with that the cluster removed; the next start finds it in the data directory.
pub(super) fn was_removed(dir: &Path, now: Millis) -> BootError {
    if let Err(error) = tollgate_store::mark_removed(dir, now) {
        tracing::error!(%error, "the data directory is not marked as that of a removed node");
    }
    BootError::new(codes::REMOVED, "the cluster removed this node")
}

/// A node's data and its place among the others, and the door for what those that join are given.
fn open(
    config: &NodeConfig,
    clock: SystemClock,
    joined: Option<Joined>,
    listener: Option<std::net::TcpListener>,
    addresses: Addresses,
) -> Result<(Opened, Secrets), BootError> {
    let lost = tollgate_cluster::has_lost_its_log(&config.data_dir);
    if lost.map_err(|error| BootError::store(&error))? && joined.is_none() {
        let reason = format!(
            "{} holds a node's certificate but not its log",
            config.data_dir.display()
        );
        return Err(BootError::new(codes::LOG_LOST, reason));
    }
    let first = || match joined {
        Some(joined) => joined.identity,
        None => Identity::first(tollgate_cluster::new_cluster_id(), clock.now()),
    };
    let secrets = Arc::new(OnceLock::new());
    let peering = Peering {
        listener,
        name: name(config),
        addresses,
        secrets: Arc::clone(&secrets),
    };
    let autopilot = autopilot::Settings {
        voters_max: config.voters,
        ..autopilot::Settings::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(clock);
    Door::open_among(&config.data_dir, clock, first, peering, autopilot)
        .map(|opened| (opened, secrets))
        .map_err(|error| BootError::store(&error))
}

/// Tells the cluster that a new life of this node began: what the lives before held counts as
/// spent. A node that has a configuration serves it even when nobody answers: then it goes on
/// asking beside, and spends no quota until it was heard.
async fn begin_life(opened: &Opened, addresses: Addresses) -> Result<(), BootError> {
    let life = Life {
        door: opened.door.clone(),
        node: opened.identity.node_id,
        incarnation: opened.incarnation,
        addresses,
    };
    let known = opened.door.read(|state| state.founding().is_some());
    let deadline = if known {
        LIFE_DEADLINE
    } else {
        FIRST_LIFE_DEADLINE
    };
    match tokio::time::timeout(deadline, life.begin()).await {
        Ok(begun) => begun,
        Err(_) if known => {
            tracing::warn!("no majority of the cluster answers; serving what is known");
            tokio::spawn(async move {
                if let Err(error) = life.begin().await {
                    tracing::error!(%error, "the cluster refused this node");
                }
            });
            Ok(())
        }
        Err(_) => {
            let reason = "the cluster did not send its configuration in time";
            Err(BootError::new(codes::JOIN, reason))
        }
    }
}

/// Passes on what the cluster and this node tell each other, for as long as the node runs.
pub(super) fn pass_on(opened: &Opened, route: &RouteHandle, throttle: &ThrottleHandle) {
    let (effects, me) = (opened.effects.clone(), opened.identity.node_id);
    tokio::spawn(pass_quota_news(effects, me, throttle.clone()));
    tokio::spawn(pass_reports(opened.door.reports(), throttle.clone()));
    tokio::spawn(pass_served(opened.door.clone(), route.clone()));
}

/// Passes on to the throttle actor what the log does to quotas, for as long as the node runs.
async fn pass_quota_news(effects: Effects, me: NodeId, throttle: ThrottleHandle) {
    loop {
        let news = effects.quota_news(me).await;
        if news.everything {
            throttle.report_and_ask().await;
        }
        for effect in news.effects {
            // What was reopened must be heard: a full mailbox is tried again.
            while !throttle.affected(effect.clone()) {
                tokio::time::sleep(MAILBOX_DELAY).await;
            }
        }
    }
}

/// Tells what leases spent when another node asks, for as long as the node runs.
async fn pass_reports(reports: Reports, throttle: ThrottleHandle) {
    loop {
        let told = reports.asked().await;
        if throttle.report(told.scope()).await {
            told.answer();
        }
    }
}

/// Tells the other nodes what this one serves, for as long as it runs.
async fn pass_served(door: Door, route: RouteHandle) {
    let mut served = route.watch();
    loop {
        door.set_served(served.borrow_and_update().revision);
        if served.changed().await.is_err() {
            return;
        }
    }
}

struct Life {
    door: Door,
    node: NodeId,
    incarnation: u32,
    addresses: Addresses,
}

impl Life {
    /// Says it until it is heard.
    async fn begin(&self) -> Result<(), BootError> {
        loop {
            let command = Command::NodeUp {
                node: self.node,
                incarnation: self.incarnation,
                addresses: self.addresses.clone(),
                version: env!("CARGO_PKG_VERSION").into(),
                levels: LEVELS,
            };
            match self.door.propose(ProposalId::default(), command).await {
                Ok(Reply::Done) => {
                    // Agreed on; a node that only learns the log has it when it sees itself in it.
                    while !self.lives() {
                        tokio::time::sleep(SEEN_DELAY).await;
                    }
                    return Ok(());
                }
                // An attempt before this one was heard after all.
                Ok(Reply::Stale) if self.lives() => return Ok(()),
                Ok(Reply::Level(level)) => return Err(above(level)),
                Ok(other) => {
                    let reason = format!("the node's new life was not accepted: {other:?}");
                    return Err(BootError::new(codes::REMOVED, reason));
                }
                Err(tollgate_cluster::DoorError::Stopped) => {
                    let reason = "the node's log ended";
                    return Err(BootError::new(codes::STORE_FAILED, reason));
                }
                Err(_) => tokio::time::sleep(RETRY_DELAY).await,
            }
        }
    }

    fn lives(&self) -> bool {
        self.door.read(|state| {
            let node = state.nodes().get(&self.node);
            node.is_some_and(|it| it.incarnation == self.incarnation)
        })
    }
}
