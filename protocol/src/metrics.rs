//! The name, kind, unit and labels of every metric: one table feeds the exporter and
//! `docs/metrics.md`.

/// What a metric is in Prometheus's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; the name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// `tollgate_<area>_<noun>_<unit>[_total]`.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// One sentence for `# HELP`.
    pub help: &'static str,
    /// The label names, each from a bounded set.
    pub labels: &'static [&'static str],
    /// The CloudWatch metric that it stands for, if any.
    pub aws: Option<&'static str>,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $id:ident: $kind:ident $name:literal [$($label:literal),*] $aws:expr, $help:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $id: Metric = Metric {
                name: $name, kind: Kind::$kind, help: $help, labels: &[$($label),*], aws: $aws,
            };
        )*
        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

metrics! {
    /// Requests.
    REQUESTS: Counter "tollgate_edge_requests_total" ["api", "stage", "route", "class"] Some("Count; class 4xx: 4XXError, class 5xx: 5XXError"),
        "Requests answered, by API, stage, route key and status class.";
    /// Whole latency.
    LATENCY: Histogram "tollgate_edge_request_duration_seconds" ["api", "stage"] Some("Latency"),
        "Time from the request's head to the end of the response's head.";
    /// Back end latency.
    INTEGRATION_LATENCY: Histogram "tollgate_upstream_request_duration_seconds" ["api", "stage"] Some("IntegrationLatency"),
        "Time from sending a request to a back end or function to its response's head.";
    /// Connections open now.
    CONNECTIONS: Gauge "tollgate_edge_connections_open" [] None,
        "Client connections open now.";
    /// Connections refused at the limit.
    CONNECTIONS_REFUSED: Counter "tollgate_edge_connections_refused_total" [] None,
        "Client connections closed at once because the limit was reached.";
    /// Requests being served now.
    IN_FLIGHT: Gauge "tollgate_edge_requests_in_flight" [] None,
        "Requests being served now.";
    /// Requests refused before routing.
    BAD_REQUESTS: Counter "tollgate_edge_bad_requests_total" ["reason"] None,
        "Requests refused by a listener before routing.";
    /// Requests whose handler panicked.
    PANICS: Counter "tollgate_edge_panics_total" [] None,
        "Requests whose handling panicked and was answered with 500.";
    /// Requests refused by keys, throttles and quotas.
    REFUSED: Counter "tollgate_throttle_refused_total" ["api", "stage", "reason"] None,
        "Requests refused by an API key check, a throttle or a quota.";
    /// Cache hits.
    CACHE_HITS: Counter "tollgate_cache_hits_total" ["api", "stage"] Some("CacheHitCount"),
        "Requests answered from the response cache.";
    /// Cache misses.
    CACHE_MISSES: Counter "tollgate_cache_misses_total" ["api", "stage"] Some("CacheMissCount"),
        "Cacheable requests that had to ask the back end.";
    /// Bytes in the response cache.
    CACHE_BYTES: Gauge "tollgate_cache_size_bytes" [] None,
        "Bytes held by the response cache.";
    /// A back end server's state.
    UPSTREAM_UP: Gauge "tollgate_upstream_server_up" ["group", "server"] None,
        "Whether a server of an upstream group takes requests (1) or is ejected or unhealthy (0).";
    /// A back end server's requests.
    UPSTREAM_REQUESTS: Counter "tollgate_upstream_server_requests_total" ["group", "server"] None,
        "Requests sent to a server of an upstream group.";
    /// A back end server's failures.
    UPSTREAM_FAILURES: Counter "tollgate_upstream_server_failures_total" ["group", "server"] None,
        "Requests to a server that failed before a response head or got 502, 503 or 504.";
    /// Failed integrations by kind.
    INTEGRATION_ERRORS: Counter "tollgate_upstream_errors_total" ["api", "stage", "kind"] None,
        "Integrations that failed, by kind of failure.";
    /// Function processes by state.
    FUNCTION_PROCESSES: Gauge "tollgate_function_processes" ["function", "state"] None,
        "Processes of a function by state: starting, idle, busy.";
    /// Function invocations by outcome.
    FUNCTION_INVOCATIONS: Counter "tollgate_function_invocations_total" ["function", "outcome"] None,
        "Invocations of a function by outcome: ok, error (crashes among them), timeout.";
    /// Function cold starts.
    FUNCTION_COLD_STARTS: Counter "tollgate_function_cold_starts_total" ["function"] None,
        "Invocations that had to wait for a process to start.";
    /// Access log lines dropped.
    LOG_DROPPED: Counter "tollgate_edge_access_log_dropped_total" [] None,
        "Access log lines dropped because the writer could not keep up.";
    /// The revision that is served.
    CONFIG_REVISION: Gauge "tollgate_config_revision" [] None,
        "The configuration revision that this node serves.";
    /// Configurations that did not compile.
    CONFIG_REJECTED: Counter "tollgate_config_rejected_total" [] None,
        "Configurations that were committed but could not be compiled on this node.";
    /// How long the last compile took.
    CONFIG_COMPILE: Gauge "tollgate_config_last_compile_seconds" [] None,
        "Time that the last configuration took from commit to being served.";
    /// Tokens handed out and not yet spent.
    QUOTA_HELD: Gauge "tollgate_quota_held_requests" [] None,
        "Quota that this node holds and has not spent, over all keys; of more than 10,000 keys as it was within the last minute.";
    /// Grants of quota.
    QUOTA_GRANTS: Counter "tollgate_quota_grants_total" [] None,
        "Grants of quota that this node received.";
    /// Requests beyond the quota's leases.
    QUOTA_EXCEEDED: Counter "tollgate_quota_exceeded_requests_total" [] None,
        "Requests admitted beyond what this node held of a quota, while it was cut off, by plans with `onPartition: allow`.";
    /// Whether rates are leased.
    RATES_LEASED: Gauge "tollgate_throttle_rates_leased" [] None,
        "Whether this node has its part of every rate (1) or only the floor of a node without contact (0).";
    /// Whether a leader is known.
    CLUSTER_HAS_LEADER: Gauge "tollgate_cluster_has_leader" [] None,
        "Whether this node knows a leader (1) or changes wait for one (0). A leader counts while a majority answers it.";
    /// The leader's id.
    CLUSTER_LEADER: Gauge "tollgate_cluster_leader_node" [] None,
        "The id of the node that leads, as far as this node knows; 0 without one.";
    /// This node's role.
    CLUSTER_ROLE: Gauge "tollgate_cluster_role" ["role"] None,
        "1 for what this node does in the cluster: leader, follower, candidate, learner.";
    /// The term.
    CLUSTER_TERM: Gauge "tollgate_cluster_term" [] None,
        "The term: counts elections.";
    /// Voters.
    CLUSTER_VOTERS: Gauge "tollgate_cluster_voters" [] None,
        "Nodes that vote.";
    /// Learners.
    CLUSTER_LEARNERS: Gauge "tollgate_cluster_learners" [] None,
        "Nodes that receive the log and do not vote.";
    /// The end of the log.
    CLUSTER_LOG_LAST: Gauge "tollgate_cluster_log_last_index" [] None,
        "The last entry in this node's log.";
    /// How far the log is applied.
    CLUSTER_LOG_APPLIED: Gauge "tollgate_cluster_log_applied_index" [] None,
        "The last entry that this node has applied.";
    /// How far the state snapshot goes.
    CLUSTER_SNAPSHOT: Gauge "tollgate_cluster_snapshot_index" [] None,
        "The last entry in this node's newest state snapshot.";
    /// How far the others are behind.
    CLUSTER_LAG: Gauge "tollgate_cluster_node_lag_entries" ["node"] None,
        "Entries that a node is behind, on the leader for every node; NaN once this node does not lead.";
    /// When a majority answered.
    CLUSTER_QUORUM_ACK: Gauge "tollgate_cluster_quorum_ack_age_seconds" [] None,
        "How long ago a majority answered this node, on the leader; NaN elsewhere.";
    /// Events that the audit webhook does not have yet.
    AUDIT_BEHIND: Gauge "tollgate_audit_webhook_behind_events" [] None,
        "Events of the audit trail that the webhook has not taken yet.";
    /// Events that the audit webhook took.
    AUDIT_DELIVERED: Counter "tollgate_audit_webhook_delivered_events_total" [] None,
        "Events of the audit trail that the webhook took.";
    /// Batches that the audit webhook did not take.
    AUDIT_FAILURES: Counter "tollgate_audit_webhook_failures_total" [] None,
        "Times that the audit webhook could not be reached or did not answer 2xx.";
    /// Events that the audit webhook never took.
    AUDIT_MISSED: Counter "tollgate_audit_webhook_missed_events_total" [] None,
        "Events of the audit trail that were gone from it, or that the webhook refused by themselves.";
    /// WebSocket connections open now.
    SOCKETS_OPEN: Gauge "tollgate_websocket_connections_open" [] None,
        "WebSocket connections that are open or about to be.";
    /// WebSocket handshakes.
    SOCKET_CONNECTS: Counter "tollgate_websocket_connects_total" ["api", "stage", "class"] Some("ConnectCount"),
        "WebSocket handshakes answered, by API, stage and status class; 1xx opened a connection.";
    /// WebSocket messages.
    SOCKET_MESSAGES: Counter "tollgate_websocket_messages_total" ["api", "stage", "route", "outcome"] Some("MessageCount; outcome client: ClientError, outcome integration: IntegrationError"),
        "Messages of WebSocket clients, by API, stage, route key and outcome: ok, client (no route or refused), integration (its integration failed).";
    /// WebSocket connections that ended.
    SOCKETS_CLOSED: Counter "tollgate_websocket_closed_total" ["code"] None,
        "WebSocket connections that ended, by close code; 1006 is an end without one.";
    /// WebSocket clients that did not keep up.
    SOCKETS_SLOW: Counter "tollgate_websocket_slow_total" [] None,
        "WebSocket connections closed because the client did not take what waited for it.";
    /// Messages that wait for WebSocket clients.
    SOCKETS_QUEUED: Gauge "tollgate_websocket_queued_messages" [] None,
        "Messages that wait to be written to WebSocket clients.";
    /// Messages of back ends.
    SOCKET_POSTS: Counter "tollgate_websocket_posts_total" ["outcome"] None,
        "Messages that back ends sent to connections by this node, by outcome: queued, full, gone, unknown.";
    /// Calls about the connections of other nodes.
    SOCKET_HOPS: Counter "tollgate_websocket_hops_total" ["outcome"] None,
        "Calls about connections of other nodes that this node passed on, by outcome: answered, unknown.";
    /// Build information.
    BUILD_INFO: Gauge "tollgate_process_build_info" ["version"] None,
        "Always 1; the label tells the release.";
    /// Start time.
    START_TIME: Gauge "tollgate_process_start_time_seconds" [] None,
        "When this process started, in seconds since the epoch.";
    /// Resident memory.
    RESIDENT: Gauge "tollgate_process_resident_memory_bytes" [] None,
        "Resident memory of this process.";
    /// CPU time.
    CPU: Gauge "tollgate_process_cpu_used_seconds" [] None,
        "User and system CPU time of this process.";
}
