//! How a machine becomes a node: it shows a token, is given an id, a certificate and the cluster's
//! key, and keeps them.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tollgate_link::authority::{Authority, ClusterKey, NodeCertificate, SigningRequest, Validity};
use tollgate_link::net::Tcp;
use tollgate_link::token::{JoinToken, Secret};
use tollgate_link::{ClusterId, JoinCall, JoinError};
use tollgate_protocol::Clock;
use tollgate_protocol::codec::{self, CodecError, Decode, Encode};
use tollgate_state::{Addresses, AdmitRefusal, Command, NodeId, ProposalId, Reply, State};
use tollgate_store::Identity;

use crate::Door;
use crate::credentials::{self, Credentials, CredentialsError};
use crate::introductions::{self, Introduced};
use crate::peers::kind;

/// The envelopes' kinds; those of consensus end at 63.
const ASK: u8 = 64;
const ANSWER: u8 = 65;
/// How long one member is asked.
const ASK_DEADLINE: Duration = Duration::from_secs(10);

/// A machine asks to be let in.
#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Ask {
    token: [u8; 8],
    secret: [u8; 32],
    request: Vec<u8>,
    name: String,
    addresses: Addresses,
    /// The feature levels that its release can work at, lowest and highest.
    levels: (u16, u16),
}

/// What it is answered.
#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
enum Answer {
    Admitted {
        node: NodeId,
        certificate: Vec<u8>,
        cluster_key: [u8; 32],
        secrets: Vec<u8>,
        /// Who may send the new node its log.
        nodes: Vec<Introduced>,
    },
    NotAdmitted(AdmitRefusal),
    /// Nobody could decide now.
    TryAgain(String),
    /// This will not work.
    Refused(String),
}

/// What is wrong with what was shown, if anything.
type Shown = Option<AdmitRefusal>;

/// Answers machines that ask to be let in.
pub(crate) struct Admission {
    pub(crate) door: Door,
    pub(crate) cluster_key: ClusterKey,
    pub(crate) clock: Arc<dyn Clock>,
    /// What every node of the cluster must know; opaque here.
    pub(crate) secrets: Arc<OnceLock<Vec<u8>>>,
}

impl Admission {
    pub(crate) async fn answer(&self, body: &[u8]) -> Result<Vec<u8>, CodecError> {
        let ask: Ask = codec::open(ASK, body)?;
        codec::seal(ANSWER, &self.decide(ask).await)
    }

    async fn decide(&self, ask: Ask) -> Answer {
        let Some(secrets) = self.secrets.get() else {
            return Answer::TryAgain("this node is about to start".into());
        };
        let Ok(request) = SigningRequest::from_bytes(&ask.request) else {
            return Answer::Refused("the signing request is not signed by its key".into());
        };
        // Before it is given an id that it could do nothing with.
        if !self.door.read(|state| state.takes(ask.levels)) {
            return Answer::NotAdmitted(AdmitRefusal::Level);
        }
        let token = tollgate_link::token::TokenId(ask.token).to_string();
        let secret_hash = Secret(ask.secret).hash().0;
        let key_hash = request.key_hash();
        match self.refuses((&token, &secret_hash, &key_hash)).await {
            Ok(None) => {}
            Ok(Some(refusal)) => return Answer::NotAdmitted(refusal),
            Err(reason) => return Answer::TryAgain(reason),
        }
        let command = Command::AdmitNode {
            token,
            secret_hash,
            key_hash,
            name: ask.name,
            addresses: ask.addresses,
        };
        match self.door.propose(ProposalId::default(), command).await {
            Ok(Reply::Admitted(node)) => self.admitted(node, &request, secrets),
            Ok(Reply::NotAdmitted(refusal)) => Answer::NotAdmitted(refusal),
            Ok(Reply::Refused(reason)) => Answer::Refused(reason),
            Ok(_) => Answer::Refused("the cluster gave another answer".into()),
            Err(error) => Answer::TryAgain(error.to_string()),
        }
    }

    /// Whether a machine would be refused, found out without writing anything: whoever reaches the
    /// peer port can show a token that was made up.
    async fn refuses(&self, shown: (&str, &[u8; 32], &[u8; 32])) -> Result<Shown, String> {
        let look = || {
            let (token, secret_hash, key_hash) = shown;
            let now = self.clock.now();
            let refusal = |state: &State| state.refuses(now, token, secret_hash, key_hash);
            self.door.read(refusal)
        };
        match look() {
            // It may have been made a moment ago, and this node not have heard of it yet. Whatever
            // else is refused is so for ever.
            Some(AdmitRefusal::UnknownToken | AdmitRefusal::NotFounded) => {
                if self.door.reach_read_index().await {
                    return Ok(look());
                }
                Err("nobody can say now whether the token is good".into())
            }
            known => Ok(known),
        }
    }

    /// Whom a new node has to know to begin with: whoever leads is one of them, or known to them.
    fn acquaintances(&self) -> Vec<Introduced> {
        let members = self.door.members();
        let mut nodes = members.voters;
        nodes.insert(members.node);
        self.door
            .read(|state| introductions::introduce(state, nodes))
    }

    fn admitted(&self, node: NodeId, request: &SigningRequest, secrets: &[u8]) -> Answer {
        let sealed = self
            .door
            .read(|state| state.founding().map(|it| it.sealed_key.clone()));
        let Some(sealed) = sealed else {
            return Answer::TryAgain("this node has no cluster yet".into());
        };
        let issued = Authority::open(&sealed, &self.cluster_key)
            .and_then(|it| it.issue(node, request, Validity::from_now(self.clock.now())))
            .and_then(|it| it.to_bytes());
        match issued {
            Ok(certificate) => Answer::Admitted {
                node,
                certificate,
                cluster_key: self.cluster_key.to_bytes(),
                secrets: secrets.to_vec(),
                nodes: self.acquaintances(),
            },
            Err(error) => Answer::Refused(error.to_string()),
        }
    }
}

/// What a machine says of itself when it asks to be let in.
#[derive(Debug, Clone)]
pub struct Joiner {
    /// What people call it.
    pub name: String,
    /// Where it can be reached.
    pub addresses: Addresses,
    /// The feature levels that its release can work at, lowest and highest.
    pub levels: (u16, u16),
}

/// A machine that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Who it is from now on.
    pub identity: Identity,
    /// What the cluster's nodes know beside: as given to [`crate::Peering`] there.
    pub secrets: Vec<u8>,
}

/// Why a machine did not become a node.
#[derive(Debug, thiserror::Error)]
pub enum JoinFailure {
    /// Its own files.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The member that was asked cannot be reached or is of another cluster.
    #[error("cannot join through {address}: {source}")]
    Link {
        /// Who was asked.
        address: String,
        /// What went wrong.
        source: JoinError,
    },
    /// The token does not admit.
    #[error("{}", refusal_text(*.0))]
    NotAdmitted(AdmitRefusal),
    /// Nobody could decide; try again.
    #[error("the cluster cannot decide now: {0}")]
    TryAgain(String),
    /// This will not work.
    #[error("the cluster refused: {0}")]
    Refused(String),
    /// The answer makes no sense.
    #[error("the answer cannot be read; do the releases differ?")]
    Unreadable,
}

fn refusal_text(refusal: AdmitRefusal) -> &'static str {
    match refusal {
        AdmitRefusal::UnknownToken => {
            "there is no such token; make one with: tollgate token create"
        }
        AdmitRefusal::Expired => "the token has expired; make one with: tollgate token create",
        AdmitRefusal::UsedUp => {
            "the token admitted as many nodes as it may; make one with: tollgate token create"
        }
        AdmitRefusal::WrongSecret => "the token's secret is wrong; was it copied whole?",
        AdmitRefusal::RemovedKey => {
            "this data directory belonged to a node that was removed; join with an empty one"
        }
        AdmitRefusal::Lived => {
            "this data directory belongs to a node whose log is lost; join with an empty one, and \
             take the old node out with: tollgate remove"
        }
        AdmitRefusal::Full => "the cluster has as many nodes as it may",
        AdmitRefusal::NotFounded => "there is no cluster there yet",
        AdmitRefusal::Level => {
            "the cluster works at a feature level that this release does not have"
        }
    }
}

/// Asks a member of the cluster, at `address` (`host:port`), to be let in, and keeps what it is
/// given below `dir`. Safe to repeat: the same directory gets the same id.
///
/// # Errors
/// [`JoinFailure`].
pub async fn join(
    dir: &Path,
    address: &str,
    token: &JoinToken,
    joiner: Joiner,
    clock: Arc<dyn Clock>,
) -> Result<Joined, JoinFailure> {
    let key = credentials::node_key(dir)?;
    let request = key.request().map_err(CredentialsError::from)?;
    let ask = Ask {
        token: token.id.0,
        secret: token.secret.0,
        request: request.to_bytes().to_vec(),
        name: joiner.name,
        addresses: joiner.addresses,
        levels: joiner.levels,
    };
    let body = codec::seal(ASK, &ask).map_err(|_| JoinFailure::Unreadable)?;
    let call = JoinCall {
        kind: kind::JOIN,
        body: body.into(),
        within: ASK_DEADLINE,
    };
    let created = clock.now();
    let asked = tollgate_link::join(&Tcp, address, token.pin, clock, call).await;
    let (answer, _) = asked.map_err(|source| JoinFailure::Link {
        address: address.to_owned(),
        source,
    })?;
    let (node, certificate, cluster_key, secrets, nodes) =
        match codec::open(ANSWER, &answer).map_err(|_| JoinFailure::Unreadable)? {
            Answer::Admitted {
                node,
                certificate,
                cluster_key,
                secrets,
                nodes,
            } => (node, certificate, cluster_key, secrets, nodes),
            Answer::NotAdmitted(refusal) => return Err(JoinFailure::NotAdmitted(refusal)),
            Answer::TryAgain(reason) => return Err(JoinFailure::TryAgain(reason)),
            Answer::Refused(reason) => return Err(JoinFailure::Refused(reason)),
        };
    let certificate =
        NodeCertificate::from_bytes(&certificate).map_err(|_| JoinFailure::Unreadable)?;
    if certificate.node != node {
        return Err(JoinFailure::Unreadable);
    }
    let identity = Identity {
        node_id: node,
        ..Identity::first(ClusterId(certificate.cluster).to_string(), created)
    };
    let credentials = Credentials {
        key,
        certificate,
        cluster_key: ClusterKey::from_bytes(cluster_key),
    };
    introductions::save(dir, nodes)?;
    credentials.save(dir)?;
    Ok(Joined { identity, secrets })
}
