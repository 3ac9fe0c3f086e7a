//! A node's first steps among others: the cluster is founded if there is none, and the links are
//! opened with the node's credentials.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tollgate_link::authority::{Authority, ClusterKey, Validity};
use tollgate_link::net::Tcp;
use tollgate_link::{ClusterId, Links, Settings};
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Command, Entry, ProposalId, Reply};
use tollgate_store::Error;

use crate::Opened;
use crate::credentials::{self, Credentials, CredentialsError};
use crate::introductions;
use crate::joining::Admission;
use crate::lines::{Desk, Lines};
use crate::member::Peering;
use crate::peers::kind;
use crate::raft::{Batch, Raft};
use crate::renewal::Renewal;

/// Founds the cluster when this is its first node's first start, then opens the links.
pub(crate) async fn meet(
    dir: &Path,
    raft: &Raft,
    opened: &Opened,
    peering: Peering,
    lines: &Lines,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let corrupt = |reason: String| Error::Corrupt {
        path: dir.join("tls"),
        reason,
    };
    let founded = opened.door.read(|state| state.founding().is_some());
    let identity = &opened.identity;
    // A joined node that has received only the first entries knows one voter too: another one.
    let alone = BTreeSet::from([identity.node_id]);
    let founds = opened.door.members().voters == alone && !founded;
    let credentials = if founds {
        found(dir, raft, opened, &peering, &*clock).await?
    } else {
        let loaded = Credentials::load(dir).map_err(|error| corrupt(error.to_string()))?;
        loaded.ok_or_else(|| corrupt("the node's certificate is missing".into()))?
    };
    let cluster_key = ClusterKey::from_bytes(credentials.cluster_key.to_bytes());
    opened.door.cluster_key.get_or_init(|| cluster_key);
    let Some(listener) = peering.listener else {
        return Ok(());
    };
    let proof = tollgate_link::Identity::new(
        &credentials.certificate,
        &credentials.key,
        Arc::clone(&clock),
    );
    let proof = proof.map_err(|error| corrupt(error.to_string()))?;
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| tokio::net::TcpListener::from_std(listener));
    let listener = listener.map_err(|source| Error::Io {
        operation: "listen for other nodes of",
        path: dir.to_owned(),
        source,
    })?;
    let known = introductions::load(dir).map_err(|error| corrupt(error.to_string()))?;
    lines.introductions.add_saved(known);
    let admission = Admission {
        door: opened.door.clone(),
        cluster_key: credentials.cluster_key,
        clock,
        secrets: peering.secrets,
    };
    let renewal = Renewal {
        dir: dir.to_owned(),
        door: opened.door.clone(),
        lines: lines.clone(),
        clock: Arc::clone(&admission.clock),
    };
    let desk = Desk {
        server: opened.server.clone(),
        admission: Arc::new(admission),
    };
    let settings = Settings {
        join_kind: Some(kind::JOIN),
        seed: identity.node_id ^ u64::from(opened.incarnation).rotate_left(32),
    };
    lines.set(Links::start(Tcp, proof, listener, Arc::new(desk), settings));
    // Ends with the runtime, which ends with the node.
    tokio::spawn(renewal.run());
    tokio::spawn(introductions::run(lines.clone(), opened.door.clone()));
    Ok(())
}

/// Makes the cluster's authority and this node's certificate, on disk first and then in the log.
/// A crash in between leaves files that the next start makes anew.
async fn found(
    dir: &Path,
    raft: &Raft,
    opened: &Opened,
    peering: &Peering,
    clock: &dyn Clock,
) -> Result<Credentials, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(error.to_string());
    let identity = &opened.identity;
    let cluster: ClusterId = identity
        .cluster_id
        .parse()
        .map_err(|error| failed(&error))?;
    let made = make(dir, cluster, identity.node_id, clock.now());
    let (credentials, command) = made.map_err(|error| failed(&error))?;
    let command = command(peering);
    credentials.save(dir).map_err(|error| failed(&error))?;
    let entry = Entry {
        at: clock.now(),
        proposal: ProposalId::default(),
        command,
    };
    let written = raft.client_write(Batch(Arc::new(vec![entry]))).await;
    let outcome = written.map_err(|error| failed(&error))?.data.0;
    match outcome.as_slice() {
        [Reply::Done] => Ok(credentials),
        other => Err(Error::Failed(format!(
            "the cluster was not founded: {other:?}"
        ))),
    }
}

type Founding = Box<dyn FnOnce(&Peering) -> Command + Send>;

fn make(
    dir: &Path,
    cluster: ClusterId,
    node: u64,
    now: Millis,
) -> Result<(Credentials, Founding), CredentialsError> {
    let authority = Authority::create(cluster, now)?;
    let cluster_key = credentials::cluster_key(dir)?;
    let key = credentials::node_key(dir)?;
    let request = key.request()?;
    let certificate = authority.issue(node, &request, Validity::from_now(now))?;
    let sealed_key = authority.seal(&cluster_key)?;
    let key_hash = request.key_hash();
    let credentials = Credentials {
        key,
        certificate,
        cluster_key,
    };
    let der = authority.certificate().to_vec();
    let command: Founding = Box::new(move |peering: &Peering| Command::Found {
        cluster: cluster.0,
        authority: der,
        sealed_key,
        node,
        key_hash,
        name: peering.name.clone(),
        addresses: peering.addresses.clone(),
    });
    Ok((credentials, command))
}
