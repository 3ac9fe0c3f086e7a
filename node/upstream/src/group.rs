//! A group as all workers share it: its servers, and who may be ejected.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::server::Server;
use crate::spec::GroupSpec;

/// A group. Replaced as a whole when its configuration changes; its servers live on where they
/// stay the same.
pub(crate) struct Group {
    pub(crate) spec: GroupSpec,
    /// In the order of `spec.servers`.
    pub(crate) servers: Vec<Arc<Server>>,
    /// Taken to eject only, so that two workers cannot eject the last two servers at once.
    ejecting: Mutex<()>,
    checks: Mutex<Vec<AbortHandle>>,
}

impl Group {
    pub(crate) fn new(spec: GroupSpec, servers: Vec<Arc<Server>>) -> Self {
        for server in &servers {
            if spec.health_check.is_none() {
                server.set_unhealthy(false);
            }
            if spec.ejection.is_none() {
                server.pardon();
            }
        }
        Self {
            spec,
            servers,
            ejecting: Mutex::new(()),
            checks: Mutex::new(Vec::new()),
        }
    }

    /// Keeps the tasks that check the servers, to end them with the group.
    pub(crate) fn own_checks(&self, checks: Vec<AbortHandle>) {
        *self.checks.lock().unwrap_or_else(PoisonError::into_inner) = checks;
    }

    /// Ends the active checks.
    pub(crate) fn stop(&self) {
        for check in self
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            check.abort();
        }
    }

    /// Counts a failure of a server; ejects it when it had enough in a row.
    pub(crate) fn failed(&self, server: &Arc<Server>, now: Instant) {
        let in_a_row = server.failed();
        let Some(ejection) = &self.spec.ejection else {
            return;
        };
        if in_a_row < ejection.consecutive_failures.max(1) || server.is_ejected(now) {
            return;
        }
        let _one_at_a_time = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        let others_up = self
            .servers
            .iter()
            .any(|other| !Arc::ptr_eq(other, server) && other.is_up(now));
        if others_up && !server.is_ejected(now) {
            server.eject(now, ejection.duration_ms);
            tracing::warn!(
                group = %self.spec.name,
                server = %server.label,
                failures = in_a_row,
                duration_ms = ejection.duration_ms,
                "server ejected"
            );
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}
