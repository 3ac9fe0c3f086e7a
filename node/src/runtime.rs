//! The running node as the admin and ops listeners see it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tollgate_config::compile::{CompileError, NodeFacts};
use tollgate_config::snapshot::Snapshot;
use tollgate_edge::Observer;
use tollgate_functions::Functions;
use tollgate_model::{Change, Model};
use tollgate_pipeline::ResponseCache;
use tollgate_protocol::ids::{KeyId, PlanId, Revision};
use tollgate_protocol::metrics as names;
use tollgate_upstream::{ServerCondition, Upstreams};

use crate::actors::{Allowances, RouteHandle, ThrottleHandle};
use crate::admin::{KeyHolders, Runtime};
use crate::clock::SystemClock;
use crate::logs::LogWriter;
use crate::metrics::Metrics;
use crate::ops::Observed;
use crate::process;
use crate::sockets::Places;
use crate::standing::Standing;
use crate::trial::{key_holders, try_changes};

/// Changes what is logged.
pub type SetLogLevel = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The parts of a running node that others look at.
pub struct NodeRuntime {
    /// The functions.
    pub functions: Functions,
    /// The back ends.
    pub upstreams: Arc<Upstreams>,
    /// The response cache.
    pub cache: Arc<ResponseCache>,
    /// The snapshot that requests read.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// What is served.
    pub route: RouteHandle,
    /// Who refills quotas.
    pub throttle: ThrottleHandle,
    /// The cluster, and how the node stands in it.
    pub standing: Standing,
    /// The allowances.
    pub allowances: Allowances,
    /// What the compiler knows of the node.
    pub facts: NodeFacts,
    /// The log writer.
    pub logs: LogWriter,
    /// The metrics.
    pub metrics: Metrics,
    /// The WebSocket connections of this node.
    pub(crate) places: Arc<Places>,
    /// The listeners' counters; empty until they serve.
    pub edge: Arc<OnceLock<Observer>>,
    /// Changes what is logged.
    pub set_log_level: SetLogLevel,
    /// The clocks.
    pub clock: SystemClock,
    /// When the process started, in seconds since the epoch.
    pub started_seconds: f64,
}

impl Runtime for NodeRuntime {
    fn functions(&self) -> Value {
        let states = self.functions.observe();
        let rows = states.into_iter().map(|it| {
            json!({
                "name": it.name,
                "starting": it.starting,
                "idle": it.idle,
                "busy": it.busy,
                "queued": it.queued,
                "invocations": it.invocations,
                "errors": it.errors,
                "timeouts": it.timeouts,
                "overloads": it.overloads,
                "restarts": it.restarts,
                "coldStarts": it.cold_starts,
                "initError": it.init_error,
            })
        });
        rows.collect()
    }

    fn upstreams(&self) -> Value {
        let groups = self.upstreams.observe();
        let rows = groups.into_iter().map(|group| {
            let servers = group.servers.into_iter().map(|it| {
                json!({
                    "server": &*it.server,
                    "weight": it.weight,
                    "condition": it.condition.as_str(),
                    "outstanding": it.outstanding,
                    "connections": it.connections,
                    "requests": it.requests,
                    "failures": it.failures,
                    "tlsError": it.tls_error,
                })
            });
            json!({"name": group.name, "servers": servers.collect::<Value>()})
        });
        rows.collect()
    }

    fn flush_cache(&self, api: Option<&str>, stage: Option<&str>) -> u64 {
        let (before, _) = self.cache.size();
        match (api, stage) {
            (None, _) => self.cache.flush_all(),
            (Some(api), None) => self.cache.flush(format!("{api}/").as_bytes()),
            (Some(api), Some(stage)) => self.cache.flush(format!("{api}/{stage}/").as_bytes()),
        }
        let (after, _) = self.cache.size();
        before.saturating_sub(after)
    }

    fn set_log_level(&self, level: &str) -> Result<(), String> {
        (self.set_log_level)(level)
    }

    fn served_revision(&self) -> Revision {
        self.route.served().revision
    }

    fn wait_served(&self, revision: Revision, at_most: Duration) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            match self.route.wait_served(revision, at_most).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(revision = revision.0, %error, "a change is not served yet");
                    false
                }
            }
        })
    }

    fn report_usage(&self, of: Option<(PlanId, KeyId)>) -> BoxFuture<'_, ()> {
        Box::pin(self.throttle.report_everywhere(of))
    }

    fn ask_quota(&self, plan: &PlanId, key: &KeyId) -> BoxFuture<'_, ()> {
        let (plan, key) = (plan.clone(), key.clone());
        Box::pin(async move {
            if !self.throttle.ask(&plan, &key).await {
                tracing::debug!("an adjusted quota is heard of with the next report");
            }
        })
    }

    fn activity(&self) -> Value {
        let edge = self.edge.get().map(Observer::observe);
        json!({
            "connections": edge.as_ref().map(|it| it.connections_open),
            "requestsInFlight": edge.as_ref().map(|it| it.requests_in_flight),
            "quotaHeld": self.allowances.numbers().held,
            "startedSeconds": self.started_seconds,
        })
    }

    fn leave(&self, who: &str) {
        self.standing.leave(who);
    }

    fn key_holders<'m>(&self, model: &'m Model) -> KeyHolders<'m> {
        key_holders(self.snapshot.load_full(), model)
    }

    fn check(&self, model: &Arc<Model>, changes: &[Change]) -> Result<(), Vec<CompileError>> {
        try_changes(model, changes, &self.facts, &self.snapshot.load())
    }
}

impl Observed for NodeRuntime {
    fn metrics(&self) -> String {
        self.observe_edge();
        self.observe_backends();
        self.observe_sockets();
        let metrics = &self.metrics;
        let served = self.route.served();
        set(metrics, &names::CONFIG_REVISION, &[], served.revision.0);
        metrics
            .gauge(&names::CONFIG_COMPILE, &[])
            .set(served.compile_seconds);
        metrics
            .counter(&names::CONFIG_REJECTED, &[])
            .absolute(served.rejected);
        metrics
            .counter(&names::LOG_DROPPED, &[])
            .absolute(self.logs.dropped());
        set(metrics, &names::CACHE_BYTES, &[], self.cache.size().1);
        let leases = self.allowances.numbers();
        set(metrics, &names::QUOTA_HELD, &[], leases.held);
        metrics
            .counter(&names::QUOTA_GRANTS, &[])
            .absolute(leases.grants);
        metrics
            .counter(&names::QUOTA_EXCEEDED, &[])
            .absolute(self.throttle.exceeded());
        let leased = u64::from(self.allowances.rates_leased());
        set(metrics, &names::RATES_LEASED, &[], leased);
        let usage = process::usage();
        set(metrics, &names::RESIDENT, &[], usage.resident_bytes);
        metrics.gauge(&names::CPU, &[]).set(usage.cpu_seconds);
        metrics
            .gauge(&names::START_TIME, &[])
            .set(self.started_seconds);
        set(metrics, &names::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1);
        self.standing.observe(metrics);
        metrics.render()
    }

    fn notes(&self) -> Vec<(&'static str, bool, String)> {
        vec![self.standing.note()]
    }

    fn conditions(&self) -> Vec<(&'static str, bool, String)> {
        let served = self.route.served();
        vec![match served.error {
            None => (
                "configuration",
                true,
                format!("revision {} is served", served.revision),
            ),
            Some(error) => (
                "configuration",
                false,
                format!("revision {} is not served: {error}", served.seen),
            ),
        }]
    }
}

impl NodeRuntime {
    fn observe_edge(&self) {
        let Some(edge) = self.edge.get().map(Observer::observe) else {
            return;
        };
        let metrics = &self.metrics;
        set(metrics, &names::CONNECTIONS, &[], edge.connections_open);
        set(metrics, &names::IN_FLIGHT, &[], edge.requests_in_flight);
        metrics
            .counter(&names::PANICS, &[])
            .absolute(edge.panics_total);
        metrics
            .counter(&names::CONNECTIONS_REFUSED, &[])
            .absolute(edge.connections_refused);
        for (reason, count) in edge.bad_requests_total {
            metrics
                .counter(&names::BAD_REQUESTS, &[reason.as_str()])
                .absolute(count);
        }
    }

    fn observe_sockets(&self) {
        let (open, queued) = (self.places.count(), self.places.queued());
        set(&self.metrics, &names::SOCKETS_OPEN, &[], open as u64);
        set(&self.metrics, &names::SOCKETS_QUEUED, &[], queued as u64);
    }

    fn observe_backends(&self) {
        let metrics = &self.metrics;
        for group in self.upstreams.observe() {
            for it in group.servers {
                let labels = [&*group.name, &*it.server];
                let up = u64::from(it.condition == ServerCondition::Up);
                set(metrics, &names::UPSTREAM_UP, &labels, up);
                metrics
                    .counter(&names::UPSTREAM_REQUESTS, &labels)
                    .absolute(it.requests);
                metrics
                    .counter(&names::UPSTREAM_FAILURES, &labels)
                    .absolute(it.failures);
            }
        }
        for it in self.functions.observe() {
            let name = it.name.as_str();
            for (state, count) in [
                ("starting", it.starting),
                ("idle", it.idle),
                ("busy", it.busy),
            ] {
                set(
                    metrics,
                    &names::FUNCTION_PROCESSES,
                    &[name, state],
                    count as u64,
                );
            }
            let ok = it.invocations.saturating_sub(it.errors + it.timeouts);
            for (outcome, count) in [("ok", ok), ("error", it.errors), ("timeout", it.timeouts)] {
                metrics
                    .counter(&names::FUNCTION_INVOCATIONS, &[name, outcome])
                    .absolute(count);
            }
            metrics
                .counter(&names::FUNCTION_COLD_STARTS, &[name])
                .absolute(it.cold_starts);
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn set(metrics: &Metrics, metric: &names::Metric, labels: &[&str], value: u64) {
    metrics.gauge(metric, labels).set(value as f64);
}
