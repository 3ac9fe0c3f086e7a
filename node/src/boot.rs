//! From a configuration to a serving node, and back: boot, run, drain, in this order and no other.

mod apply;
mod backends;
mod drain;
mod listeners;
mod membership;
mod progress;
mod services;
mod system;
mod telemetry;

pub(crate) use backends::tls_spec;
pub use membership::Invitation;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tollgate_cluster::{Door, Leases, Opened};
use tollgate_config::compile::NodeFacts;
use tollgate_config::node_config::NodeConfig;
use tollgate_config::snapshot::Snapshot;
use tollgate_edge::EdgeHandle;
use tollgate_functions::{Functions, NodeInfo, Settings};
use tollgate_pipeline::ResponseCache;
use tollgate_protocol::Clock;
use tollgate_protocol::codes::{self, Code};
use tollgate_upstream::Upstreams;

use crate::actors::{Allowances, RouteActor, RouteHandle, ThrottleActor, ThrottleHandle};
use crate::admin;
use crate::clock::SystemClock;
use crate::connections::Gate;
use crate::console;
use crate::credentials::{self, RootKey};
use crate::logs::LogWriter;
use crate::metrics::Metrics;
use crate::ops::{self, Phase, PhaseCell, Step, Watched};
use crate::process;
use crate::runtime::{NodeRuntime, SetLogLevel};
use crate::sockets::{Places, Sockets, Tally};
use crate::standing::Standing;
use crate::tls::{self, Certificates};
use crate::worker::{DevLog, Shared};

use listeners::Listeners;
use system::Systems;

/// How the node runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A node that keeps its data.
    Start,
    /// A throw-away node for development: this file or directory is applied, and applied again
    /// whenever a file changes.
    Dev(PathBuf),
    /// A node of the cluster that it was invited to.
    Join(Invitation),
}

/// Why a node did not start. The code names the page that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct BootError {
    /// The page.
    pub code: Code,
    /// What happened.
    pub reason: String,
}

impl BootError {
    fn new(code: Code, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    fn store(error: &tollgate_store::Error) -> Self {
        Self::chain(error.code(), error)
    }

    /// With everything that an error says about its cause.
    fn chain(code: Code, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        Self { code, reason }
    }
}

/// Why the node's disk or threads could not be used for something that needs no page of its own.
fn io(what: &'static str) -> impl Fn(std::io::Error) -> BootError {
    move |error| BootError::new(codes::DATA_DIR_IO, format!("{what}: {error}"))
}

/// The data directory of a development node that was not given one: new for every process, and
/// removed when the node ends.
#[must_use]
pub fn throw_away_dir() -> PathBuf {
    std::env::temp_dir().join(format!("tollgate-dev-{}", std::process::id()))
}

/// Runs a node until it is told to stop; returns the process's exit code.
#[must_use]
pub fn start(config: NodeConfig, mode: Mode) -> i32 {
    let dir = config.data_dir.clone();
    let code = start_and_wait(config, mode);
    if dir == throw_away_dir()
        && let Err(error) = std::fs::remove_dir_all(&dir)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        console::talk(format_args!("{} stays: {error}", dir.display()));
    }
    code
}

fn start_and_wait(config: NodeConfig, mode: Mode) -> i32 {
    let level = telemetry::start(&config, &mode);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("background")
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return report(&io("cannot start the runtime")(error)),
    };
    match runtime.block_on(run(config, mode, level)) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

fn report(error: &BootError) -> i32 {
    let code = error.code;
    console::talk(format_args!(
        "error[{}]: {}: {error}",
        code.code, code.title
    ));
    console::talk(format_args!("  what to do: tollgate explain {}", code.code));
    1
}

/// The parts of a node that its end is made of.
pub(crate) struct Node {
    edge: EdgeHandle,
    admin: Option<admin::AdminServer>,
    systems: Systems,
    functions: Functions,
    throttle: ThrottleHandle,
    logs: LogWriter,
    phase: Arc<PhaseCell>,
    opened: Opened,
    drain: Duration,
    data_dir: PathBuf,
    clock: SystemClock,
    /// Who asks that the node leaves its cluster.
    leave: mpsc::Receiver<String>,
}

async fn run(config: NodeConfig, mode: Mode, set_log_level: SetLogLevel) -> Result<i32, BootError> {
    let clock = SystemClock::start();
    let signals = drain::Signals::listen().map_err(io("cannot listen for signals"))?;
    let certificates = certificates(&config)?;
    let listeners = Listeners::bind(&config)?;
    let (phase, watched) = tell_phase(&listeners)?;
    let (opened, key) = membership::enter(&config, &mode, clock, &listeners, &phase).await?;
    let leases = Leases::new(opened.identity.node_id, opened.incarnation);
    let allowances = Allowances::new(leases, opened.door.rates());
    let shared = shared(&config, &mode, clock)?;
    let (systems, route, throttle) =
        start_actors(&config, &opened, &allowances, &shared, &certificates, clock)?;
    membership::pass_on(&opened, &route, &throttle);
    let dir = config.data_dir.clone();
    opened.door.tell_disk(move || process::disk_bytes(&dir));
    let (identities, seed) = services::identities(&config, &mode, &opened.door, key);
    let gate = Gate::new(identities, &config.region, &config.account_id);
    let places = services::places(&config, &opened)?;
    let shared = Arc::new(shared.with_actors(throttle.clone(), gate, (places, &opened.door)));
    let (standing, leave) = Standing::new(opened.door.clone());
    let runtime = Arc::new(node_runtime(
        &config,
        &shared,
        (route, standing),
        allowances,
        set_log_level,
        clock,
    ));
    if watched.set(Arc::<NodeRuntime>::clone(&runtime)).is_err() {
        tracing::error!("the ops listener was told twice what to show");
    }
    phase.set(Phase::Starting(Step::Configuration));
    let mut applier = apply::Applier::new(&opened.door, &runtime, &config, clock);
    applier.apply_at_start(&config, &mode).await?;
    phase.set(Phase::Starting(Step::Listeners));
    let admin = match listeners.admin {
        None => None,
        Some(socket) => {
            let endpoints = services::endpoints(&config, &listeners.data);
            let door = opened.door.clone();
            let known = (&*shared, seed);
            let state = services::admin_state(&config, &mode, door, &runtime, known, endpoints)?;
            Some(admin::start(socket, state).map_err(io("cannot start the admin listener"))?)
        }
    };
    let edge = services::start_edge(&config, listeners.data, certificates, &shared)?;
    if runtime.edge.set(edge.observer()).is_err() {
        tracing::error!("the edge was started twice");
    }
    phase.set(Phase::Ready);
    tracing::info!(after_ms = clock.monotonic_us() / 1000, "ready");
    if let Mode::Dev(path) = &mode {
        tokio::spawn(applier.watch(path.clone(), shared.functions.clone()));
    }
    let node = Node {
        edge,
        admin,
        systems,
        functions: shared.functions.clone(),
        throttle,
        logs: shared.logs.clone(),
        phase,
        opened,
        drain: Duration::from_secs(config.drain_seconds),
        data_dir: config.data_dir,
        clock,
        leave,
    };
    Ok(node.until_stopped(signals).await)
}

/// Begins to say what the node is at, before it is at anything that takes long.
fn tell_phase(listeners: &Listeners) -> Result<(Arc<PhaseCell>, Watched), BootError> {
    let (phase, watched) = (Arc::<PhaseCell>::default(), Watched::default());
    if let Some(socket) = listeners.ops()? {
        ops::start(socket, Arc::clone(&phase), Arc::clone(&watched))
            .map_err(io("cannot start the ops listener"))?;
    }
    tokio::spawn(progress::tell(Arc::clone(&phase)));
    Ok((phase, watched))
}

/// The root key and whether it is new and must be told.
fn root_key(config: &NodeConfig, mode: &Mode) -> Result<(RootKey, bool), BootError> {
    if let (Some(id), Some(secret)) = (&config.root_access_key, &config.root_secret_key) {
        let key = RootKey {
            access_key_id: id.clone(),
            secret_access_key: secret.clone(),
        };
        return Ok((key, false));
    }
    if matches!(mode, Mode::Dev(_)) {
        let (access_key_id, secret_access_key) = ("tollgate".into(), "tollgate".into());
        return Ok((
            RootKey {
                access_key_id,
                secret_access_key,
            },
            false,
        ));
    }
    credentials::load_or_make(&config.data_dir)
        .map_err(|error| BootError::new(codes::DATA_DIR_IO, error.to_string()))
}

fn certificates(config: &NodeConfig) -> Result<Arc<Certificates>, BootError> {
    let files = config.tls_cert.as_deref().zip(config.tls_key.as_deref());
    let certificates = Certificates::new(files).map_err(|error| tls_error(&error))?;
    Ok(Arc::new(certificates))
}

fn tls_error(error: &tls::Error) -> BootError {
    let cause = std::error::Error::source(error).map_or(String::new(), |it| format!(": {it}"));
    BootError::new(codes::CERTIFICATE, format!("{error}{cause}"))
}

fn facts(config: &NodeConfig) -> NodeFacts {
    NodeFacts {
        region: config.region.as_str().into(),
        account_id: config.account_id.as_str().into(),
        cache_ttl_seconds_max: config.cache_ttl_seconds_max,
    }
}

/// What the workers will share, but for the actors' handles.
fn shared(config: &NodeConfig, mode: &Mode, clock: SystemClock) -> Result<Unfinished, BootError> {
    let node = NodeInfo {
        region: config.region.clone(),
        account_id: config.account_id.clone(),
    };
    let settings = Settings {
        path: config.function_path.clone(),
        request_bytes_max: config.function_request_bytes_max,
        response_bytes_max: config.function_response_bytes_max,
        ..Settings::new(node, config.data_dir.join("functions"))
    };
    let background = tokio::runtime::Handle::current();
    let functions = Functions::new(background.clone(), settings, telemetry::function_sink(mode))
        .map_err(|error| BootError::new(codes::DATA_DIR_IO, error.to_string()))?;
    Ok(Unfinished {
        snapshot: Arc::default(),
        upstreams: Upstreams::new(background),
        functions,
        cache: Arc::new(ResponseCache::new(config.cache_bytes_max)),
        logs: LogWriter::start(config.log_dir.clone()).map_err(io("cannot start the logs"))?,
        metrics: Metrics::default(),
        clock,
        trusted_proxies: config.trusted_proxies.clone().into(),
        function_request_bytes_max: config.function_request_bytes_max as u64,
        websocket_compression: config.websocket.compression,
        dev_log: matches!(mode, Mode::Dev(_)).then_some(telemetry::dev_line as DevLog),
    })
}

/// [`Shared`] before there are actors.
struct Unfinished {
    snapshot: Arc<ArcSwap<Snapshot>>,
    upstreams: Arc<Upstreams>,
    functions: Functions,
    cache: Arc<ResponseCache>,
    logs: LogWriter,
    metrics: Metrics,
    clock: SystemClock,
    trusted_proxies: Arc<[ipnet::IpNet]>,
    function_request_bytes_max: u64,
    websocket_compression: bool,
    dev_log: Option<DevLog>,
}

impl Unfinished {
    fn with_actors(
        self,
        throttle: ThrottleHandle,
        gate: Gate,
        (places, door): (Arc<Places>, &Door),
    ) -> Shared {
        let tally = Tally::new(&self.metrics);
        Shared {
            snapshot: self.snapshot,
            upstreams: self.upstreams,
            functions: self.functions,
            cache: self.cache,
            throttle,
            logs: self.logs,
            metrics: self.metrics,
            clock: self.clock,
            trusted_proxies: self.trusted_proxies,
            gate,
            connections: Arc::new(Sockets::new(Arc::clone(&places), door.clone(), tally)),
            places,
            websocket_compression: self.websocket_compression,
            function_request_bytes_max: self.function_request_bytes_max,
            dev_log: self.dev_log,
        }
    }
}

/// The actors on threads of their own: a long compile must not delay a grant.
fn start_actors(
    config: &NodeConfig,
    opened: &Opened,
    allowances: &Allowances,
    shared: &Unfinished,
    certificates: &Arc<Certificates>,
    clock: SystemClock,
) -> Result<(Systems, RouteHandle, ThrottleHandle), BootError> {
    let mut systems = Systems::default();
    let throttle = {
        let (allowances, door) = (allowances.clone(), opened.door.clone());
        let start = move || ThrottleActor::start(allowances, door, Arc::new(clock));
        systems
            .spawn("throttle", start)
            .map_err(io("cannot start the throttle actor"))?
    };
    let (upstreams, functions) = (Arc::clone(&shared.upstreams), shared.functions.clone());
    let certificates = Arc::clone(certificates);
    let on_publish = move |snapshot: &Snapshot, older: &[Arc<Snapshot>]| {
        upstreams.sync(backends::groups(snapshot, older));
        functions.sync(backends::functions(snapshot, older));
        certificates.publish(&snapshot.model);
    };
    let (wanted, facts) = (opened.door.published(), facts(config));
    let (allowances, snapshot) = (allowances.clone(), Arc::clone(&shared.snapshot));
    let start =
        move || RouteActor::start(wanted, facts, allowances, snapshot, Arc::new(on_publish));
    let route = systems
        .spawn("route", start)
        .map_err(io("cannot start the route actor"))?;
    Ok((systems, route, throttle))
}

fn node_runtime(
    config: &NodeConfig,
    shared: &Shared,
    (route, standing): (RouteHandle, Standing),
    allowances: Allowances,
    set_log_level: SetLogLevel,
    clock: SystemClock,
) -> NodeRuntime {
    #[allow(clippy::cast_precision_loss)]
    let started_seconds = clock.now().0 as f64 / 1000.0;
    NodeRuntime {
        functions: shared.functions.clone(),
        upstreams: Arc::clone(&shared.upstreams),
        cache: Arc::clone(&shared.cache),
        snapshot: Arc::clone(&shared.snapshot),
        route,
        throttle: shared.throttle.clone(),
        standing,
        allowances,
        facts: facts(config),
        logs: shared.logs.clone(),
        metrics: shared.metrics.clone(),
        places: Arc::clone(&shared.places),
        edge: Arc::new(OnceLock::new()),
        set_log_level,
        clock,
        started_seconds,
    }
}
