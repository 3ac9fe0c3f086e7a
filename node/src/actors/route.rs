//! The route actor: owns the wanted configuration, compiles it and publishes snapshots.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use actix::prelude::*;
use arc_swap::ArcSwap;
use tokio::sync::watch;
use tollgate_cluster::Published;
use tollgate_config::compile::{NodeFacts, compile};
use tollgate_config::snapshot::Snapshot;
use tollgate_protocol::ids::Revision;

use super::Allowances;

/// How long what an older snapshot names stays, when requests may still read that snapshot.
const RETIRED_KEPT: Duration = Duration::from_secs(60);
/// How often is looked whether older snapshots are still read.
const RETIRED_LOOK: Duration = Duration::from_millis(500);

/// Brings upstream groups, functions and certificates in line with a snapshot. What only the
/// older ones name must stay, because requests still read them.
pub type OnPublish = dyn Fn(&Snapshot, &[Arc<Snapshot>]) + Send + Sync;

/// What this node serves.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// The revision that requests see.
    pub revision: Revision,
    /// The newest revision that was seen, served or not.
    pub seen: Revision,
    /// How long the last one took from its arrival to being served.
    pub compile_seconds: f64,
    /// Why the newest revision is not served.
    pub error: Option<Arc<str>>,
    /// Configurations that could not be compiled.
    pub rejected: u64,
}

/// Compiles what was committed and publishes it. While one compile runs, newer revisions wait in
/// the watch, where ten changes become one.
pub struct RouteActor {
    wanted: watch::Receiver<Published>,
    facts: NodeFacts,
    allowances: Allowances,
    snapshot: Arc<ArcSwap<Snapshot>>,
    served: watch::Sender<Served>,
    on_publish: Arc<OnPublish>,
    /// What was served before, and since when it is not. Requests that began with it go on.
    retired: Vec<(Instant, Weak<Snapshot>)>,
}

/// A new configuration was committed.
#[derive(Message)]
#[rtype(result = "()")]
struct Changed;

/// Reads what the route actor publishes.
#[derive(Clone)]
pub struct RouteHandle {
    served: watch::Receiver<Served>,
}

impl RouteActor {
    /// Starts the actor on this thread's arbiter. `on_publish` hears every snapshot just before
    /// requests see it: upstream groups and functions must be there by then. It hears it again
    /// when older ones are not read any more.
    #[must_use]
    pub fn start(
        wanted: watch::Receiver<Published>,
        facts: NodeFacts,
        allowances: Allowances,
        snapshot: Arc<ArcSwap<Snapshot>>,
        on_publish: Arc<OnPublish>,
    ) -> RouteHandle {
        let (served, handle) = watch::channel(Served::default());
        let actor = Self {
            wanted,
            facts,
            allowances,
            snapshot,
            served,
            on_publish,
            retired: Vec::new(),
        };
        Actor::start(actor);
        RouteHandle { served: handle }
    }

    /// The older snapshots that a request may hold.
    fn still_read(&mut self) -> Vec<Arc<Snapshot>> {
        self.retired
            .retain(|(since, it)| since.elapsed() < RETIRED_KEPT && it.strong_count() > 0);
        self.retired
            .iter()
            .filter_map(|(_, it)| it.upgrade())
            .collect()
    }

    /// Removes what only older snapshots named, once nobody reads them.
    fn clear_retired(&mut self) {
        let before = self.retired.len();
        let read = self.still_read();
        if read.len() < before {
            (self.on_publish)(&self.snapshot.load(), &read);
        }
    }

    fn publish(&mut self) {
        let started = Instant::now();
        let Published { revision, model } = self.wanted.borrow_and_update().clone();
        let previous = self.snapshot.load_full();
        let mut cells = self.allowances.clone();
        match compile(&model, revision, &self.facts, Some(&previous), &mut cells) {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                self.retired.push((started, Arc::downgrade(&previous)));
                let read = self.still_read();
                (self.on_publish)(&snapshot, &read);
                self.snapshot.store(snapshot);
                let seconds = started.elapsed().as_secs_f64();
                tracing::debug!(revision = revision.0, seconds, "configuration is served");
                self.served.send_modify(|served| {
                    served.revision = revision;
                    served.seen = revision;
                    served.compile_seconds = seconds;
                    served.error = None;
                });
            }
            Err(errors) => {
                let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
                let text = texts.join("; ");
                tracing::error!(revision = revision.0, error = %text, "configuration is not served");
                self.served.send_modify(|served| {
                    served.seen = revision;
                    served.rejected += 1;
                    served.error = Some(text.into());
                });
            }
        }
    }
}

impl Actor for RouteActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(RETIRED_LOOK, |actor, _| actor.clear_retired());
        let (mut wanted, address) = (self.wanted.clone(), context.address());
        self.publish();
        self.allowances.begin();
        actix::spawn(async move {
            // Waiting for the answer makes newer revisions coalesce in the watch.
            while wanted.changed().await.is_ok() {
                if address.send(Changed).await.is_err() {
                    break;
                }
            }
        });
    }
}

impl Handler<Changed> for RouteActor {
    type Result = ();

    fn handle(&mut self, _: Changed, _: &mut Self::Context) {
        self.publish();
    }
}

impl RouteHandle {
    /// What is served, now and at every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Served> {
        self.served.clone()
    }

    /// What is served now.
    #[must_use]
    pub fn served(&self) -> Served {
        self.served.borrow().clone()
    }

    /// Waits until this revision, or a newer one, was taken up.
    ///
    /// # Errors
    /// Why it is not served: it cannot be compiled, or the time is over.
    pub async fn wait_served(&self, revision: Revision, deadline: Duration) -> Result<(), String> {
        let mut served = self.served.clone();
        let seen = served.wait_for(|served| served.seen >= revision);
        let served = match tokio::time::timeout(deadline, seen).await {
            Ok(Ok(served)) => served.clone(),
            Ok(Err(_)) => return Err("the node is stopping".into()),
            Err(_) => return Err("the node did not take up the change in time".into()),
        };
        match served.error {
            Some(error) if served.revision < revision => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}
