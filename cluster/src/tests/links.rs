//! Nodes that meet over TCP and TLS: founding, joining, renewing.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tollgate_link::authority::{Authority, NodeCertificate, NodeKey, Validity};
use tollgate_link::net::{Net as _, Tcp};
use tollgate_link::{CallError, Handler, Incoming, Links, Peer, Pin, Refusal, Settings};
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Addresses, AdmitRefusal, Command, ProposalId, Reply};
use tollgate_store::Identity;

use super::hub::{IMPATIENT, NOON, Script, until};
use crate::credentials::Credentials;
use crate::peers::{Boxed, kind};
use crate::renewal::Renewal;
use crate::{Door, JoinFailure, JoinToken, Joiner, Opened, Peering, join};

const SECRETS: &[u8] = b"what all know";

pub(super) fn addresses(listener: &TcpListener) -> Addresses {
    Addresses {
        peer: vec![listener.local_addr().unwrap().to_string()],
        ..Addresses::default()
    }
}

pub(super) fn open(
    dir: &Path,
    clock: &Arc<Script>,
    identity: Identity,
    listener: TcpListener,
) -> Opened {
    let peering = Peering {
        addresses: addresses(&listener),
        listener: Some(listener),
        name: "test".into(),
        secrets: Arc::new(SECRETS.to_vec().into()),
    };
    let clock: Arc<dyn Clock> = Arc::<Script>::clone(clock);
    Door::open_among(dir, clock, || identity, peering, IMPATIENT).unwrap()
}

pub(super) async fn up(opened: &Opened, addresses: Addresses) {
    let up = Command::NodeUp {
        node: opened.identity.node_id,
        incarnation: opened.incarnation,
        addresses,
        version: "0.1.0".into(),
        levels: (1, 1),
    };
    let reply = opened.door.propose(ProposalId::default(), up).await;
    assert_eq!(reply, Ok(Reply::Done));
}

pub(super) async fn stop(opened: Opened) {
    opened.door.close().await;
    opened.ended.await.unwrap().unwrap();
}

pub(super) fn listen() -> (TcpListener, Addresses) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = addresses(&listener);
    (listener, addresses)
}

async fn ask(
    dir: &Path,
    address: &str,
    token: &JoinToken,
    clock: &Arc<Script>,
) -> Result<crate::Joined, JoinFailure> {
    let joiner = Joiner {
        name: "new".into(),
        addresses: Addresses::default(),
        levels: (1, 1),
    };
    let clock: Arc<dyn Clock> = Arc::<Script>::clone(clock);
    join(dir, address, token, joiner, clock).await
}

#[tokio::test]
async fn a_node_joins_by_token_keeps_its_id_and_renews_its_certificate() {
    let clock = Arc::new(Script(NOON.0.into()));
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (listener, there) = listen();
    let id = crate::new_cluster_id();
    let first = open(one.path(), &clock, Identity::first(id, NOON), listener);
    up(&first, there.clone()).await;
    let expires = Millis(NOON.0 + 3_600_000);
    let token = first.door.create_token(expires, 1, "root").await.unwrap();

    let (listener, here) = listen();
    let joiner = Joiner {
        name: "two".into(),
        addresses: here.clone(),
        levels: (1, 1),
    };
    let at: Arc<dyn Clock> = Arc::<Script>::clone(&clock);
    let asked = join(
        two.path(),
        &there.peer[0],
        &token,
        joiner.clone(),
        Arc::clone(&at),
    );
    let joined = asked.await.unwrap();
    assert_eq!(
        (joined.identity.node_id, joined.secrets.as_slice()),
        (2, SECRETS)
    );
    // Asking again with the same directory is asking for the same.
    let again = join(two.path(), &there.peer[0], &token, joiner, at).await;
    assert_eq!(again.unwrap().identity.node_id, 2);
    // The token is used up for everybody else.
    let three = tempfile::tempdir().unwrap();
    let refused = ask(three.path(), &there.peer[0], &token, &clock).await;
    let used_up = matches!(refused, Err(JoinFailure::NotAdmitted(AdmitRefusal::UsedUp)));
    assert!(used_up, "{refused:?}");

    let second = open(two.path(), &clock, joined.identity.clone(), listener);
    up(&second, here).await;
    until(
        "node 2 as listener",
        || first.door.members().learners.len(),
        |it| *it == 1,
    )
    .await;

    // A month later: nothing to do. After two thirds of the time: a new certificate, and the old
    // one is not needed any more.
    let renewal = Renewal {
        dir: two.path().to_owned(),
        door: second.door.clone(),
        lines: second.lines.clone(),
        clock: Arc::<Script>::clone(&clock),
    };
    let certificate = || std::fs::read(two.path().join("tls/node.crt")).unwrap();
    let before = certificate();
    clock.0.store(NOON.0 + 30 * Millis::DAY, Ordering::SeqCst);
    assert_eq!(renewal.renew_if_due(), Ok(false));
    clock.0.store(NOON.0 + 61 * Millis::DAY, Ordering::SeqCst);
    assert_eq!(renewal.renew_if_due(), Ok(true));
    assert_ne!(certificate(), before);
    assert_eq!(renewal.renew_if_due(), Ok(false));

    // With the renewed certificate it is the node that it was.
    stop(second).await;
    let (listener, here) = listen();
    let second = open(two.path(), &clock, joined.identity, listener);
    up(&second, here).await;

    // A node whose log is gone does not get its id back.
    stop(second).await;
    for file in ["node.json", "raft.redb"] {
        std::fs::remove_file(two.path().join(file)).unwrap();
    }
    assert!(crate::has_lost_its_log(two.path()).unwrap());
    clock.0.store(NOON.0 + 1000, Ordering::SeqCst);
    let refused = ask(two.path(), &there.peer[0], &token, &clock).await;
    let lived = matches!(refused, Err(JoinFailure::NotAdmitted(AdmitRefusal::Lived)));
    assert!(lived, "{refused:?}");
    stop(first).await;
}

/// Refuses every call.
pub(super) struct Nobody;

impl Handler for Nobody {
    fn call(&self, _incoming: Incoming) -> Boxed<Result<bytes::Bytes, Refusal>> {
        Box::pin(async { Err(Refusal::new(Refusal::HANDLER_CODES, "no")) })
    }
}

/// What node 1 answers who calls it with this certificate and key.
pub(super) async fn call_first(
    first: &Opened,
    there: &Addresses,
    certificate: &NodeCertificate,
    key: &NodeKey,
    clock: &Arc<Script>,
) -> Result<(), CallError> {
    let clock: Arc<dyn Clock> = Arc::<Script>::clone(clock);
    let identity = tollgate_link::Identity::new(certificate, key, clock).unwrap();
    let listener = Tcp.listen("127.0.0.1:0").await.unwrap();
    let settings = Settings {
        join_kind: None,
        seed: 1,
    };
    let links = Links::start(Tcp, identity, listener, Arc::new(Nobody), settings);
    let known = Peer {
        key: Pin(first.door.read(|state| state.nodes()[&1].key_hash)),
        addresses: there.peer.clone(),
    };
    links.set_nodes([(1, known)].into(), [].into());
    // In the form of `raft::parts`.
    let body = bytes::Bytes::from_static(&[0]);
    let within = std::time::Duration::from_secs(10);
    let answer = links.call(1, tollgate_link::Lane::Rpc, kind::STATUS, body, within);
    let answer = answer.await;
    links.close().await;
    answer.map(drop)
}

#[tokio::test]
async fn a_removed_node_cannot_come_back_with_a_certificate_that_it_issued_itself() {
    let clock = Arc::new(Script(NOON.0.into()));
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (listener, there) = listen();
    let id = crate::new_cluster_id();
    let first = open(one.path(), &clock, Identity::first(id, NOON), listener);
    up(&first, there.clone()).await;
    let expires = Millis(NOON.0 + 3_600_000);
    let token = first.door.create_token(expires, 2, "root").await.unwrap();
    let (listener, here) = listen();
    let joiner = Joiner {
        name: "two".into(),
        addresses: here.clone(),
        levels: (1, 1),
    };
    let at: Arc<dyn Clock> = Arc::<Script>::clone(&clock);
    let asked = join(two.path(), &there.peer[0], &token, joiner, at);
    let joined = asked.await.unwrap();
    let second = open(two.path(), &clock, joined.identity, listener);
    up(&second, here).await;
    // Another node that is a member, and whose id is worth having.
    let admit = Command::AdmitNode {
        token: token.id.to_string(),
        secret_hash: token.secret.hash().0,
        key_hash: [3; 32],
        name: "three".into(),
        addresses: Addresses::default(),
    };
    let admitted = first.door.propose(ProposalId::default(), admit).await;
    assert_eq!(admitted, Ok(Reply::Admitted(3)));
    let remove = Command::RemoveNode {
        node: 2,
        who: "root".into(),
    };
    let removed = first.door.propose(ProposalId::default(), remove).await;
    assert_eq!(removed, Ok(Reply::Done));
    until("node 2 knows", || *second.door.removed().borrow(), |it| *it).await;

    // All that its disk holds, and what that makes possible.
    let credentials = Credentials::load(two.path()).unwrap().unwrap();
    let sealed = second
        .door
        .read(|state| state.founding().unwrap().sealed_key.clone());
    stop(second).await;
    let authority = Authority::open(&sealed, &credentials.cluster_key).unwrap();
    let fresh = NodeKey::generate().unwrap();
    let validity = Validity::from_now(NOON);
    for key in [&credentials.key, &fresh] {
        for (node, code) in [
            (2, Refusal::REMOVED),
            (3, Refusal::WRONG_KEY),
            (7, Refusal::UNKNOWN_NODE),
        ] {
            let request = key.request().unwrap();
            let certificate = authority.issue(node, &request, validity).unwrap();
            let answer = call_first(&first, &there, &certificate, key, &clock).await;
            let refused = matches!(&answer, Err(CallError::Refused(it)) if it.code == code);
            assert!(refused, "as node {node}: {answer:?}");
        }
    }
    stop(first).await;
}

/// A cluster of one that others may ask to be let in.
pub(super) struct Alone {
    opened: Opened,
    there: String,
    clock: Arc<Script>,
    _dir: tempfile::TempDir,
}

pub(super) async fn alone() -> Alone {
    let clock = Arc::new(Script(NOON.0.into()));
    let dir = tempfile::tempdir().unwrap();
    let (listener, there) = listen();
    let first = Identity::first(crate::new_cluster_id(), NOON);
    let opened = open(dir.path(), &clock, first, listener);
    up(&opened, there.clone()).await;
    Alone {
        opened,
        there: there.peer[0].clone(),
        clock,
        _dir: dir,
    }
}

impl Alone {
    pub(super) async fn token(&self, uses: u32) -> JoinToken {
        let expires = Millis(NOON.0 + 3_600_000);
        let made = self.opened.door.create_token(expires, uses, "root").await;
        made.unwrap()
    }

    /// Asks to be let in from an empty directory, with a release of these levels.
    pub(super) async fn ask(
        &self,
        token: &JoinToken,
        levels: (u16, u16),
    ) -> Result<crate::Joined, JoinFailure> {
        let dir = tempfile::tempdir().unwrap();
        let joiner = Joiner {
            name: "new".into(),
            addresses: Addresses::default(),
            levels,
        };
        let clock: Arc<dyn Clock> = Arc::<Script>::clone(&self.clock);
        join(dir.path(), &self.there, token, joiner, clock).await
    }

    pub(super) async fn stop(self) {
        stop(self.opened).await;
    }
}

#[tokio::test]
async fn a_token_that_does_not_admit_leaves_nothing_in_the_log() {
    let clock = Arc::new(Script(NOON.0.into()));
    let one = tempfile::tempdir().unwrap();
    let (listener, there) = listen();
    let id = crate::new_cluster_id();
    let first = open(one.path(), &clock, Identity::first(id, NOON), listener);
    up(&first, there.clone()).await;
    let expires = Millis(NOON.0 + 3_600_000);
    let token = first.door.create_token(expires, 1, "root").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let before = first.door.members().last_log;
    let mut unknown = token.clone();
    unknown.id.0[0] ^= 1;
    let mut wrong = token.clone();
    wrong.secret.0[0] ^= 1;
    for (made_up, expected) in [
        (unknown, AdmitRefusal::UnknownToken),
        (wrong, AdmitRefusal::WrongSecret),
    ] {
        let refused = ask(dir.path(), &there.peer[0], &made_up, &clock).await;
        let right = matches!(&refused, Err(JoinFailure::NotAdmitted(it)) if *it == expected);
        assert!(right, "{refused:?} is not {expected:?}");
    }
    assert_eq!(first.door.members().last_log, before);
    ask(dir.path(), &there.peer[0], &token, &clock)
        .await
        .unwrap();
    assert!(first.door.members().last_log > before);
    stop(first).await;
}
