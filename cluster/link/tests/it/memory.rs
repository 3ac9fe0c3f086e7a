//! A network of pipes in memory, under a clock that tests move. Not secured: [`Simulated`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tollgate_link::net::{Net, Simulated};
use tollgate_link::{ClusterId, Handler, Links, Member, NodeId, Peer, Pin, Settings};

use crate::support::{Desk, JOIN};

pub(crate) const CLUSTER: ClusterId = ClusterId([5; 16]);

/// Bytes that a pipe holds, as a socket's buffers do.
const PIPE_BYTES: usize = 64 * 1024;

#[derive(Clone, Default)]
pub(crate) struct Memory {
    listeners: Arc<Mutex<BTreeMap<String, mpsc::Sender<DuplexStream>>>>,
    /// Connections asked for.
    pub(crate) dials: Arc<AtomicUsize>,
}

impl Net for Memory {
    type Stream = DuplexStream;
    type Listener = mpsc::Receiver<DuplexStream>;

    async fn dial(&self, address: &str) -> io::Result<DuplexStream> {
        self.dials.fetch_add(1, Ordering::SeqCst);
        let listener = self.listeners.lock().unwrap().get(address).cloned();
        let (near, far) = duplex(PIPE_BYTES);
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let listener = listener.ok_or_else(refused)?;
        listener.send(far).await.map_err(|_| refused())?;
        Ok(near)
    }

    async fn listen(&self, address: &str) -> io::Result<mpsc::Receiver<DuplexStream>> {
        let (sender, receiver) = mpsc::channel(1024);
        let mut listeners = self.listeners.lock().unwrap();
        listeners.insert(address.to_owned(), sender);
        Ok(receiver)
    }

    async fn accept(
        &self,
        listener: &mut mpsc::Receiver<DuplexStream>,
    ) -> io::Result<(DuplexStream, SocketAddr)> {
        match listener.recv().await {
            Some(stream) => Ok((stream, SocketAddr::from(([127, 0, 0, 1], 1)))),
            None => std::future::pending().await,
        }
    }
}

impl Simulated for Memory {}

pub(crate) fn member(node: NodeId) -> Member {
    Member {
        cluster: CLUSTER,
        node,
    }
}

/// A node at an address; nobody proves a key in memory.
pub(crate) fn peer(address: &str) -> Peer {
    Peer {
        key: Pin([0; 32]),
        addresses: vec![address.to_owned()],
    }
}

/// A node at the address of its number, which knows nodes 1 to 3 at theirs.
pub(crate) async fn node(net: &Memory, node: NodeId) -> (Links<Memory>, Arc<Desk>) {
    let listener = net.listen(&node.to_string()).await.unwrap();
    let desk = Arc::new(Desk::default());
    let handler: Arc<dyn Handler> = Arc::clone(&desk) as Arc<dyn Handler>;
    let settings = Settings {
        join_kind: Some(JOIN),
        seed: node,
    };
    let links = Links::simulate(net.clone(), member(node), listener, handler, settings);
    let known = (1..=3)
        .map(|node| (node, peer(&node.to_string())))
        .collect();
    links.set_nodes(known, BTreeSet::new());
    (links, desk)
}
