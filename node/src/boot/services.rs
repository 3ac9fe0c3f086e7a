//! The admin listener and the edge, as this node's configuration wants them.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate_aws::Secret;
use tollgate_cluster::{Door, Opened, Topic};
use tollgate_config::node_config::{AuditWebhook, NodeConfig};
use tollgate_edge::{Edge, EdgeConfig, EdgeHandle, EdgeLimits};
use tollgate_protocol::codes;

use super::listeners::Data;
use super::{BootError, Mode, backends, tls_error};
use crate::admin::{AdminState, Backups, Endpoints, Pace, Turns};
use crate::audit::{self, Auditor, webhook};
use crate::credentials::RootKey;
use crate::iam::{Identities, RootSource};
use crate::metrics::Metrics;
use crate::runtime::NodeRuntime;
use crate::sockets::{self, Places};
use crate::tls::{self, Certificates};
use crate::worker::{Shared, Worker};

/// How clients reach the APIs: by the port that was bound, which a configured 0 does not tell.
pub(super) fn endpoints(config: &NodeConfig, data: &Data) -> Endpoints {
    Endpoints {
        tls: config.https.is_some(),
        suffix: config.execute_api_suffix.clone(),
        port: data.port(),
    }
}

/// Whose access keys are accepted, and what names of calls are derived with.
pub(super) fn identities(
    config: &NodeConfig,
    mode: &Mode,
    door: &Door,
    key: RootKey,
) -> (Identities, Secret) {
    let named = config.root_access_key.is_some() && config.root_secret_key.is_some();
    let pinned = named || matches!(mode, Mode::Dev(_));
    let seed = match door.vault() {
        Some(vault) => STANDARD.encode(vault.derive("names of calls")),
        None => key.secret_access_key.clone(),
    };
    let root = RootSource {
        key,
        dir: (!pinned).then(|| config.data_dir.clone()),
    };
    let identities = Identities::start(door, root, &config.account_id);
    (identities, Secret::new(seed))
}

/// The table of this node's WebSocket connections, with its answers to other nodes.
pub(super) fn places(config: &NodeConfig, opened: &Opened) -> Result<Arc<Places>, BootError> {
    let secret = match opened.door.vault() {
        Some(vault) => vault.derive("ids of connections"),
        // Without a cluster nobody else reads them, and no id outlives this start.
        None => {
            let mut secret = [0; 32];
            aws_lc_rs::rand::fill(&mut secret).map_err(|_| {
                BootError::new(codes::DATA_DIR_IO, "the system gives no randomness")
            })?;
            secret
        }
    };
    let it = &config.websocket;
    let limits = tollgate_websocket::Limits {
        frame_bytes_max: it.frame_bytes_max,
        message_bytes_max: it.message_bytes_max,
        binary: it.binary,
        queue_frames_max: it.queue_frames_max,
        queue_bytes_max: it.queue_bytes_max,
        idle_ms: it.idle_ms,
        age_ms: it.age_ms,
        ping_ms: it.ping_ms,
        drain_ms: it.drain_ms,
        ..tollgate_websocket::Limits::default()
    };
    let owner = (opened.identity.node_id, opened.incarnation);
    let places = Places::new(owner, &secret, limits, config.connections_max);
    let places = Arc::new(places);
    let answerer = sockets::answerer(Arc::clone(&places));
    opened.door.answer(Topic::Sockets, answerer);
    Ok(places)
}

/// The audit trail, where one is wanted, and its answers to other nodes.
fn auditor(
    config: &NodeConfig,
    door: &Door,
    metrics: &Metrics,
) -> Result<Option<Auditor>, BootError> {
    if !config.audit {
        return Ok(None);
    }
    let limits = tollgate_audit::Limits {
        file_bytes: config.audit_file_bytes,
        files: config.audit_files,
    };
    // Its thread ends with the last handle, which is kept until the listener has stopped.
    let (auditor, _thread) = Auditor::start(&config.audit_dir, limits)
        .map_err(|error| BootError::chain(codes::DATA_DIR_IO, &error))?;
    door.answer(Topic::Audit, audit::answerer(auditor.clone()));
    if let Some(wanted) = &config.audit_webhook {
        let target = webhook_target(wanted)?;
        let background = tokio::runtime::Handle::current();
        webhook::start(&auditor, target, metrics.clone(), background)
            .map_err(|error| BootError::new(codes::DATA_DIR_IO, error.to_string()))?;
    }
    Ok(Some(auditor))
}

/// Where events of the audit trail go, with its authorities read.
fn webhook_target(wanted: &AuditWebhook) -> Result<webhook::Target, BootError> {
    let unfit = |reason: String| BootError::new(codes::NODE_CONFIG, reason);
    // The settings were checked: it is a URL.
    let server = backends::server(&wanted.url, 1);
    let server = server.ok_or_else(|| unfit("`audit_webhook` is no URL".to_owned()))?;
    let rest = wanted.url.split_once("://").map_or("", |(_, rest)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path);
        text.map_err(|error| unfit(format!("cannot read {}: {error}", path.display())))
    };
    let target = webhook::Target {
        server,
        authority: authority.to_owned(),
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        query,
        secret: wanted.secret.clone().map(Secret::new),
        token: wanted.token.clone().map(Secret::new),
        ca_pem: wanted.ca.as_ref().map(read).transpose()?,
    };
    let checked = target.check();
    checked.map_err(|error| unfit(format!("`audit_webhook_ca`: {error}")))?;
    Ok(target)
}

pub(super) fn admin_state(
    config: &NodeConfig,
    mode: &Mode,
    door: Door,
    runtime: &Arc<NodeRuntime>,
    (shared, seed): (&Shared, Secret),
    endpoints: Endpoints,
) -> Result<AdminState, BootError> {
    Ok(AdminState {
        auditor: auditor(config, &door, &runtime.metrics)?,
        connections: Arc::clone(&shared.connections),
        door,
        identities: shared.gate.identities.clone(),
        seed,
        region: config.region.clone(),
        account_id: config.account_id.clone(),
        endpoints,
        clock: Arc::new(runtime.clock),
        runtime: Arc::<NodeRuntime>::clone(runtime),
        turns: Turns::default(),
        backups: Backups::default(),
        pace: Pace::new(config.management),
        anonymous_loopback: matches!(mode, Mode::Dev(_)),
    })
}

pub(super) fn start_edge(
    config: &NodeConfig,
    data: Data,
    certificates: Arc<Certificates>,
    shared: &Arc<Shared>,
) -> Result<EdgeHandle, BootError> {
    let tls = tls::server_config(certificates).map_err(|error| tls_error(&error))?;
    let edge = EdgeConfig {
        listeners: data.into_listeners(config, &tls),
        workers: config.workers,
        limits: EdgeLimits {
            header_bytes_max: config.header_bytes_max,
            header_fields_max: config.header_fields_max,
            url_bytes_max: config.url_bytes_max,
            connections_max: config.connections_max,
            header_timeout_ms: config.header_timeout_ms,
            keep_alive_ms: config.keep_alive_ms,
            body_idle_timeout_ms: config.body_idle_timeout_ms,
            body_bytes_max: config.body_bytes_max,
            h2_streams_max: config.h2_streams_max,
        },
    };
    let shared = Arc::clone(shared);
    Edge::start(edge, move |_worker| Worker::new(&shared))
        .map_err(|error| BootError::new(codes::BIND, error.to_string()))
}
