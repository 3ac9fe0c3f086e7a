//! Nodes on the loopback address, with a handler whose every behaviour is asked for by its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tollgate_link::authority::{Authority, NodeCertificate, NodeKey, Validity};
use tollgate_link::net::{Net as _, Tcp};
use tollgate_link::{
    CallError, Caller, ClusterId, Handler, Identity, Incoming, Lane, Links, NodeId, Peer, Refusal,
    Settings,
};
use tollgate_protocol::{Clock, Millis};

/// Answers with the body.
pub(crate) const ECHO: u8 = 1;
/// Answers when [`Desk::open`] is signalled.
pub(crate) const WAIT: u8 = 2;
/// Panics.
pub(crate) const PANIC: u8 = 3;
/// Answers with more than an answer may be.
pub(crate) const FLOOD: u8 = 4;
/// Says no with a code of its own.
pub(crate) const REFUSE: u8 = 5;
/// Answers with who called.
pub(crate) const WHO: u8 = 6;
/// The kind that joiners may call; answers with who called.
pub(crate) const JOIN: u8 = 9;

/// How long any test may wait for what must happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A handler, and what it saw.
#[derive(Default)]
pub(crate) struct Desk {
    /// Lets one call of kind [`WAIT`] end.
    pub(crate) open: Arc<Notify>,
    /// Calls begun.
    pub(crate) begun: AtomicUsize,
    /// Calls of kind [`WAIT`] whose future was dropped before its end.
    pub(crate) dropped: Arc<AtomicUsize>,
}

struct Dropped(Option<Arc<AtomicUsize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(count) = self.0.take() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Handler for Desk {
    fn call(&self, incoming: Incoming) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let (open, dropped) = (Arc::clone(&self.open), Arc::clone(&self.dropped));
        Box::pin(async move {
            match incoming.kind {
                ECHO => Ok(incoming.body),
                WAIT => {
                    let mut watch = Dropped(Some(dropped));
                    open.notified().await;
                    watch.0 = None;
                    Ok(incoming.body)
                }
                PANIC => panic!("asked for"),
                FLOOD => Ok(vec![0; tollgate_link::limits::BODY_BYTES_MAX + 1].into()),
                REFUSE => Err(Refusal::new(300, "not today")),
                WHO | JOIN => Ok(match incoming.caller {
                    Caller::Node(node) => format!("node {node}").into(),
                    Caller::Joiner(_) => "joiner".into(),
                }),
                kind => Err(Refusal::new(400, format!("kind {kind}"))),
            }
        })
    }
}

/// The machine's clock, set forward or back.
pub(crate) struct Shifted(pub(crate) i64);

impl Clock for Shifted {
    fn now(&self) -> Millis {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Millis((now.as_millis() as i64 + self.0) as u64)
    }

    fn monotonic_us(&self) -> u64 {
        0
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(Shifted(0))
}

/// An authority, and certificates by it.
pub(crate) struct Cluster {
    pub(crate) authority: Authority,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::named(ClusterId::generate())
    }

    pub(crate) fn named(cluster: ClusterId) -> Self {
        let authority = Authority::create(cluster, clock().now()).unwrap();
        Self { authority }
    }

    pub(crate) fn certificate(
        &self,
        node: NodeId,
        validity: Validity,
    ) -> (NodeCertificate, NodeKey) {
        let key = NodeKey::generate().unwrap();
        let request = key.request().unwrap();
        let certificate = self.authority.issue(node, &request, validity).unwrap();
        (certificate, key)
    }

    pub(crate) fn identity(&self, node: NodeId) -> Identity {
        let (certificate, key) = self.certificate(node, Validity::from_now(clock().now()));
        Identity::new(&certificate, &key, clock()).unwrap()
    }

    /// A node that accepts everything that is asked of it.
    pub(crate) async fn node(&self, node: NodeId) -> Node {
        Node::start(self.identity(node)).await
    }
}

/// A running node.
pub(crate) struct Node {
    pub(crate) links: Links<Tcp>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) address: String,
    pub(crate) identity: Identity,
    known: Mutex<BTreeMap<NodeId, Peer>>,
}

impl Node {
    pub(crate) async fn start(identity: Identity) -> Self {
        Self::start_at(identity, "127.0.0.1:0").await
    }

    pub(crate) async fn start_at(identity: Identity, address: &str) -> Self {
        let listener: TcpListener = Tcp.listen(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let desk = Arc::new(Desk::default());
        let handler: Arc<dyn Handler> = Arc::clone(&desk) as Arc<dyn Handler>;
        let settings = Settings {
            join_kind: Some(JOIN),
            seed: 1,
        };
        Self {
            identity: identity.clone(),
            links: Links::start(Tcp, identity, listener, handler, settings),
            desk,
            address,
            known: Mutex::default(),
        }
    }

    /// This node knows where another is, and that one who this is.
    pub(crate) fn knows(&self, node: NodeId, other: &Self) {
        self.learns(node, other.peer(&[&other.address]));
        let this = self.links.member().node;
        if !other.known.lock().unwrap().contains_key(&this) {
            other.learns(this, self.peer(&[]));
        }
    }

    /// This node at these addresses.
    pub(crate) fn peer(&self, addresses: &[&str]) -> Peer {
        Peer {
            key: self.identity.key(),
            addresses: addresses.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    pub(crate) fn learns(&self, node: NodeId, peer: Peer) {
        let mut known = self.known.lock().unwrap();
        known.insert(node, peer);
        self.links.set_nodes(known.clone(), BTreeSet::new());
    }

    pub(crate) fn removes(&self, node: NodeId) {
        let known = self.known.lock().unwrap().clone();
        self.links.set_nodes(known, BTreeSet::from([node]));
    }

    /// Calls that its handler saw.
    pub(crate) fn calls(&self) -> usize {
        self.desk.begun.load(Ordering::SeqCst)
    }

    pub(crate) async fn call(
        &self,
        node: NodeId,
        kind: u8,
        body: &str,
    ) -> Result<String, CallError> {
        self.call_on(node, Lane::Rpc, kind, body).await
    }

    pub(crate) async fn call_on(
        &self,
        node: NodeId,
        lane: Lane,
        kind: u8,
        body: &str,
    ) -> Result<String, CallError> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        // Far longer than a test waits, so that a deadline never does what a test is about.
        let within = 10 * SOON;
        let answer = self.links.call(node, lane, kind, body, within).await?;
        Ok(String::from_utf8(answer.to_vec()).unwrap())
    }
}

/// An address where nobody listens.
pub(crate) async fn no_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Waits until `look` finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(last) if Instant::now() > deadline => panic!("{what}: {last}"),
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Waits until a count is reached.
pub(crate) async fn count(what: &str, counter: &AtomicUsize, wanted: usize) {
    until(what, async || {
        let now = counter.load(Ordering::SeqCst);
        if now == wanted {
            Ok(())
        } else {
            Err(format!("{now} instead of {wanted}"))
        }
    })
    .await;
}
