//! A worker's side of the request path: what the edge calls, and what the pipeline asks.

mod clients;
mod connections;
mod ports;

pub use ports::{DevLog, NodePorts, Shared};

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use tollgate_config::snapshot::Snapshot;
use tollgate_edge::{ConnInfo, Service};
use tollgate_message::{Request, Response};

use clients::Clients;

/// Answers the requests of one worker thread.
pub struct Worker {
    ports: NodePorts,
    snapshot: RefCell<Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>>,
    clients: Clients,
}

impl Worker {
    /// The service of a worker; made on the worker's own thread.
    #[must_use]
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self {
            ports: NodePorts::new(shared),
            snapshot: RefCell::new(Cache::new(Arc::clone(&shared.snapshot))),
            clients: Clients::new(Arc::clone(&shared.trusted_proxies)),
        }
    }
}

impl Service for Worker {
    async fn call(&self, request: Request, conn: &Rc<ConnInfo>) -> Response {
        // Taken once: the request never sees another configuration.
        let snapshot = Arc::clone(self.snapshot.borrow_mut().load());
        let client = self.clients.get(conn);
        tollgate_pipeline::serve(&self.ports, &snapshot, request, &client).await
    }
}
