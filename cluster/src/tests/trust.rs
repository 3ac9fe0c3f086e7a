//! Whom a node believes about others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tollgate_link::authority::{Authority, NodeCertificate, NodeKey, Validity};
use tollgate_link::net::Tcp;
use tollgate_link::{CallError, Handler, Incoming, Links, Peer, Pin, Refusal, Settings};
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Command, NodeId, ProposalId, Reply, State};
use tollgate_store::Identity;

use super::hub::{NOON, Script};
use super::links::{Nobody, call_first, listen, open, stop, up};
use crate::Opened;
use crate::introductions::{self, Introduced};
use crate::peers::{Boxed, kind};
use crate::raft::parts;

/// Vouches for an id that nobody was given, and refuses everything else.
struct Voucher {
    key_hash: [u8; 32],
    asked: AtomicUsize,
}

const NOBODY: NodeId = 77;

impl Handler for Voucher {
    fn call(&self, incoming: Incoming) -> Boxed<Result<Bytes, Refusal>> {
        if incoming.kind != kind::WHO {
            return Nobody.call(incoming);
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let vouched = Introduced {
            node: NOBODY,
            key_hash: self.key_hash,
            addresses: Vec::new(),
            removed: false,
        };
        Box::pin(async move { Ok(parts::answer(&introductions::tell(vec![vouched]).unwrap())) })
    }
}

/// The links of a member that vouches, in whose place a removed machine could stand.
async fn voucher(
    first: &Opened,
    issue: &Issue<'_>,
    forged: &NodeKey,
) -> (Links<Tcp>, Arc<Voucher>) {
    let expires = Millis(NOON.0 + Millis::DAY);
    let token = first.door.create_token(expires, 1, "root").await.unwrap();
    let key = NodeKey::generate().unwrap();
    let (listener, here) = listen();
    let admit = Command::AdmitNode {
        token: token.id.to_string(),
        secret_hash: token.secret.hash().0,
        key_hash: key.request().unwrap().key_hash(),
        name: "voucher".into(),
        addresses: here,
    };
    let admitted = first.door.propose(ProposalId::default(), admit).await;
    assert_eq!(admitted, Ok(Reply::Admitted(2)));
    let voucher = Arc::new(Voucher {
        key_hash: forged.request().unwrap().key_hash(),
        asked: AtomicUsize::new(0),
    });
    let clock: Arc<dyn Clock> = Arc::new(Script(NOON.0.into()));
    let identity = tollgate_link::Identity::new(&issue(2, &key), &key, clock).unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let settings = Settings {
        join_kind: None,
        seed: 2,
    };
    let handler: Arc<dyn Handler> = Arc::<Voucher>::clone(&voucher);
    let links = Links::start(Tcp, identity, listener, handler, settings);
    let known = Peer {
        key: Pin(first.door.read(|state| state.nodes()[&1].key_hash)),
        addresses: Vec::new(),
    };
    links.set_nodes([(1, known)].into(), [].into());
    (links, voucher)
}

type Issue<'a> = dyn Fn(NodeId, &NodeKey) -> NodeCertificate + 'a;

#[tokio::test]
async fn a_node_that_has_caught_up_takes_nobody_s_word_for_an_id_that_was_not_given() {
    let clock = Arc::new(Script(NOON.0.into()));
    let dir = tempfile::tempdir().unwrap();
    let (listener, there) = listen();
    let id = crate::new_cluster_id();
    let first = open(dir.path(), &clock, Identity::first(id, NOON), listener);
    up(&first, there.clone()).await;
    let founding = |state: &State| state.founding().unwrap().sealed_key.clone();
    let sealed = first.door.read(founding);
    let authority = Authority::open(&sealed, first.door.cluster_key.get().unwrap()).unwrap();
    let issue = |node: NodeId, key: &NodeKey| {
        let request = key.request().unwrap();
        let validity = Validity::from_now(NOON);
        authority.issue(node, &request, validity).unwrap()
    };
    let forged = NodeKey::generate().unwrap();
    let certificate = issue(NOBODY, &forged);
    let (links, voucher) = voucher(&first, &issue, &forged).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while voucher.asked.load(Ordering::SeqCst) < 3 {
        let answer = call_first(&first, &there, &certificate, &forged, &clock).await;
        let unknown =
            matches!(&answer, Err(CallError::Refused(it)) if it.code == Refusal::UNKNOWN_NODE);
        assert!(unknown, "{answer:?}");
        assert!(tokio::time::Instant::now() < deadline, "nobody was asked");
    }
    links.close().await;
    stop(first).await;
}
